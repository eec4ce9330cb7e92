package hotspot

import (
	"cmp"
	"slices"
	"time"
)

// Date is a day of the calendar, as a number of days since 1970-01-01.
type Date int32

// DateOf returns the day that it is in a zone.
func DateOf(t time.Time, zone *time.Location) Date {
	y, m, d := t.In(zone).Date()
	return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// In returns the day's first moment in a zone. It is later than midnight where
// clocks go forward at midnight.
func (d Date) In(zone *time.Location) time.Time {
	t := time.Date(1970, 1, 1+int(d), 0, 0, 0, 0, zone)
	if DateOf(t, zone) < d {
		_, t = t.ZoneBounds()
	}
	return t
}

// String gives the day as 2006-01-02.
func (d Date) String() string { return d.In(time.UTC).Format(time.DateOnly) }

// methodCount is how many methods [Logins] tells apart.
const methodCount = 5

// Logins counts logins by method.
type Logins [methodCount]uint64

// loginMethods is the order of [Logins]. It is stored: never change it.
func loginMethods() [methodCount]Method {
	return [...]Method{MethodVoucher, MethodFree, MethodEmail, MethodMobile, MethodFacebook}
}

// Of returns the logins by a method.
func (l Logins) Of(m Method) uint64 {
	for i, known := range loginMethods() {
		if m == known {
			return l[i]
		}
	}
	return 0
}

// All returns the logins by any method.
func (l Logins) All() (n uint64) {
	for _, x := range l {
		n += x
	}
	return n
}

func (l *Logins) count(m Method) {
	for i, known := range loginMethods() {
		if m == known {
			l[i]++
		}
	}
}

func (l *Logins) add(more Logins) {
	for i, n := range more {
		l[i] += n
	}
}

// Hour is what was counted in one hour.
type Hour struct {
	Start  time.Time // when the hour began on the venue's clocks
	Used   Usage     // bytes that were counted in it
	Logins Logins
	Peak   uint64 // the most guests that were online when usage was stored
}

// AccountUse is what an account used.
type AccountUse struct {
	Account AccountID
	Used    Usage
}

// Day is what was counted on one day of the venue's calendar. Hours without
// anything are left out, so days on which clocks change need no special case.
type Day struct {
	Date Date
	// Provisional: counted by a clock that was not believed yet. It is moved
	// when the right time becomes known.
	Provisional bool
	// Through is the newest session whose login was counted, in any day, when
	// this one was written.
	Through uint64
	Hours   []Hour // ascending
	// Accounts used the most, up to [MaxDayAccounts], in order of account; only
	// in the newest days.
	Accounts []AccountUse
}

// MaxDayAccounts bounds the accounts that are counted apart in one day. Beyond
// it, the one that used the least is forgotten.
const MaxDayAccounts = 128

// hourOf returns when the hour began on a zone's clocks: not all are whole hours
// away from UTC. An hour within which clocks change is two, before and after.
func hourOf(t time.Time, zone *time.Location) time.Time {
	l := t.In(zone)
	past := time.Duration(l.Minute())*time.Minute + time.Duration(l.Second())*time.Second + time.Duration(l.Nanosecond())
	begun := t.Add(-past)
	if changed, _ := l.ZoneBounds(); begun.Before(changed) {
		begun = changed
	}
	return begun.UTC()
}

// hour returns the place for an hour, which it makes if there is none.
func (d *Day) hour(start time.Time) *Hour {
	i, found := slices.BinarySearchFunc(d.Hours, start, func(h Hour, at time.Time) int { return h.Start.Compare(at) })
	if !found {
		d.Hours = append(d.Hours, Hour{})
		copy(d.Hours[i+1:], d.Hours[i:])
		d.Hours[i] = Hour{Start: start}
	}
	return &d.Hours[i]
}

// charge adds what an account used.
func (d *Day) charge(a AccountID, used Usage) {
	i, found := slices.BinarySearchFunc(d.Accounts, a, func(u AccountUse, a AccountID) int { return compareAccounts(u.Account, a) })
	if found {
		d.Accounts[i].Used = d.Accounts[i].Used.Add(used)
		return
	}
	d.Accounts = append(d.Accounts, AccountUse{})
	copy(d.Accounts[i+1:], d.Accounts[i:])
	d.Accounts[i] = AccountUse{a, used}
	if len(d.Accounts) <= MaxDayAccounts {
		return
	}
	least := 0
	for i, u := range d.Accounts {
		if u.Used.sum() < d.Accounts[least].Used.sum() {
			least = i
		}
	}
	d.Accounts = append(d.Accounts[:least], d.Accounts[least+1:]...)
}

// merge adds what another day counted in one of its hours.
func (d *Day) merge(start time.Time, h Hour) {
	to := d.hour(start)
	to.Used = to.Used.Add(h.Used)
	to.Logins.add(h.Logins)
	to.Peak = max(to.Peak, h.Peak)
}

func compareAccounts(a, b AccountID) int {
	return cmp.Or(cmp.Compare(a.Method, b.Method), cmp.Compare(a.ID, b.ID))
}

// sum is both directions together.
func (u Usage) sum() uint64 { return u.Down + u.Up }

// DayReader reads what was counted by day.
type DayReader interface {
	// Day returns one day.
	Day(d Date, provisional bool) (Day, error)
	// ScanDays hands the days from one to another, both included, to f in
	// ascending order, of one date the provisional one last. d is the same
	// variable each time; an error of f ends the scan and is returned.
	ScanDays(from, to Date, f func(d *Day) error) error
}

// DayWriter writes what was counted by day.
type DayWriter interface {
	// PutDay stores a day. One before 1970 is [ErrInvalid].
	PutDay(d *Day) error
	// DeleteDay deletes a day; one that is not there is no error.
	DeleteDay(d Date, provisional bool) error
}

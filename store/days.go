package store

import (
	"encoding/binary"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Fields of a day; hours and accounts are records within the record. The numbers
// are in files on routers: never change one, never use one again.
const (
	fDayThrough = 1
	fDayHour    = 2
	fDayAccount = 3

	fHourStart  = 1
	fHourDown   = 2
	fHourUp     = 3
	fHourPeak   = 4
	fHourLogins = 8 // and one more per method

	fUseAccount = 1 // to 3
	fUseDown    = 4
	fUseUp      = 5
)

// dayKey sorts by date, of one date the provisional one last.
func dayKey(d hotspot.Date, provisional bool) []byte {
	key := binary.BigEndian.AppendUint32(make([]byte, 0, 5), uint32(d))
	if provisional {
		return append(key, 1)
	}
	return append(key, 0)
}

func splitDayKey(key []byte) (d hotspot.Date, provisional, ok bool) {
	if len(key) != 5 || key[0] > 0x7f || key[4] > 1 {
		return 0, false, false
	}
	return hotspot.Date(binary.BigEndian.Uint32(key)), key[4] == 1, true
}

func encodeDay(v *hotspot.Day) []byte {
	e := encoder{make([]byte, 0, 256)}
	e.uint(fDayThrough, v.Through)
	base := time.Time{}
	for _, h := range v.Hours {
		var one encoder
		one.time(fHourStart, base, h.Start)
		for i, n := range [...]uint64{h.Used.Down, h.Used.Up, h.Peak} {
			one.uint(fHourDown+i, n)
		}
		for i, n := range h.Logins {
			one.uint(fHourLogins+i, n)
		}
		e.block(fDayHour, one.b)
		base = h.Start
	}
	for _, a := range v.Accounts {
		var one encoder
		one.account(fUseAccount, a.Account)
		one.uint(fUseDown, a.Used.Down)
		one.uint(fUseUp, a.Used.Up)
		e.block(fDayAccount, one.b)
	}
	return e.b
}

func decodeDay(date hotspot.Date, provisional bool, body string, v *hotspot.Day) error {
	d := decoder{rest: body}
	*v = hotspot.Day{Date: date, Provisional: provisional}
	base := time.Time{}
	for d.next() {
		switch d.field {
		case fDayThrough:
			v.Through = d.num
		case fDayHour:
			v.Hours = append(v.Hours, d.hour(base))
			base = v.Hours[len(v.Hours)-1].Start
		case fDayAccount:
			v.Accounts = append(v.Accounts, d.use())
		}
	}
	return d.err
}

func (d *decoder) hour(base time.Time) (h hotspot.Hour) {
	in := decoder{rest: d.text}
	for in.next() {
		switch in.field {
		case fHourStart:
			h.Start = in.time(base)
		case fHourDown:
			h.Used.Down = in.num
		case fHourUp:
			h.Used.Up = in.num
		case fHourPeak:
			h.Peak = in.num
		default:
			if i := in.field - fHourLogins; i >= 0 && i < len(h.Logins) {
				h.Logins[i] = in.num
			}
		}
	}
	if in.err != nil {
		d.err = in.err
	}
	return h
}

func (d *decoder) use() (u hotspot.AccountUse) {
	in := decoder{rest: d.text}
	for in.next() {
		switch in.field {
		case fUseDown:
			u.Used.Down = in.num
		case fUseUp:
			u.Used.Up = in.num
		default:
			in.account(fUseAccount, &u.Account)
		}
	}
	if in.err != nil {
		d.err = in.err
	}
	return u
}

func checkDay(key []byte, body string) error {
	date, provisional, ok := splitDayKey(key)
	if !ok {
		return errRecord
	}
	var v hotspot.Day
	return decodeDay(date, provisional, body, &v)
}

// Day implements [hotspot.DayReader].
func (x *records) Day(date hotspot.Date, provisional bool) (v hotspot.Day, err error) {
	key := dayKey(date, provisional)
	body, err := x.body(bktDays, key)
	if err != nil {
		return v, err
	}
	return v, damaged(bktDays, key, decodeDay(date, provisional, body, &v))
}

// ScanDays implements [hotspot.DayReader].
func (x *records) ScanDays(from, to hotspot.Date, f func(*hotspot.Day) error) error {
	if x.ended {
		return errEnded
	}
	var day hotspot.Day
	c := x.r.cursor(bktDays)
	k, v, err := c.seek(dayKey(max(from, 0), false))
	for ; k != nil && err == nil; k, v, err = c.next() {
		date, provisional, ok := splitDayKey(k)
		if !ok {
			return damaged(bktDays, k, errRecord)
		}
		if date > to {
			return nil
		}
		body, err := bodyOf(bktDays, k, v)
		if err != nil {
			return err
		}
		if err := decodeDay(date, provisional, body, &day); err != nil {
			return damaged(bktDays, k, err)
		}
		if err := f(&day); err != nil {
			return err
		}
	}
	return err
}

// PutDay implements [hotspot.DayWriter].
func (t *txn) PutDay(d *hotspot.Day) error {
	if d.Date < 0 {
		return hotspot.Invalid("date", "a day must not be before 1970")
	}
	return t.put(bktDays, dayKey(d.Date, d.Provisional), encodeDay(d))
}

// DeleteDay implements [hotspot.DayWriter].
func (t *txn) DeleteDay(d hotspot.Date, provisional bool) error {
	return t.remove(bktDays, dayKey(d, provisional))
}

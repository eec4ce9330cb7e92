package hotspot

import (
	"context"
	"errors"
	"math"
	"time"
)

const (
	// keptDays is how many days are kept. They are counted, not compared with
	// the clock: one that is set wrongly must not delete them.
	keptDays = 400
	// namedDays is in how many of them accounts are counted apart.
	namedDays = 32
	// countAtOnce bounds the logins that are counted at once: a log from before
	// there were statistics is counted as far.
	countAtOnce = 4096
)

// countStore stands before the store and adds what a transaction charges to the
// day, in the same transaction: so the days' sum is that of the sessions,
// whatever is interrupted. A transaction that charges nothing costs nothing.
type countStore struct {
	Store
	s *Service
}

// Update implements [Store].
func (c countStore) Update(ctx context.Context, f func(Tx) error) error {
	var through uint64
	err := c.Store.Update(ctx, func(tx Tx) error {
		t := &countTx{Tx: tx, s: c.s, at: c.s.moment(), zone: c.s.Zone()}
		if err := f(t); err != nil {
			return err
		}
		err := t.finish()
		through = t.through
		return err
	})
	if err == nil {
		c.s.counted(through)
	}
	return err
}

// countTx is a transaction that knows what it charges.
type countTx struct {
	Tx
	s       *Service
	at      moment
	zone    *time.Location
	charged []AccountUse
	logins  bool   // are to be counted
	online  int    // guests, if logins are counted
	through uint64 // the newest login counted; 0: none was
}

// counting returns the part of a transaction that counts.
func counting(tx Tx) *countTx {
	if e, ok := tx.(*eventTx); ok {
		tx = e.Tx
	}
	t, _ := tx.(*countTx)
	return t
}

// countCharge notes what an account is charged with.
func countCharge(tx Tx, a AccountID, used Usage) {
	if t := counting(tx); t != nil {
		t.charged = append(t.charged, AccountUse{a, used})
	}
}

// countLogins has the logins counted that were not yet.
func countLogins(tx Tx, online int) {
	if t := counting(tx); t != nil {
		t.logins, t.online = true, online
	}
}

// counted takes note of the newest login that was counted.
func (s *Service) counted(through uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.through = max(s.through, through)
}

// loadThrough finds out which logins an earlier run has counted.
func (s *Service) loadThrough(r Reader) error {
	var through uint64
	err := r.ScanDays(0, math.MaxInt32, func(d *Day) error {
		through = max(through, d.Through)
		return nil
	})
	s.counted(through)
	return err
}

// finish adds what was charged, and the logins, to their days.
func (t *countTx) finish() error {
	days := newDays(t.Tx)
	today := DateOf(t.at.now, t.zone)
	if len(t.charged) > 0 || t.online > 0 {
		d, err := days.get(today, !t.at.believed)
		if err != nil {
			return err
		}
		h := d.hour(hourOf(t.at.now, t.zone))
		h.Peak = max(h.Peak, uint64(t.online))
		for _, c := range t.charged {
			h.Used = h.Used.Add(c.Used)
			d.charge(c.Account, c.Used)
		}
	}
	if t.logins {
		if err := t.addLogins(days, today); err != nil {
			return err
		}
	}
	if err := days.put(); err != nil || !days.begun {
		return err
	}
	return trimDays(t.Tx)
}

// addLogins counts the logins since the last one counted.
func (t *countTx) addLogins(days *daySet, today Date) error {
	since := t.s.countedThrough()
	d, err := old(t.Tx.Day(today, !t.at.believed))
	if err != nil {
		return err
	}
	since = max(since, d.Through) // of a transaction that is not durable yet
	through, err := loginsSince(t.Tx, days, since, t.zone)
	if err != nil || through == since {
		return err
	}
	to, err := days.get(today, !t.at.believed)
	if err != nil {
		return err
	}
	to.Through, t.through = through, through
	return nil
}

func (s *Service) countedThrough() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.through
}

// loginsSince adds the logins after one to their days, and returns the newest.
func loginsSince(r Reader, days *daySet, since uint64, zone *time.Location) (newest uint64, err error) {
	newest = since
	before := uint64(0)
	for n := 0; n < countAtOnce; {
		page := 8
		if n > 0 {
			page = 256
		}
		rows, err := r.Sessions(before, page)
		if err != nil {
			return since, err
		}
		for _, x := range rows {
			if x.ID <= since {
				return newest, nil
			}
			newest, before = max(newest, x.ID), x.ID
			d, err := days.get(DateOf(x.Started, zone), x.Provisional)
			if err != nil {
				return since, err
			}
			d.hour(hourOf(x.Started, zone)).Logins.count(x.Account.Method)
		}
		if n += len(rows); len(rows) < page {
			break
		}
	}
	return newest, nil
}

// old reads what may not be there.
func old[T any](v T, err error) (T, error) {
	if errors.Is(err, ErrNotFound) {
		var none T
		return none, nil
	}
	return v, err
}

// daySet is some days that are changed together.
type daySet struct {
	r     Reader
	list  []*Day
	begun bool // one is new
}

func newDays(r Reader) *daySet { return &daySet{r: r} }

// get returns a day to be changed.
func (s *daySet) get(date Date, provisional bool) (*Day, error) {
	date = max(date, 0)
	for _, d := range s.list {
		if d.Date == date && d.Provisional == provisional {
			return d, nil
		}
	}
	d, err := s.r.Day(date, provisional)
	if errors.Is(err, ErrNotFound) {
		d, err = Day{Date: date, Provisional: provisional}, nil
		s.begun = true
	}
	if err != nil {
		return nil, err
	}
	s.list = append(s.list, &d)
	return &d, nil
}

// put stores the days.
func (s *daySet) put() error {
	for _, d := range s.list {
		if err := s.r.(Tx).PutDay(d); err != nil {
			return err
		}
	}
	return nil
}

// trimDays deletes the oldest days, and the accounts of all but the newest.
func trimDays(tx Tx) error {
	type key struct {
		date        Date
		provisional bool
		named       bool
		through     uint64
	}
	var all []key
	err := tx.ScanDays(0, math.MaxInt32, func(d *Day) error {
		all = append(all, key{d.Date, d.Provisional, len(d.Accounts) > 0, d.Through})
		return nil
	})
	if err != nil {
		return err
	}
	for i, k := range all {
		switch {
		case i < len(all)-keptDays:
			err = tx.DeleteDay(k.date, k.provisional)
		case i < len(all)-namedDays && k.named:
			var d Day
			if d, err = tx.Day(k.date, k.provisional); err == nil {
				d.Accounts = nil
				err = tx.PutDay(&d)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveDays moves what was counted by a clock that was not believed to where it
// belongs, once that is known.
func (s *Service) moveDays(tx Tx, st step) error {
	t := counting(tx)
	if t == nil || !st.Believed {
		return nil
	}
	days := newDays(t.Tx)
	// Sessions that are over keep the time of their login, so these are counted
	// first; the move takes them along.
	through, err := loginsSince(t.Tx, days, s.countedThrough(), t.zone)
	if err != nil {
		return err
	}
	t.through = through
	for _, d := range days.list {
		d.Through = max(d.Through, through)
	}
	if err := days.put(); err != nil {
		return err
	}
	var moved []Day
	err = t.ScanDays(0, math.MaxInt32, func(d *Day) error {
		if d.Provisional {
			c := *d
			moved = append(moved, c)
		}
		return nil
	})
	if err != nil || len(moved) == 0 {
		return err
	}
	to := newDays(t.Tx)
	for _, d := range moved {
		if err := d.moveTo(to, st.Provisional, t.zone, max(through, d.Through)); err != nil {
			return err
		}
		if err := t.DeleteDay(d.Date, true); err != nil {
			return err
		}
	}
	if err := to.put(); err != nil {
		return err
	}
	return trimDays(t.Tx)
}

// moveTo adds a day's hours to the days where they belong, by where their
// middles go. Accounts go where the last hour does.
func (d *Day) moveTo(to *daySet, by time.Duration, zone *time.Location, through uint64) error {
	for i, h := range d.Hours {
		at := h.Start.Add(by + 30*time.Minute)
		day, err := to.get(DateOf(at, zone), false)
		if err != nil {
			return err
		}
		day.merge(hourOf(at, zone), h)
		day.Through = max(day.Through, through)
		if i < len(d.Hours)-1 {
			continue
		}
		for _, a := range d.Accounts {
			day.charge(a.Account, a.Used)
		}
	}
	return nil
}

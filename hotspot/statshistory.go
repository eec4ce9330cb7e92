package hotspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Step is how finely history is told.
type Step string

// The steps of history.
const (
	ByHour Step = "hour"
	ByDay  Step = "day"
)

// MaxHistoryHours and MaxHistoryDays bound what is asked for at once.
const (
	MaxHistoryHours = 31 * 25
	MaxHistoryDays  = keptDays
)

// HistoryPoint is what was counted in one hour, or on one day.
type HistoryPoint struct {
	Start  time.Time // on the venue's clocks
	Used   Usage
	Logins Logins
	Peak   uint64 // the most guests online
	// Provisional: some of it was counted by a clock that was not believed.
	Provisional bool
}

// History tells what was counted from one moment to another, hour by hour or day
// by day, with the usage of guests online that is not stored yet. Hours and days
// that the moments are within are told whole.
func (s *Service) History(ctx context.Context, from, to time.Time, by Step) ([]HistoryPoint, error) {
	points, err := s.historyPoints(from, to, by)
	if err != nil || len(points) == 0 {
		return nil, err
	}
	zone := s.Zone()
	// A zone that was changed may have put an hour on the day before or after.
	first, last := DateOf(points[0].Start, zone)-1, DateOf(to, zone)+1
	err = s.scanDays(ctx, first, last, func(d *Day) {
		for _, h := range d.Hours {
			at := h.Start
			if by == ByDay {
				at = d.Date.In(zone)
			}
			i, found := slices.BinarySearchFunc(points, at, func(p HistoryPoint, at time.Time) int { return p.Start.Compare(at) })
			if !found {
				i-- // the hour that it began in
			}
			if i < 0 || i == len(points)-1 && !at.Before(s.nextPoint(points[i].Start, by)) {
				continue
			}
			p := &points[i]
			p.Used = p.Used.Add(h.Used)
			p.Logins.add(h.Logins)
			p.Peak = max(p.Peak, h.Peak)
			p.Provisional = p.Provisional || d.Provisional
		}
	})
	return points, err
}

// historyPoints returns empty points from one moment to another.
func (s *Service) historyPoints(from, to time.Time, by Step) (points []HistoryPoint, err error) {
	zone, most := s.Zone(), MaxHistoryHours
	at := hourOf(from, zone)
	switch by {
	case ByHour:
	case ByDay:
		at, most = DateOf(from, zone).In(zone), MaxHistoryDays
	default:
		return nil, Invalid("by", "history is told by %q or by %q", ByHour, ByDay)
	}
	if !from.Before(to) {
		return nil, Invalid("from", "it must be before the end")
	}
	for ; at.Before(to); at = s.nextPoint(at, by) {
		if len(points) == most {
			return nil, Invalid("from", "at most %d hours or %d days are told at once", MaxHistoryHours, MaxHistoryDays)
		}
		points = append(points, HistoryPoint{Start: at.In(zone)})
	}
	return points, nil
}

// nextPoint returns the beginning of the next hour or day.
func (s *Service) nextPoint(at time.Time, by Step) time.Time {
	zone := s.Zone()
	if by == ByDay {
		return (DateOf(at, zone) + 1).In(zone)
	}
	return hourOf(at.Add(time.Hour), zone)
}

// scanDays hands the days to f, today with what is not stored yet.
func (s *Service) scanDays(ctx context.Context, first, last Date, f func(*Day)) error {
	m, zone := s.moment(), s.Zone()
	s.mu.Lock()
	open := make([]live, 0, len(s.sessions))
	for _, l := range s.sessions {
		open = append(open, *l)
	}
	s.mu.Unlock()
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		pending := newDays(r)
		if err := s.addPending(r, pending, open, m, zone); err != nil {
			return err
		}
		for _, d := range pending.list {
			if first <= d.Date && d.Date <= last {
				f(d)
			}
		}
		return r.ScanDays(first, last, func(d *Day) error {
			if !pending.has(d) {
				f(d)
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("read statistics: %w", err)
	}
	return nil
}

// addPending adds to the days what a flush would store now.
func (s *Service) addPending(r Reader, days *daySet, open []live, m moment, zone *time.Location) error {
	if _, err := loginsSince(r, days, s.countedThrough(), zone); err != nil || len(open) == 0 {
		return err
	}
	d, err := days.get(DateOf(m.now, zone), !m.believed)
	if err != nil {
		return err
	}
	h := d.hour(hourOf(m.now, zone))
	h.Peak = max(h.Peak, uint64(len(open)))
	for _, l := range open {
		x, err := r.Session(l.ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if more := l.Used.Sub(x.Used); x.Open() && !more.IsZero() {
			h.Used = h.Used.Add(more)
			d.charge(l.Account, more)
		}
	}
	return nil
}

func (s *daySet) has(d *Day) bool {
	return slices.ContainsFunc(s.list, func(x *Day) bool { return x.Date == d.Date && x.Provisional == d.Provisional })
}

// TopVoucher is what a voucher used on some days.
type TopVoucher struct {
	ID       uint64
	Username string
	FullName string
	Used     Usage
}

// MaxTopDays is how many days back vouchers can be compared.
const MaxTopDays = 30

// TopVouchers returns up to most vouchers that used the most on the last days,
// today included. Vouchers that were removed are left out.
func (s *Service) TopVouchers(ctx context.Context, days, most int) ([]TopVoucher, error) {
	if days < 1 || days > MaxTopDays {
		return nil, Invalid("days", "it must be from 1 to %d", MaxTopDays)
	}
	today := DateOf(s.moment().now, s.Zone())
	used := make(map[uint64]Usage)
	err := s.scanDays(ctx, today-Date(days-1), today, func(d *Day) {
		for _, u := range d.Accounts {
			if u.Account.Method == MethodVoucher {
				used[u.Account.ID] = used[u.Account.ID].Add(u.Used)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([]*TopVoucher, 0, len(used)) // pointers: see Live
	for id, u := range used {
		all = append(all, &TopVoucher{ID: id, Used: u})
	}
	slices.SortFunc(all, func(a, b *TopVoucher) int {
		if c := compareID(b.Used.sum(), a.Used.sum()); c != 0 {
			return c
		}
		return compareID(a.ID, b.ID)
	})
	return s.nameTop(ctx, all, most)
}

// nameTop names the first vouchers that are still there.
func (s *Service) nameTop(ctx context.Context, all []*TopVoucher, most int) (out []TopVoucher, err error) {
	err = s.cfg.Store.View(ctx, func(r Reader) error {
		out = []TopVoucher{}
		for _, t := range all {
			if len(out) >= most {
				return nil
			}
			v, err := r.Voucher(t.ID)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			t.Username, t.FullName = v.Username, v.FullName
			out = append(out, *t)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("name vouchers: %w", err)
	}
	return out, nil
}

package hotspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Load reads settings and time from the store and leaves sessions alone: enough
// to work on a store while no daemon runs.
func (s *Service) Load(ctx context.Context) error {
	var mark ClockMark
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		stored, err := r.Settings()
		if err != nil {
			return err
		}
		set, bad := loadSettings(stored)
		for _, err := range bad {
			s.log.Warn("a stored setting does not hold any more; its default is used", "error", err)
		}
		s.settings.Store(&set)
		if mark, err = r.ClockMark(); !errors.Is(err, ErrNotFound) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.time = newTimekeeper(mark, s.cfg.Clock.Read())
	return nil
}

// Start takes up what an earlier run left: sessions in the store and grants in
// the gate. Guests who are still in stay in, with their counts; those whose
// time or quota ended meanwhile get their reason; grants that the store does
// not know are closed.
func (s *Service) Start(ctx context.Context) error {
	if err := s.Load(ctx); err != nil {
		return err
	}
	var open []Session
	err := s.cfg.Store.View(ctx, func(r Reader) (err error) {
		open, err = r.OpenSessions()
		return err
	})
	if err != nil {
		return fmt.Errorf("read open sessions: %w", err)
	}
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	now := s.time.now(r)
	for _, x := range open {
		s.add(&live{Session: x, lastActive: r.Mono, began: r.Mono - now.Sub(x.Started)})
	}
	s.mu.Unlock()
	if err := s.Tick(ctx); err != nil {
		return err
	}
	if err := s.rejudge(ctx); err != nil {
		return err
	}
	return s.resume(ctx)
}

// rejudge looks at every open session as if it began now: accounts may have
// been edited, or removed, while no daemon ran.
func (s *Service) rejudge(ctx context.Context) error {
	s.mu.Lock()
	all := make([]Session, 0, len(s.sessions))
	for _, l := range s.sessions {
		all = append(all, l.Session)
	}
	s.mu.Unlock()
	set, m := s.Settings(), s.moment()
	return s.cfg.Store.View(ctx, func(r Reader) error {
		for _, x := range all {
			var al Allowance
			var err error
			if x.Account.Method == MethodVoucher {
				var v Voucher
				if v, err = r.Voucher(x.Account.ID); err == nil {
					al = v.Allowance
					s.endRefused(v, m, set)
				}
			} else {
				al, err = allowance(r, x.Account)
			}
			switch {
			case errors.Is(err, ErrNotFound):
				s.markEnding(EndRemoved, x.ID)
				continue
			case err != nil:
				return fmt.Errorf("account %s: %w", x.Account, err)
			}
			s.mu.Lock()
			if l := s.sessions[x.ID]; l != nil {
				l.Deadline, l.DeadlineReason = l.deadline(al)
			}
			s.mu.Unlock()
		}
		return nil
	})
}

// resume brings gate and live sessions together after a start, or after
// somebody else changed the gate.
func (s *Service) resume(ctx context.Context) error {
	t, err := s.tally(ctx)
	if err != nil {
		return err
	}
	s.markOver(t)
	s.mu.Lock()
	accounts := make(map[AccountID]struct{})
	for a := range s.byOwner {
		accounts[a] = struct{}{}
	}
	var closed []uint64
	for _, m := range t.Meters {
		if s.sessions[m.Session] == nil {
			accounts[m.Account] = struct{}{}
			closed = append(closed, m.Session)
		}
	}
	for _, d := range t.Depleted {
		accounts[d.Account] = struct{}{}
	}
	online := len(s.sessions)
	s.mu.Unlock()
	all := make([]AccountID, 0, len(accounts))
	for a := range accounts {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b AccountID) int {
		return compareID(a.ID, b.ID)
	})
	if err := s.settle(ctx, closed); err != nil {
		return err
	}
	if err := s.reconcile(ctx, all...); err != nil {
		return err
	}
	s.forget(ctx, closed)
	if online > 0 || len(closed) > 0 {
		s.log.Info("sessions taken up", "online", online, "closed", len(closed))
	}
	return s.retry(ctx)
}

// settle looks at meters without a live session. Their sessions are closed in
// the store; closing stored their bytes, so there is nothing left to charge.
// A session that the store has never seen can only come from a login whose
// commit failed, or from a restored backup: nobody can be charged for it.
func (s *Service) settle(ctx context.Context, closed []uint64) error {
	if len(closed) == 0 {
		return nil
	}
	return s.cfg.Store.View(ctx, func(r Reader) error {
		for _, id := range closed {
			if _, err := r.Session(id); errors.Is(err, ErrNotFound) {
				s.log.Warn("the gate had a session that the store does not know; it is closed", "session", id)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

// GateEvent takes up what the gate noticed by itself.
func (s *Service) GateEvent(ctx context.Context, e GateEvent) error {
	if e.Lost {
		s.log.Warn("somebody else changed the firewall table; everything is set again")
		return s.resume(ctx)
	}
	if !e.Seen.MAC.IsZero() {
		s.cfg.Hosts.Sighted(e.Seen.MAC, e.Seen.Addr)
		return s.HostChanged(ctx, e.Seen.MAC)
	}
	s.markOver(Tally{Depleted: []Depletion{e.Depletion}})
	return s.retry(ctx)
}

// HostChanged takes up that a device appeared, changed addresses or came back:
// a guest keeps its way with the new address, and a known device is let in
// again.
func (s *Service) HostChanged(ctx context.Context, m MAC) error {
	h, ok := s.cfg.Hosts.ByMAC(m)
	if !ok {
		return nil
	}
	l, online := s.ofMAC(m)
	if !online {
		_, _, err := s.Return(ctx, h)
		return err
	}
	unlock := s.accounts.lock(l.Account.String())
	defer unlock()
	s.mu.Lock()
	at := s.sessions[l.ID]
	if at == nil {
		s.mu.Unlock()
		return nil
	}
	before := at.Addrs
	robbed := s.claimAddrs(at, h.Addrs)
	changed := !slices.Equal(before, at.Addrs)
	s.mu.Unlock()
	s.markDirty(robbed...)
	if !changed {
		return nil
	}
	s.log.Debug("guest has a new address", "mac", m, "addresses", len(h.Addrs))
	return s.reconcile(ctx, l.Account)
}

// Online reports whether a device is let in; the watch of the guest network
// asks it to protect guests' addresses.
func (s *Service) Online(m MAC) bool {
	_, ok := s.ofMAC(m)
	return ok
}

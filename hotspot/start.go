package hotspot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
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
		if err := s.loadLogo(r); err != nil {
			return err
		}
		if err := s.loadThrough(r); err != nil {
			return err
		}
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
	holders := make(map[netip.Addr]*live, len(open))
	for _, x := range open {
		l := &live{Session: x, lastActive: r.Mono, began: r.Mono - now.Sub(x.Started)}
		s.add(l)
		s.adoptAddrs(l, holders)
	}
	s.mu.Unlock()
	if err := s.Tick(ctx); err != nil {
		return err
	}
	if err := s.rejudge(ctx); err != nil {
		return err
	}
	if err := s.putMark(ctx); err != nil {
		return err
	}
	return s.resume(ctx)
}

// adoptAddrs gives a session the addresses that are stored with it. One that
// changed hands may be stored twice: it is the newest session's, and the
// sessions come in their order. It is [Service.claimAddrs] for many sessions.
// The caller holds mu.
func (s *Service) adoptAddrs(l *live, holders map[netip.Addr]*live) {
	for _, a := range l.Addrs {
		if other, ok := holders[a]; ok && other != l {
			s.takeAddr(a, other, l)
		}
		holders[a] = l
	}
	l.Addrs = mergeAddrs(nil, l.Addrs)
}

// putMark stores the time. A crash soon after a boot must not begin that boot's
// time anew.
func (s *Service) putMark(ctx context.Context) error {
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	mark := s.time.mark(r)
	s.mu.Unlock()
	if err := s.cfg.Store.Update(ctx, func(tx Tx) error { return tx.PutClockMark(mark) }); err != nil {
		return fmt.Errorf("store the time: %w", err)
	}
	s.marked(r.Mono)
	return nil
}

// marked notes that the time was stored.
func (s *Service) marked(mono time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.markedAt = mono
}

// rejudge looks at every open session as if it began now: accounts may have
// been edited, or removed, while no daemon ran.
func (s *Service) rejudge(ctx context.Context) error {
	set, m := s.Settings(), s.moment()
	s.mu.Lock()
	byAccount := make(map[AccountID][]Session)
	for _, l := range s.sessions {
		byAccount[l.Account] = append(byAccount[l.Account], l.Session)
	}
	s.mu.Unlock()
	reset := make(map[uint64]Voucher)
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		for a, open := range byAccount {
			if err := s.rejudgeAccount(r, a, open, reset, m, set); err != nil {
				return fmt.Errorf("account %s: %w", a, err)
			}
		}
		return nil
	})
	if err != nil || len(reset) == 0 {
		return err
	}
	return s.cfg.Store.Update(ctx, func(tx Tx) error {
		for _, v := range reset {
			if err := tx.PutVoucher(&v); err != nil {
				return err
			}
		}
		return nil
	})
}

// rejudgeAccount looks at the open sessions of one account. Vouchers that were
// reset under them begin anew, and are added to reset.
func (s *Service) rejudgeAccount(r Reader, a AccountID, open []Session, reset map[uint64]Voucher, m moment, set Settings) error {
	var al Allowance
	var err error
	if a.Method == MethodVoucher {
		var v Voucher
		if v, err = r.Voucher(a.ID); err == nil {
			if v.Started.IsZero() {
				v.begin(m, set)
				reset[v.ID] = v
			}
			al = v.Allowance
			s.endRefused(v, m, set)
		}
	} else {
		al, err = allowance(r, a)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	gone := err != nil
	var sum Usage
	for _, x := range open {
		sum = sum.Add(x.Used)
		if gone {
			s.markEnding(EndRemoved, x.ID)
		}
		switch err := refuseBlocked(r, x.MAC); {
		case errors.Is(err, ErrBlocked):
			s.markEnding(EndBlocked, x.ID)
		case err != nil:
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range open {
		if l := s.sessions[x.ID]; l != nil && !gone {
			l.Deadline, l.DeadlineReason = l.deadline(al)
		}
	}
	// The quota that runs in the gate knows nothing of a reset. An account that
	// has used less than its open sessions was reset, too, and had begun anew
	// when a crash came in between.
	_, begun := reset[a.ID]
	begun = begun && a.Method == MethodVoucher
	if !gone && (begun || sum.Down > al.Used.Down || sum.Up > al.Used.Up) {
		s.afresh[a] = struct{}{}
	}
	return nil
}

// resume brings gate and live sessions together after a start, or after
// somebody else changed the gate. An account that the gate does not take keeps
// nobody else out: it is tried again.
func (s *Service) resume(ctx context.Context) error {
	t, err := s.tally(ctx)
	if err != nil {
		return err
	}
	s.suspectAll(t.Depleted)
	s.markOver()
	s.mu.Lock()
	for a := range s.byOwner {
		s.dirty[a] = struct{}{}
	}
	online, closed := len(s.sessions), len(s.pending)
	s.mu.Unlock()
	if err := s.retry(ctx); err != nil {
		s.log.Error("not every guest could be taken up; it will be tried again", "error", err)
	}
	s.forget(ctx, nil)
	if online > 0 || closed > 0 {
		s.log.Info("sessions taken up", "online", online, "closed", closed)
	}
	return nil
}

// GateEvent takes up what the gate noticed by itself.
func (s *Service) GateEvent(ctx context.Context, e GateEvent) error {
	switch {
	case e.Lost:
		s.log.Warn("somebody else changed the firewall table; everything is set again")
		return s.resume(ctx)
	case !e.Seen.MAC.IsZero():
		s.cfg.Hosts.Sighted(e.Seen.MAC, e.Seen.Addr)
		// The gate stopped a packet of an address that it may have been told of:
		// then it has lost it, and is told again.
		return s.hostChanged(ctx, e.Seen.MAC, e.Seen.Addr)
	}
	s.suspectAll([]Depletion{e.Depletion})
	return s.retry(ctx)
}

// HostChanged takes up that a device appeared, changed addresses or came back:
// a guest keeps its way with the new address, and a known device is let in
// again.
func (s *Service) HostChanged(ctx context.Context, m MAC) error {
	return s.hostChanged(ctx, m, netip.Addr{})
}

// hostChanged is HostChanged; stopped is an address whose packets were stopped.
func (s *Service) hostChanged(ctx context.Context, m MAC, stopped netip.Addr) error {
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
	s.claimAddrs(at, h.Addrs)
	changed := !slices.Equal(before, at.Addrs)
	again := slices.Contains(at.Addrs, stopped)
	s.mu.Unlock()
	if !changed && !again {
		return nil
	}
	if changed {
		s.log.Debug("guest has a new address", "mac", m, "addresses", len(h.Addrs))
	}
	return s.reconcile(ctx, l.Account)
}

// Online reports whether a device is let in; the watch of the guest network
// asks it to protect guests' addresses.
func (s *Service) Online(m MAC) bool {
	_, ok := s.ofMAC(m)
	return ok
}

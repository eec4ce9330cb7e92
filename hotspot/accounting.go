package hotspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// readMeters reads the gate once and takes over what it has counted.
func (s *Service) readMeters(ctx context.Context) error {
	_, err := s.tally(ctx)
	return err
}

// freshen reads the gate unless that was done within the last second, so that
// guests who look at their status cost one dump a second, however many.
func (s *Service) freshen(ctx context.Context) {
	mono := s.cfg.Clock.Read().Mono
	s.mu.Lock()
	fresh := mono-s.readAt < time.Second
	s.mu.Unlock()
	if fresh {
		return
	}
	if err := s.readMeters(ctx); err != nil {
		s.log.Warn("a guest's figures may be old", "error", err)
	}
}

// tally is readMeters that also returns what was read.
func (s *Service) tally(ctx context.Context) (Tally, error) {
	t, err := s.cfg.Gate.Read(ctx)
	if err != nil {
		return t, &Error{Code: CodeUnavailable, Text: "the counters could not be read", Err: err}
	}
	mono := s.cfg.Clock.Read().Mono
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readAt = mono
	for _, m := range t.Meters {
		l := s.sessions[m.Session]
		if l == nil {
			// Closed, and not forgotten yet; or let in by a batch that crossed
			// the end of the session. Either way it must go.
			s.dirty[m.Account], s.pending[m.Session] = struct{}{}, struct{}{}
			continue
		}
		// Meters never run backwards; one that seems to is a new one.
		if m.Used.Down > l.Used.Down || m.Used.Up > l.Used.Up {
			was := l.Used
			l.Used = Usage{max(was.Down, m.Used.Down), max(was.Up, m.Used.Up)}
			s.meter.passed = s.meter.passed.Add(l.Used.Sub(was))
			l.lastActive = mono
		}
	}
	return t, nil
}

// Poll looks at the clock and the gate, ends what is over and retries what
// failed. The daemon calls it every accounting period and whenever
// [Service.Next] says that something is due.
func (s *Service) Poll(ctx context.Context) error {
	errs := []error{s.Tick(ctx)}
	t, err := s.tally(ctx)
	errs = append(errs, err)
	if err == nil {
		s.takeReading()
	}
	s.suspectAll(t.Depleted)
	s.markOver()
	s.mu.Lock()
	s.departed.clean(s.readAt)
	s.mu.Unlock()
	errs = append(errs, s.retry(ctx))
	s.forget(ctx, nil)
	return errors.Join(errs...)
}

// suspectAll notes accounts whose quota may be used up.
func (s *Service) suspectAll(ds []Depletion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range ds {
		s.suspect[d.Account] = struct{}{}
	}
}

// Tick corrects the house's time by the wall clock, and with it the times of
// those who would gain or lose by the correction.
func (s *Service) Tick(ctx context.Context) error {
	// While somebody stores something, which takes as long as the disk does,
	// waiting would hold up everybody else, too. It is seldom necessary.
	if !s.era.TryLock() {
		if !s.stepDue() {
			return nil
		}
		s.era.Lock()
	}
	defer s.era.Unlock()
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	next := s.time
	st := next.observe(r)
	if st.isZero() {
		s.time = next // at most a drift
	}
	s.mu.Unlock()
	if st.isZero() {
		return nil
	}
	switch {
	case st.Believed:
		s.log.Info("the clock is believed from now on", "off_by", st.Provisional.Round(time.Second))
	default:
		s.log.Warn("the clock was set; running validities move along", "by", st.Begun.Round(time.Second))
	}
	return s.moveTimes(ctx, st, next, r)
}

// stepDue reports whether the wall clock was set since the last look at it.
func (s *Service) stepDue() bool {
	r := s.cfg.Clock.Read()
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.time
	st := next.observe(r)
	return !st.isZero()
}

// moveTimes applies a step to everything that has begun, and takes the new
// time over, in one transaction: a crash leaves both old or both new.
func (s *Service) moveTimes(ctx context.Context, st step, next timekeeper, r Reading) error {
	moved := make(map[uint64]Session)
	set, old := s.Settings(), s.moment()
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		clear(moved)
		if err := moveEvents(tx, st.Begun); err != nil {
			return err
		}
		if err := s.moveDays(tx, st); err != nil {
			return err
		}
		if err := moveAllowances(tx, st, set, old); err != nil {
			return err
		}
		open, err := tx.OpenSessions()
		if err != nil {
			return err
		}
		for _, x := range open {
			st.moveSession(&x)
			al, err := allowance(tx, x.Account)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			x.Deadline, x.DeadlineReason = x.deadline(al)
			moved[x.ID] = x
			if err := tx.PutSession(&x); err != nil {
				return err
			}
		}
		return tx.PutClockMark(next.mark(r))
	})
	if err != nil {
		return fmt.Errorf("move times by %s: %w", st.Begun, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.time = next
	if max(st.Begun.Abs(), st.Provisional.Abs()) > bigStep {
		s.stepped = r.Mono
		s.undos.clear()
	}
	for id, x := range moved {
		if l := s.sessions[id]; l != nil {
			l.Started, l.Provisional, l.Deadline, l.DeadlineReason = x.Started, x.Provisional, x.Deadline, x.DeadlineReason
			s.dirty[l.Account] = struct{}{}
		}
	}
	return nil
}

func moveAllowances(tx Tx, st step, set Settings, old moment) error {
	const page = 256
	for after := uint64(0); ; {
		vs, err := tx.Vouchers(after, page)
		if err != nil || len(vs) == 0 {
			if err != nil {
				return err
			}
			break
		}
		for _, v := range vs {
			after = v.ID
			// A validity that runs from a date has begun without a login.
			if start := v.startRule(set); v.Started.IsZero() && !start.IsZero() && !start.After(old.now) {
				v.Started = start
			}
			if st.moveVoucher(&v, old.now) {
				if err := tx.PutVoucher(&v); err != nil {
					return err
				}
			}
		}
	}
	for _, m := range Methods() {
		if m == MethodVoucher {
			continue
		}
		for after := uint64(0); ; {
			us, err := tx.Users(m, after, page)
			if err != nil {
				return err
			}
			if len(us) == 0 {
				break
			}
			for _, u := range us {
				after = u.ID
				if st.moveAllowance(&u.Allowance) {
					if err := tx.PutUser(&u); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// markOver decides the end of sessions that are over by the time, or by silence.
func (s *Service) markOver() {
	s.era.RLock()
	defer s.era.RUnlock()
	r := s.cfg.Clock.Read()
	m := s.moment()
	set := s.Settings()
	over := make(map[uint64]Reason)
	s.mu.Lock()
	for _, l := range s.sessions {
		switch {
		case !l.Deadline.IsZero() && !m.now.Before(l.Deadline):
			over[l.ID] = l.DeadlineReason
		case set.SessionIdle > 0 && r.Mono-l.lastActive >= set.SessionIdle:
			over[l.ID] = EndIdle
		}
	}
	s.mu.Unlock()
	for id, why := range over {
		s.markEnding(why, id)
	}
}

// retry goes on with every account that has a decided end or a failed change.
func (s *Service) retry(ctx context.Context) error {
	s.mu.Lock()
	due := make(map[AccountID]struct{}, len(s.dirty))
	for a := range s.dirty {
		due[a] = struct{}{}
	}
	for a := range s.suspect {
		due[a] = struct{}{}
	}
	for _, l := range s.sessions {
		if l.ending != "" {
			due[l.Account] = struct{}{}
		}
	}
	s.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	all := make([]AccountID, 0, len(due))
	for a := range due {
		all = append(all, a)
	}
	err := s.finishAll(ctx, all)
	if err == nil || len(all) == 1 {
		return err
	}
	// One account that cannot be finished must not hold up the others.
	var errs []error
	for _, a := range all {
		errs = append(errs, s.finishAll(ctx, []AccountID{a}))
	}
	return errors.Join(errs...)
}

// finishAll finishes accounts together, so that many ends cost one batch, one
// dump and one commit. Locks are taken in the order in which everybody takes
// them who needs several.
func (s *Service) finishAll(ctx context.Context, accounts []AccountID) error {
	sortAccounts(accounts)
	for _, a := range accounts {
		defer s.accounts.lock(a.String())()
	}
	return s.finish(ctx, accounts...)
}

// retryAfter is how soon what failed is tried again.
const retryAfter = time.Second

// Next is how long until something is due: the next session's deadline, or what
// must be tried again. The daemon must call [Service.Poll] then, or earlier.
func (s *Service) Next() time.Duration {
	m := s.moment()
	next := time.Hour
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dirty)+len(s.suspect) > 0 {
		next = retryAfter
	}
	for _, l := range s.sessions {
		if l.ending == "" && !l.Deadline.IsZero() {
			next = min(next, max(l.Deadline.Sub(m.now), 0))
		}
	}
	return next
}

// Flush stores what was used since the last flush, the time, and trims the
// log, all in one transaction: flash wear does not grow with guests. What
// others want stored at the same rate goes along; each of them is run as part
// of the transaction, under the rules of [Store.Update]. Once in a while, it
// also deletes users who were not here for long.
func (s *Service) Flush(ctx context.Context, along ...func(Tx) error) error {
	if err := s.flush(ctx, along); err != nil {
		return err
	}
	// What was used is stored; that this failed must not have it stored again.
	if err := s.forgetPeople(ctx); err != nil {
		s.log.Warn("users whom nobody saw for long could not be deleted; it will be tried again", "error", err)
	}
	return nil
}

func (s *Service) flush(ctx context.Context, along []func(Tx) error) error {
	if _, err := s.tally(ctx); err != nil {
		return err
	}
	s.era.RLock()
	defer s.era.RUnlock()
	r := s.cfg.Clock.Read()
	set, m := s.Settings(), s.moment()
	s.mu.Lock()
	mark := s.time.mark(r)
	open := make([]live, 0, len(s.sessions))
	for _, l := range s.sessions {
		c := *l
		c.Addrs = slices.Clone(l.Addrs)
		open = append(open, c)
	}
	s.mu.Unlock()
	sort.Slice(open, func(i, j int) bool { return open[i].ID < open[j].ID })
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		for _, l := range open {
			x, err := charge(tx, l.ID, l.Used)
			if err != nil {
				return err
			}
			if x.Open() && !slices.Equal(x.Addrs, l.Addrs) {
				x.Addrs = l.Addrs
				if err := tx.PutSession(&x); err != nil {
					return err
				}
			}
		}
		countLogins(tx, len(open))
		if err := s.prune(tx, set, m); err != nil {
			return err
		}
		for _, write := range along {
			if err := write(tx); err != nil {
				return err
			}
		}
		return tx.PutClockMark(mark)
	})
	if err != nil {
		return fmt.Errorf("store usage of %d sessions: %w", len(open), err)
	}
	s.marked(r.Mono)
	return nil
}

// idleMark is how long the time goes unstored while nobody is online. A boot
// without a clock begins at the time that was stored last.
const idleMark = 10 * time.Minute

// FlushDue reports whether [Service.Flush] has usage to store, or the time was
// not stored for long: a router that nobody uses should not wear its flash.
func (s *Service) FlushDue() bool {
	now := s.cfg.Clock.Read().Mono
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions) > 0 || now-s.markedAt >= idleMark
}

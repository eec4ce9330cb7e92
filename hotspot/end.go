package hotspot

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"time"
)

// endOne ends a live session under its account's lock.
func (s *Service) endOne(ctx context.Context, l live, why Reason) error {
	unlock := s.accounts.lock(l.Account.String())
	defer unlock()
	return s.endLocked(ctx, l.Account, why, l.ID)
}

// endLocked ends sessions of one account, whose lock the caller holds. When it
// returns without error nothing of theirs passes any more and their last byte
// is stored. On error they are marked as ending and [Service.Poll] goes on.
func (s *Service) endLocked(ctx context.Context, a AccountID, why Reason, ids ...uint64) error {
	if len(ids) == 0 {
		return nil
	}
	s.markEnding(why, ids...)
	return s.finish(ctx, a)
}

// markEnding decides the end of sessions; the first reason given stays.
func (s *Service) markEnding(why Reason, ids ...uint64) {
	now := s.moment().now
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		l := s.sessions[id]
		if l == nil || l.ending != "" {
			continue
		}
		l.ending, l.endedAt = why, now
		if why == l.DeadlineReason && !l.Deadline.IsZero() && l.Deadline.Before(now) {
			l.endedAt = l.Deadline // the gate stopped it then, however late we look
		}
	}
}

// finish carries out what is decided for some accounts, whose locks the caller
// holds: quotas are judged, the gate is told, and for sessions that end, their
// last bytes are stored, whereupon the gate may forget them.
func (s *Service) finish(ctx context.Context, accounts ...AccountID) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := s.judgeQuotas(ctx, accounts); err != nil {
		s.markDirty(accounts...)
		return err
	}
	if err := s.reconcile(ctx, accounts...); err != nil {
		return err
	}
	ended := s.endingOf(accounts)
	if len(ended) == 0 {
		return nil
	}
	if err := s.readMeters(ctx); err != nil {
		s.markDirty(accounts...)
		return err
	}
	ended = s.endingOf(accounts) // with their last bytes
	if err := s.storeEnds(ctx, ended); err != nil {
		s.markDirty(accounts...)
		return err
	}
	ids := make([]uint64, len(ended))
	mono := s.cfg.Clock.Read().Mono
	s.mu.Lock()
	for i, l := range ended {
		s.departed.note(&l, mono)
		s.drop(s.sessions[l.ID])
		ids[i] = l.ID
	}
	s.mu.Unlock()
	for _, l := range ended {
		s.log.Info("guest session ended", "login", l.Login, "type", string(l.Account.Method), "mac", l.MAC,
			"session", l.ID, "reason", string(l.ending), "down", l.Used.Down, "up", l.Used.Up)
	}
	s.forget(ctx, ids)
	return nil
}

// judgeQuotas decides the end of sessions whose quota is used up. What was read
// or reported before the account was locked may be old: it could have been
// topped up since.
func (s *Service) judgeQuotas(ctx context.Context, accounts []AccountID) error {
	s.mu.Lock()
	asked := make(map[AccountID]struct{})
	for _, a := range accounts {
		if _, ok := s.suspect[a]; ok {
			asked[a] = struct{}{}
		}
	}
	s.mu.Unlock()
	if len(asked) == 0 {
		return nil
	}
	t, err := s.tally(ctx)
	if err != nil {
		return err
	}
	// The quota of both directions first: the packets that it refuses may have
	// used up a direction's.
	sort.Slice(t.Depleted, func(i, j int) bool { return t.Depleted[i].Direction > t.Depleted[j].Direction })
	for _, d := range t.Depleted {
		if _, ok := asked[d.Account]; !ok {
			continue
		}
		why := usedUpBy(d.Direction)
		for _, l := range s.ofAccount(d.Account) {
			s.markEnding(why, l.ID)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := range asked {
		delete(s.suspect, a)
	}
	return nil
}

// endingOf returns the sessions of some accounts whose end is decided.
func (s *Service) endingOf(accounts []AccountID) []live {
	var out []live
	for _, a := range accounts {
		for _, l := range s.ofAccount(a) {
			if l.ending != "" {
				out = append(out, l)
			}
		}
	}
	return out
}

// storeEnds commits the end of sessions.
func (s *Service) storeEnds(ctx context.Context, ended []live) error {
	if len(ended) == 0 {
		return nil
	}
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		for i := range ended {
			if err := storeEnd(tx, &ended[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the end of %d sessions: %w", len(ended), err)
	}
	return nil
}

func storeEnd(tx Tx, l *live) error {
	x, err := charge(tx, l.ID, l.Used)
	if err != nil || !x.Open() {
		return err
	}
	x.Ended, x.Reason, x.Addrs = l.endedAt, l.ending, l.Addrs
	if l.audit != nil {
		row := *l.audit
		if err := tx.PutAudit(&row); err != nil {
			return err
		}
	}
	if x.Ended.Before(x.Started) {
		x.Ended = x.Started
	}
	if err := tx.PutSession(&x); err != nil {
		return err
	}
	if d := spentBy(l.ending); d != 0 {
		if err := changeAllowance(tx, x.Account, func(a *Allowance) { a.Spent |= d }); err != nil {
			return err
		}
	}
	d, err := tx.Device(l.MAC)
	if errors.Is(err, ErrNotFound) || err == nil && d.Account != x.Account {
		return nil
	}
	if err != nil {
		return err
	}
	d.LastEnd, d.LastReason = x.Ended, l.ending
	d.Returning = d.Returning && !l.ending.wantsForm()
	return tx.PutDevice(d)
}

func usedUpBy(d Direction) Reason {
	switch d {
	case Up:
		return EndUpload
	case Total:
		return EndData
	}
	return EndDownload
}

func spentBy(why Reason) Direction {
	switch why {
	case EndDownload:
		return Down
	case EndUpload:
		return Up
	case EndData:
		return Total
	}
	return 0
}

// charge stores what a session has used and charges its account with the
// difference to what was stored before, so that charging twice is harmless.
func charge(tx Tx, id uint64, used Usage) (Session, error) {
	x, err := tx.Session(id)
	if err != nil {
		return x, fmt.Errorf("session %d: %w", id, err)
	}
	more := used.Sub(x.Used)
	if !x.Open() || more.IsZero() {
		return x, nil
	}
	x.Used = x.Used.Add(more)
	countCharge(tx, x.Account, more)
	if err := changeAllowance(tx, x.Account, func(a *Allowance) { a.Used = a.Used.Add(more) }); err != nil {
		return x, err
	}
	return x, tx.PutSession(&x)
}

// changeAllowance changes an account's allowance; one that was removed
// meanwhile has none.
func changeAllowance(tx Tx, a AccountID, f func(*Allowance)) error {
	if a.Method == MethodVoucher {
		v, err := tx.Voucher(a.ID)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		f(&v.Allowance)
		return tx.PutVoucher(&v)
	}
	u, err := tx.User(a.Method, a.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f(&u.Allowance)
	return tx.PutUser(&u)
}

// forget lets the gate drop the meters of closed sessions; what it does not
// take now is tried again.
func (s *Service) forget(ctx context.Context, ids []uint64) {
	s.mu.Lock()
	for _, id := range ids {
		s.pending[id] = struct{}{}
	}
	all := make([]uint64, 0, len(s.pending))
	for id := range s.pending {
		all = append(all, id)
	}
	s.mu.Unlock()
	if len(all) == 0 {
		return
	}
	if err := s.cfg.Gate.Forget(ctx, all...); err != nil {
		s.log.Warn("the gate still keeps meters of closed sessions", "sessions", len(all), "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range all {
		delete(s.pending, id)
	}
}

func (s *Service) markDirty(accounts ...AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range accounts {
		s.dirty[a] = struct{}{}
	}
}

// claimAddrs gives a session the addresses that its device holds now, besides
// those it had: what a device once used stays its own until another device is
// seen with it, so that no connection breaks. Both accounts are dirty then: the
// gate may be told of the loser's old addresses after the winner's new ones, so
// both are told again. The caller holds mu.
func (s *Service) claimAddrs(l *live, addrs []netip.Addr) {
	for _, a := range addrs {
		for _, other := range s.sessions {
			if other != l {
				s.takeAddr(a, other, l)
			}
		}
	}
	l.Addrs = mergeAddrs(l.Addrs, addrs)
}

// takeAddr takes an address from a session, if it has it, for another. The
// caller holds mu.
func (s *Service) takeAddr(a netip.Addr, from, to *live) {
	if i := slices.Index(from.Addrs, a); i >= 0 {
		from.Addrs = slices.Delete(slices.Clone(from.Addrs), i, i+1)
		s.dirty[from.Account], s.dirty[to.Account] = struct{}{}, struct{}{}
	}
}

// mergeAddrs adds new addresses; beyond the bound the oldest ones give way.
func mergeAddrs(have, now []netip.Addr) []netip.Addr {
	out := slices.Clone(have)
	for _, a := range now {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for i := 0; len(out) > maxAddrs && i < len(out); {
		if slices.Contains(now, out[i]) {
			i++
			continue
		}
		out = slices.Delete(out, i, i+1)
	}
	return orderAddrs(out)
}

// After a correction of more than bigStep, the time must stand for sureAfter
// before anything is deleted by its age.
const (
	bigStep   = 30 * day
	sureAfter = day
)

// prune deletes old rows of the login log, a bounded number at a time.
func (s *Service) prune(tx Tx, set Settings, m moment) error {
	const atOnce = 500
	var before time.Time
	sure := s.sure(m)
	if set.LogAge > 0 && sure {
		before = m.now.Add(-set.LogAge)
	}
	if err := s.pruneAudit(tx, set, m, sure); err != nil {
		return err
	}
	gone, err := tx.PruneSessions(before, set.LogRows, atOnce)
	if err != nil {
		return err
	}
	for _, x := range gone {
		if err := forgetDevice(tx, x); err != nil {
			return err
		}
	}
	return nil
}

// forgetDevice forgets a device whose last session leaves the log. Phones make
// up a new MAC for every network and many for each: remembered for ever, they
// would fill the flash.
func forgetDevice(tx Tx, last Session) error {
	d, err := tx.Device(last.MAC)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	// A login clears LastEnd, so one that is online stays.
	if err != nil || !d.LastEnd.Equal(last.Ended) {
		return err
	}
	return tx.DeleteDevice(last.MAC)
}

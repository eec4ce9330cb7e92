package hotspot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// MaxBulk is how many vouchers one call of [Service.EditVouchers] or
// [Service.RemoveVouchers] takes: their accounts are locked meanwhile.
const MaxBulk = 500

// EditVouchers changes vouchers by their ids in one transaction, all or none of
// those that are still there and that match when their turn comes. A nil match
// is met by all. Guests feel it at once. It returns what was changed, as it is
// then.
func (s *Service) EditVouchers(ctx context.Context, ids []uint64, match func(VoucherView) bool, e VoucherEdit) ([]VoucherView, error) {
	ids, unlock, err := s.lockVouchers(ids)
	if err != nil {
		return nil, err
	}
	edited, err := s.editAll(ctx, ids, s.wished(match, e))
	unlock()
	if err != nil {
		return nil, err
	}
	s.log.Info("vouchers edited", "count", len(edited))
	for _, v := range edited {
		s.letInAgain(ctx, v.Bound)
	}
	return s.viewsOf(ctx, edited)
}

// RemoveVouchers deletes vouchers by their ids, all or none of those that are
// still there and that match when their turn comes, and ends their sessions. It
// returns what was removed.
func (s *Service) RemoveVouchers(ctx context.Context, ids []uint64, match func(VoucherView) bool) ([]Voucher, error) {
	ids, unlock, err := s.lockVouchers(ids)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var gone []Voucher
	set, m := s.Settings(), s.moment()
	err = s.cfg.Store.View(ctx, func(r Reader) error {
		gone = gone[:0]
		for _, id := range ids {
			v, ok, err := s.matching(r, id, match, m, set)
			if err != nil {
				return err
			}
			if ok {
				gone = append(gone, v)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up vouchers: %w", err)
	}
	ended, err := s.removeAll(ctx, gone)
	if err != nil {
		return nil, err
	}
	s.log.Info("vouchers removed", "count", len(gone), "sessions_ended", ended)
	return gone, nil
}

// lockVouchers locks the accounts of vouchers, in order of id so that two bulk
// changes cannot wait for one another.
func (s *Service) lockVouchers(ids []uint64) (sorted []uint64, unlock func(), err error) {
	if len(ids) > MaxBulk {
		return nil, nil, Invalid("ids", "at most %d vouchers can be changed at once", MaxBulk)
	}
	sorted = slices.Clone(ids)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	sorted = slices.Compact(sorted)
	held := make([]func(), len(sorted))
	for i, id := range sorted {
		held[i] = s.accounts.lock(AccountID{MethodVoucher, id}.String())
	}
	return sorted, func() {
		for _, f := range held {
			f()
		}
	}, nil
}

// matching reads a voucher; ok is false if it is gone or does not match.
func (s *Service) matching(r Reader, id uint64, match func(VoucherView) bool, m moment, set Settings) (v Voucher, ok bool, err error) {
	v, err = r.Voucher(id)
	if errors.Is(err, ErrNotFound) {
		return v, false, nil
	}
	if err != nil || match == nil {
		return v, err == nil, err
	}
	view, err := s.view(r, v, m, set)
	return v, err == nil && match(view), err
}

// revision is what is done to vouchers in one transaction.
type revision struct {
	match func(VoucherView) bool // nil: all match
	// edit changes a voucher; false leaves it as it is. It can run more than
	// once, as the transaction can.
	edit func(tx Tx, v *Voucher, m moment, set Settings) (bool, error)
	// audit stores what was done.
	audit func(ctx context.Context, tx Tx, m moment, was, is []Voucher) error
	// afresh: what was used is counted anew in the gate.
	afresh bool
}

// wished is the revision that an edit asks for.
func (s *Service) wished(match func(VoucherView) bool, e VoucherEdit) revision {
	return revision{match: match, afresh: e.Reset,
		edit: func(_ Tx, v *Voucher, m moment, set Settings) (bool, error) { return true, v.edit(e, m, set) },
		audit: func(ctx context.Context, tx Tx, m moment, was, is []Voucher) error {
			return s.auditEdited(ctx, tx, m, was, is, e)
		}}
}

// edits are vouchers before and after a revision, in the same order.
type edits struct {
	was, is []Voucher
	moved   []Session
}

// editAll changes vouchers, whose accounts' locks the caller holds, and returns
// those that were there and matched.
func (s *Service) editAll(ctx context.Context, ids []uint64, c revision) ([]Voucher, error) {
	if s.anyLive(ids) {
		if err := s.readMeters(ctx); err != nil {
			return nil, err
		}
	}
	s.era.RLock()
	defer s.era.RUnlock()
	set, m := s.Settings(), s.moment()
	var done edits
	err := s.cfg.Store.Update(ctx, func(tx Tx) error {
		done = edits{}
		for _, id := range ids {
			v, ok, err := s.matching(tx, id, c.match, m, set)
			if err == nil && ok {
				err = s.editIn(tx, v, c, m, set, &done)
			}
			if err != nil {
				return err
			}
		}
		return c.audit(ctx, tx, m, done.was, done.is)
	})
	if err != nil {
		return nil, storeError("store voucher", err)
	}
	undoOf(ctx).edited(done.was, done.is, c.afresh)
	s.takeMoved(done.moved, c.afresh)
	var live []AccountID
	for _, v := range done.is {
		if len(s.ofAccount(v.Account())) > 0 {
			s.endRefused(v, m, set)
			live = append(live, v.Account())
		}
	}
	if len(live) == 0 {
		return done.is, nil
	}
	return done.is, s.finish(ctx, live...)
}

// editIn changes a voucher within a transaction, and its open sessions'
// deadlines.
func (s *Service) editIn(tx Tx, v Voucher, c revision, m moment, set Settings, done *edits) (err error) {
	open := s.ofAccount(v.Account())
	for _, l := range open {
		if _, err := charge(tx, l.ID, l.Used); err != nil {
			return err
		}
	}
	if len(open) > 0 {
		if v, err = tx.Voucher(v.ID); err != nil {
			return err
		}
	}
	was := v
	if ok, err := c.edit(tx, &v, m, set); err != nil || !ok {
		return err
	}
	if len(open) > 0 {
		v.begin(m, set) // reset while online: its time begins anew
	}
	v.Modified = m.now
	if err := tx.PutVoucher(&v); err != nil {
		return err
	}
	moved, err := s.moveDeadlines(tx, v.Account(), v.Allowance)
	done.was, done.is, done.moved = append(done.was, was), append(done.is, v), append(done.moved, moved...)
	return err
}

// takeMoved takes over deadlines that were stored.
func (s *Service) takeMoved(moved []Session, reset bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range moved {
		if l := s.sessions[x.ID]; l != nil {
			l.Deadline, l.DeadlineReason = x.Deadline, x.DeadlineReason
		}
		if reset {
			s.afresh[x.Account] = struct{}{}
		}
	}
}

// anyLive reports whether somebody is on one of these vouchers.
func (s *Service) anyLive(ids []uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(ids, func(id uint64) bool { return len(s.byOwner[AccountID{MethodVoucher, id}]) > 0 })
}

// viewsOf reads vouchers anew; one that was removed meanwhile is left out.
func (s *Service) viewsOf(ctx context.Context, vs []Voucher) ([]VoucherView, error) {
	out := make([]VoucherView, 0, len(vs))
	set, m := s.Settings(), s.moment()
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		out = out[:0]
		for _, v := range vs {
			v, ok, err := s.matching(r, v.ID, nil, m, set)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			view, err := s.view(r, v, m, set)
			if err != nil {
				return err
			}
			out = append(out, view)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read vouchers: %w", err)
	}
	return out, nil
}

// removeAll ends the sessions of vouchers, whose accounts' locks the caller
// holds, and deletes them. It returns how many sessions ended.
func (s *Service) removeAll(ctx context.Context, vs []Voucher) (ended int, err error) {
	var live []AccountID
	for _, v := range vs {
		open := s.ofAccount(v.Account())
		for _, l := range open {
			s.markEnding(EndRemoved, l.ID)
		}
		if len(open) > 0 {
			live, ended = append(live, v.Account()), ended+len(open)
		}
	}
	if len(live) > 0 {
		if err := s.finish(ctx, live...); err != nil {
			return ended, err
		}
	}
	if len(vs) == 0 {
		return 0, nil
	}
	m := s.moment()
	var gone []Voucher
	err = s.cfg.Store.Update(ctx, func(tx Tx) error {
		gone = gone[:0]
		for _, v := range vs {
			for _, m := range v.Bound {
				if err := forgetReturning(tx, m, v.Account()); err != nil {
					return err
				}
			}
			last, err := tx.Voucher(v.ID) // with its last bytes
			if err != nil {
				return err
			}
			if err := tx.DeleteVoucher(v.ID); err != nil {
				return err
			}
			gone = append(gone, last)
		}
		return s.auditVouchers(ctx, tx, m, AuditVoucherRemoved, firstNames(vs), len(vs), nil)
	})
	if err != nil {
		return ended, storeError("remove vouchers", err)
	}
	undoOf(ctx).removed(gone)
	return ended, nil
}

package v1test

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// picked returns those of some vouchers that are there and match, in order.
func (s *Service) picked(ids []uint64, match func(hotspot.VoucherView) bool) []hotspot.VoucherView {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []hotspot.VoucherView
	for v := range maps.Values(s.vouchers) {
		if slices.Contains(ids, v.ID) && (match == nil || match(v)) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b hotspot.VoucherView) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// EditVouchers implements v1.Service and records the edits.
func (s *Service) EditVouchers(ctx context.Context, ids []uint64, match func(hotspot.VoucherView) bool, e hotspot.VoucherEdit) ([]hotspot.VoucherView, error) {
	all := s.picked(ids, match)
	for i, v := range all {
		var err error
		if all[i], err = s.EditVoucher(ctx, v.Username, e); err != nil {
			return nil, err
		}
	}
	return all, s.Err
}

// RemoveVouchers implements v1.Service.
func (s *Service) RemoveVouchers(ctx context.Context, ids []uint64, match func(hotspot.VoucherView) bool) ([]hotspot.Voucher, error) {
	var gone []hotspot.Voucher
	for _, v := range s.picked(ids, match) {
		if err := s.RemoveVoucher(ctx, v.Username); err != nil {
			return nil, err
		}
		gone = append(gone, v.Voucher)
	}
	return gone, s.Err
}

// KeepUndo implements v1.Service; it keeps nothing.
func (s *Service) KeepUndo(context.Context, *hotspot.Undo) (hotspot.UndoNote, bool, error) {
	return hotspot.UndoNote{}, false, s.Err
}

// Undo implements v1.Service.
func (s *Service) Undo(context.Context, string) (hotspot.UndoResult, error) {
	return hotspot.UndoResult{}, hotspot.ErrNotFound
}

// ImportFitting implements v1.Service; it leaves nothing out.
func (s *Service) ImportFitting(ctx context.Context, rows iter.Seq2[hotspot.VoucherEdit, error], conflict hotspot.OnConflict, dryRun bool) (hotspot.ImportResult, []hotspot.RefusedRow, error) {
	got, err := s.ImportVouchers(ctx, rows, conflict, dryRun)
	return got, nil, err
}

// ImportVouchers implements v1.Service; it makes what a row gives, without
// checks, and is not all or nothing.
func (s *Service) ImportVouchers(ctx context.Context, rows iter.Seq2[hotspot.VoucherEdit, error], conflict hotspot.OnConflict, dryRun bool) (hotspot.ImportResult, error) {
	var got hotspot.ImportResult
	for e, err := range rows {
		if err != nil {
			return hotspot.ImportResult{}, err
		}
		spec := hotspot.VoucherSpec{Username: of(e.Username), Passcode: of(e.Passcode), FullName: of(e.FullName), Note: of(e.Note),
			ValidFor: e.ValidFor, ValidFrom: of(e.ValidFrom), Limit: hotspot.Usage{Down: of(e.LimitDown), Up: of(e.LimitUp)}, LimitTotal: of(e.LimitTotal),
			Devices: of(e.Devices), Disabled: of(e.Disabled)}
		s.mu.Lock()
		_, taken := s.vouchers[strings.ToLower(spec.Username)]
		s.mu.Unlock()
		switch {
		case taken && conflict == hotspot.ConflictFail:
			return hotspot.ImportResult{}, &hotspot.Error{Code: hotspot.CodeUsernameTaken, Field: "username", Text: "a voucher " + spec.Username + " already exists"}
		case taken && conflict == hotspot.ConflictSkip:
			got.Skipped++
			continue
		case taken:
			got.Updated++
		default:
			got.Created++
		}
		if dryRun {
			continue
		}
		if taken {
			_, err = s.EditVoucher(ctx, spec.Username, e)
		} else {
			_, err = s.CreateVouchers(ctx, spec)
		}
		if err != nil {
			return hotspot.ImportResult{}, err
		}
	}
	return got, s.Err
}

func of[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// SetSessions replaces the logins.
func (s *Service) SetSessions(newestFirst ...hotspot.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Sessions = newestFirst
}

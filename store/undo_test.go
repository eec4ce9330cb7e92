package store

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// Thousands of vouchers that were just made, and removed, and put back, are
// found by name and number, and the file holds together.
func TestUndoOfManyRemovals(t *testing.T) {
	opts, _ := options(t.TempDir())
	db := open(t, opts)
	s := hotspot.New(hotspot.Config{Store: db, Clock: hotspottest.NewClock(at()), Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	made, err := s.CreateVouchers(t.Context(), make([]hotspot.VoucherSpec, hotspot.MaxUndo+500)...)
	if err != nil {
		t.Fatal(err)
	}
	var u hotspot.Undo
	ctx := hotspot.WithUndo(t.Context(), &u)
	for rest := made[:hotspot.MaxUndo]; len(rest) > 0; rest = rest[hotspot.MaxBulk:] {
		ids := make([]uint64, hotspot.MaxBulk)
		for i := range ids {
			ids[i] = rest[i].ID
		}
		if gone, err := s.RemoveVouchers(ctx, ids, nil); err != nil || len(gone) != len(ids) {
			t.Fatalf("%d removed, %v", len(gone), err)
		}
	}
	if _, err := s.Voucher(t.Context(), made[0].Username); !errors.Is(err, hotspot.ErrNotFound) {
		t.Fatalf("removed: %v", err)
	}
	if _, err := s.CreateVouchers(t.Context(), hotspot.VoucherSpec{Username: made[7].Username}); err != nil {
		t.Fatal(err)
	}
	note, ok, err := s.KeepUndo(ctx, &u)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	res, err := s.Undo(t.Context(), note.ID)
	if err != nil || res.Restored != hotspot.MaxUndo-1 || res.Left != 1 || res.Names[0] != made[7].Username {
		t.Fatalf("%+v, %v", res, err)
	}
	for i, v := range made {
		got, err := s.Voucher(t.Context(), v.Username)
		if err != nil || (got.ID == v.ID) != (i != 7) || got.Passcode != v.Passcode && i != 7 {
			t.Fatalf("voucher %d: %+v, %v", i, got.Voucher, err)
		}
	}
}

package hotspottest

import (
	"errors"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestStoreFake(t *testing.T) {
	TestStore(t, func(*testing.T) hotspot.Store { return NewStore() })
}

func TestStoreFakeFails(t *testing.T) {
	s := NewStore()
	addVouchers(t, s, "kept")
	s.FailUpdate = func() error { return hotspot.ErrUnavailable }
	v := hotspot.Voucher{Username: "lost"}
	err := s.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
	wantErr(t, err, hotspot.ErrUnavailable)
	if v.ID != 0 || s.Updates() != 1 {
		t.Errorf("id %d, %d updates; want 0 and 1", v.ID, s.Updates())
	}
	s.FailUpdate = nil
	view(t, s, func(r hotspot.Reader) error {
		if _, err := r.VoucherByUsername("lost"); !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("a failed update was kept: %v", err)
		}
		return nil
	})
	if ids := addVouchers(t, s, "next"); ids[0] != 2 {
		t.Errorf("next id %d, want 2", ids[0])
	}
}

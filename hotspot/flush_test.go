package hotspot_test

import (
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestFlushDue: with nobody online only the time is worth a write, and rarely.
func TestFlushDue(t *testing.T) {
	h := newHouse(t)
	due := func(want bool, when string) {
		t.Helper()
		if got := h.FlushDue(); got != want {
			t.Errorf("%s: due is %v", when, got)
		}
	}
	due(false, "just started")
	h.clock.Pass(9 * time.Minute)
	due(false, "after nine minutes")
	h.clock.Pass(time.Minute)
	due(true, "after ten minutes")
	h.flush()
	due(false, "just stored")
	d := h.device(10)
	h.login(d, h.voucher(hotspot.VoucherSpec{}))
	due(true, "with a guest")
	h.flush()
	due(true, "with a guest, always")
	if err := h.Logout(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	due(false, "after the guest left")
}

package hotspot_test

import (
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (h *house) extend(d hotspot.Host, by hotspot.Extension) {
	h.t.Helper()
	if err := h.Extend(h.t.Context(), d.MAC, by); err != nil {
		h.t.Fatalf("extend: %v", err)
	}
}

// TestExtendVoucher tops up the voucher that a guest is on.
func TestExtendVoucher(t *testing.T) {
	h := newHouse(t)
	d, v := h.device(1), h.voucher(hotspot.VoucherSpec{ValidFor: hours(1), Limit: hotspot.Usage{Down: 1000}})
	h.login(d, v)
	h.wantDown(d, 2000, 1000)
	h.poll()
	h.wantWhy(d, hotspot.CodeDownloadUsed)
	h.extend(d, hotspot.Extension{Time: time.Hour, Data: hotspot.Usage{Down: 1000, Up: 5}})
	h.wantWhy(d, "online") // it returns by itself
	h.wantDown(d, 2000, 1000)
	if is := h.view(v); is.Limit != (hotspot.Usage{Down: 2000}) || is.ValidFor != *hours(2) {
		t.Errorf("%+v", is.Allowance)
	}
}

// TestExtendFree: more of a free period, which lasts through logins until the
// next period.
func TestExtendFree(t *testing.T) {
	h := newHouse(t)
	h.set("login.free", "on")
	for key, value := range map[string]string{"free.duration": "1h", "free.every": "24h", "free.download_limit": "1", "session.idle_timeout": "0s"} {
		h.set(key, value)
	}
	d := h.device(1)
	if _, err := h.tryFree(d); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 2*hotspot.MB, 1_048_000) // whole packets
	h.poll()
	h.extend(d, hotspot.Extension{Time: 30 * time.Minute, Data: hotspot.Usage{Down: 5000}})
	h.wantWhy(d, "online")
	h.wantDown(d, 9000, 5000)
	h.poll()
	_, err := h.tryFree(d)
	h.refused(err, hotspot.CodeDownloadUsed)

	h.extend(d, hotspot.Extension{Data: hotspot.Usage{Down: 1000}})
	h.clock.Pass(80 * time.Minute)
	h.poll()
	h.wantWhy(d, "online")
	h.clock.Pass(11 * time.Minute)
	h.poll()
	h.wantWhy(d, hotspot.CodeTimeUsed)

	// What is over lasts so long from now.
	h.clock.Pass(5 * time.Hour)
	h.extend(d, hotspot.Extension{Time: time.Hour})
	h.wantWhy(d, "online")
	h.restart()
	h.clock.Pass(59 * time.Minute)
	h.poll()
	h.wantWhy(d, "online")
	h.clock.Pass(2 * time.Minute)
	h.poll()
	h.wantWhy(d, hotspot.CodeTimeUsed)

	// The next period is as any other.
	h.clock.Pass(24 * time.Hour)
	if _, err := h.tryFree(d); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 2*hotspot.MB, 1_048_000) // whole packets
	rows, err := h.Audit(t.Context(), 0, 3)
	if err != nil || rows[0].Action != hotspot.AuditGuestExtended || rows[0].Subject != d.MAC.String() || rows[0].Changes[1].New != "1h more" {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestExtendOverPeriods: what was given is not lost because the next period could
// begin.
func TestExtendOverPeriods(t *testing.T) {
	h := newHouse(t)
	h.set("login.free", "on")
	h.set("free.every", "2h")
	d := h.device(1)
	if _, err := h.tryFree(d); err != nil {
		t.Fatal(err)
	}
	h.extend(d, hotspot.Extension{Time: 9 * time.Hour})
	h.clock.Pass(3 * time.Hour)
	if err := h.Logout(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	st, err := h.tryFree(d)
	if err != nil || st.TimeLeft != 7*time.Hour {
		t.Errorf("%s left, %v", st.TimeLeft, err)
	}
}

func TestExtendRefuses(t *testing.T) {
	h := newHouse(t)
	d := h.device(1)
	h.refused(h.Extend(t.Context(), d.MAC, hotspot.Extension{Time: time.Hour}), hotspot.CodeNotFound)
	h.login(d, h.voucher(hotspot.VoucherSpec{ValidFor: hours(1)}))
	for _, by := range []hotspot.Extension{{}, {Time: -1}, {Time: 400 * 24 * time.Hour},
		{Data: hotspot.Usage{Down: hotspot.MaxLimitMB*hotspot.MB + 1}}, {Data: hotspot.Usage{Up: 1 << 63}}} {
		h.refused(h.Extend(t.Context(), d.MAC, by), hotspot.CodeInvalid)
	}
	if err := h.RemoveVoucher(t.Context(), h.lastLogin().Login); err != nil {
		t.Fatal(err)
	}
	h.refused(h.Extend(t.Context(), d.MAC, hotspot.Extension{Time: time.Hour}), hotspot.CodeNotFound)
}

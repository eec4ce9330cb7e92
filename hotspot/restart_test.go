package hotspot_test

import (
	"errors"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestRestartKeepsGuests(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 10_000}}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 4000, 4000) // not flushed
	h.restart()
	h.wantDown(d, 2000, 2000)
	h.flush()
	h.restart()
	h.wantDown(d, 9000, 4000)
	h.poll()
	h.wantWhy(d, hotspot.CodeDownloadUsed)
	if got := h.view(v).Used.Down; got != 10_000 {
		t.Errorf("used %d", got)
	}
}

func TestLimitsHoldWhileDead(t *testing.T) {
	h := newHouse(t)
	v, w := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 5000}}), h.voucher(hotspot.VoucherSpec{ValidFor: hours(1)})
	a, b := h.device(10), h.device(11)
	h.login(a, v)
	h.login(b, w)
	h.wantDown(a, 9000, 5000)
	h.wantDown(b, 3000, 3000)
	h.clock.Pass(time.Hour)
	h.wantDown(b, 1000, 0)
	h.restart()
	h.wantWhy(a, hotspot.CodeDownloadUsed)
	h.wantWhy(b, hotspot.CodeTimeUsed)
	if got := h.view(w).Used.Down; got != 3000 {
		t.Errorf("the bytes before the expiry are lost: %d", got)
	}
	if n := len(h.gate.Admitted()); n != 0 {
		t.Errorf("%d grants left", n)
	}
}

func TestRebootRestoresSessions(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(10), Limit: hotspot.Usage{Down: 10_000}}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 3000, 3000)
	h.clock.Pass(time.Hour)
	h.flush()
	h.wantDown(d, 1000, 1000) // lost with the power
	h.reboot(start.Add(3*time.Hour), "boot-2")
	h.clock.Set(start.Add(3*time.Hour), true)
	h.poll()
	st, err := h.Status(t.Context(), d)
	if err != nil || !st.Online || st.TimeLeft != 7*time.Hour {
		t.Fatalf("after reboot: %+v, %v", st, err)
	}
	h.wantDown(d, 9000, 7000)
	h.poll()
	if x := h.lastLogin(); x.Used.Down != 10_000 {
		t.Errorf("session row has %d bytes", x.Used.Down)
	}
}

// TestBootIn1970 boots without a clock battery: nobody is ended before the
// time is known, and what began meanwhile lasts its full length.
func TestBootIn1970(t *testing.T) {
	h := newHouse(t)
	h.set("session.idle_timeout", "0s")
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(10)}), h.device(10)
	h.login(d, v)
	h.clock.Pass(time.Hour)
	h.flush()
	h.reboot(time.Unix(0, 0), "boot-2")
	h.wantWhy(d, "online")
	h.wantDown(d, 1000, 1000)
	early := h.voucher(hotspot.VoucherSpec{ValidFrom: start.Add(100 * time.Hour)})
	e := h.device(11)
	h.login(e, early) // not judged before the clock can be believed
	fresh, f := h.voucher(hotspot.VoucherSpec{ValidFor: hours(2)}), h.device(12)
	h.login(f, fresh)
	h.clock.Pass(30 * time.Minute)
	h.flush()

	h.clock.Set(start.Add(6*time.Hour), true) // NTP answers; it was off for 4½ hours
	h.poll()
	if st, _ := h.Status(t.Context(), d); !st.Online || st.TimeLeft != 4*time.Hour {
		t.Errorf("the old voucher has %v left, want 4h", st.TimeLeft)
	}
	if st, _ := h.Status(t.Context(), f); !st.Online || st.TimeLeft != 90*time.Minute {
		t.Errorf("the voucher begun at boot has %v left, want 1h30m", st.TimeLeft)
	}
	now, believed := h.Now()
	if !believed || !now.Equal(start.Add(6*time.Hour)) {
		t.Errorf("the house's time is %v, believed %v", now, believed)
	}
}

func TestClockJumps(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	for _, jump := range []time.Duration{years, -years, 3 * time.Hour, -3 * time.Hour} {
		h := newHouse(t)
		h.set("session.idle_timeout", "0s")
		v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(10)}), h.device(10)
		idle, i := h.voucher(hotspot.VoucherSpec{ValidFor: hours(10)}), h.device(11)
		h.login(d, v)
		h.login(i, idle)
		if err := h.Logout(t.Context(), i.MAC); err != nil {
			t.Fatal(err)
		}
		h.clock.Pass(time.Hour)
		h.clock.Set(start.Add(time.Hour+jump), false)
		h.poll()
		check := func(when string, left time.Duration) {
			t.Helper()
			if st, _ := h.Status(t.Context(), d); !st.Online || st.TimeLeft != left {
				t.Errorf("jump %v, %s: online %v, %v left, want %v", jump, when, st.Online, st.TimeLeft, left)
			}
			if now, _ := h.Now(); h.view(idle).ExpiresAt.Sub(now) != left {
				t.Errorf("jump %v, %s: the voucher nobody is on has %v left, want %v", jump, when, h.view(idle).ExpiresAt.Sub(now), left)
			}
			h.wantDown(d, 1000, 1000)
		}
		check("after", 9*time.Hour)
		h.clock.Pass(time.Hour)
		h.flush()
		h.restart()
		check("after a restart", 8*time.Hour)
		h.clock.Set(start.Add(2*time.Hour), false)
		h.poll()
		check("after going back", 8*time.Hour)
	}
}

// TestJumpWhileDead sets the clock while the daemon is not running.
func TestJumpWhileDead(t *testing.T) {
	h := newHouse(t)
	h.set("session.idle_timeout", "0s")
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(10)}), h.device(10)
	h.login(d, v)
	h.flush()
	h.clock.Pass(time.Hour)
	h.clock.Set(start.AddDate(10, 0, 0), true)
	h.restart()
	if st, _ := h.Status(t.Context(), d); !st.Online || st.TimeLeft != 9*time.Hour {
		t.Errorf("online %v, %v left", st.Online, st.TimeLeft)
	}
}

// TestWrongTimeAcrossReboot: the clock comes up ten years off, and NTP agrees.
func TestWrongTimeAcrossReboot(t *testing.T) {
	for _, wall := range []time.Time{start.AddDate(10, 0, 0), start.AddDate(-10, 0, 0)} {
		h := newHouse(t)
		h.set("session.idle_timeout", "0s")
		v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(10)}), h.device(10)
		h.login(d, v)
		h.clock.Pass(time.Hour)
		h.flush()
		h.reboot(wall, "boot-2")
		h.clock.Set(wall, true)
		h.poll()
		if st, _ := h.Status(t.Context(), d); !st.Online || st.TimeLeft != 9*time.Hour {
			t.Errorf("wall %v: online %v, %v left, want 9h", wall, st.Online, st.TimeLeft)
		}
	}
}

func TestFlushIsOneTransaction(t *testing.T) {
	h := newHouse(t)
	for i := range byte(50) {
		d := h.device(10 + i)
		h.login(d, h.voucher(hotspot.VoucherSpec{}))
		h.wantDown(d, 1000, 1000)
	}
	before := h.store.Updates()
	h.flush()
	if n := h.store.Updates() - before; n != 1 {
		t.Errorf("a flush of 50 guests took %d transactions", n)
	}
}

// TestFlushTakesOthersAlong: what others store goes into the same transaction,
// and its failure is the flush's.
func TestFlushTakesOthersAlong(t *testing.T) {
	h := newHouse(t)
	before := h.store.Updates()
	put := func(tx hotspot.Tx) error { return tx.PutSecret("along", []byte("x")) }
	if err := h.Flush(t.Context(), put, put); err != nil {
		t.Fatal(err)
	}
	if n := h.store.Updates() - before; n != 1 {
		t.Errorf("%d transactions", n)
	}
	if err := h.Flush(t.Context(), func(hotspot.Tx) error { return hotspot.ErrUnavailable }); !errors.Is(err, hotspot.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

func TestWrongTimeDoesNotEmptyTheLog(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	if err := h.Logout(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	h.clock.Set(start.AddDate(10, 0, 0), true)
	h.poll()
	h.flush()
	h.clock.Set(start.Add(time.Minute), true)
	h.poll()
	h.clock.Pass(48 * time.Hour)
	h.flush()
	if rows, err := h.Logins(t.Context(), 0, 10); err != nil || len(rows) != 1 {
		t.Errorf("%d rows left, %v", len(rows), err)
	}
}

func TestLogRetention(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: ptr(hotspot.Always)}), h.device(10)
	for range 10 {
		h.login(d, v)
		if err := h.Logout(t.Context(), d.MAC); err != nil {
			t.Fatal(err)
		}
		h.clock.Pass(24 * time.Hour)
	}
	count := func() int {
		rows, err := h.Logins(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		return len(rows)
	}
	known := func() bool {
		err := h.store.View(t.Context(), func(r hotspot.Reader) error {
			_, err := r.Device(d.MAC)
			return err
		})
		return err == nil
	}
	h.set("log.keep_rows", "8")
	h.flush()
	if n := count(); n != 8 {
		t.Errorf("%d rows, want 8", n)
	}
	h.set("log.keep_days", "5")
	h.flush()
	if n := count(); n != 5 || !known() {
		t.Errorf("%d rows, want 5; device known %v", n, known())
	}
	h.clock.Pass(30 * 24 * time.Hour)
	h.flush()
	if n := count(); n != 0 || known() {
		t.Errorf("%d rows after a month, device known %v", n, known())
	}
}

package hotspot_test

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestVoucherDefaults(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{})
	if len(v.Username) != 6 || len(v.Passcode) != 6 || v.FullName == "" || v.ValidFor.String() != "1 day" {
		t.Errorf("defaults: %+v", v)
	}
	if view := h.view(v); view.Status != hotspot.VoucherNew || !view.ExpiresAt.IsZero() {
		t.Errorf("a new voucher is %q and expires at %v", view.Status, view.ExpiresAt)
	}
}

func TestUsernameTaken(t *testing.T) {
	h := newHouse(t)
	h.voucher(hotspot.VoucherSpec{Username: "Anna"})
	_, err := h.CreateVouchers(t.Context(), hotspot.VoucherSpec{Username: "x"}, hotspot.VoucherSpec{Username: "ANNA"})
	h.refused(err, hotspot.CodeUsernameTaken)
	if _, err := h.Voucher(t.Context(), "x"); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("a refused batch left a voucher behind: %v", err)
	}
}

func TestSpecBounds(t *testing.T) {
	h := newHouse(t)
	for name, s := range map[string]hotspot.VoucherSpec{
		"username": {Username: " a"}, "passcode": {Passcode: "a\x00"}, "note": {Note: string(make([]byte, 2000))},
		"devices": {Devices: 101}, "limit": {Limit: hotspot.Usage{Down: (hotspot.MaxLimitMB + 1) * hotspot.MB}},
		"valid_from": {ValidFrom: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "valid_for": {ValidFor: hours(-1)},
	} {
		_, err := h.CreateVouchers(t.Context(), s)
		if e := h.refused(err, hotspot.CodeInvalid); e.Field != name {
			t.Errorf("%s: error is about %q", name, e.Field)
		}
	}
}

func TestQuotaPerDirection(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 5500, Up: 3000}}), h.device(10)
	h.login(d, v)
	if got := h.up(d, 2000); got != 2000 {
		t.Errorf("up: %d", got)
	}
	h.wantDown(d, 9000, 5000) // the packet that would cross the limit does not pass
	h.poll()
	h.wantWhy(d, hotspot.CodeDownloadUsed)
	if got := h.up(d, 1000); got != 0 {
		t.Errorf("%d bytes passed up after the end", got)
	}
	x := h.lastLogin()
	if x.Reason != hotspot.EndDownload || x.Used != (hotspot.Usage{Down: 5000, Up: 2000}) {
		t.Errorf("log row %+v", x)
	}
	view := h.view(v)
	if view.Status != hotspot.VoucherUsedUp || view.Used.Down != 5000 {
		t.Errorf("voucher %q used %d", view.Status, view.Used.Down)
	}
	_, err := h.tryLogin(d, v)
	h.refused(err, hotspot.CodeDownloadUsed)
}

func TestTopUpLetsBackInAtOnce(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 5500}}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 9000, 5000)
	h.poll()
	h.edit(v, hotspot.VoucherEdit{TopUp: &hotspot.Usage{Down: 2500}})
	h.wantWhy(d, "online")
	h.wantDown(d, 9000, 3000)
}

func TestLimitChangesWhileOnline(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 10_000}}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 4000, 4000)
	h.edit(v, hotspot.VoucherEdit{Limit: &hotspot.Usage{Down: 6000}})
	h.wantDown(d, 9000, 2000)
	h.edit(v, hotspot.VoucherEdit{Limit: &hotspot.Usage{}})
	h.wantDown(d, 50_000, 50_000)
	h.edit(v, hotspot.VoucherEdit{Limit: &hotspot.Usage{Down: 6000}})
	h.wantWhy(d, hotspot.CodeDownloadUsed)
	h.wantDown(d, 1000, 0)
}

func TestQuotaSharedAndKeptOverRelogin(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 10_000}, Devices: 2})
	a, b := h.device(10), h.device(11)
	h.login(a, v)
	h.login(b, v)
	h.wantDown(a, 3000, 3000)
	h.wantDown(b, 3000, 3000)
	if err := h.Logout(t.Context(), a.MAC); err != nil {
		t.Fatal(err)
	}
	h.login(a, v)
	h.wantDown(a, 9000, 4000)
	if got := h.view(v).Used.Down; got != 10_000 {
		h.poll()
		if got = h.view(v).Used.Down; got != 10_000 {
			t.Errorf("used %d", got)
		}
	}
}

func TestDevices(t *testing.T) {
	h := newHouse(t)
	v, a, b := h.voucher(hotspot.VoucherSpec{}), h.device(10), h.device(11)
	h.login(a, v)
	_, err := h.tryLogin(b, v)
	h.refused(err, hotspot.CodeOtherDevice)
	if got := h.view(v).MAC(); got != a.MAC {
		t.Errorf("bound to %s", got)
	}
	h.set("voucher.takeover", "on")
	h.login(b, v)
	h.wantWhy(a, hotspot.CodeReplaced)
	h.wantDown(a, 1000, 0)
	if _, ok, err := h.Return(t.Context(), a); ok || err != nil {
		t.Errorf("the replaced device took its place back: %v %v", ok, err)
	}
	h.set("voucher.takeover", "off")
	h.edit(v, hotspot.VoucherEdit{Unbind: true})
	h.wantWhy(b, hotspot.CodeReplaced)
	h.login(a, v)
}

func TestValidity(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(2)}), h.device(10)
	h.clock.Pass(10 * time.Hour) // does not run before the first login
	st := h.login(d, v)
	if !st.TimeLimited || st.TimeLeft != 2*time.Hour {
		t.Fatalf("time left %v", st.TimeLeft)
	}
	h.clock.Pass(2*time.Hour - time.Second)
	h.wantDown(d, 1000, 1000)
	if next := h.Next(); next != time.Second {
		t.Errorf("next is due in %v", next)
	}
	h.clock.Pass(5 * time.Second)
	h.wantDown(d, 1000, 0) // the gate stops it by itself
	h.poll()
	h.wantWhy(d, hotspot.CodeTimeUsed)
	x := h.lastLogin()
	if x.Reason != hotspot.EndExpired || !x.Ended.Equal(x.Started.Add(2*time.Hour)) || x.Used.Down != 1000 {
		t.Errorf("log row %+v", x)
	}
	_, err := h.tryLogin(d, v)
	h.refused(err, hotspot.CodeTimeUsed)
	h.edit(v, hotspot.VoucherEdit{ValidFor: hours(3)})
	h.wantWhy(d, "online")
}

func TestValidityFromStart(t *testing.T) {
	h := newHouse(t)
	h.set("voucher.validity_from", "valid_from")
	v := h.voucher(hotspot.VoucherSpec{ValidFor: hours(2), ValidFrom: start.Add(time.Hour)})
	d := h.device(10)
	_, err := h.tryLogin(d, v)
	if e := h.refused(err, hotspot.CodeNotYetValid); !e.When.Equal(start.Add(time.Hour)) {
		t.Errorf("valid at %v", e.When)
	}
	h.clock.Pass(2 * time.Hour)
	if st := h.login(d, v); st.TimeLeft != time.Hour {
		t.Errorf("time left %v", st.TimeLeft)
	}
	w := h.voucher(hotspot.VoucherSpec{ValidFor: hours(1)})
	h.clock.Pass(time.Hour)
	if got := h.view(w).Status; got != hotspot.VoucherExpired {
		t.Errorf("a voucher that nobody used is %q", got)
	}
}

func TestShorterValidityEndsNow(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: ptr(hotspot.Always)}), h.device(10)
	h.login(d, v)
	h.clock.Pass(90 * time.Minute)
	h.edit(v, hotspot.VoucherEdit{ValidFor: hours(2)})
	if st, _ := h.Status(t.Context(), d); st.TimeLeft != 30*time.Minute {
		t.Errorf("time left %v", st.TimeLeft)
	}
	h.edit(v, hotspot.VoucherEdit{ValidFor: hours(1)})
	h.wantWhy(d, hotspot.CodeTimeUsed)
	h.wantDown(d, 1000, 0)
}

func TestDisableAndRemove(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	h.edit(v, hotspot.VoucherEdit{Disabled: ptr(true)})
	h.wantWhy(d, hotspot.CodeDisabled)
	_, err := h.tryLogin(d, v)
	h.refused(err, hotspot.CodeDisabled)
	h.edit(v, hotspot.VoucherEdit{Disabled: ptr(false)})
	h.wantWhy(d, "online")
	h.wantDown(d, 1000, 1000)
	if !h.hosts.Kept(d.MAC) {
		t.Error("an online device's addresses are not protected")
	}
	if err := h.RemoveVoucher(t.Context(), v.Username); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 1000, 0)
	if h.hosts.Kept(d.MAC) {
		t.Error("an offline device's addresses are still protected")
	}
	h.wantWhy(d, hotspot.CodeRemoved)
	_, err = h.tryLogin(d, v)
	h.refused(err, hotspot.CodeUnknownCode)
	if x := h.lastLogin(); x.Reason != hotspot.EndRemoved || x.Used.Down != 1000 {
		t.Errorf("log row %+v", x)
	}
	if err := h.RemoveVoucher(t.Context(), v.Username); !errors.Is(err, hotspot.ErrNotFound) {
		t.Errorf("second removal: %v", err)
	}
}

func TestReset(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{ValidFor: hours(2), Limit: hotspot.Usage{Down: 3000}}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 2000, 2000)
	h.clock.Pass(time.Hour)
	view := h.edit(v, hotspot.VoucherEdit{Reset: true})
	if view.Used.Down != 0 || !view.ExpiresAt.Equal(start.Add(3*time.Hour)) {
		t.Errorf("after reset: used %d, expires %v", view.Used.Down, view.ExpiresAt)
	}
	h.wantDown(d, 9000, 3000)
}

func TestReturn(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	h.clock.Pass(31 * time.Minute)
	h.poll()
	h.wantWhy(d, hotspot.CodeIdle)
	if err := h.HostChanged(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	h.wantWhy(d, "online")
	if err := h.Kick(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	if err := h.HostChanged(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	h.wantWhy(d, hotspot.CodeKicked)
	h.login(d, v)
	if err := h.Logout(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := h.Return(t.Context(), d); ok {
		t.Error("a guest who logged out came back by itself")
	}
	h.set("voucher.return", "off")
	h.login(d, v)
	h.clock.Pass(31 * time.Minute)
	h.poll()
	if _, ok, _ := h.Return(t.Context(), d); ok {
		t.Error("let in although the setting is off")
	}
	h.refused(h.Kick(t.Context(), d.MAC), hotspot.CodeNotFound)
}

func TestSessionTimeout(t *testing.T) {
	h := newHouse(t)
	h.set("session.timeout", "1h")
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	h.clock.Pass(time.Hour)
	h.wantDown(d, 1000, 0)
	h.poll()
	h.wantWhy(d, hotspot.CodeTimeout)
	if _, ok, _ := h.Return(t.Context(), d); ok {
		t.Error("let in again without the form")
	}
	h.login(d, v)
	// What a session was promised stays, over edits and restarts.
	h.set("session.timeout", "0s")
	h.edit(v, hotspot.VoucherEdit{Note: ptr("x")})
	h.restart()
	if st, _ := h.Status(t.Context(), d); st.TimeLeft != time.Hour {
		t.Errorf("time left %v", st.TimeLeft)
	}
}

func TestRoaming(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 10_000}}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 4000, 4000)
	old := d.Addrs[0]
	d.Addrs = []netip.Addr{netip.MustParseAddr("192.168.0.99")}
	h.hosts.Put(d)
	if err := h.HostChanged(t.Context(), d.MAC); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 1000, 1000)
	// Another device gets the old address, logs in, and owns it from then on.
	e := h.device(11)
	e.Addrs = []netip.Addr{old}
	h.hosts.Put(e)
	h.login(e, h.voucher(hotspot.VoucherSpec{}))
	h.poll()
	h.wantDown(e, 1000, 1000)
	h.wantDown(d, 9000, 5000)
}

func TestStatusIsFresh(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 3000, 3000)
	h.clock.Pass(2 * time.Second)
	if st, err := h.Status(t.Context(), d); err != nil || st.Guest.Used.Down != 3000 || st.Guest.Allowance.Used.Down != 3000 {
		t.Errorf("%+v, %v", st.Guest, err)
	}
}

func TestSighting(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	privacy := netip.MustParseAddr("fd00::aaaa")
	if h.gate.Pass(d.MAC, privacy, hotspot.Up, 100) {
		t.Error("an address that was not granted passes")
	}
	if err := h.GateEvent(t.Context(), hotspot.GateEvent{Seen: hotspot.Sighting{MAC: d.MAC, Addr: privacy}}); err != nil {
		t.Fatal(err)
	}
	if !h.gate.Pass(d.MAC, privacy, hotspot.Up, 100) || !h.gate.Pass(d.MAC, d.Addrs[0], hotspot.Up, 100) {
		t.Error("after the sighting not both addresses pass")
	}
}

func TestChangesAccount(t *testing.T) {
	h := newHouse(t)
	v, w, d := h.voucher(hotspot.VoucherSpec{}), h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 1000, 1000)
	h.login(d, w)
	h.wantDown(d, 2000, 2000)
	h.poll()
	if a, b := h.view(v).Used.Down, h.view(w).Used.Down; a != 1000 || b != 2000 {
		t.Errorf("used %d and %d", a, b)
	}
	guests, err := h.Guests(t.Context())
	if err != nil || len(guests) != 1 || guests[0].Login != w.Username {
		t.Errorf("guests %+v, %v", guests, err)
	}
}

func TestFree(t *testing.T) {
	h := newHouse(t)
	h.set("free.download_limit", "1")
	d := h.device(10)
	if _, err := h.tryFree(d); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 2*hotspot.MB, hotspot.MB-hotspot.MB%1000)
	h.poll()
	h.wantWhy(d, hotspot.CodeDownloadUsed)
	_, err := h.tryFree(d)
	if e := h.refused(err, hotspot.CodeDownloadUsed); !e.When.Equal(start.Add(24 * time.Hour)) {
		t.Errorf("next period at %v", e.When)
	}
	h.clock.Pass(24 * time.Hour)
	if _, err := h.tryFree(d); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 1000, 1000)
	h.clock.Pass(2 * time.Hour)
	h.poll()
	h.wantWhy(d, hotspot.CodeTimeUsed)
	us, err := h.Users(t.Context(), hotspot.MethodFree, 0, 10)
	if err != nil || len(us) != 1 || us[0].Visits != 2 || us[0].MAC != d.MAC {
		t.Errorf("users %+v, %v", us, err)
	}
}

func TestGateFailureHeals(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.gate.Fail(errors.New("no answer"))
	_, err := h.tryLogin(d, v)
	h.refused(err, hotspot.CodeUnavailable)
	h.gate.Fail(nil)
	h.poll()
	h.wantDown(d, 1000, 1000)
	h.gate.Fail(errors.New("no answer"))
	if err := h.Logout(t.Context(), d.MAC); err == nil {
		t.Error("logout reported success")
	}
	h.gate.Fail(nil)
	h.poll()
	h.wantDown(d, 1000, 0)
	if x := h.lastLogin(); x.Open() || x.Used.Down != 1000 {
		t.Errorf("log row %+v", x)
	}
}

func TestStoreFailureLosesNothing(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 3000, 3000)
	h.store.FailUpdate = func() error { return hotspot.ErrUnavailable }
	if err := h.Logout(t.Context(), d.MAC); err == nil {
		t.Error("logout reported success")
	}
	h.wantDown(d, 1000, 0)
	h.store.FailUpdate = nil
	h.restart() // even a crash here loses nothing: the gate still has the bytes
	h.poll()
	if got := h.view(v).Used.Down; got != 3000 {
		t.Errorf("used %d", got)
	}
}

func TestSomebodyDeletesTheTable(t *testing.T) {
	h := newHouse(t)
	v, d := h.voucher(hotspot.VoucherSpec{Limit: hotspot.Usage{Down: 5000}}), h.device(10)
	h.login(d, v)
	h.wantDown(d, 2000, 2000)
	h.poll()
	h.gate.Lose()
	if err := h.GateEvent(t.Context(), hotspot.GateEvent{Lost: true}); err != nil {
		t.Fatal(err)
	}
	h.wantDown(d, 9000, 3000)
}

func TestConcurrentLoginsOfOneVoucher(t *testing.T) {
	h := newHouse(t)
	v := h.voucher(hotspot.VoucherSpec{Devices: 3, Limit: hotspot.Usage{Down: 100_000}})
	var wg sync.WaitGroup
	var mu sync.Mutex
	in := 0
	for i := range byte(20) {
		d := h.device(10 + i)
		wg.Go(func() {
			if _, err := h.tryLogin(d, v); err == nil {
				mu.Lock()
				in++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if in != 3 || len(h.gate.Admitted()) != 3 || h.view(v).Online != 3 {
		t.Errorf("%d logged in, %d let in, %d online; want 3", in, len(h.gate.Admitted()), h.view(v).Online)
	}
}

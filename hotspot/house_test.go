package hotspot_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

// house is a whole hotspot without a kernel, whose time the test moves.
type house struct {
	*hotspot.Service
	t     *testing.T
	store *hotspottest.Store
	gate  *memory.Gate
	hosts *hotspottest.Hosts
	clock *hotspottest.Clock
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, store: hotspottest.NewStore(), hosts: &hotspottest.Hosts{}, clock: hotspottest.NewClock(start)}
	h.gate = memory.New(memory.Now(h.clock.Mono))
	h.restart()
	return h
}

// restart begins a new run of the daemon on the same store and gate, as after
// kill -9.
func (h *house) restart() {
	h.t.Helper()
	h.Service = hotspot.New(hotspot.Config{Store: h.store, Gate: h.gate, Hosts: h.hosts, Clock: h.clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := h.Start(h.t.Context()); err != nil {
		h.t.Fatalf("start: %v", err)
	}
}

// reboot begins a new run with an empty gate, after the machine was off.
func (h *house) reboot(wall time.Time, boot string) {
	h.t.Helper()
	h.clock.Reboot(wall, boot)
	h.gate = memory.New(memory.Now(h.clock.Mono))
	h.restart()
}

func (h *house) set(key, value string) {
	h.t.Helper()
	if err := h.SetSetting(h.t.Context(), key, value); err != nil {
		h.t.Fatalf("set %s: %v", key, err)
	}
}

func (h *house) voucher(spec hotspot.VoucherSpec) hotspot.Voucher {
	h.t.Helper()
	vs, err := h.CreateVouchers(h.t.Context(), spec)
	if err != nil {
		h.t.Fatalf("create voucher: %v", err)
	}
	return vs[0]
}

// device puts device n on the guest network.
func (h *house) device(n byte) hotspot.Host {
	d := hotspot.Host{MAC: hotspot.MAC{2, 0, 0, 0, 0, n}, Name: "phone",
		Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, 0, n}), netip.AddrFrom16([16]byte{0xfd, 0, 15: n})}}
	h.hosts.Put(d)
	return d
}

func (h *house) login(d hotspot.Host, v hotspot.Voucher) hotspot.GuestStatus {
	h.t.Helper()
	st, err := h.tryLogin(d, v)
	if err != nil || !st.Online {
		h.t.Fatalf("login of %s: online %v, %v", d.MAC, st.Online, err)
	}
	return st
}

func (h *house) tryLogin(d hotspot.Host, v hotspot.Voucher) (hotspot.GuestStatus, error) {
	return h.Login(h.t.Context(), d, hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: v.ID, Login: v.Username})
}

func (h *house) tryFree(d hotspot.Host) (hotspot.GuestStatus, error) {
	return h.Login(h.t.Context(), d, hotspot.Claim{Method: hotspot.MethodFree, Login: d.MAC.String(),
		User: hotspot.User{Method: hotspot.MethodFree, Key: d.MAC.String()}})
}

// refused checks a refusal's code.
func (h *house) refused(err error, want hotspot.Code) *hotspot.Error {
	h.t.Helper()
	var e *hotspot.Error
	if !errors.As(err, &e) || e.Code != want {
		h.t.Fatalf("got error %v, want code %s", err, want)
	}
	return e
}

// down and up send packets of 1,000 bytes until n bytes or the gate refuses,
// and return what passed.
func (h *house) down(d hotspot.Host, n uint64) uint64 { return h.traffic(d, hotspot.Down, n) }
func (h *house) up(d hotspot.Host, n uint64) uint64   { return h.traffic(d, hotspot.Up, n) }

func (h *house) traffic(d hotspot.Host, dir hotspot.Direction, n uint64) (passed uint64) {
	for passed < n && h.gate.Pass(d.MAC, d.Addrs[0], dir, min(1000, n-passed)) {
		passed += min(1000, n-passed)
	}
	return passed
}

func (h *house) wantDown(d hotspot.Host, n, want uint64) {
	h.t.Helper()
	if got := h.down(d, n); got != want {
		h.t.Errorf("of %d bytes down to %s %d passed, want %d", n, d.MAC, got, want)
	}
}

func (h *house) poll() {
	h.t.Helper()
	if err := h.Poll(h.t.Context()); err != nil {
		h.t.Fatalf("poll: %v", err)
	}
}

func (h *house) flush() {
	h.t.Helper()
	if err := h.Flush(h.t.Context()); err != nil {
		h.t.Fatalf("flush: %v", err)
	}
}

func (h *house) view(v hotspot.Voucher) hotspot.VoucherView {
	h.t.Helper()
	x, err := h.Voucher(h.t.Context(), v.Username)
	if err != nil {
		h.t.Fatalf("voucher %s: %v", v.Username, err)
	}
	return x
}

// why returns the code that tells an offline device why it is.
func (h *house) why(d hotspot.Host) hotspot.Code {
	h.t.Helper()
	st, err := h.Status(h.t.Context(), d)
	if err != nil {
		h.t.Fatal(err)
	}
	switch {
	case st.Online:
		return "online"
	case st.Why == nil:
		return ""
	}
	return st.Why.Code
}

func (h *house) wantWhy(d hotspot.Host, want hotspot.Code) {
	h.t.Helper()
	if got := h.why(d); got != want {
		h.t.Errorf("%s is told %q, want %q", d.MAC, got, want)
	}
}

func (h *house) edit(v hotspot.Voucher, e hotspot.VoucherEdit) hotspot.VoucherView {
	h.t.Helper()
	x, err := h.EditVoucher(h.t.Context(), v.Username, e)
	if err != nil {
		h.t.Fatalf("edit: %v", err)
	}
	return x
}

func (h *house) lastLogin() hotspot.Session {
	h.t.Helper()
	rows, err := h.Logins(context.Background(), 0, 1)
	if err != nil || len(rows) != 1 {
		h.t.Fatalf("logins: %d rows, %v", len(rows), err)
	}
	return rows[0]
}

func hours(n int) *hotspot.Validity {
	v := hotspot.Validity(time.Duration(n) * time.Hour)
	return &v
}

func ptr[T any](v T) *T { return &v }

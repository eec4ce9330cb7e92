package dashboard_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/dashboard"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// house is a hotspot without a kernel, and its first page.
type house struct {
	*paneltest.Site
	t        *testing.T
	rules    *hotspot.Service
	hosts    *hotspottest.Hosts
	clock    *hotspottest.Clock
	gate     *memory.Gate
	stopping chan struct{}
	found    []api.Finding
	notices  hotspot.Texts
}

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	h := &house{t: t, hosts: &hotspottest.Hosts{}, stopping: make(chan struct{}),
		clock: hotspottest.NewClock(time.Date(2026, 6, 10, 9, 0, 0, 0, time.UTC))}
	for _, check := range []string{"guest interface", "uplink", "DHCP", "clock", "data directory", "snapshots", "memory"} {
		h.found = append(h.found, api.Finding{Check: check, Verdict: "ok", Found: hotspot.Textf("fine")})
	}
	h.gate = memory.New(memory.Now(h.clock.Mono))
	h.rules = hotspot.New(hotspot.Config{Store: hotspottest.NewStore(), Gate: h.gate, Hosts: h.hosts, Clock: h.clock, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := h.rules.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"login.free": "on", "session.idle_timeout": "0s"} {
		if err := h.rules.SetSetting(t.Context(), key, value); err != nil {
			t.Fatal(err)
		}
	}
	h.Site = paneltest.Serve(t, role, dashboard.New(dashboard.Config{Service: h.rules, Streams: &panel.Streams{Stopping: h.stopping},
		Health:  func(context.Context) []api.Finding { return h.found },
		Notices: func() hotspot.Texts { return h.notices }}))
	return h
}

// login lets device n in, by a method.
func (h *house) login(n int, m hotspot.Method, voucher hotspot.Voucher) hotspot.Host {
	h.t.Helper()
	d := hotspot.Host{MAC: hotspot.MAC{2, 0, 0x5e, 0x10, byte(n >> 8), byte(n)}, Name: "phone", Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, byte(n >> 8), byte(n)})}}
	h.hosts.Put(d)
	c := hotspot.Claim{Method: m, Voucher: voucher.ID, Login: voucher.Username}
	if m != hotspot.MethodVoucher {
		c.Login, c.User = d.MAC.String(), hotspot.User{Method: m, Key: d.MAC.String()}
	}
	if _, err := h.rules.Login(h.t.Context(), d, c); err != nil {
		h.t.Fatal(err)
	}
	return d
}

// vouchers makes vouchers that last.
func (h *house) vouchers(names ...string) []hotspot.Voucher {
	h.t.Helper()
	var specs []hotspot.VoucherSpec
	always := hotspot.Always
	for _, n := range names {
		specs = append(specs, hotspot.VoucherSpec{Username: n, FullName: "Guest " + n, ValidFor: &always, Devices: 50})
	}
	made, err := h.rules.CreateVouchers(h.t.Context(), specs...)
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}

func (h *house) pass(d time.Duration) {
	h.t.Helper()
	h.clock.Pass(d)
	if err := h.rules.Poll(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if err := h.rules.Flush(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) traffic(d hotspot.Host, down, up uint64) {
	h.gate.Pass(d.MAC, d.Addrs[0], hotspot.Down, down)
	h.gate.Pass(d.MAC, d.Addrs[0], hotspot.Up, up)
}

// busy is a house in use for weeks, on an afternoon.
func busy(t *testing.T, role api.Role) *house {
	t.Helper()
	h := newHouse(t, role)
	vs := h.vouchers("K7MPQ2", "suite-401", "R2XW9Q", "bar")
	for n := range 34 { // until the day of the test
		d := h.login(n, hotspot.MethodVoucher, vs[n%3])
		h.traffic(d, uint64(1+n*n%17)<<28, uint64(1+n%5)<<27)
		h.pass(12 * time.Hour)
		h.traffic(d, uint64(1+n*7%13)<<28, uint64(1+n%3)<<26)
		h.pass(12 * time.Hour)
		if err := h.rules.Kick(t.Context(), d.MAC); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 30 {
		m := hotspot.MethodFree
		if n%3 > 0 {
			m = hotspot.MethodVoucher
		}
		h.login(100+n, m, vs[3])
		h.pass(time.Duration(1+n*n%20) * time.Minute)
	}
	h.pass(h.Site.Now.Add(-31 * time.Minute).Sub(h.clock.Read().Wall))
	d := h.login(200, hotspot.MethodVoucher, vs[0])
	for n := range 186 {
		h.traffic(d, uint64(2+n*n%31)<<20, uint64(1+n*n%7)<<19)
		h.pass(10 * time.Second)
	}
	return h
}

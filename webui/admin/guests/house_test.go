package guests_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/guests"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// house is a hotspot without a kernel, and the pages about its guests.
type house struct {
	*paneltest.Site
	t        *testing.T
	rules    *hotspot.Service
	store    *hotspottest.Store
	hosts    *hotspottest.Hosts
	clock    *hotspottest.Clock
	gate     *memory.Gate
	stopping chan struct{}
}

func newHouse(t *testing.T, role api.Role) *house {
	t.Helper()
	h := &house{t: t, store: hotspottest.NewStore(), hosts: &hotspottest.Hosts{}, stopping: make(chan struct{}),
		clock: hotspottest.NewClock(time.Date(2026, 7, 14, 13, 0, 0, 0, time.UTC))}
	h.gate = memory.New(memory.Now(h.clock.Mono))
	h.rules = hotspot.New(hotspot.Config{Store: h.store, Gate: h.gate, Hosts: h.hosts, Clock: h.clock, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := h.rules.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.set("login.free", "on")
	streams := &panel.Streams{Stopping: h.stopping}
	h.Site = paneltest.Serve(t, role, guests.New(guests.Config{Service: h.rules, Streams: streams}))
	return h
}

func (h *house) set(key, value string) {
	h.t.Helper()
	if err := h.rules.SetSetting(h.t.Context(), key, value); err != nil {
		h.t.Fatal(err)
	}
}

// now lets the house's clock show the panel's time.
func (h *house) now() {
	h.clock.Pass(h.Site.Now.Sub(h.clock.Read().Wall))
	if err := h.rules.Poll(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// host puts device n on the guest network.
func (h *house) host(n int, name string) hotspot.Host {
	d := hotspot.Host{MAC: hotspot.MAC{2, 0, 0x5e, 0x10, byte(n >> 8), byte(n)}, Name: name, Age: 2 * time.Hour, Idle: 20 * time.Second,
		Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, byte(n >> 8), byte(n)}), netip.MustParseAddr(fmt.Sprintf("fd00:1234:5678:9abc:def0:1234:5678:%x", n+1))}}
	h.hosts.Put(d)
	return d
}

// login lets a device in with a voucher of its own.
func (h *house) login(d hotspot.Host, spec hotspot.VoucherSpec) hotspot.Voucher {
	h.t.Helper()
	made, err := h.rules.CreateVouchers(h.t.Context(), spec)
	if err == nil {
		_, err = h.rules.Login(h.t.Context(), d, hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: made[0].ID, Login: made[0].Username})
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return made[0]
}

// free lets a device in for nothing.
func (h *house) free(d hotspot.Host) {
	h.t.Helper()
	if _, err := h.rules.Login(h.t.Context(), d, hotspot.Claim{Method: hotspot.MethodFree, Login: d.MAC.String(),
		User: hotspot.User{Method: hotspot.MethodFree, Key: d.MAC.String()}}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) down(d hotspot.Host, n uint64) {
	for range n / 100_000 {
		h.gate.Pass(d.MAC, d.Addrs[0], hotspot.Down, 100_000)
		h.gate.Pass(d.MAC, d.Addrs[0], hotspot.Up, 7_000)
	}
}

// busy is a house on an afternoon: a guest with a voucher, one for free, one
// without limits, two that are not let in, and one that is blocked.
func busy(t *testing.T, role api.Role) (*house, []hotspot.Host) {
	t.Helper()
	h := newHouse(t, role)
	day := hotspot.Validity(24 * time.Hour)
	always := hotspot.Always
	ds := []hotspot.Host{h.host(1, "Annas-iPhone"), h.host(2, ""), h.host(3, "Donaudampfschifffahrtselektrizitäten-Laptop"), h.host(4, "android-7c9e"), h.host(5, "أهلا وسهلا"), h.host(6, "Noise")}
	h.login(ds[0], hotspot.VoucherSpec{Username: "K7MPQ2", FullName: "Anna Rossi", ValidFor: &day, Limit: hotspot.Usage{Down: 500 * hotspot.MB, Up: 200 * hotspot.MB}, LimitTotal: 600 * hotspot.MB})
	h.set("free.duration", "6h")
	h.clock.Pass(40 * time.Minute)
	h.free(ds[1])
	h.login(ds[2], hotspot.VoucherSpec{Username: "suite-401", FullName: "Gruppo Bianchi", ValidFor: &always})
	h.login(ds[5], hotspot.VoucherSpec{Username: "R2XW9Q"})
	if _, err := h.rules.Block(t.Context(), ds[5].MAC, "Room 9: disturbs the others"); err != nil {
		t.Fatal(err)
	}
	h.set("session.idle_timeout", "0s")
	h.down(ds[0], 120*hotspot.MB)
	h.now()
	h.down(ds[0], 40*hotspot.MB)
	h.down(ds[2], 3*hotspot.MB)
	h.clock.Pass(10 * time.Second)
	if err := h.rules.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h, ds
}

// stored lets many devices in, as a run before this one would have.
func (h *house) stored(many int) {
	h.t.Helper()
	err := h.store.Update(h.t.Context(), func(tx hotspot.Tx) error {
		for n := range many {
			m := hotspot.MAC{2, 1, 0, 0, byte(n >> 8), byte(n)}
			u := hotspot.User{Method: hotspot.MethodFree, Key: m.String()}
			if err := tx.PutUser(&u); err != nil {
				return err
			}
			x := hotspot.Session{Account: u.Account(), Login: u.Key, MAC: m, Started: h.clock.Read().Wall,
				Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})}}
			if err := tx.PutSession(&x); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = h.rules.Start(h.t.Context())
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func gzipped(t *testing.T, page string) int {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(page)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}

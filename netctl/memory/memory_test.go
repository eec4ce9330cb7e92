package memory_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/gatetest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

func TestPassCountsUntilTheLimit(t *testing.T) {
	var now time.Duration
	g := memory.New(memory.Now(func() time.Duration { return now }))
	mac, addr := hotspot.MAC{2, 1}, netip.MustParseAddr("192.168.0.10")
	account := hotspot.AccountID{Method: hotspot.MethodVoucher, ID: 43}
	set := func(limit uint64, left time.Duration) {
		t.Helper()
		err := g.Set(t.Context(), hotspot.Pass{
			Account: account, Limit: hotspot.Usage{Down: limit},
			Grants: []hotspot.Grant{{Session: 17, MAC: mac, Addrs: []netip.Addr{addr}, Left: left}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	events, done := make(chan hotspot.GateEvent, 8), make(chan error, 1)
	go func() { done <- g.Watch(ctx, func(e hotspot.GateEvent) { events <- e }) }()
	gatetest.Eventually(t, "Watch listens", func() bool { return g.Watched() > 0 })

	set(3000, time.Minute)
	for i, want := range []bool{true, true, false, false} {
		if got := g.Pass(mac, addr, hotspot.Down, 1400); got != want {
			t.Errorf("packet %d: passed = %v", i, got)
		}
	}
	if e := <-events; e.Account != account || e.Direction != hotspot.Down || e.Lost {
		t.Errorf("event %+v", e)
	}
	if g.Pass(hotspot.MAC{2, 2}, addr, hotspot.Up, 1) {
		t.Error("another device passed with the address")
	}
	now = time.Minute
	if g.Pass(mac, addr, hotspot.Up, 1) {
		t.Error("passed after the end")
	}
	tally, err := g.Read(t.Context())
	if err != nil || len(tally.Meters) != 1 || tally.Meters[0].Used != (hotspot.Usage{Down: 2800}) || len(tally.Depleted) != 1 {
		t.Errorf("tally %+v, %v", tally, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Watch: %v", err)
	}
}

package gatetest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func testAdmission(s *suite) {
	a, b := guest(1), guest(2)
	s.wantRefused(a, a.v4, a.v6)
	s.set(hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{a.grant(11)}})
	s.wantPass(a, 500, a.v4, a.v6)
	s.wantRefused(b, b.v4, b.v6)
	if s.lab.Packet(b.mac, a.v4, hotspot.Up, 100) || s.lab.Packet(b.mac, a.v6, hotspot.Up, 100) {
		s.Error("another device passed with the guest's address")
	}
	if s.lab.Packet(a.mac, b.v4, hotspot.Up, 100) || s.lab.Packet(a.mac, b.v6, hotspot.Up, 100) {
		s.Error("the guest's device passed with another address")
	}
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 1000, Up: 1000}})
}

func testAddresses(s *suite) {
	a := guest(1)
	more := []netip.Addr{guest(2).v6, guest(3).v6, guest(4).v4}
	g := a.grant(11)
	pass := func() hotspot.Pass { return hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{g}} }
	s.set(pass())
	s.wantRefused(a, more...)
	g.Addrs = slices.Concat([]netip.Addr{a.v4}, more)
	s.set(pass())
	s.wantPass(a, 100, more...)
	s.wantPass(a, 100, a.v4)
	s.wantRefused(a, a.v6)
	g.Addrs = nil
	s.set(pass())
	s.wantRefused(a, append(more, a.v4)...)
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 400, Up: 400}})
	g.Addrs = []netip.Addr{a.v4}
	s.set(pass())
	s.wantPass(a, 100, a.v4)
}

func testIdempotence(s *suite) {
	a, b := guest(1), guest(2)
	pass := hotspot.Pass{
		Account: account(1), Limit: hotspot.Usage{Down: 10000, Up: 10000}, Used: hotspot.Usage{Down: 2000},
		Grants: []hotspot.Grant{a.grant(11), b.grant(12)},
	}
	s.set(pass)
	s.wantPass(a, 1000, a.v4, a.v6)
	for range 3 {
		s.set(pass)
	}
	slices.Reverse(pass.Grants)
	slices.Reverse(pass.Grants[0].Addrs)
	s.set(pass)
	s.set()
	s.wantPass(b, 1000, b.v4)
	s.wantMeters(
		hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 2000, Up: 2000}},
		hotspot.Meter{Session: 12, Account: account(1), Used: hotspot.Usage{Down: 1000, Up: 1000}})
	// 2000 + 3000 of 10000 are used down, 3000 up.
	if got := s.offer(a, a.v4, hotspot.Down, 990); got != 4950 {
		s.Errorf("%d bytes passed down, want 4950", got)
	}
	if got := s.offer(a, a.v4, hotspot.Up, 990); got != 6930 {
		s.Errorf("%d bytes passed up, want 6930", got)
	}
}

func testRemoval(s *suite) {
	a, b, c := guest(1), guest(2), guest(3)
	s.set(hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{a.grant(11), b.grant(12)}},
		hotspot.Pass{Account: account(2), Grants: []hotspot.Grant{c.grant(13)}})
	s.wantPass(a, 200, a.v4, a.v6)
	s.set(hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{b.grant(12)}})
	s.wantRefused(a, a.v4, a.v6)
	s.wantPass(b, 100, b.v4, b.v6)
	s.set(hotspot.Pass{Account: account(1)}, hotspot.Pass{Account: account(7)})
	s.wantRefused(b, b.v4, b.v6)
	s.wantPass(c, 100, c.v4, c.v6)
	s.set(hotspot.Pass{Account: account(1)})
	s.wantMeters(
		hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 400, Up: 400}},
		hotspot.Meter{Session: 12, Account: account(1), Used: hotspot.Usage{Down: 200, Up: 200}},
		hotspot.Meter{Session: 13, Account: account(2), Used: hotspot.Usage{Down: 200, Up: 200}})
}

func testTakeOver(s *suite) {
	a, b := guest(1), guest(2)
	s.set(hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{a.grant(11)}})
	s.wantPass(a, 100, a.v4, a.v6)
	b.v4 = a.v4
	s.set(hotspot.Pass{Account: account(2), Grants: []hotspot.Grant{b.grant(12)}})
	s.wantPass(b, 300, b.v4)
	if s.lab.Packet(a.mac, a.v4, hotspot.Up, 100) {
		s.Error("the older guest still passes with the address that was taken over")
	}
	s.wantPass(a, 100, a.v6)
	// Ending the older session must not hurt the newer one.
	s.set(hotspot.Pass{Account: account(1)})
	s.wantPass(b, 300, b.v4)
	s.wantMeters(
		hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 300, Up: 300}},
		hotspot.Meter{Session: 12, Account: account(2), Used: hotspot.Usage{Down: 600, Up: 600}})
}

func testSwap(s *suite) {
	a, b := guest(1), guest(2)
	pass := func() []hotspot.Pass {
		return []hotspot.Pass{
			{Account: account(1), Grants: []hotspot.Grant{a.grant(11)}},
			{Account: account(2), Grants: []hotspot.Grant{b.grant(12)}},
		}
	}
	s.set(pass()...)
	a.v4, b.v4 = b.v4, a.v4
	s.set(pass()...)
	s.wantPass(a, 100, a.v4, a.v6)
	s.wantPass(b, 200, b.v4, b.v6)
	s.wantMeters(
		hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 200, Up: 200}},
		hotspot.Meter{Session: 12, Account: account(2), Used: hotspot.Usage{Down: 400, Up: 400}})
	// In one call the newest session has the address.
	a.v4 = b.v4
	s.set(pass()...)
	s.wantPass(b, 100, b.v4)
	if s.lab.Packet(a.mac, a.v4, hotspot.Up, 100) {
		s.Error("the older of two sessions got the address that both name")
	}
}

func testRoaming(s *suite) {
	a, b := guest(1), guest(2)
	limit := hotspot.Usage{Down: 3000, Up: 3000}
	s.set(hotspot.Pass{Account: account(1), Limit: limit, Grants: []hotspot.Grant{a.grant(11)}})
	s.wantPass(a, 1000, a.v4)
	g := a.grant(11)
	g.Addrs = []netip.Addr{b.v4}
	s.set(hotspot.Pass{Account: account(1), Limit: limit, Grants: []hotspot.Grant{g}})
	s.wantRefused(a, a.v4, a.v6)
	s.wantPass(a, 1000, b.v4)
	// The same session on another device, as after a change of its MAC.
	g.MAC = b.mac
	s.set(hotspot.Pass{Account: account(1), Limit: limit, Grants: []hotspot.Grant{g}})
	if s.lab.Packet(a.mac, b.v4, hotspot.Up, 100) {
		s.Error("the old MAC still passes")
	}
	s.wantPass(b, 900, b.v4)
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 2900, Up: 2900}})
}

func testSightings(s *suite) {
	a, b, stranger := guest(1), guest(2), guest(3)
	events := s.watch()
	g := a.grant(11)
	s.set(hotspot.Pass{Account: account(1), Limit: hotspot.Usage{Up: 1000}, Grants: []hotspot.Grant{g}})
	s.offer(a, a.v4, hotspot.Up, 400) // refused in the end, but not strange
	s.wantRefused(stranger, stranger.v4, stranger.v6)
	for _, addr := range []netip.Addr{b.v4, b.v6} {
		var sent time.Time
		want := hotspot.GateEvent{Seen: hotspot.Sighting{MAC: a.mac, Addr: addr}}
		Eventually(s.T, "the address is reported", func() bool {
			if time.Since(sent) > 5*time.Second { // a gate need not remember it for long
				sent = time.Now()
				if s.lab.Packet(a.mac, addr, hotspot.Up, 100) {
					s.Errorf("%v passed although it was not granted", addr)
				}
			}
			select {
			case e := <-events:
				if e.Lost || e.Seen.MAC == stranger.mac || e.Seen.Addr == a.v4 {
					s.Errorf("event %+v", e)
				}
				return e == want
			default:
				return false
			}
		})
	}
}

func testInvalid(s *suite) {
	a := guest(1)
	good := a.grant(11)
	change := func(f func(*hotspot.Grant)) []hotspot.Pass {
		g := a.grant(12)
		f(&g)
		return []hotspot.Pass{
			{Account: account(1), Grants: []hotspot.Grant{good}},
			{Account: account(2), Grants: []hotspot.Grant{g}},
		}
	}
	cases := map[string][]hotspot.Pass{
		"no session":        change(func(g *hotspot.Grant) { g.Session = 0 }),
		"session twice":     change(func(g *hotspot.Grant) { g.Session = 11 }),
		"no MAC":            change(func(g *hotspot.Grant) { g.MAC = hotspot.MAC{} }),
		"no address":        change(func(g *hotspot.Grant) { g.Addrs = append(g.Addrs, netip.Addr{}) }),
		"multicast address": change(func(g *hotspot.Grant) { g.Addrs = []netip.Addr{netip.MustParseAddr("ff02::1")} }),
		"unknown method":    {{Account: hotspot.AccountID{Method: "x", ID: 1}}},
		"account twice":     {{Account: account(1)}, {Account: account(1)}},
	}
	for name, passes := range cases {
		if err := s.gate.Set(s.Context(), passes...); !errors.Is(err, hotspot.ErrInvalid) {
			s.Errorf("%s: error %v, want a refusal of the input", name, err)
		}
	}
	s.wantRefused(a, a.v4, a.v6)
	s.wantMeters()
}

func testCancelled(s *suite) {
	a := guest(1)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	pass := hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{a.grant(11)}}
	if err := s.gate.Set(ctx, pass); !errors.Is(err, context.Canceled) {
		s.Errorf("Set: %v", err)
	}
	if _, err := s.gate.Read(ctx); !errors.Is(err, context.Canceled) {
		s.Errorf("Read: %v", err)
	}
	if err := s.gate.Forget(ctx, 11); !errors.Is(err, context.Canceled) {
		s.Errorf("Forget: %v", err)
	}
	if err := s.gate.Watch(ctx, func(hotspot.GateEvent) {}); err != nil {
		s.Errorf("Watch: %v", err)
	}
	s.wantRefused(a, a.v4)
}

func testThousand(s *suite) {
	const n = 1000
	var passes []hotspot.Pass
	for i := 1; i <= n; i++ {
		passes = append(passes, hotspot.Pass{
			Account: account(uint64(i)), Limit: hotspot.Usage{Down: 5000, Up: 5000},
			Grants: []hotspot.Grant{guest(i).grant(uint64(i))},
		})
	}
	s.set(passes...)
	for _, i := range []int{1, 2, 499, 500, 501, 998, n} {
		d := guest(i)
		s.wantPass(d, 100, d.v4, d.v6)
	}
	if got := len(s.tally().Meters); got != n {
		s.Errorf("%d meters, want %d", got, n)
	}
	s.set(passes...)
	for i := range passes {
		if i%2 == 0 {
			passes[i].Grants = nil
		}
	}
	s.set(passes...)
	s.wantRefused(guest(1), guest(1).v4, guest(1).v6)
	s.wantPass(guest(2), 100, guest(2).v4, guest(2).v6)
	var odd []uint64
	for i := 1; i <= n; i++ {
		odd = append(odd, uint64(i))
	}
	s.forget(odd...)
	if got := len(s.tally().Meters); got != n/2 {
		s.Errorf("%d meters after half was forgotten, want %d", got, n/2)
	}
}

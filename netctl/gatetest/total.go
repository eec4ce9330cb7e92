package gatetest

import (
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// together returns a pass with one device and a limit of both directions.
func together(d device, limit hotspot.Usage, total uint64, used hotspot.Usage) hotspot.Pass {
	p := one(d, limit, used)
	p.LimitTotal = total
	return p
}

// used is the meter of session 11.
func used(down, up uint64) hotspot.Meter {
	return hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: down, Up: up}}
}

// pass offers packets that must pass, in one direction.
func (s *suite) pass(d device, dir hotspot.Direction, n, times int) {
	s.Helper()
	for range times {
		if !s.lab.Packet(d.mac, d.v4, dir, n) {
			s.Fatalf("a packet of %d bytes did not pass: %v", n, dir)
		}
	}
}

func testTotal(s *suite) {
	a := guest(1)
	s.set(together(a, hotspot.Usage{}, 5000, hotspot.Usage{}))
	s.wantDepleted()
	s.wantPass(a, 600, a.v4, a.v6) // 2400
	s.pass(a, hotspot.Up, 900, 1)
	if got := s.offer(a, a.v6, hotspot.Down, 800); got != 1600 {
		s.Errorf("%d bytes passed down, want 1600 of the 1700 that were left", got)
	}
	s.wantDepleted(spent(hotspot.Total))
	s.wantRefused(a, a.v4, a.v6)
	s.wantMeters(used(2800, 2100))
	s.set(together(a, hotspot.Usage{}, 5000, hotspot.Usage{Down: 2800, Up: 2100}))
	s.wantRefused(a, a.v4, a.v6)
	s.set(hotspot.Pass{Account: account(1)})
	s.wantDepleted()
	s.wantMeters(used(2800, 2100))
}

func testTotalShared(s *suite) {
	a, b, c := guest(1), guest(2), guest(3)
	s.set(hotspot.Pass{
		Account: account(1), LimitTotal: 10000,
		Grants: []hotspot.Grant{a.grant(11), b.grant(12), c.grant(13)},
	})
	passed := uint64(0)
	for i := range 30 {
		d := []device{a, b, c}[i%3]
		addr := d.v4
		if i%2 == 0 {
			addr = d.v6
		}
		if s.lab.Packet(d.mac, addr, both[i/3%2], 900) {
			passed += 900
		}
	}
	sum := hotspot.Usage{}
	for _, m := range s.tally().Meters {
		sum = sum.Add(m.Used)
	}
	if passed != 9900 || sum.Down+sum.Up != passed || sum.Down == 0 || sum.Up == 0 {
		s.Errorf("%d bytes passed for three devices and %+v are counted, want 9900", passed, sum)
	}
	s.wantDepleted(spent(hotspot.Total))
}

func testTotalBeside(s *suite) {
	a := guest(1)
	s.set(together(a, hotspot.Usage{Down: 3000}, 5000, hotspot.Usage{}))
	if got := s.offer(a, a.v4, hotspot.Down, 900); got != 2700 {
		s.Errorf("%d bytes passed down, want 2700", got)
	}
	for range 9 {
		s.lab.Packet(a.mac, a.v6, hotspot.Down, 900) // refused, and not to be counted by the other
	}
	s.wantDepleted(spent(hotspot.Down))
	if s.lab.Packet(hotspot.MAC{2, 9}, a.v4, hotspot.Up, 100) {
		s.Error("another device passed with the address")
	}
	if got := s.offer(a, a.v6, hotspot.Up, 900); got != 1800 {
		s.Errorf("%d bytes passed up, want 1800 of the 2300 that were left", got)
	}
	s.wantDepleted(spent(hotspot.Down), spent(hotspot.Total))
	s.wantRefused(a, a.v4, a.v6)
	s.wantMeters(used(2700, 1800))
	s.set(hotspot.Pass{Account: account(1)})
	s.wantDepleted()
	s.wantRefused(a, a.v4, a.v6)
}

func testTotalRaised(s *suite) {
	a := guest(1)
	s.set(together(a, hotspot.Usage{}, 5000, hotspot.Usage{}))
	s.wantPass(a, 1000, a.v4, a.v6)
	// The figure that comes with it is old: a quota that runs keeps its own.
	s.set(together(a, hotspot.Usage{}, 6000, hotspot.Usage{Up: 100}))
	if got := s.offer(a, a.v4, hotspot.Up, 300); got != 1800 {
		s.Errorf("%d bytes passed after the limit was raised, want 1800 of 2000", got)
	}
	s.wantDepleted(spent(hotspot.Total))
}

func testTotalRefilled(s *suite) {
	a := guest(1)
	s.set(together(a, hotspot.Usage{}, 5000, hotspot.Usage{}))
	s.pass(a, hotspot.Up, 1000, 2)
	first := s.offer(a, a.v4, hotspot.Down, 900)
	for range 5 {
		s.lab.Packet(a.mac, a.v4, hotspot.Down, 1400) // refused, and not to be counted
	}
	s.set(together(a, hotspot.Usage{}, 10000, hotspot.Usage{Down: first, Up: 2000}))
	s.wantDepleted()
	s.pass(a, hotspot.Up, 1000, 1)
	second := s.offer(a, a.v6, hotspot.Down, 900)
	if first+second != 6300 {
		s.Errorf("%d + %d bytes passed down, want 6300 of 7000", first, second)
	}
	s.wantMeters(used(first+second, 3000))
}

// testTotalRefilledBeside: what one quota refused must not burden another.
func testTotalRefilledBeside(s *suite) {
	a := guest(1)
	limit := hotspot.Usage{Down: 4000, Up: 9000}
	s.set(together(a, limit, 5000, hotspot.Usage{}))
	s.pass(a, hotspot.Up, 1000, 2)
	s.pass(a, hotspot.Down, 1300, 2)
	for range 9 {
		s.lab.Packet(a.mac, a.v4, hotspot.Down, 1300)
	}
	s.wantRefused(a, a.v4, a.v6)
	s.set(together(a, limit, 9000, hotspot.Usage{Down: 2600, Up: 2000}))
	s.wantDepleted()
	if got := s.offer(a, a.v4, hotspot.Down, 300); got != 1200 {
		s.Errorf("%d bytes passed down, want 1200 of the 1400 that were left of the direction's limit", got)
	}
	if got := s.offer(a, a.v6, hotspot.Up, 700); got != 2800 {
		s.Errorf("%d bytes passed up, want 2800 of the 3200 that were left of the combined limit", got)
	}
	s.wantDepleted(spent(hotspot.Down), spent(hotspot.Total))
	// And without the combined limit.
	s.set(together(a, hotspot.Usage{Down: 4900, Up: 9000}, 0, hotspot.Usage{Down: 3800, Up: 4800}))
	s.wantDepleted()
	if got := s.offer(a, a.v4, hotspot.Down, 300); got != 900 {
		s.Errorf("%d bytes passed down, want 900 of 1100", got)
	}
	if got := s.offer(a, a.v4, hotspot.Up, 800); got != 4000 {
		s.Errorf("%d bytes passed up, want 4000 of 4200", got)
	}
}

// testShapes changes which quotas an account has, under a guest that is in.
func testShapes(s *suite) {
	a := guest(1)
	s.set(one(a, hotspot.Usage{}, hotspot.Usage{}))
	s.wantPass(a, 500, a.v4, a.v6)
	// The caller's figure is old: what the quotas counted is not lost.
	s.set(together(a, hotspot.Usage{}, 5000, hotspot.Usage{Down: 100, Up: 100}))
	s.wantPass(a, 500, a.v4, a.v6) // 4000
	s.set(together(a, hotspot.Usage{Up: 2500}, 5000, hotspot.Usage{Down: 2000, Up: 2000}))
	if got := s.offer(a, a.v4, hotspot.Up, 300); got != 300 {
		s.Errorf("%d bytes passed up, want 300 of 500", got)
	}
	if got := s.offer(a, a.v4, hotspot.Down, 200); got != 600 {
		s.Errorf("%d bytes passed down, want 600 of 700", got)
	}
	s.wantDepleted(spent(hotspot.Up), spent(hotspot.Total))
	s.set(one(a, hotspot.Usage{Down: 3000}, hotspot.Usage{Down: 2600, Up: 2300}))
	s.wantPass(a, 100, a.v4, a.v6)
	s.pass(a, hotspot.Up, 900, 5)
	s.wantDepleted()
	s.wantMeters(used(2800, 7000))
	s.set(together(a, hotspot.Usage{}, 10000, hotspot.Usage{Down: 2800, Up: 7000}))
	s.pass(a, hotspot.Up, 100, 1)
	if s.lab.Packet(a.mac, a.v6, hotspot.Down, 150) {
		s.Error("passed beyond the combined quota")
	}
}

func testTotalRestart(s *suite) {
	a, b := guest(1), guest(2)
	alone := together(a, hotspot.Usage{}, 6000, hotspot.Usage{})
	alone.Grants[0].Left = time.Hour
	beside := hotspot.Pass{Account: account(2), Limit: hotspot.Usage{Down: 4500}, LimitTotal: 5000, Grants: []hotspot.Grant{b.grant(12)}}
	s.set(alone, beside)
	s.wantPass(a, 1000, a.v4)
	s.wantPass(b, 1000, b.v6)
	s.gate = s.lab.Reopen()
	s.wantPass(a, 1000, a.v6)
	s.wantPass(b, 500, b.v4)
	meters := []hotspot.Meter{used(2000, 2000),
		{Session: 12, Account: account(2), Used: hotspot.Usage{Down: 1500, Up: 1500}}}
	s.wantMeters(meters...)
	// What the program knows is older than what the gate has counted.
	alone.Used, beside.Used = hotspot.Usage{Down: 5}, hotspot.Usage{Up: 5}
	s.set(alone, beside)
	s.wantMeters(meters...)
	if got := s.offer(a, a.v4, hotspot.Up, 900); got != 1800 {
		s.Errorf("%d bytes passed with the combined quota, want 1800 of 2000", got)
	}
	if got := s.offer(b, b.v4, hotspot.Down, 900); got != 1800 {
		s.Errorf("%d bytes passed with the combined quota beside another, want 1800 of 2000", got)
	}
	total := []hotspot.Depletion{spent(hotspot.Total), {Account: account(2), Direction: hotspot.Total}}
	s.wantDepleted(total...)
	s.gate = s.lab.Reopen()
	s.wantDepleted(total...)
	s.wantRefused(a, a.v4, a.v6)
	s.set(hotspot.Pass{Account: account(1)}, hotspot.Pass{Account: account(2)})
	s.wantRefused(b, b.v4, b.v6)
	s.wantDepleted()
}

func testTotalFromStart(s *suite) {
	a := guest(1)
	s.set(together(a, hotspot.Usage{Up: 3000}, 5000, hotspot.Usage{Down: 1500, Up: 2500}))
	if got := s.offer(a, a.v4, hotspot.Up, 300); got != 300 {
		s.Errorf("%d bytes passed up, want 300 of 500", got)
	}
	if got := s.offer(a, a.v4, hotspot.Down, 300); got != 600 {
		s.Errorf("%d bytes passed down, want 600 of 700", got)
	}
	s.set(hotspot.Pass{Account: account(1)})
	s.set(together(a, hotspot.Usage{}, 5000, hotspot.Usage{Down: 2500, Up: 2500}))
	s.wantDepleted(spent(hotspot.Total))
	s.wantRefused(a, a.v4, a.v6)
}

func testTotalEvents(s *suite) {
	a := guest(1)
	events := s.watch()
	next := func(want hotspot.Direction) {
		s.Helper()
		Eventually(s.T, "an event comes", func() bool { return len(events) > 0 })
		if e := <-events; e != (hotspot.GateEvent{Depletion: spent(want)}) {
			s.Errorf("event %+v, want the end of the quota of %v", e, want)
		}
	}
	s.set(together(a, hotspot.Usage{}, 1000, hotspot.Usage{}))
	s.pass(a, hotspot.Up, 300, 1)
	s.offer(a, a.v4, hotspot.Down, 300)
	next(hotspot.Total)
	s.lab.Packet(a.mac, a.v4, hotspot.Up, 300) // says it only once
	s.set(together(a, hotspot.Usage{Down: 1200}, 2000, hotspot.Usage{Down: 600, Up: 300}))
	s.offer(a, a.v4, hotspot.Down, 500)
	next(hotspot.Down)
	s.offer(a, a.v4, hotspot.Up, 500)
	next(hotspot.Total)
	s.set(hotspot.Pass{Account: account(1)})
	s.forget(11)
	if n := len(events); n > 0 {
		s.Errorf("%d more events, such as %+v", n, <-events)
	}
}

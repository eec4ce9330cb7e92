package gatetest

import (
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// spent is the depletion of one direction of account 1.
func spent(d hotspot.Direction) hotspot.Depletion {
	return hotspot.Depletion{Account: account(1), Direction: d}
}

// one returns a pass with one device.
func one(d device, limit, used hotspot.Usage) hotspot.Pass {
	return hotspot.Pass{Account: account(1), Limit: limit, Used: used, Grants: []hotspot.Grant{d.grant(11)}}
}

func testQuota(s *suite) {
	a := guest(1)
	s.set(one(a, hotspot.Usage{Down: 5000, Up: 7000}, hotspot.Usage{}))
	s.wantDepleted()
	if got := s.offer(a, a.v4, hotspot.Down, 900); got != 4500 {
		s.Errorf("%d bytes passed down, want 4500", got)
	}
	s.wantDepleted(spent(hotspot.Down))
	// A refused packet uses up what is left: nothing smaller passes either.
	if s.lab.Packet(a.mac, a.v6, hotspot.Down, 100) {
		s.Error("passed after the quota was used up")
	}
	if got := s.offer(a, a.v6, hotspot.Up, 900); got != 6300 {
		s.Errorf("%d bytes passed up, want 6300", got)
	}
	s.wantDepleted(spent(hotspot.Down), spent(hotspot.Up))
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 4500, Up: 6300}})
	s.set(one(a, hotspot.Usage{Down: 5000, Up: 7000}, hotspot.Usage{Down: 4500, Up: 6300}))
	s.wantRefused(a, a.v4, a.v6)
	s.set(hotspot.Pass{Account: account(1)})
	s.wantDepleted()
}

func testSharedQuota(s *suite) {
	a, b, c := guest(1), guest(2), guest(3)
	s.set(hotspot.Pass{
		Account: account(1), Limit: hotspot.Usage{Down: 10000},
		Grants: []hotspot.Grant{a.grant(11), b.grant(12), c.grant(13)},
	})
	passed := 0
	for i := range 30 {
		d := []device{a, b, c}[i%3]
		addr := d.v4
		if i%2 == 0 {
			addr = d.v6
		}
		if s.lab.Packet(d.mac, addr, hotspot.Down, 900) {
			passed += 900
		}
	}
	if passed != 9900 {
		s.Errorf("%d bytes passed to three devices, want 9900", passed)
	}
	sum := uint64(0)
	for _, m := range s.tally().Meters {
		sum += m.Used.Down
	}
	if sum != 9900 {
		s.Errorf("%d bytes counted, want 9900", sum)
	}
	s.wantPass2(a, hotspot.Up)
	s.wantDepleted(spent(hotspot.Down))
}

// wantPass2 checks one direction only.
func (s *suite) wantPass2(d device, dir hotspot.Direction) {
	s.Helper()
	if !s.lab.Packet(d.mac, d.v4, dir, 100) {
		s.Errorf("%v did not pass", dir)
	}
}

func testRaised(s *suite) {
	a := guest(1)
	s.set(one(a, hotspot.Usage{Down: 5000}, hotspot.Usage{}))
	for range 4 {
		s.wantPass2(a, hotspot.Down)
	}
	// The figure that comes with it is old: a quota that runs keeps its own.
	s.set(one(a, hotspot.Usage{Down: 6000, Up: 1000}, hotspot.Usage{Down: 100}))
	if got := s.offer(a, a.v4, hotspot.Down, 100); got < 5500 || got > 5600 {
		s.Errorf("%d bytes passed after the limit was raised, want 5500 or 5600", got)
	}
	s.wantDepleted(spent(hotspot.Down))
}

func testRefilled(s *suite) {
	a := guest(1)
	s.set(one(a, hotspot.Usage{Down: 5000}, hotspot.Usage{}))
	first := s.offer(a, a.v4, hotspot.Down, 900)
	for range 5 {
		s.lab.Packet(a.mac, a.v4, hotspot.Down, 1400) // refused, and not to be counted
	}
	s.set(one(a, hotspot.Usage{Down: 10000}, hotspot.Usage{Down: first}))
	s.wantDepleted()
	second := s.offer(a, a.v6, hotspot.Down, 900)
	if first+second != 9900 {
		s.Errorf("%d + %d bytes passed, want 9900 of 10000", first, second)
	}
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: first + second}})
}

func testRefilledStale(s *suite) {
	const limit = 1 << 20
	a := guest(1)
	s.set(one(a, hotspot.Usage{Down: limit}, hotspot.Usage{}))
	first := s.offer(a, a.v4, hotspot.Down, MaxPacket)
	s.set(one(a, hotspot.Usage{Down: 2 * limit}, hotspot.Usage{Down: MaxPacket}))
	second := s.offer(a, a.v4, hotspot.Down, MaxPacket)
	if first+second > 2*limit {
		s.Errorf("%d + %d bytes passed, more than the limit of %d", first, second, 2*limit)
	}
	if second < limit-2*MaxPacket {
		s.Errorf("only %d bytes passed after the limit was raised by %d", second, limit)
	}
}

func testLowered(s *suite) {
	a := guest(1)
	s.set(one(a, hotspot.Usage{Down: 10000, Up: 10000}, hotspot.Usage{}))
	for range 5 {
		s.wantPass(a, 1000, a.v4)
	}
	s.set(one(a, hotspot.Usage{Down: 3000, Up: 9000}, hotspot.Usage{Down: 5000, Up: 5000}))
	s.wantDepleted(spent(hotspot.Down))
	if s.lab.Packet(a.mac, a.v4, hotspot.Down, 64) {
		s.Error("passed with a limit below what is used")
	}
	if got := s.offer(a, a.v4, hotspot.Up, 900); got != 3600 {
		s.Errorf("%d bytes passed up after the limit was lowered, want 3600", got)
	}
	// And up again, with an old figure.
	s.set(one(a, hotspot.Usage{Down: 10000, Up: 9000}, hotspot.Usage{Down: 1000, Up: 5000}))
	if got := s.offer(a, a.v4, hotspot.Down, 900); got != 4500 {
		s.Errorf("%d bytes passed down after the limit was raised, want 4500", got)
	}
}

func testReset(s *suite) {
	a := guest(1)
	used := hotspot.Usage{Down: 3000}
	s.set(one(a, hotspot.Usage{Down: 5000}, used))
	if got := s.offer(a, a.v4, hotspot.Down, 900); got != 1800 {
		s.Errorf("%d bytes passed, want 1800", got)
	}
	// Less than it started from: the usage was forgotten on purpose.
	s.set(one(a, hotspot.Usage{Down: 5000}, hotspot.Usage{}))
	if got := s.offer(a, a.v4, hotspot.Down, 900); got != 4500 {
		s.Errorf("%d bytes passed after the usage was forgotten, want 4500", got)
	}
}

func testUnlimited(s *suite) {
	a := guest(1)
	s.set(one(a, hotspot.Usage{Down: 1000}, hotspot.Usage{}))
	first := s.offer(a, a.v4, hotspot.Down, 300)
	s.set(one(a, hotspot.Usage{}, hotspot.Usage{Down: first}))
	for range 20 {
		s.wantPass(a, MaxPacket, a.v4, a.v6)
	}
	s.wantDepleted()
	total := first + 40*MaxPacket
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: total, Up: 40 * MaxPacket}})
	s.set(one(a, hotspot.Usage{Down: total + 1000}, hotspot.Usage{Down: first}))
	if got := s.offer(a, a.v4, hotspot.Down, 300); got != 900 {
		s.Errorf("%d bytes passed with a new limit, want 900", got)
	}
}

func testUsedFromStart(s *suite) {
	a := guest(1)
	p := one(a, hotspot.Usage{Down: 5000, Up: 1000}, hotspot.Usage{Down: 4000, Up: 1000})
	p.Grants[0].Used = hotspot.Usage{Down: 700, Up: 7}
	s.set(p)
	s.wantDepleted(spent(hotspot.Up))
	if got := s.offer(a, a.v4, hotspot.Down, 300); got != 900 {
		s.Errorf("%d bytes passed down, want 900", got)
	}
	if s.lab.Packet(a.mac, a.v4, hotspot.Up, 64) {
		s.Error("passed up with a quota that was used up from the start")
	}
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 1600, Up: 7}})
}

func testEvents(s *suite) {
	a := guest(1)
	events := s.watch()
	s.set(one(a, hotspot.Usage{Down: 1000, Up: 1000}, hotspot.Usage{}))
	next := func(want hotspot.Direction) {
		s.Helper()
		var e hotspot.GateEvent
		Eventually(s.T, "an event comes", func() bool {
			select {
			case e = <-events:
				return true
			default:
				return false
			}
		})
		if e != (hotspot.GateEvent{Depletion: spent(want)}) {
			s.Errorf("event %+v, want the end of the %v quota", e, want)
		}
	}
	s.offer(a, a.v4, hotspot.Down, 300)
	next(hotspot.Down)
	s.lab.Packet(a.mac, a.v4, hotspot.Down, 300) // says it only once
	s.offer(a, a.v4, hotspot.Up, 300)
	next(hotspot.Up)
	s.set(one(a, hotspot.Usage{Down: 2000, Up: 1000}, hotspot.Usage{Down: 900, Up: 900}))
	s.offer(a, a.v4, hotspot.Down, 300)
	next(hotspot.Down)
	s.set(hotspot.Pass{Account: account(1)})
	s.forget(11)
	if n := len(events); n > 0 {
		s.Errorf("%d more events, such as %+v", n, <-events)
	}
}

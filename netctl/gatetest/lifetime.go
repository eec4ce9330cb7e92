package gatetest

import (
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func testExpiry(s *suite) {
	a, b := guest(1), guest(2)
	brief := a.grant(11)
	brief.Left = s.short
	end := s.lab.Now() + s.short
	s.set(hotspot.Pass{
		Account: account(1), Limit: hotspot.Usage{Down: 10000},
		Grants: []hotspot.Grant{brief, b.grant(12)},
	})
	if !s.wantPassUntil(end, a, 500, a.v4, a.v6) {
		return
	}
	s.waitShort()
	s.wantRefused(a, a.v4, a.v6)
	s.wantPass(b, 500, b.v4)
	meters := []hotspot.Meter{
		{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 1000, Up: 1000}},
		{Session: 12, Account: account(1), Used: hotspot.Usage{Down: 500, Up: 500}},
	}
	s.wantMeters(meters...)
	// It is open until it is no longer set.
	s.forget(11)
	s.wantMeters(meters...)
	s.set(hotspot.Pass{Account: account(1), Limit: hotspot.Usage{Down: 10000}, Grants: []hotspot.Grant{b.grant(12)}})
	s.wantMeters(meters...)
	s.forget(11)
	s.wantMeters(meters[1])
	// Set again at once, although the kernel may not have cleared it away yet.
	brief.Used = hotspot.Usage{Down: 5}
	end = s.lab.Now() + s.short
	s.set(hotspot.Pass{
		Account: account(1), Limit: hotspot.Usage{Down: 10000}, Grants: []hotspot.Grant{brief, b.grant(12)},
	})
	if !s.wantPassUntil(end, a, 500, a.v4) {
		return
	}
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 505, Up: 500}}, meters[1])
}

func testEndMoved(s *suite) {
	a, b := guest(1), guest(2)
	limit := hotspot.Usage{Down: 100000, Up: 100000}
	set := func(leftA, leftB time.Duration) {
		s.Helper()
		ga, gb := a.grant(11), b.grant(12)
		ga.Left, gb.Left = leftA, leftB
		s.set(hotspot.Pass{Account: account(1), Limit: limit, Grants: []hotspot.Grant{ga, gb}})
	}
	end := s.lab.Now() + s.short
	set(s.short, time.Hour)
	if !s.wantPassUntil(end, a, 100, a.v4) {
		return
	}
	end = s.lab.Now() + s.short
	set(time.Hour, s.short)
	if !s.wantPassUntil(end, b, 100, b.v6) {
		return
	}
	s.waitShort()
	s.wantPass(a, 100, a.v4, a.v6)
	s.wantRefused(b, b.v4, b.v6)
	// Ended, and let in again by a later end.
	set(0, time.Hour)
	s.wantPass(b, 100, b.v4, b.v6)
	set(-s.short, time.Hour)
	s.lab.Wait(s.short / 2)
	s.wantRefused(a, a.v4, a.v6)
	s.wantMeters(
		hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 300, Up: 300}},
		hotspot.Meter{Session: 12, Account: account(1), Used: hotspot.Usage{Down: 300, Up: 300}})
}

func testForget(s *suite) {
	a, b := guest(1), guest(2)
	s.set(hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{a.grant(11), b.grant(12)}})
	s.wantPass(a, 100, a.v4)
	s.set(hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{b.grant(12)}})
	open := hotspot.Meter{Session: 12, Account: account(1)}
	closed := hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 100, Up: 100}}
	s.wantMeters(closed, open)
	s.forget(12, 99) // open, unknown
	s.forget()
	s.wantMeters(closed, open)
	s.forget(11, 12)
	s.wantMeters(open)
	s.forget(11)
	s.wantPass(b, 100, b.v4, b.v6)
	s.set(hotspot.Pass{Account: account(1)})
	s.forget(12)
	s.wantMeters()
}

func testRestart(s *suite) {
	a, b, c := guest(1), guest(2), guest(3)
	ga, gb := a.grant(11), b.grant(12)
	ga.Left, gb.Addrs = time.Hour, nil
	pass := hotspot.Pass{
		Account: account(1), Limit: hotspot.Usage{Down: 10000, Up: 20000}, Grants: []hotspot.Grant{ga, gb},
	}
	other := hotspot.Pass{Account: account(2), Grants: []hotspot.Grant{c.grant(13)}}
	s.set(pass, other)
	s.wantPass(a, 1000, a.v4, a.v6)
	s.gate = s.lab.Reopen()
	// Nothing was asked of the new gate yet.
	s.wantPass(a, 1000, a.v4)
	s.wantPass(c, 1000, c.v6)
	meters := []hotspot.Meter{
		{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 3000, Up: 3000}},
		{Session: 12, Account: account(1)},
		{Session: 13, Account: account(2), Used: hotspot.Usage{Down: 1000, Up: 1000}},
	}
	s.wantMeters(meters...)
	s.forget(11, 12, 13)
	// What the program knows is older than what the kernel has counted.
	pass.Used = hotspot.Usage{Down: 1000, Up: 1000}
	s.set(pass, other)
	s.wantMeters(meters...)
	if got := s.offer(a, a.v4, hotspot.Down, 900); got != 6300 {
		s.Errorf("%d bytes passed after the restart, want 6300", got)
	}
	s.wantDepleted(spent(hotspot.Down))
	s.gate = s.lab.Reopen()
	s.wantDepleted(spent(hotspot.Down))
	s.set(hotspot.Pass{Account: account(1)}, hotspot.Pass{Account: account(2)})
	s.wantRefused(a, a.v4, a.v6)
	s.wantRefused(c, c.v4, c.v6)
	s.wantDepleted()
}

func testRestartClosed(s *suite) {
	a, b := guest(1), guest(2)
	brief := b.grant(12)
	brief.Left = s.short
	end := s.lab.Now() + s.short
	s.set(hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{a.grant(11), brief}})
	s.wantPass(a, 100, a.v4)
	if !s.wantPassUntil(end, b, 100, b.v4) {
		return
	}
	s.set(hotspot.Pass{Account: account(1), Grants: []hotspot.Grant{brief}})
	s.waitShort()
	s.gate = s.lab.Reopen()
	used := hotspot.Usage{Down: 100, Up: 100}
	closed := hotspot.Meter{Session: 11, Account: account(1), Used: used}
	ended := hotspot.Meter{Session: 12, Account: account(1), Used: used}
	s.wantMeters(closed, ended)
	s.forget(11, 12)
	s.wantMeters(ended)
	s.set(hotspot.Pass{Account: account(1)})
	s.wantMeters(ended)
	s.forget(12)
	s.wantMeters()
}

func testAccountReuse(s *suite) {
	a := guest(1)
	s.set(one(a, hotspot.Usage{Down: 2000}, hotspot.Usage{}))
	first := s.offer(a, a.v4, hotspot.Down, 900)
	s.set(hotspot.Pass{Account: account(1)})
	s.wantDepleted()
	again := one(a, hotspot.Usage{Down: 5000}, hotspot.Usage{Down: first})
	again.Grants[0].Session = 12
	s.set(again)
	if got := s.offer(a, a.v4, hotspot.Down, 900); got != 2700 {
		s.Errorf("%d bytes passed, want 2700 of the 3200 that were left", got)
	}
	s.wantMeters(
		hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: first}},
		hotspot.Meter{Session: 12, Account: account(1), Used: hotspot.Usage{Down: 2700}})
}

func testSessionReuse(s *suite) {
	a := guest(1)
	s.set(one(a, hotspot.Usage{}, hotspot.Usage{}))
	s.wantPass(a, 100, a.v4)
	s.set(hotspot.Pass{Account: account(1)})
	// The meter is still there and goes on.
	p := one(a, hotspot.Usage{}, hotspot.Usage{})
	p.Grants[0].Used = hotspot.Usage{Down: 7}
	s.set(p)
	s.wantPass(a, 100, a.v4)
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 200, Up: 200}})
	s.set(hotspot.Pass{Account: account(1)})
	s.forget(11)
	s.set(p)
	s.wantPass(a, 100, a.v4)
	s.wantMeters(hotspot.Meter{Session: 11, Account: account(1), Used: hotspot.Usage{Down: 107, Up: 100}})
}

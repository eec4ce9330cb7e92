// Package gatetest is the contract that every gate keeps. A backend's tests
// call [Run] with a lab in which packets can be offered to the gate one by one.
package gatetest

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Lab is a gate and the packets around it.
type Lab interface {
	// Gate returns the gate, ready for use.
	Gate() hotspot.Gate
	// Reopen stands for a new start of the program: it returns a new gate that
	// finds what the last one left.
	Reopen() hotspot.Gate
	// Packet offers one packet of n layer-3 bytes, which are at least 64 and at
	// most [MaxPacket], between a guest and a host outside, and reports whether
	// it passed. Downwards it belongs to a flow that the guest began.
	Packet(mac hotspot.MAC, addr netip.Addr, d hotspot.Direction, n int) bool
	// Wait lets time pass for the gate.
	Wait(d time.Duration)
	// Now is the time by which grants end, from any beginning.
	Now() time.Duration
	// Watched returns how many calls of Watch are listening.
	Watched() int
}

// MaxPacket is the size of the largest packet that the suite offers.
const MaxPacket = 60000

// Run runs the whole suite, each test in a lab of its own, whose gate must hold
// 1,000 grants.
func Run(t *testing.T, newLab func(t *testing.T) Lab) {
	tests := []struct {
		name string
		run  func(s *suite)
	}{
		{"admission", testAdmission},
		{"several addresses", testAddresses},
		{"setting again changes nothing", testIdempotence},
		{"removal", testRemoval},
		{"quota", testQuota},
		{"shared quota", testSharedQuota},
		{"limit raised while running", testRaised},
		{"limit raised after depletion", testRefilled},
		{"limit raised with an old figure", testRefilledStale},
		{"limit lowered below used", testLowered},
		{"usage forgotten", testReset},
		{"limit lifted", testUnlimited},
		{"used from the start", testUsedFromStart},
		{"combined quota", testTotal},
		{"combined quota, shared", testTotalShared},
		{"combined quota beside others", testTotalBeside},
		{"combined quota raised while running", testTotalRaised},
		{"combined quota raised after depletion", testTotalRefilled},
		{"combined quota raised beside others", testTotalRefilledBeside},
		{"kinds of quotas changed", testShapes},
		{"combined quota after a restart", testTotalRestart},
		{"combined quota from the start", testTotalFromStart},
		{"combined quota's events", testTotalEvents},
		{"expiry", testExpiry},
		{"end moved", testEndMoved},
		{"meters stay until forgotten", testForget},
		{"restart", testRestart},
		{"restart with a closed session", testRestartClosed},
		{"account used again", testAccountReuse},
		{"session opened again", testSessionReuse},
		{"address taken over", testTakeOver},
		{"addresses swapped in one call", testSwap},
		{"device changes its address", testRoaming},
		{"events", testEvents},
		{"sightings", testSightings},
		{"refused input", testInvalid},
		{"cancelled call", testCancelled},
		{"thousand grants", testThousand},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			for short := time.Second; ; short *= 4 {
				l := newLab(t)
				s := &suite{T: t, lab: l, gate: l.Gate(), short: short}
				tc.run(s)
				if !s.late {
					return
				}
				t.Logf("the machine was busy: grants of %v ended before they could be tried; once more", short)
			}
		})
	}
}

// suite is one test at work.
type suite struct {
	*testing.T
	lab  Lab
	gate hotspot.Gate
	// short is a time after which a grant ends while the test waits.
	short time.Duration
	// late: packets that had to pass before a grant's end were sent too late to
	// tell. The test gives up, and begins again with a longer short.
	late bool
}

// account is a voucher's account.
func account(id uint64) hotspot.AccountID {
	return hotspot.AccountID{Method: hotspot.MethodVoucher, ID: id}
}

// device is a guest's device.
type device struct {
	mac    hotspot.MAC
	v4, v6 netip.Addr
}

func guest(i int) device {
	return device{
		mac: hotspot.MAC{2, 0, 0, 1, byte(i >> 8), byte(i)},
		v4:  netip.AddrFrom4([4]byte{192, 168, byte(100 + i>>8), byte(i)}),
		v6:  netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 7: 1, 14: byte(i >> 8), 15: byte(i)}),
	}
}

// grant lets both addresses of a device pass, without end.
func (d device) grant(session uint64) hotspot.Grant {
	return hotspot.Grant{Session: session, MAC: d.mac, Addrs: []netip.Addr{d.v4, d.v6}}
}

func (s *suite) set(passes ...hotspot.Pass) {
	s.Helper()
	if err := s.gate.Set(s.Context(), passes...); err != nil {
		s.Fatalf("Set: %v", err)
	}
}

func (s *suite) forget(sessions ...uint64) {
	s.Helper()
	if err := s.gate.Forget(s.Context(), sessions...); err != nil {
		s.Fatalf("Forget: %v", err)
	}
}

func (s *suite) tally() hotspot.Tally {
	s.Helper()
	t, err := s.gate.Read(s.Context())
	if err != nil {
		s.Fatalf("Read: %v", err)
	}
	return t
}

// wantMeters checks all meters, in any order.
func (s *suite) wantMeters(want ...hotspot.Meter) {
	s.Helper()
	byID := cmpopts.SortSlices(func(a, b hotspot.Meter) bool { return a.Session < b.Session })
	if d := cmp.Diff(want, s.tally().Meters, byID, cmpopts.EquateEmpty()); d != "" {
		s.Errorf("meters (-want +got):\n%s", d)
	}
}

// wantDepleted checks which quotas are used up.
func (s *suite) wantDepleted(want ...hotspot.Depletion) {
	s.Helper()
	if d := cmp.Diff(want, s.tally().Depleted, cmpopts.EquateEmpty()); d != "" {
		s.Errorf("depleted quotas (-want +got):\n%s", d)
	}
}

// both are the directions.
var both = []hotspot.Direction{hotspot.Down, hotspot.Up}

// wantPass checks that all addresses pass in both directions, with packets of n
// bytes.
func (s *suite) wantPass(d device, n int, addrs ...netip.Addr) {
	s.Helper()
	s.check(true, d, n, addrs)
}

// wantPassUntil is wantPass for a grant that ends at a time. It reports whether
// there was time enough.
func (s *suite) wantPassUntil(end time.Duration, d device, n int, addrs ...netip.Addr) bool {
	s.Helper()
	faults := s.offerAll(true, d, n, addrs)
	if s.late = s.lab.Now() >= end; s.late {
		return false
	}
	s.report(faults)
	return true
}

// waitShort lets a short grant end. The kernel's clock may be behind where
// something else has held up the machine.
func (s *suite) waitShort() { s.lab.Wait(s.short + s.short/2) }

// wantRefused checks that no address passes in any direction.
func (s *suite) wantRefused(d device, addrs ...netip.Addr) {
	s.Helper()
	s.check(false, d, 100, addrs)
}

func (s *suite) check(want bool, d device, n int, addrs []netip.Addr) {
	s.Helper()
	s.report(s.offerAll(want, d, n, addrs))
}

// offerAll offers packets in both directions and returns what went wrong.
func (s *suite) offerAll(want bool, d device, n int, addrs []netip.Addr) (faults []string) {
	s.Helper()
	for _, a := range addrs {
		for _, dir := range both {
			if got := s.lab.Packet(d.mac, a, dir, n); got != want {
				faults = append(faults, fmt.Sprintf("%v %v: passed = %v, want %v", a, dir, got, want))
			}
		}
	}
	return faults
}

func (s *suite) report(faults []string) {
	s.Helper()
	for _, f := range faults {
		s.Error(f)
	}
}

// offer sends packets of n bytes until one is refused, and returns the bytes
// that passed.
func (s *suite) offer(d device, a netip.Addr, dir hotspot.Direction, n int) (passed uint64) {
	s.Helper()
	const most = 1000
	for range most {
		if !s.lab.Packet(d.mac, a, dir, n) {
			return passed
		}
		passed += uint64(n)
	}
	s.Fatalf("%d packets of %d bytes passed without an end", most, n)
	return 0
}

// watch collects events until the test ends.
func (s *suite) watch() <-chan hotspot.GateEvent {
	s.Helper()
	events := make(chan hotspot.GateEvent, 64)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	before := s.lab.Watched()
	go func() {
		done <- s.gate.Watch(ctx, func(e hotspot.GateEvent) {
			select {
			case events <- e:
			default:
			}
		})
	}()
	s.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.Errorf("Watch: %v", err)
		}
	})
	Eventually(s.T, "Watch listens", func() bool { return s.lab.Watched() > before })
	return events
}

// patience is how long things may take that should be immediate.
const patience = 90 * time.Second

// Eventually polls until f returns true, or fails the test.
func Eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
		<-tick.C
	}
}

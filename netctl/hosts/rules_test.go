package hosts

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// scene is a table with a settable clock and kernel.
type scene struct {
	*Table
	t      *testing.T
	now    time.Duration
	kernel map[netip.Addr]neighbour
	log    bytes.Buffer
}

func (s *scene) neighbour(a netip.Addr) (neighbour, bool) { n, ok := s.kernel[a]; return n, ok }
func (s *scene) close() error                             { return nil }
func (s *scene) follow(string)                            {}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, now: 1000 * time.Second, kernel: map[netip.Addr]neighbour{}}
	s.Table = newTable(Config{
		Interface: "guests",
		Log:       slog.New(slog.NewTextHandler(&s.log, nil)),
		Mono:      func() time.Duration { return s.now },
	}, s)
	s.net = network{
		macs:     []hotspot.MAC{routerMAC},
		addrs:    []netip.Addr{ip("192.168.0.1"), ip("fd5a::1"), ip("192.168.0.250")},
		prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.0.1/24"), netip.MustParsePrefix("fd5a::1/64")},
	}
	return s
}

var routerMAC = mac(0xfe)

func mac(n int) hotspot.MAC  { return hotspot.MAC{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)} }
func ip(s string) netip.Addr { return netip.MustParseAddr(s) }
func ip6(n int) netip.Addr   { return ip(fmt.Sprintf("fd5a::1:%x", n)) }
func addrs(s ...string) (out []netip.Addr) {
	for _, a := range s {
		out = append(out, ip(a))
	}
	return out
}

// see feeds a frame's claim.
func (s *scene) see(m hotspot.MAC, a string) { s.feed(m, a, claimed, true) }

// reach feeds the kernel's verified entry.
func (s *scene) reach(m hotspot.MAC, a string) { s.feed(m, a, verified, true) }

func (s *scene) feed(m hotspot.MAC, a string, r rank, alive bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := sighting{mac: m, rank: r, alive: alive}
	if a != "" {
		g.addr = ip(a)
	}
	s.learn(g)
}

func (s *scene) lease(a string, m hotspot.MAC) {
	s.setLeases(leases{holder: map[netip.Addr]hotspot.MAC{ip(a): m}})
}

func (s *scene) wantHolder(a string, want hotspot.MAC) {
	s.t.Helper()
	if got := s.holders[ip(a)]; got != want {
		s.t.Errorf("%s is held by %v, want %v", a, got, want)
	}
}

func (s *scene) wantNews(want ...hotspot.MAC) {
	s.t.Helper()
	got := s.takeNews()
	slices.SortFunc(got, func(a, b hotspot.MAC) int { return slices.Compare(a[:], b[:]) })
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		s.t.Errorf("news: %s", diff)
	}
}

func TestAddresses(t *testing.T) {
	s := newScene(t)
	for _, a := range []string{"fd5a::20", "192.168.0.10", "fd5a::3", "169.254.1.1", "fe80::1", "ff02::1", "127.0.0.1", "::1",
		"0.0.0.0", "::", "224.0.0.1", "192.168.0.255", "192.168.0.0", "fd5a::", "192.168.0.1", "192.168.0.250", "fd5a::1", "8.8.8.8",
		"2001:db8::1", "::ffff:192.168.0.77"} {
		s.see(mac(1), a)
	}
	h, ok := s.ByMAC(mac(1))
	if diff := cmp.Diff(addrs("192.168.0.10", "fd5a::3", "fd5a::20"), h.Addrs, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); !ok || diff != "" {
		t.Error(diff)
	}
	for _, m := range []hotspot.MAC{{}, {1, 0, 0x5e, 0, 0, 1}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, routerMAC} {
		s.see(m, "192.168.0.11")
		if _, ok := s.ByMAC(m); ok {
			t.Errorf("%v is a guest", m)
		}
	}
}

func TestNews(t *testing.T) {
	s := newScene(t)
	s.see(mac(1), "")
	s.wantNews(mac(1))
	s.see(mac(1), "")
	s.wantNews()
	s.see(mac(1), "192.168.0.10")
	s.see(mac(1), "fd5a::10")
	s.wantNews(mac(1)) // once for both
	s.now += silence
	s.see(mac(1), "192.168.0.10")
	s.wantNews()
	s.now += silence + 1
	s.feed(mac(1), "192.168.0.10", claimed, false) // the kernel's entry aged: no life
	s.wantNews()
	s.see(mac(1), "192.168.0.10")
	s.wantNews(mac(1))
	s.see(mac(2), "192.168.0.10") // a claim against a claim
	s.wantNews(mac(1), mac(2))
	s.wantHolder("192.168.0.10", mac(2))
}

func TestAgeAndIdle(t *testing.T) {
	s := newScene(t)
	s.see(mac(1), "192.168.0.10")
	s.now += time.Minute
	s.see(mac(1), "")
	s.now += 10 * time.Second
	h, _ := s.ByMAC(mac(1))
	if h.Age != 70*time.Second || h.Idle != 10*time.Second {
		t.Errorf("age %v, idle %v", h.Age, h.Idle)
	}
	s.mu.Lock()
	s.learn(sighting{mac: mac(2), addr: ip("192.168.0.11"), idle: 20 * time.Second}) // from the kernel's table at start
	s.mu.Unlock()
	if h, _ = s.ByMAC(mac(2)); h.Age != 20*time.Second || h.Idle != 20*time.Second {
		t.Errorf("age %v, idle %v", h.Age, h.Idle)
	}
}

// TestTheft is about who holds an address when two want it.
func TestTheft(t *testing.T) {
	const a = "192.168.0.10"
	victim, thief := mac(1), mac(2)
	for name, tc := range map[string]struct {
		steps func(*scene)
		want  hotspot.MAC
	}{
		"claim against claim":                    {func(s *scene) { s.see(victim, a); s.see(thief, a) }, thief},
		"claim against a fresh verified holder":  {func(s *scene) { s.reach(victim, a); s.see(thief, a) }, victim},
		"claim against a silent verified holder": {func(s *scene) { s.reach(victim, a); s.now += 2 * fresh; s.see(thief, a) }, thief},
		"kernel against claim":                   {func(s *scene) { s.see(victim, a); s.reach(thief, a) }, thief},
		"kernel against kernel":                  {func(s *scene) { s.reach(victim, a); s.reach(thief, a) }, thief},
		"claim against a kept holder":            {func(s *scene) { s.Keep(victim, true); s.see(victim, a); s.now += time.Hour; s.see(thief, a) }, victim},
		"stale entry against a kept holder":      {func(s *scene) { s.Keep(victim, true); s.see(victim, a); s.now++; s.feed(thief, a, claimed, false) }, victim},
		"an older entry of the kernel": {func(s *scene) {
			s.see(victim, a)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.learn(sighting{mac: thief, addr: ip(a), idle: time.Minute})
		}, victim},
		"kernel against a kept holder": {func(s *scene) { s.Keep(victim, true); s.see(victim, a); s.reach(thief, a) }, thief},
		"kernel against a kept leaseholder": {func(s *scene) {
			s.Keep(victim, true)
			s.see(victim, a)
			s.lease(a, victim)
			s.reach(thief, a)
		}, victim},
		"an address leased to a kept device, not yet seen with it": {func(s *scene) {
			s.Keep(victim, true)
			s.lease(a, victim)
			s.reach(thief, a)
		}, hotspot.MAC{}},
		"lease against a kept holder": {func(s *scene) { s.Keep(victim, true); s.reach(victim, a); s.see(thief, ""); s.lease(a, thief) }, thief},
		"lease that moved on":         {func(s *scene) { s.see(victim, a); s.see(thief, ""); s.lease(a, victim); s.lease(a, thief) }, thief},
		"lease that ended":            {func(s *scene) { s.see(victim, a); s.lease(a, victim); s.setLeases(leases{}); s.see(thief, a) }, thief},
		"kept no more":                {func(s *scene) { s.Keep(victim, true); s.see(victim, a); s.Keep(victim, false); s.see(thief, a) }, thief},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			tc.steps(s)
			s.wantHolder(a, tc.want)
			warned := strings.Contains(s.log.String(), "address conflict")
			if warned != (tc.want != thief) && name != "an older entry of the kernel" {
				t.Errorf("log: %q", s.log.String())
			}
			consistent(t, s.Table)
		})
	}
}

// consistent checks that each address is held exactly once.
func consistent(t *testing.T, tb *Table) {
	t.Helper()
	held := 0
	for m, d := range tb.devices {
		for _, h := range d.held {
			held++
			if tb.holders[h.addr] != m {
				t.Errorf("%v has %v, which is held by %v", m, h.addr, tb.holders[h.addr])
			}
		}
	}
	if held != len(tb.holders) {
		t.Errorf("%d addresses of devices, %d holders", held, len(tb.holders))
	}
}

// TestByAddr: the device that a connection comes from is the one that the
// kernel would answer to, whatever the table learnt.
func TestByAddr(t *testing.T) {
	s := newScene(t)
	victim, thief := mac(1), mac(2)
	a := ip("192.168.0.10")
	s.Keep(victim, true)
	s.see(victim, a.String())
	if h, ok := s.ByAddr(a); !ok || h.MAC != victim {
		t.Errorf("from the table: %v %v", h, ok)
	}
	s.kernel[a] = neighbour{addr: a, mac: thief}
	h, ok := s.ByAddr(a)
	if !ok || h.MAC != thief || len(h.Addrs) != 0 {
		t.Errorf("the thief's connection: %+v %v", h, ok)
	}
	s.wantHolder(a.String(), victim)
	b := ip("fd5a::99")
	s.kernel[b] = neighbour{addr: b, mac: mac(3), rank: verified}
	if h, ok := s.ByAddr(b); !ok || h.MAC != mac(3) || !slices.Equal(h.Addrs, []netip.Addr{b}) {
		t.Errorf("new device: %+v %v", h, ok)
	}
	ll := ip("fe80::99")
	s.kernel[ll] = neighbour{addr: ll, mac: mac(3)}
	if h, ok := s.ByAddr(ll.WithZone("br0")); !ok || h.MAC != mac(3) || !slices.Equal(h.Addrs, []netip.Addr{b}) {
		t.Errorf("link-local: %+v %v", h, ok)
	}
	if h, ok := s.ByAddr(ip("::ffff:192.168.0.10")); !ok || h.MAC != thief {
		t.Errorf("mapped: %+v %v", h, ok)
	}
	if h, ok := s.ByAddr(ip("192.168.0.200")); ok {
		t.Errorf("unknown address: %+v", h)
	}
	own := ip("192.168.0.1")
	s.kernel[own] = neighbour{addr: own, mac: routerMAC}
	if h, ok := s.ByAddr(own); ok {
		t.Errorf("the router: %+v", h)
	}
}

func TestAddressBounds(t *testing.T) {
	s := newScene(t)
	for i := range 100 {
		s.now += time.Second
		s.see(mac(1), ip6(i+1).String())
		s.see(mac(1), fmt.Sprintf("192.168.0.%d", i+2))
	}
	h, _ := s.ByMAC(mac(1))
	if len(h.Addrs) != maxIPv4+maxIPv6 || h.Addrs[maxIPv4-1] != ip("192.168.0.101") || h.Addrs[maxIPv4+maxIPv6-1] != ip6(100) {
		t.Errorf("%v", h.Addrs)
	}
	consistent(t, s.Table)
}

// TestSquat: many devices with many addresses each do not fill the memory.
func TestSquat(t *testing.T) {
	s := newScene(t)
	for i := range maxDevices {
		s.now += 20 * time.Millisecond
		for n := range maxIPv6 {
			s.see(mac(0x10000+i), netip.AddrFrom16([16]byte{0xfd, 0x5a, 9: byte(n), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}).String())
		}
	}
	if n := len(s.holders); n > maxAddrs+maxDevices {
		t.Errorf("%d addresses", n)
	}
	consistent(t, s.Table)
}

// TestFlood: random MACs neither grow the table nor push out guests.
func TestFlood(t *testing.T) {
	s := newScene(t)
	for i := range 10 {
		s.Keep(mac(i), true)
		s.see(mac(i), ip6(i+1).String())
	}
	for i := range 3 * maxDevices {
		s.now += 20 * time.Millisecond // as fast as new devices are taken
		s.see(mac(0x10000+i), ip6(0x1000+i).String())
	}
	if n := len(s.devices); n != maxDevices+10 {
		t.Errorf("%d devices", n)
	}
	if len(s.news) > 2*maxDevices {
		t.Errorf("%d pieces of news", len(s.news))
	}
	for i := range 10 {
		s.wantHolder(ip6(i+1).String(), mac(i))
	}
	consistent(t, s.Table)
	before := len(s.takeNews())
	for i := range 10000 { // all at once: the budget
		s.see(mac(0x20000+i), "")
	}
	if n := len(s.takeNews()); n > 400 {
		t.Errorf("%d of 10000 were taken at once (%d before)", n, before)
	}
	a := ip("192.168.0.77")
	s.kernel[a] = neighbour{addr: a, mac: mac(77)}
	if h, ok := s.ByAddr(a); !ok || h.MAC != mac(77) {
		t.Error("a guest at the portal is not known while the flood lasts")
	}
	for i := range 100 {
		s.Keep(mac(1), true)
		s.see(mac(0x30000+i), ip6(2).String())
	}
	if n := strings.Count(s.log.String(), "conflict"); n > 10 {
		t.Errorf("%d lines about conflicts", n)
	}
}

func TestSweep(t *testing.T) {
	s := newScene(t)
	s.Keep(mac(1), true)
	s.see(mac(1), "192.168.0.10")
	s.see(mac(2), "192.168.0.11")
	s.now += forget / 2
	s.see(mac(3), "192.168.0.12")
	s.see(mac(3), "fd5a::12")
	s.lease("192.168.0.10", mac(1))
	s.now += forget/2 + 1
	s.sweep()
	if _, ok := s.ByMAC(mac(2)); ok {
		t.Error("a silent device is not forgotten")
	}
	s.wantHolder("192.168.0.10", mac(1)) // kept, leased
	s.takeNews()
	s.net.prefixes = s.net.prefixes[:1] // the IPv6 prefix is gone
	s.sweep()
	s.wantNews(mac(3))
	h, _ := s.ByMAC(mac(3))
	if !slices.Equal(h.Addrs, addrs("192.168.0.12")) {
		t.Errorf("%v", h.Addrs)
	}
	consistent(t, s.Table)
}

func TestWantedPins(t *testing.T) {
	s := newScene(t)
	s.Keep(mac(1), true)
	s.reach(mac(1), "192.168.0.10")
	s.see(mac(1), "192.168.0.11")
	s.lease("192.168.0.11", mac(1))
	s.reach(mac(1), "fd5a::10")
	s.see(mac(1), "fd5a::11")
	s.reach(mac(2), "fd5a::12")
	want := map[netip.Addr]hotspot.MAC{ip("192.168.0.11"): mac(1), ip("fd5a::10"): mac(1)}
	if diff := cmp.Diff(want, s.wantedPins(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestList(t *testing.T) {
	s := newScene(t)
	for _, n := range []int{3, 1, 2} {
		s.see(mac(n), "")
	}
	s.setLeases(leases{names: map[hotspot.MAC]string{mac(1): "from-lease", mac(2): "from-lease"}})
	s.mu.Lock()
	s.learn(sighting{mac: mac(2), name: "own", alive: true})
	s.mu.Unlock()
	got := s.List()
	if len(got) != 3 || got[0].MAC != mac(1) || got[1].MAC != mac(2) || got[2].MAC != mac(3) {
		t.Errorf("%v", got)
	}
	if got[0].Name != "from-lease" || got[1].Name != "own" || got[2].Name != "" {
		t.Errorf("%v", got)
	}
}

package nft

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/gatetest"
)

// index returns an interface's index on the router.
func (l *lab) index(t testing.TB, name string) uint32 {
	t.Helper()
	var index int
	l.router.do(t, func() error {
		link, err := netlink.LinkByName(name)
		if err == nil {
			index = link.Attrs().Index
		}
		return err
	})
	return uint32(index)
}

// arrive waits until a guest has sent n more packets to the router.
func (l *lab) arrive(t testing.TB, guest int, n uint64) {
	t.Helper()
	read := func() (packets uint64) {
		l.router.do(t, func() error {
			link, err := netlink.LinkByName(routerPort(guest))
			if err == nil {
				packets = link.Attrs().Statistics.RxPackets
			}
			return err
		})
		return packets
	}
	start := read()
	gatetest.Eventually(t, "the guest sends", func() bool { return read() >= start+n })
}

func mustConfigure(t testing.TB, g *Gate, l *lab, name string, links ...uint32) {
	t.Helper()
	cfg := g.cfg
	cfg.GuestInterface, cfg.Links = name, links
	begun := time.Now()
	if err := g.Configure(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Logf("rules for %q in %v", name, time.Since(begun).Round(10*time.Microsecond))
}

// TestRenamedInterface renames the guests' interface, before and after the
// gate is told, and deletes it, while a guest that is not let in sends without
// end, and one that is let in has a connection.
func TestRenamedInterface(t *testing.T) {
	l := newLab(t, 2, 1500)
	g := l.open(t, nil)
	mustSet(t, g, hotspot.Pass{Account: voucher(1), Grants: []hotspot.Grant{labGrant(1, 11)}},
		hotspot.Pass{Account: voucher(2), Grants: []hotspot.Grant{labGrant(0, 12)}})
	l.ready(t, 0)
	l.ready(t, 1)
	bridge, ports := l.index(t, "guest"), []uint32{l.index(t, routerPort(0)), l.index(t, routerPort(1))}
	all := append([]uint32{bridge}, ports...)
	mustConfigure(t, g, l, "guest", all...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l.flood(ctx, t, 0, "udp", server4, hotspot.Up)
	mustSet(t, g, hotspot.Pass{Account: voucher(2)})
	through := newMeter(t, l.server, guest4(0).String(), guest6(0).String())
	ln := l.listen(t, l.server, "tcp", ":6001")
	c, err := dialIn(l.guests[1], "tcp", server4, 6001, plenty)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	talk := func(when string) {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(plenty))
		if _, err := far.Write([]byte("hello")); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	talk("before")
	l.router.run(t, "ip", "link", "set", "guest", "name", "moved")
	l.arrive(t, 0, 3000) // while nobody has told the gate
	mustConfigure(t, g, l, "moved", all...)
	l.arrive(t, 0, 3000)
	talk("under another name")
	_ = g.Close()
	g = l.open(t, func(c *Config) { c.GuestInterface = "moved"; c.Links = all }) // a restart
	links, err := g.Links(t.Context())
	slices.Sort(links)
	if slices.Sort(all); err != nil || !slices.Equal(links, all) {
		t.Errorf("guarded links %v, %v, want %v", links, err, all)
	}
	l.router.run(t, "ip", "link", "set", "moved", "name", "guest")
	l.arrive(t, 0, 3000)
	mustConfigure(t, g, l, "guest", all...)
	talk("under its own name again")
	// Without the bridge its ports are on their own.
	l.router.run(t, "ip", "link", "del", "guest")
	l.router.run(t, "ip", "link", "set", routerPort(0), "address", routerGuestMAC)
	l.arrive(t, 0, 3000)
	mustConfigure(t, g, l, "guest", ports...)
	l.arrive(t, 0, 3000)
	if got := through.read(); got != 0 {
		t.Errorf("%d bytes got through", got)
	}
}

// TestConfigure changes everything that can be changed, and back.
func TestConfigure(t *testing.T) {
	n := newNamespace(t)
	g := openIn(t, n, nil)
	mustSet(t, g, hotspot.Pass{Account: voucher(43), Grants: []hotspot.Grant{labGrant(0, 17)}})
	list := func() string { return sortElements(n.run(t, "nft", "-y", "list", "ruleset")) }
	before := list()
	first := g.cfg
	second := first
	second.GuestInterface, second.Portal, second.Uplinks, second.Protected = "other", 8080, nil, []string{"office"}
	second.MaxGuests *= 2
	if err := g.Configure(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	changed := list()
	fresh := newNamespace(t)
	other := openIn(t, fresh, func(c *Config) { netns := c.NetNS; *c = second; c.NetNS = netns })
	mustSet(t, other, hotspot.Pass{Account: voucher(43), Grants: []hotspot.Grant{labGrant(0, 17)}})
	if d := cmp.Diff(sortElements(fresh.run(t, "nft", "-y", "list", "ruleset")), changed); d != "" {
		t.Errorf("a changed gate differs from a new one (-new +changed):\n%s", d)
	}
	bad := second
	bad.Uplinks = []string{"other"}
	if err := g.Configure(t.Context(), bad); err == nil || list() != changed {
		t.Errorf("a configuration that contradicts itself: %v", err)
	}
	bad = second
	bad.Table = "another"
	if err := g.Configure(t.Context(), bad); err == nil || list() != changed {
		t.Errorf("another table: %v", err)
	}
	if err := g.Configure(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, list()); d != "" {
		t.Errorf("there and back (-want +got):\n%s", d)
	}
}

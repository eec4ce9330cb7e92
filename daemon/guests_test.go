package daemon

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/netctl/links"
)

// link makes an interface: index, name, bridge, addresses.
func link(index int, name string, master int, addrs ...string) links.Link {
	l := links.Link{Index: index, Name: name, Master: master, Up: true}
	for _, a := range addrs {
		l.Addrs = append(l.Addrs, netip.MustParsePrefix(a))
	}
	return l
}

func guestConfig() *config.Config {
	cfg := config.Default()
	cfg.Guest.Interface, cfg.LAN.Interface, cfg.Network.Uplinks = "br-guest", "br-lan", []string{"wan"}
	return &cfg
}

// TestGuestLinks plays what happens to interfaces, one state after the other.
func TestGuestLinks(t *testing.T) {
	lan, wan, addr := link(2, "br-lan", 0, "192.168.1.1/24"), link(3, "wan", 0, "203.0.113.2/24"), "192.168.0.1/24"
	tests := map[string][]struct {
		state     links.State
		guest     string
		closed    []uint32
		protected []string
	}{
		"renamed and back": {
			{links.State{lan, wan, link(4, "br-guest", 0, addr), link(5, "wlan0", 4)}, "br-guest", []uint32{4, 5}, []string{"br-lan"}},
			{links.State{lan, wan, link(4, "moved", 0, addr), link(5, "wlan0", 4)}, "moved", []uint32{4, 5}, []string{"br-lan"}},
			{links.State{lan, wan, link(4, "moved", 0, addr), link(5, "wlan0", 4), link(6, "wlan1", 4)}, "moved", []uint32{4, 5, 6}, []string{"br-lan"}},
			{links.State{lan, wan, link(4, "br-guest", 0, addr), link(5, "wlan0", 4)}, "br-guest", []uint32{4, 5}, []string{"br-lan"}},
		},
		"renamed, and another takes its name": {
			{links.State{link(4, "br-guest", 0, addr)}, "br-guest", []uint32{4}, []string{"br-lan"}},
			{links.State{link(4, "moved", 0), link(7, "br-guest", 0, addr)}, "br-guest", []uint32{4, 7}, []string{"br-lan"}},
		},
		"deleted and made anew": {
			{links.State{link(4, "br-guest", 0, addr), link(5, "wlan0", 4)}, "br-guest", []uint32{4, 5}, []string{"br-lan"}},
			{links.State{link(5, "wlan0", 0)}, "br-guest", []uint32{5}, []string{"br-lan"}},
			{links.State{link(5, "wlan0", 8), link(8, "br-guest", 0, addr)}, "br-guest", []uint32{8, 5}, []string{"br-lan"}},
		},
		"a port leaves for another bridge, one gets an address, one is an uplink": {
			{links.State{lan, link(4, "br-guest", 0, addr), link(5, "eth1", 4), link(6, "eth2", 4), link(7, "eth3", 4)}, "br-guest", []uint32{4, 5, 6, 7}, []string{"br-lan"}},
			{links.State{lan, link(4, "br-guest", 0, addr), link(5, "eth1", 2), link(6, "eth2", 0, "10.0.0.1/8"), link(7, "wan", 0)}, "br-guest", []uint32{4}, []string{"br-lan"}},
		},
		"renamed to the LAN's name": {
			{links.State{link(4, "br-guest", 0, addr)}, "br-guest", []uint32{4}, []string{"br-lan"}},
			{links.State{link(4, "br-lan", 0, addr)}, "br-guest", nil, []string{"br-lan"}},
		},
		"the LAN is renamed": {
			{links.State{lan, link(4, "br-guest", 0, addr)}, "br-guest", []uint32{4}, []string{"br-lan"}},
			{links.State{link(2, "office", 0), link(4, "br-guest", 0, addr)}, "br-guest", []uint32{4}, []string{"br-lan", "office"}},
		},
		"not there yet": {{links.State{lan, wan}, "br-guest", nil, []string{"br-lan"}}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var g guestLinks
			for i, s := range steps {
				got := g.update(s.state, guestConfig())
				if got.guest != s.guest || !slices.Equal(got.closed, s.closed) || !slices.Equal(got.protected, s.protected) {
					t.Errorf("step %d: %+v, want %+v", i, got, s)
				}
			}
		})
	}
}

// TestGuestLinksOverRestarts adopts what the kernel remembers of an earlier run.
func TestGuestLinksOverRestarts(t *testing.T) {
	moved := links.State{link(4, "moved", 0, "192.168.0.1/24"), link(5, "wlan0", 4)}
	var g guestLinks
	g.adopt(moved, guestConfig(), []uint32{4, 5, 99})
	if got := g.update(moved, guestConfig()); got.guest != "moved" || !slices.Equal(got.closed, []uint32{4, 5}) {
		t.Errorf("adopted: %+v", got)
	}
	cfg := guestConfig()
	cfg.Guest.Interface = "wlan0" // corrected and read again
	g.reset(moved, cfg)
	if got := g.update(moved, cfg); got.guest != "wlan0" || !slices.Equal(got.closed, []uint32{5}) {
		t.Errorf("after a correction: %+v", got)
	}
	var other guestLinks
	other.adopt(moved, cfg, []uint32{4})
	if got := other.update(moved, cfg); !slices.Equal(got.closed, []uint32{5}) {
		t.Errorf("a start with the corrected configuration: %+v", got)
	}
}

func TestLayoutNotices(t *testing.T) {
	cfg := guestConfig()
	cfg.Guest.Addresses = []netip.Addr{netip.MustParseAddr("192.168.0.1")}
	for want, state := range map[string]links.State{
		"missing":       nil,
		"does not have": {link(4, "br-guest", 0, "10.0.0.1/8")},
		"is down":       {{Index: 4, Name: "br-guest"}},
		"":              {link(4, "br-guest", 0, "192.168.0.1/24")},
	} {
		var g guestLinks
		got := strings.Join(g.update(state, cfg).notices(state, cfg).Strings(), "; ")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPortalAddresses(t *testing.T) {
	list := func(s string) (out []netip.Addr) {
		for _, a := range strings.Fields(s) {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	for _, c := range []struct{ configured, present, want string }{
		{"", "10.0.0.1 fd00::1", "10.0.0.1 fd00::1"},
		{"10.0.0.1", "", "10.0.0.1"},
		{"10.0.0.1", "10.0.0.1 fd00::1", "10.0.0.1"},
		{"10.0.0.1 fd00::1", "10.9.0.1 fd00::1", "10.9.0.1 fd00::1"},
		{"10.0.0.1 fd00::1", "10.0.0.1", "10.0.0.1"},
		{"10.0.0.1", "fd00::1", ""},
		{"10.0.0.2 10.0.0.1", "10.0.0.1 10.0.0.2", "10.0.0.2 10.0.0.1"},
	} {
		if got := portalAddresses(list(c.configured), list(c.present)); !slices.Equal(got, list(c.want)) {
			t.Errorf("%q of %q: %v", c.configured, c.present, got)
		}
	}
}

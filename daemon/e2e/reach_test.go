package e2e

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestReach scans the router from the guest network, let in and not: DNS and
// the portal answer over TCP, DHCP and DNS over UDP, and nothing else.
func TestReach(t *testing.T) {
	h := newHouse(t, "reach", netlab.Options{Guests: 2})
	stranger, guest := h.Guest(1), h.Guest(2)
	// The kernel sends an ICMP error a second at most to each host, which
	// would make a scan of refusals take hours.
	for _, key := range []string{"net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv6.icmp.ratelimit=0"} {
		if out, err := h.Router().Command(t.Context(), "sysctl", "-w", key).CombinedOutput(); err != nil {
			t.Fatalf("sysctl %s: %v: %s", key, err, out)
		}
	}
	user, pass := h.voucher(nil)
	h.login(guest, user, pass)
	own := []string{netlab.RouterGuest4, netlab.RouterGuest6}
	others := []string{netlab.RouterLAN4, netlab.RouterWAN4, netlab.RouterWAN6}
	for _, g := range []*netlab.Guest{stranger, guest} {
		for _, addr := range own {
			h.open(g, addr, 65535, []uint16{53, netlab.PortalPort})
			h.udp(g, addr)
		}
		for _, addr := range others {
			want := []uint16{}
			if g == stranger {
				want = []uint16{53} // redirected to the router's own, as all DNS is
			}
			h.open(g, addr, 4096, want)
		}
		// The operator's computer on the LAN cannot be reached either.
		if c, err := g.DialContext(t.Context(), "tcp4", netlab.LAN4+":22"); !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EHOSTUNREACH) && !errors.Is(err, unix.EACCES) {
			if err == nil {
				c.Close()
			}
			t.Errorf("%s to the LAN: %v, want a refusal", g.Name(), err)
		}
		if resp, _, err := h.get(g.Host, "http://"+netlab.RouterLAN4+"/api/"); err == nil {
			t.Errorf("%s: the API answers the guest network with %d", g.Name(), resp.StatusCode)
		}
	}
	for path, want := range map[string]int{"/api/": 200, "/healthz": 200} {
		if resp, _, err := h.get(h.LAN(), "http://"+netlab.RouterLAN4+path); err != nil || resp.StatusCode != want {
			t.Errorf("%s on the LAN: %v, %v", path, resp, err)
		}
	}
	// The portal is not for the internet.
	for _, addr := range []string{netlab.RouterWAN4, netlab.RouterWAN6} {
		c, err := h.Upstream().DialContext(t.Context(), "tcp", net.JoinHostPort(addr, "2050"))
		if err == nil {
			c.Close()
			t.Errorf("the internet reaches the portal at %s", addr)
		}
	}
}

// open scans TCP ports up to the last.
func (h *house) open(g *netlab.Guest, addr string, last uint16, want []uint16) {
	h.t.Helper()
	got, err := g.ScanTCP(h.t.Context(), netip.MustParseAddr(addr), 1, last)
	if err != nil {
		h.t.Fatalf("%s scans %s: %v", g.Name(), addr, err)
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("%s finds TCP ports %v open at %s, want %v", g.Name(), got, addr, want)
	}
}

// udp asks every UDP port: all but DNS and DHCP must be refused, which the
// sender learns from the ICMP error.
func (h *house) udp(g *netlab.Guest, addr string) {
	h.t.Helper()
	silent, err := scanUDP(h.t.Context(), g, netip.MustParseAddr(addr))
	if err != nil {
		h.t.Fatalf("%s scans %s: %v", g.Name(), addr, err)
	}
	allowed := []uint16{53, 67, 547}
	silent = slices.DeleteFunc(silent, func(p uint16) bool { return slices.Contains(allowed, p) })
	if len(silent) > 0 {
		h.t.Errorf("%s: UDP ports %v at %s do not refuse", g.Name(), silent, addr)
	}
}

// scanUDP sends a datagram to each port and returns those that no ICMP error
// came back from, asked again a few times since errors are rate-limited.
func scanUDP(ctx context.Context, g *netlab.Guest, addr netip.Addr) ([]uint16, error) {
	var ports []uint16
	for p := 1; p <= 65535; p++ {
		// All well-known ports, and a sample of the rest.
		if p <= 2200 || p%97 == 0 {
			ports = append(ports, uint16(p))
		}
	}
	for try := 0; try < 6 && len(ports) > 3; try++ {
		var silent []uint16
		for _, p := range ports {
			refused, err := refusesUDP(ctx, g, netip.AddrPortFrom(addr, p), time.Duration(try+1)*3*time.Millisecond)
			if err != nil {
				return nil, err
			}
			if !refused {
				silent = append(silent, p)
			}
		}
		ports = silent
	}
	return ports, nil
}

func refusesUDP(ctx context.Context, g *netlab.Guest, to netip.AddrPort, wait time.Duration) (bool, error) {
	c, err := g.DialContext(ctx, "udp", to.String())
	if err != nil {
		return false, err
	}
	defer c.Close()
	if _, err := c.Write([]byte("?")); err != nil {
		return true, nil
	}
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return false, err
	}
	_, err = c.Read(make([]byte, 512))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded), nil
}

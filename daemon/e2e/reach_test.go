package e2e

import (
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
	for _, key := range []string{"net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=1000000", "net.ipv4.icmp_msgs_burst=1000000", "net.ipv6.icmp.ratelimit=0"} {
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
			h.open(g, addr, 65535, want)
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
		for _, addr := range append(own, others...) {
			if c, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(addr, "443")); err == nil {
				c.Close()
				t.Errorf("%s reaches HTTPS at %s", g.Name(), addr)
			}
		}
	}
	for path, want := range map[string]int{"/api/": 200, "/healthz": 200} {
		if resp, _, err := h.get(h.LAN(), "http://"+netlab.RouterLAN4+path); err != nil || resp.StatusCode != want {
			t.Errorf("%s on the LAN: %v, %v", path, resp, err)
		}
	}
	if out, err := h.LAN().Command(t.Context(), "curl", "-sS", "-m", "90", "--cacert", filepath.Join(h.DataDir(), "https.pem"), "https://"+netlab.RouterLAN4+"/healthz").CombinedOutput(); err != nil {
		t.Errorf("HTTPS on the LAN: %v: %s", err, out)
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
	silent, err := scanUDP(g, netip.MustParseAddr(addr))
	if err != nil {
		h.t.Fatalf("%s scans %s: %v", g.Name(), addr, err)
	}
	want := []uint16{53, 67} // DNS, DHCP
	if strings.Contains(addr, ":") {
		want = []uint16{53, 547}
	}
	if !slices.Equal(silent, want) {
		h.t.Errorf("%s: UDP ports %v at %s do not refuse, want %v", g.Name(), silent, addr, want)
	}
}

// scanUDP sends a datagram to each port and returns those that no ICMP error
// came back from. Errors can be lost, so silent ports are asked again.
func scanUDP(g *netlab.Guest, addr netip.Addr) (silent []uint16, err error) {
	for p := 1; p <= 65535; p++ {
		silent = append(silent, uint16(p))
	}
	for try := 0; try < 20 && len(silent) > 3; try++ {
		var refused map[uint16]bool
		err = g.Do(func() error {
			refused, err = refusals(addr, silent)
			return err
		})
		if err != nil {
			return nil, err
		}
		silent = slices.DeleteFunc(silent, func(p uint16) bool { return refused[p] })
	}
	return silent, nil
}

// refusals sends from one socket and reads the refused ports from its queue of
// errors. It must run in the sender's namespace.
func refusals(addr netip.Addr, ports []uint16) (map[uint16]bool, error) {
	family, level, option := unix.AF_INET, unix.SOL_IP, unix.IP_RECVERR
	if addr.Is6() {
		family, level, option = unix.AF_INET6, unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return nil, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
		return nil, err
	}
	refused := make(map[uint16]bool)
	for i, p := range ports {
		var to unix.Sockaddr = &unix.SockaddrInet4{Port: int(p), Addr: as4(addr)}
		if addr.Is6() {
			to = &unix.SockaddrInet6{Port: int(p), Addr: addr.As16()}
		}
		// An earlier datagram's refusal may be reported instead of sending this
		// one; it is in the queue as well.
		for range 100 {
			if unix.Sendto(fd, []byte("?"), 0, to) == nil {
				break
			}
		}
		if i%256 == 255 || i == len(ports)-1 {
			drainRefusals(fd, refused)
		}
	}
	return refused, nil
}

func as4(a netip.Addr) (b [4]byte) {
	if a.Is4() {
		b = a.As4()
	}
	return b
}

// drainRefusals takes the ports of refused datagrams until none comes for a
// while.
func drainRefusals(fd int, refused map[uint16]bool) {
	buf := make([]byte, 512)
	for {
		_, _, _, from, err := unix.Recvmsg(fd, buf, make([]byte, 512), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			ready, perr := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, 5)
			if perr != nil || ready == 0 {
				return
			}
			continue
		}
		switch a := from.(type) {
		case *unix.SockaddrInet4:
			refused[uint16(a.Port)] = true
		case *unix.SockaddrInet6:
			refused[uint16(a.Port)] = true
		}
	}
}

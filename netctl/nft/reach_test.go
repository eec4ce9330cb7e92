package nft

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// answer tells who accepted a connection, or how it was refused.
func answer(n namespace, host string, port int) string {
	return answerWithin(n, host, port, plenty)
}

const (
	// plenty is how long a test waits for what comes at once on a machine that has
	// nothing else to do.
	plenty = 90 * time.Second
	// aWhile is how long it waits for what must not come.
	aWhile = 700 * time.Millisecond
)

// answerWithin is answer for an attempt that may meet silence.
func answerWithin(n namespace, host string, port int, limit time.Duration) string {
	c, err := dialIn(n, "tcp", host, port, limit)
	if err == nil {
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(limit))
		buf := make([]byte, 64)
		k, _ := c.Read(buf)
		return string(buf[:k])
	}
	return failure(err)
}

// failure names how an attempt failed.
func failure(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES):
		return "refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "silence"
	}
	return err.Error()
}

// ask sends a datagram and returns the answer, or how it was refused.
func ask(n namespace, host string, port int) string {
	c, err := dialIn(n, "udp", host, port, plenty)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	buf := make([]byte, 64)
	for begun := time.Now(); ; { // a datagram can get lost on a busy machine
		if _, err := c.Write([]byte("?")); err != nil {
			return failure(err) // of the one before
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		k, err := c.Read(buf)
		if err == nil {
			return string(buf[:k])
		}
		if got := failure(err); got != "silence" || time.Since(begun) > plenty {
			return got
		}
	}
}

// greet serves TCP and UDP on a port of a namespace: it says name and port.
func greet(t *testing.T, n namespace, name string, ports ...int) {
	t.Helper()
	for _, port := range ports {
		text := []byte(fmt.Sprintf("%s:%d", name, port))
		var ln net.Listener
		var pc net.PacketConn
		n.do(t, func() (err error) {
			if ln, err = net.Listen("tcp", fmt.Sprintf(":%d", port)); err != nil {
				return err
			}
			pc, err = net.ListenPacket("udp", fmt.Sprintf(":%d", port))
			return err
		})
		t.Cleanup(func() { _, _ = ln.Close(), pc.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write(text)
				_ = c.Close()
			}
		}()
		go func() {
			buf := make([]byte, 64)
			for {
				_, from, err := pc.ReadFrom(buf)
				if err != nil {
					return
				}
				_, _ = pc.WriteTo(text, from)
			}
		}()
	}
}

var servicePorts = []int{22, 53, 67, 80, 443, 547, 2050, 8080}

func newReachLab(t *testing.T, change func(*Config)) (*lab, *Gate) {
	t.Helper()
	l := newLab(t, 2, 1500)
	g := l.open(t, change)
	greet(t, l.router, "router", servicePorts...)
	greet(t, l.server, "server", servicePorts...)
	greet(t, l.lan, "lan", servicePorts...)
	greet(t, l.guests[0], "guest", 80, 53)
	// The guest 1 is let in, so that the first packets of all paths are sent.
	mustSet(t, g, hotspot.Pass{Account: voucher(9), Grants: []hotspot.Grant{labGrant(1, 99)}})
	l.ready(t, 1)
	return l, g
}

// TestReachOfTheRouter checks what guests can reach on the router: DNS, DHCP
// and the portal at the guest network's address, and nothing at the others.
func TestReachOfTheRouter(t *testing.T) {
	l, _ := newReachLab(t, nil)
	for i, guest := range []string{"not let in", "let in"} {
		for _, addr := range []string{routerGuest4, routerGuest6, routerWAN4, routerWAN6, routerLAN4, routerLAN6} {
			own := addr == routerGuest4 || addr == routerGuest6
			for _, port := range servicePorts {
				want := "refused"
				if own && (port == 53 || port == 2050) {
					want = fmt.Sprintf("router:%d", port)
				}
				if port == 53 && !own && i == 0 {
					want = "router:53" // caught, as any name server is
				}
				if got := answer(l.guests[i], addr, port); got != want {
					t.Errorf("%s: tcp %s port %d: %s, want %s", guest, addr, port, got, want)
				}
				if own && (port == 67 || port == 547) {
					want = fmt.Sprintf("router:%d", port)
				}
				if port == 2050 {
					want = "refused"
				}
				if got := ask(l.guests[i], addr, port); got != want {
					t.Errorf("%s: udp %s port %d: %s, want %s", guest, addr, port, got, want)
				}
			}
		}
	}
	if got := answer(l.server, routerWAN4, 2050); got != "refused" {
		t.Errorf("the portal from outside: %s", got)
	}
	if got := answer(l.server, routerGuest6, 2050); got != "refused" {
		t.Errorf("the portal from outside at the guests' address: %s", got)
	}
	if got := answer(l.lan, routerLAN4, 2050); got != "router:2050" {
		t.Errorf("the portal from the LAN: %s", got)
	}
	if got := answer(l.router, routerGuest4, 2050); got != "router:2050" {
		t.Errorf("the portal from the router: %s", got)
	}
}

// TestReachOfOthers checks what guests can reach beyond the router.
func TestReachOfOthers(t *testing.T) {
	t.Run("indexes", func(t *testing.T) { reachOfOthers(t, nil) })
	t.Run("names", func(t *testing.T) { reachOfOthers(t, byName) })
}

func reachOfOthers(t *testing.T, change func(*Config)) {
	l, _ := newReachLab(t, change)
	type try struct {
		addr           string
		port           int
		outTCP, outUDP string // not let in
		inTCP, inUDP   string // let in
	}
	for _, x := range []try{
		{server4, 80, "router:2050", "refused", "server:80", "server:80"},
		{server6, 80, "router:2050", "refused", "server:80", "server:80"},
		{server4, 443, "refused", "refused", "server:443", "server:443"},
		{server6, 443, "refused", "refused", "server:443", "server:443"},
		{server4, 53, "router:53", "router:53", "server:53", "server:53"},
		{server6, 53, "router:53", "router:53", "server:53", "server:53"},
		{lan4, 80, "router:2050", "refused", "refused", "refused"},
		{lan6, 80, "router:2050", "refused", "refused", "refused"},
		{lan4, 22, "refused", "refused", "refused", "refused"},
		{lan6, 22, "refused", "refused", "refused", "refused"},
		{lan4, 53, "router:53", "router:53", "refused", "refused"},
	} {
		got := try{x.addr, x.port,
			answer(l.guests[0], x.addr, x.port), ask(l.guests[0], x.addr, x.port),
			answer(l.guests[1], x.addr, x.port), ask(l.guests[1], x.addr, x.port)}
		if got != x {
			t.Errorf("got %+v, want %+v", got, x)
		}
	}
}

// TestReachOfGuests checks that nobody outside begins a connection to a guest,
// let in or not.
func TestReachOfGuests(t *testing.T) {
	t.Run("indexes", func(t *testing.T) { reachOfGuests(t, nil) })
	t.Run("names", func(t *testing.T) { reachOfGuests(t, byName) })
}

func reachOfGuests(t *testing.T, change func(*Config)) {
	l, g := newReachLab(t, change)
	check := func(state string) {
		t.Helper()
		for _, from := range []namespace{l.server, l.lan} {
			for _, addr := range []string{guest4(0).String(), guest6(0).String()} {
				if got := answer(from, addr, 80); got != "refused" {
					t.Errorf("%s: tcp to %s: %s", state, addr, got)
				}
				if got := ask(from, addr, 53); got != "refused" {
					t.Errorf("%s: udp to %s: %s", state, addr, got)
				}
			}
		}
	}
	check("not let in")
	mustSet(t, g, hotspot.Pass{Account: voucher(1), Grants: []hotspot.Grant{labGrant(0, 11)}})
	check("let in")
	if got := answer(l.router, guest4(0).String(), 80); got != "guest:80" {
		t.Errorf("from the router itself: %s", got)
	}
}

// TestUnknownAddress checks that a device that is let in meets silence, not a
// refusal nor the portal, from an address that is not known yet.
func TestUnknownAddress(t *testing.T) {
	l, g := newReachLab(t, nil)
	grant := labGrant(0, 11)
	grant.Addrs = grant.Addrs[:1]
	mustSet(t, g, hotspot.Pass{Account: voucher(1), Grants: []hotspot.Grant{grant}})
	for _, port := range []int{80, 443} {
		if got := answerWithin(l.guests[0], server6, port, aWhile); got != "silence" {
			t.Errorf("port %d: %s, want silence", port, got)
		}
		if got, want := answer(l.guests[0], server4, port), fmt.Sprintf("server:%d", port); got != want {
			t.Errorf("port %d: %s, want %s", port, got, want)
		}
	}
	// A quota that is used up refuses.
	mustSet(t, g, hotspot.Pass{Account: voucher(1), Limit: hotspot.Usage{Up: 1}, Used: hotspot.Usage{Up: 1}, Grants: []hotspot.Grant{grant}})
	if got := answer(l.guests[0], server4, 443); got != "refused" {
		t.Errorf("with the quota used up: %s", got)
	}
}

// TestReachAnyInterface checks the rules without a list of uplinks.
func TestReachAnyInterface(t *testing.T) {
	l, g := newReachLab(t, nil)
	_ = g.Close()
	g = l.open(t, func(c *Config) { c.Uplinks = nil })
	mustSet(t, g, hotspot.Pass{Account: voucher(1), Grants: []hotspot.Grant{labGrant(0, 11)}})
	got := []string{answer(l.guests[0], server4, 443), answer(l.guests[0], server6, 443), answer(l.guests[0], lan4, 443), answer(l.guests[0], lan6, 443)}
	if want := []string{"server:443", "server:443", "refused", "refused"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestAllPorts scans every TCP port of the router's guest address.
func TestAllPorts(t *testing.T) {
	l, _ := newReachLab(t, nil)
	for _, addr := range []string{routerGuest4, routerGuest6} {
		var open []int
		l.guests[0].do(t, func() error {
			for port := 1; port < 1<<16; port++ {
				c, err := net.DialTimeout("tcp", net.JoinHostPort(addr, fmt.Sprint(port)), plenty)
				if err == nil {
					open = append(open, port)
					_ = c.Close()
				} else if !errors.Is(err, unix.ECONNREFUSED) {
					return fmt.Errorf("port %d: %w", port, err)
				}
			}
			return nil
		})
		if want := []int{53, 2050}; !slices.Equal(open, want) {
			t.Errorf("%s: open ports %v, want %v", addr, open, want)
		}
	}
}

// TestOtherDNSPort checks that a name server may listen on another port.
func TestOtherDNSPort(t *testing.T) {
	l, g := newReachLab(t, nil)
	greet(t, l.router, "dns", 5353)
	_ = g.Close()
	l.open(t, func(c *Config) { c.DNS = 5353 })
	for i := range l.guests {
		for _, addr := range []string{routerGuest4, routerGuest6} {
			if got := ask(l.guests[i], addr, 53); got != "dns:5353" {
				t.Errorf("guest %d asks %s: %s", i, addr, got)
			}
		}
	}
	if got := ask(l.guests[0], server4, 53); got != "dns:5353" {
		t.Errorf("a guest that is not let in asks the server: %s", got)
	}
	if got := ask(l.guests[1], server4, 53); got != "server:53" {
		t.Errorf("a guest that is let in asks the server: %s", got)
	}
}

package nft

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is a network namespace without a name, which ends with the test.
type namespace struct{ h netns.NsHandle }

func newNamespace(t testing.TB) namespace {
	t.Helper()
	var n namespace
	var err error
	onThread(func() { n.h, err = netns.New() })
	if err != nil {
		t.Fatalf("new namespace: %v", err)
	}
	t.Cleanup(func() { _ = n.h.Close() })
	// Addresses are ready at once.
	n.sysctl(t, "net/ipv6/conf/all/accept_dad", "0")
	n.sysctl(t, "net/ipv6/conf/default/accept_dad", "0")
	return n
}

// onThread runs f on a thread of its own, which is thrown away afterwards.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

// enter moves the calling thread into the namespace.
func (n namespace) enter() error { return netns.Set(n.h) }

// do runs f inside the namespace. Sockets that f opens stay there.
func (n namespace) do(t testing.TB, f func() error) {
	t.Helper()
	var err error
	onThread(func() {
		if err = n.enter(); err == nil {
			err = f()
		}
	})
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

// run runs a program inside the namespace and returns what it prints.
func (n namespace) run(t testing.TB, name string, args ...string) string {
	t.Helper()
	var out []byte
	n.do(t, func() (err error) {
		if out, err = exec.Command(name, args...).CombinedOutput(); err != nil {
			err = fmt.Errorf("%s %q: %w: %s", name, args, err, out)
		}
		return err
	})
	return string(out)
}

// sysctl sets a value of the namespace.
func (n namespace) sysctl(t testing.TB, key, value string) {
	t.Helper()
	n.do(t, func() error { return os.WriteFile("/proc/sys/"+key, []byte(value), 0) })
}

// port is one end of a cable.
type port struct {
	ns    namespace
	name  string
	mac   string
	addrs []string
}

// cable connects two namespaces.
func cable(t testing.TB, mtu int, a, b port) {
	t.Helper()
	a.ns.do(t, func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = a.name, mtu
		v := &netlink.Veth{LinkAttrs: attrs, PeerName: b.name, PeerNamespace: netlink.NsFd(b.ns.h)}
		v.HardwareAddr, _ = net.ParseMAC(a.mac)
		v.PeerHardwareAddr, _ = net.ParseMAC(b.mac)
		return netlink.LinkAdd(v)
	})
	for _, p := range []port{a, b} {
		p.ns.do(t, func() error {
			l, err := netlink.LinkByName(p.name)
			if err != nil {
				return err
			}
			return p.up(l, mtu)
		})
	}
}

func (p port) up(l netlink.Link, mtu int) error {
	if err := netlink.LinkSetMTU(l, mtu); err != nil {
		return err
	}
	for _, a := range p.addrs {
		addr, err := netlink.ParseAddr(a)
		if err != nil {
			return err
		}
		addr.Flags = unix.IFA_F_NODAD
		if err := netlink.AddrAdd(l, addr); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	return netlink.LinkSetUp(l)
}

// route adds a default route.
func (n namespace) route(t testing.TB, gateways ...string) {
	t.Helper()
	n.do(t, func() error {
		for _, gw := range gateways {
			ip := netip.MustParseAddr(gw)
			dst := "0.0.0.0/0"
			if ip.Is6() {
				dst = "::/0"
			}
			_, all, _ := net.ParseCIDR(dst)
			if err := netlink.RouteReplace(&netlink.Route{Dst: all, Gw: ip.AsSlice()}); err != nil {
				return fmt.Errorf("route via %s: %w", gw, err)
			}
		}
		return nil
	})
}

// The addresses of the lab.
const (
	routerGuest4 = "192.168.77.1"
	routerGuest6 = "fd77::1"
	routerWAN4   = "10.77.0.1"
	routerWAN6   = "fd78::1"
	server4      = "10.77.0.2"
	server6      = "fd78::2"
	routerLAN4   = "192.168.10.1"
	routerLAN6   = "fd79::1"
	lan4         = "192.168.10.2"
	lan6         = "fd79::2"

	routerGuestMAC = "02:00:00:00:77:01"
	routerWANMAC   = "02:00:00:00:77:02"
	serverMAC      = "02:00:00:00:77:03"
)

// lab is a router with a guest network, a LAN and an upstream server.
type lab struct {
	router, server, lan namespace
	guests              []namespace
}

// newLab builds a lab with guests that have addresses 192.168.77.11, .12 … and
// fd77::11, ::12 …, and MACs 02:00:00:00:00:11, :12 ….
func newLab(t testing.TB, guests, mtu int) *lab {
	t.Helper()
	l := &lab{router: newNamespace(t), server: newNamespace(t), lan: newNamespace(t)}
	l.router.sysctl(t, "net/ipv4/ip_forward", "1")
	l.router.sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	for _, n := range []namespace{l.router, l.server, l.lan} {
		n.quiet(t)
	}
	l.bridge(t, mtu)
	cable(t, mtu, port{l.router, "wan", routerWANMAC, []string{routerWAN4 + "/24", routerWAN6 + "/64"}},
		port{l.server, "eth0", serverMAC, []string{server4 + "/24", server6 + "/64"}})
	cable(t, mtu, port{l.router, "lan", "02:00:00:00:77:04", []string{routerLAN4 + "/24", routerLAN6 + "/64"}},
		port{l.lan, "eth0", "02:00:00:00:77:05", []string{lan4 + "/24", lan6 + "/64"}})
	l.server.route(t, routerWAN4, routerWAN6)
	l.lan.route(t, routerLAN4, routerLAN6)
	for i := range guests {
		l.addGuest(t, i, mtu)
	}
	return l
}

// quiet switches off the limits on ICMP, and brings up the loopback.
func (n namespace) quiet(t testing.TB) {
	t.Helper()
	n.sysctl(t, "net/ipv4/icmp_ratemask", "0")
	n.sysctl(t, "net/ipv6/icmp/ratemask", "\n")
	n.do(t, func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	})
}

func (l *lab) bridge(t testing.TB, mtu int) {
	t.Helper()
	l.router.do(t, func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = "guest", mtu
		attrs.HardwareAddr, _ = net.ParseMAC(routerGuestMAC)
		br := &netlink.Bridge{LinkAttrs: attrs}
		if err := netlink.LinkAdd(br); err != nil {
			return err
		}
		return port{addrs: []string{routerGuest4 + "/24", routerGuest6 + "/64"}}.up(br, mtu)
	})
}

func guestMAC(i int) string   { return fmt.Sprintf("02:00:00:00:00:%d", 11+i) }
func guest4(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("192.168.77.%d", 11+i)) }
func guest6(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("fd77::%d", 11+i)) }
func routerPort(i int) string { return fmt.Sprintf("g%d", i) }
func testLog(testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

func (l *lab) addGuest(t testing.TB, i, mtu int) {
	t.Helper()
	n := newNamespace(t)
	n.quiet(t)
	l.guests = append(l.guests, n)
	cable(t, mtu, port{l.router, routerPort(i), "", nil},
		port{n, "eth0", guestMAC(i), []string{guest4(i).String() + "/24", guest6(i).String() + "/64"}})
	l.router.do(t, func() error {
		p, err := netlink.LinkByName(routerPort(i))
		if err != nil {
			return err
		}
		br, err := netlink.LinkByName("guest")
		if err != nil {
			return err
		}
		if err := netlink.LinkSetMaster(p, br); err != nil {
			return err
		}
		return netlink.LinkSetMTU(br, mtu)
	})
	n.route(t, routerGuest4, routerGuest6)
}

// open opens a gate on the lab's router.
// open opens a gate on the router, with the indexes of its interfaces as the
// daemon knows them.
func (l *lab) open(t testing.TB, change func(*Config)) *Gate {
	t.Helper()
	return openIn(t, l.router, func(c *Config) {
		c.Indexes = l.indexes(t)
		if change != nil {
			change(c)
		}
	})
}

// indexes returns those of the router's interfaces that are there.
func (l *lab) indexes(t testing.TB) map[string]uint32 {
	t.Helper()
	found := make(map[string]uint32)
	l.router.do(t, func() error {
		all, err := netlink.LinkList()
		for _, link := range all {
			found[link.Attrs().Name] = uint32(link.Attrs().Index)
		}
		return err
	})
	return found
}

// byName leaves the gate to the interfaces' names.
func byName(c *Config) { c.Indexes = nil }

func openIn(t testing.TB, n namespace, change func(*Config)) *Gate {
	t.Helper()
	cfg := Config{
		Log: testLog(t), GuestInterface: "guest", Uplinks: []string{"wan"}, Protected: []string{"lan"},
		NetNS: int(n.h),
	}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	if err := g.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

package netlab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// ethernetHeader is what a link's counters have on top of each packet.
const ethernetHeader = 14

// errGone is what doing something on a host of a closed lab brings.
var errGone = errors.New("the lab is closed")

// Host is a computer of the lab: a network namespace, and a way to do things
// in it.
type Host struct {
	name   string
	ns     string // the namespace's name
	link   string // its main interface
	resolv string // its resolv.conf
	handle netns.NsHandle
	nl     *netlink.Handle

	// A dial under way holds the namespace, for minutes if nobody answers and
	// nobody has set a deadline; so close ends them all.
	life  context.Context
	end   context.CancelFunc
	dials sync.WaitGroup
}

// newHost makes the namespace, with loopback up.
func newHost(id, name, link string) (*Host, error) {
	h := &Host{name: name, ns: nsName(id, name), link: link, handle: netns.None()}
	h.life, h.end = context.WithCancel(context.Background())
	if err := h.open(); err != nil {
		h.close()
		if errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("%w: root is not allowed to here; in a container, run it privileged: %w", ErrMissing, err)
		}
		return nil, fmt.Errorf("make the namespace %s: %w", h.ns, err)
	}
	return h, nil
}

func (h *Host) open() (err error) {
	if h.resolv, err = makeEtc(h.ns); err != nil {
		return err
	}
	if err := writeResolv(h.resolv); err != nil {
		return err
	}
	err = onThread(func() (err error) {
		h.handle, err = netns.NewNamed(h.ns)
		return err
	})
	if err != nil {
		return err
	}
	err = h.Do(func() (err error) {
		h.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return err
	}
	// New namespaces can inherit that the machine does without IPv6.
	if err := h.sysctl("ipv6/conf/all/disable_ipv6=0", "ipv6/conf/default/disable_ipv6=0"); err != nil {
		return err
	}
	lo, err := h.nl.LinkByName("lo")
	if err != nil {
		return err
	}
	return h.nl.LinkSetUp(lo)
}

// close lets go of the namespace; removeRemains deletes it.
func (h *Host) close() {
	h.end()
	h.dials.Wait()
	if h.nl != nil {
		h.nl.Close()
	}
	if h.handle.IsOpen() {
		_ = h.handle.Close()
	}
}

// Name returns the host's name in the lab, such as "guest1".
func (h *Host) Name() string { return h.name }

// Namespace returns the name of the host's network namespace, as `ip netns`
// knows it.
func (h *Host) Namespace() string { return h.ns }

// Link returns the name of the host's main interface.
func (h *Host) Link() string { return h.link }

// Do runs f in the host's network namespace, on a thread that is discarded
// afterwards. Sockets that f opens stay in the namespace; goroutines that f
// starts do not run in it.
func (h *Host) Do(f func() error) error {
	if h.life.Err() != nil {
		return fmt.Errorf("%s: %w", h.name, errGone)
	}
	return inNamespace(h.handle, f)
}

// Command returns a command that runs on the host: in its namespace, with
// its resolv.conf and /sys.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	ip, err := tool("ip")
	if err != nil {
		ip = "ip" // Start will say that it is missing
	}
	if path, err := tool(name); err == nil && filepath.IsAbs(path) {
		name = path
	}
	return exec.CommandContext(ctx, ip, append([]string{"netns", "exec", h.ns, name}, args...)...)
}

// MAC returns the hardware address of the main interface.
func (h *Host) MAC() (net.HardwareAddr, error) {
	l, err := h.nl.LinkByName(h.link)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", h.name, h.link, err)
	}
	return l.Attrs().HardwareAddr, nil
}

// Addrs returns the addresses of the main interface that can be used: IPv4
// first, no link-local ones.
func (h *Host) Addrs() ([]netip.Addr, error) {
	l, err := h.nl.LinkByName(h.link)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", h.name, h.link, err)
	}
	var found []netip.Addr
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := h.nl.AddrList(l, family)
		if err != nil {
			return nil, fmt.Errorf("%s: list addresses: %w", h.name, err)
		}
		for _, a := range list {
			addr, ok := netip.AddrFromSlice(a.IP)
			if addr = addr.Unmap(); !ok || a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 || addr.IsLinkLocalUnicast() {
				continue
			}
			found = append(found, addr)
		}
	}
	return found, nil
}

// Counters are the main interface's. Bytes include the Ethernet headers.
type Counters struct {
	RxBytes, TxBytes     uint64
	RxPackets, TxPackets uint64
}

// RxLayer3 returns the bytes received without Ethernet headers. It counts
// everything on the link, ARP and neighbour discovery too.
func (c Counters) RxLayer3() uint64 { return c.RxBytes - ethernetHeader*c.RxPackets }

// TxLayer3 returns the bytes sent without Ethernet headers.
func (c Counters) TxLayer3() uint64 { return c.TxBytes - ethernetHeader*c.TxPackets }

// Counters reads the main interface's counters.
func (h *Host) Counters() (Counters, error) {
	l, err := h.nl.LinkByName(h.link)
	if err != nil {
		return Counters{}, fmt.Errorf("%s: %s: %w", h.name, h.link, err)
	}
	s := l.Attrs().Statistics
	if s == nil {
		return Counters{}, fmt.Errorf("%s: %s has no statistics", h.name, h.link)
	}
	return Counters{RxBytes: s.RxBytes, TxBytes: s.TxBytes, RxPackets: s.RxPackets, TxPackets: s.TxPackets}, nil
}

// setUp and setDown switch one of the host's interfaces.
func (h *Host) setUp(link string) error {
	l, err := h.nl.LinkByName(link)
	if err == nil {
		err = h.nl.LinkSetUp(l)
	}
	if err != nil {
		return fmt.Errorf("%s: %s up: %w", h.name, link, err)
	}
	return nil
}

func (h *Host) setDown(link string) error {
	l, err := h.nl.LinkByName(link)
	if err == nil {
		err = h.nl.LinkSetDown(l)
	}
	if err != nil {
		return fmt.Errorf("%s: %s down: %w", h.name, link, err)
	}
	return nil
}

// AddAddr adds an address to the main interface. IPv6 ones are usable at
// once, without duplicate address detection.
func (h *Host) AddAddr(p netip.Prefix) error { return h.addAddr(h.link, p) }

func (h *Host) addAddr(link string, p netip.Prefix) error {
	l, err := h.nl.LinkByName(link)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", h.name, link, err)
	}
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	if err := h.nl.AddrReplace(l, a); err != nil {
		return fmt.Errorf("%s: add %s to %s: %w", h.name, p, link, err)
	}
	return nil
}

// RemoveAddr removes an address from the main interface.
func (h *Host) RemoveAddr(p netip.Prefix) error {
	l, err := h.nl.LinkByName(h.link)
	if err == nil {
		err = h.nl.AddrDel(l, &netlink.Addr{IPNet: ipNet(p)})
	}
	if err != nil {
		return fmt.Errorf("%s: remove %s: %w", h.name, p, err)
	}
	return nil
}

// flush removes all IPv4 addresses of the main interface.
func (h *Host) flush() error {
	l, err := h.nl.LinkByName(h.link)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", h.name, h.link, err)
	}
	list, err := h.nl.AddrList(l, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("%s: list addresses: %w", h.name, err)
	}
	for _, a := range list {
		if err := h.nl.AddrDel(l, &a); err != nil {
			return fmt.Errorf("%s: remove %s: %w", h.name, a.IPNet, err)
		}
	}
	return nil
}

// defaultRoute sets the default route of the gateway's family.
func (h *Host) defaultRoute(link, gateway string) error {
	l, err := h.nl.LinkByName(link)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", h.name, link, err)
	}
	gw := netip.MustParseAddr(gateway)
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if gw.Is6() {
		all = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	r := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(all), Gw: gw.AsSlice()}
	if err := h.nl.RouteReplace(r); err != nil {
		return fmt.Errorf("%s: default route via %s: %w", h.name, gateway, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

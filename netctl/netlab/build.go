package netlab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
)

// build makes the whole network. On error the caller closes the lab, which
// removes whatever was made.
func (l *Lab) build(ctx context.Context) error {
	if err := removeRemains(ctx, l.opts.ID); err != nil {
		return err
	}
	if err := makeDir(l.dir, 0o700); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		l.makeRouter, l.makeUpstream, l.makeLAN, l.makeGuests, l.startDnsmasq,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) makeRouter(ctx context.Context) (err error) {
	if l.router, err = newHost(l.opts.ID, "router", GuestBridge); err != nil {
		return err
	}
	if err := writeResolv(l.router.resolv, Upstream4); err != nil {
		return err
	}
	// Routers do not wait for duplicate address detection at boot: the
	// bridge has no carrier then.
	err = l.router.sysctl(
		"ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1", "ipv6/conf/default/forwarding=1",
		"ipv6/conf/all/accept_dad=0", "ipv6/conf/default/accept_dad=0")
	if err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	bridge.Name = GuestBridge
	bridge.HardwareAddr = net.HardwareAddr{0x02, 0x5a, 0x9c, 0xff, 0, 1}
	if err := l.router.nl.LinkAdd(bridge); err != nil {
		return fmt.Errorf("make %s: %w", GuestBridge, err)
	}
	if err := l.router.setUp(GuestBridge); err != nil {
		return err
	}
	for _, p := range []netip.Prefix{prefix(RouterGuest4, 24), prefix(RouterGuest6, 64)} {
		if err := l.router.addAddr(GuestBridge, p); err != nil {
			return err
		}
	}
	return l.ReloadFirewall(ctx)
}

// connect makes a veth pair: link in h, peer in the other host.
func connect(h *Host, link string, mac net.HardwareAddr, other *Host, peer string, peerMAC net.HardwareAddr) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = link, mac
	err := h.nl.LinkAdd(&netlink.Veth{
		LinkAttrs: attrs, PeerName: peer, PeerHardwareAddr: peerMAC, PeerNamespace: netlink.NsFd(other.handle),
	})
	if err != nil {
		return fmt.Errorf("connect %s %s with %s %s: %w", h.name, link, other.name, peer, err)
	}
	return nil
}

func (l *Lab) makeUpstream(ctx context.Context) (err error) {
	if l.upstream, err = newHost(l.opts.ID, "upstream", hostLink); err != nil {
		return err
	}
	if err := writeResolv(l.upstream.resolv, Upstream4); err != nil {
		return err
	}
	// Its IPv6 address outlives a pulled plug, like its IPv4 one.
	err = l.upstream.sysctl("ipv6/conf/all/accept_dad=0", "ipv6/conf/default/accept_dad=0",
		"ipv6/conf/default/keep_addr_on_down=1", "ipv6/conf/all/keep_addr_on_down=1")
	if err != nil {
		return err
	}
	err = connect(l.router, WANLink, net.HardwareAddr{0x02, 0x5a, 0x9c, 0xff, 0, 2},
		l.upstream, hostLink, net.HardwareAddr{0x02, 0x5a, 0x9c, 0xff, 0, 3})
	if err != nil {
		return err
	}
	err = configure(l.router, WANLink, prefix(RouterWAN4, 24), prefix(RouterWAN6, 64))
	if err != nil {
		return err
	}
	err = configure(l.upstream, hostLink, prefix(Upstream4, 24), prefix(Upstream6, 64))
	if err != nil {
		return err
	}
	if err := l.routerDefaults(); err != nil {
		return err
	}
	if l.internet, err = startInternet(ctx, l.upstream, l.opts.Log); err != nil {
		return fmt.Errorf("start the internet: %w", err)
	}
	l.onClose(l.internet.close)
	return nil
}

// routerDefaults sets the router's default routes.
func (l *Lab) routerDefaults() error {
	if err := l.router.defaultRoute(WANLink, Upstream4); err != nil {
		return err
	}
	return l.router.defaultRoute(WANLink, Upstream6)
}

func configure(h *Host, link string, addrs ...netip.Prefix) error {
	if err := h.setUp(link); err != nil {
		return err
	}
	for _, p := range addrs {
		if err := h.addAddr(link, p); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) makeLAN(context.Context) (err error) {
	if l.lan, err = newHost(l.opts.ID, "lan", hostLink); err != nil {
		return err
	}
	if err := writeResolv(l.lan.resolv, RouterLAN4); err != nil {
		return err
	}
	err = connect(l.router, LANLink, net.HardwareAddr{0x02, 0x5a, 0x9c, 0xff, 0, 4},
		l.lan, hostLink, net.HardwareAddr{0x02, 0x5a, 0x9c, 0xff, 0, 5})
	if err != nil {
		return err
	}
	if err := configure(l.router, LANLink, prefix(RouterLAN4, 24)); err != nil {
		return err
	}
	if err := configure(l.lan, hostLink, prefix(LAN4, 24)); err != nil {
		return err
	}
	return l.lan.defaultRoute(hostLink, RouterLAN4)
}

func (l *Lab) makeGuests(ctx context.Context) error {
	bridge, err := l.router.nl.LinkByName(GuestBridge)
	if err != nil {
		return err
	}
	for n := 1; n <= l.opts.Guests; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.makeGuest(n, bridge); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) makeGuest(n int, bridge netlink.Link) error {
	h, err := newHost(l.opts.ID, fmt.Sprintf("guest%d", n), hostLink)
	if err != nil {
		return err
	}
	g := &Guest{Host: h, lab: l, port: h.name}
	l.guests = append(l.guests, g)
	err = connect(l.router, g.port, nil, h, hostLink, guestMAC(n))
	if err != nil {
		return err
	}
	// Duplicate address detection and router solicitation are the kernel's,
	// only quicker than its second each.
	settings := []string{"ipv6/conf/eth0/router_solicitation_delay=0", "ipv6/neigh/eth0/retrans_time_ms=50"}
	if l.opts.Privacy {
		settings = append(settings, "ipv6/conf/eth0/use_tempaddr=2")
	}
	if err := h.sysctl(settings...); err != nil {
		return err
	}
	port, err := l.router.nl.LinkByName(g.port)
	if err != nil {
		return err
	}
	if err := l.router.nl.LinkSetMaster(port, bridge); err != nil {
		return fmt.Errorf("plug %s into %s: %w", g.port, GuestBridge, err)
	}
	if err := l.router.setUp(g.port); err != nil {
		return err
	}
	return h.setUp(hostLink)
}

// sysctl sets values of the host's network namespace: "ipv4/ip_forward=1".
func (h *Host) sysctl(settings ...string) error {
	return h.Do(func() error {
		for _, s := range settings {
			key, value, _ := strings.Cut(s, "=")
			// /proc/sys/net is that of the thread that reads it.
			if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0o644); err != nil {
				return fmt.Errorf("%s: %w", h.name, err)
			}
		}
		return nil
	})
}

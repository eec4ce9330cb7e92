package doctor

import (
	"bufio"
	"context"
	"encoding/hex"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

//go:noinline
func find(links []link, name string) *link {
	for i := range links {
		if links[i].name == name {
			return &links[i]
		}
	}
	return nil
}

// global returns the first address that is not link-local, IPv4 before IPv6.
//
//go:noinline
func (l *link) global() netip.Addr {
	for _, six := range []bool{false, true} {
		if p := l.addresses(six); len(p) > 0 {
			return p[0].Addr()
		}
	}
	return netip.Addr{}
}

// addresses lists the prefixes of a family that are not link-local.
func (l *link) addresses(six bool) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range l.prefixes {
		if p.Addr().Is6() == six && !p.Addr().IsLinkLocalUnicast() {
			out = append(out, p)
		}
	}
	return out
}

// has reports whether an interface holds an address.
//
//go:noinline
func (l *link) has(a netip.Addr) bool {
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Addr() == a })
}

// judgeLink finds what is wrong with any interface; nil: nothing.
func judgeLink(l *link, name, key string, links []link) []Finding {
	if l == nil {
		var have []string
		for _, o := range links {
			if o.name != "lo" {
				have = append(have, o.name)
			}
		}
		return do(one(Problem, "make it, or write another one to %s (there are: %s)", "there is no interface %s", name), key, strings.Join(have, ", "))
	}
	if !l.up {
		return do(one(Problem, "switch it on: on OpenWrt with ifup, else with: ip link set %s up", "%s is switched off", name), name)
	}
	return nil
}

func (x *exam) guestInterface(context.Context) []Finding {
	x.guest = find(x.links, x.Config.Guest.Interface)
	return judgeGuest(x.Config, x.guest, x.links)
}

func judgeGuest(cfg config.Config, l *link, links []link) []Finding {
	if bad := judgeLink(l, cfg.Guest.Interface, "guest.interface", links); bad != nil {
		return bad
	}
	var all []Finding
	if !l.carrier {
		add(&all, Warning, "plug in or switch on what serves guests, such as the access point, and see that it belongs to the bridge", "%s has no carrier: no guest can reach it", l.name)
	}
	if len(l.addresses(false)) == 0 {
		add(&all, Problem, "give it one, such as 192.168.0.1/24: guests reach the portal, DHCP and DNS there", "%s has no IPv4 address", l.name)
	}
	for _, a := range cfg.Guest.Addresses {
		if !l.has(a) {
			add(&all, Problem, "give it to the interface, or correct guest.addresses; without that key, the interface's own addresses are used", "%s does not have the address %s that guest.addresses names", l.name, a)
		}
	}
	for _, p := range l.prefixes {
		for i := range links {
			o := &links[i]
			if o.name == l.name || p.Addr().IsLinkLocalUnicast() {
				continue
			}
			for _, q := range o.prefixes {
				if q.Overlaps(p) && !q.Addr().IsLinkLocalUnicast() {
					add(&all, Problem, "give the guests a network of their own", "the guest network %s overlaps with %s of %s", p.Masked(), q.Masked(), o.name)
				}
			}
		}
	}
	return list(all, "%s is up: %s", l.name, join(l))
}

// join lists an interface's addresses.
func join(l *link) hotspot.Text {
	var out []string
	for _, six := range []bool{false, true} {
		for _, p := range l.addresses(six) {
			out = append(out, p.String())
		}
	}
	if out == nil {
		return hotspot.Textf("no address")
	}
	return hotspot.Said(strings.Join(out, ", "))
}

func (x *exam) lanInterface(context.Context) []Finding {
	if x.Config.LAN.Interface == "" {
		return one(Warning, "set lan.interface: guests are then kept from it", "lan.interface is not set")
	}
	l := find(x.links, x.Config.LAN.Interface)
	return judgeLAN(x.Config, l, x.links)
}

func judgeLAN(cfg config.Config, l *link, links []link) []Finding {
	if bad := judgeLink(l, cfg.LAN.Interface, "lan.interface", links); bad != nil {
		return bad
	}
	var all []Finding
	for _, w := range lanPorts(cfg) {
		a := w.at.Addr()
		if a.IsUnspecified() || a.IsLoopback() || slices.ContainsFunc(links, func(o link) bool { return o.has(a) }) {
			continue
		}
		add(&all, Problem, "correct %s, or give the interface the address", "no interface has the address %s of %s: the API is not reached there", a, w.key)
		do(all, w.key)
	}
	if l.global() == (netip.Addr{}) {
		add(&all, Problem, "give it one", "%s has no address", l.name)
	}
	return list(all, "%s is up: %s", l.name, join(l))
}

// route is a default route.
type route struct {
	link string
	six  bool
}

// defaultRoutes reads both of the kernel's tables of routes.
func (s *system) defaultRoutes() []route {
	var out []route
	read := func(name string, f func(fields []string)) {
		file, err := s.root.Open(name)
		if err != nil {
			return
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for n := 0; lines.Scan() && n < maxSockets; n++ {
			f(strings.Fields(lines.Text()))
		}
	}
	read("proc/net/route", func(f []string) {
		if len(f) >= 8 && f[1] == "00000000" && f[7] == "00000000" && f[0] != "Iface" {
			out = append(out, route{f[0], false})
		}
	})
	read("proc/net/ipv6_route", func(f []string) {
		if len(f) < 10 || f[1] != "00" || f[9] == "lo" {
			return
		}
		if dst, err := hex.DecodeString(f[0]); err == nil && !slices.ContainsFunc(dst, func(b byte) bool { return b != 0 }) {
			out = append(out, route{f[9], true})
		}
	})
	return out
}

func (x *exam) uplink(context.Context) []Finding {
	routes := x.sys.defaultRoutes()
	var found []Finding
	x.uplinks, found = judgeUplinks(x.Config, x.links, routes)
	return found
}

// judgeUplinks returns the interfaces to the internet, too.
func judgeUplinks(cfg config.Config, links []link, routes []route) (up []link, all []Finding) {
	leads := func(name string) bool {
		return slices.ContainsFunc(routes, func(r route) bool { return r.link == name })
	}
	if !slices.ContainsFunc(routes, func(r route) bool { return !r.six }) {
		add(&all, Problem, "see to the router's own connection first: is the cable in, did the uplink get an address?", "there is no IPv4 default route: the router has no internet")
	}
	for _, name := range cfg.Network.Uplinks {
		l := find(links, name)
		if bad := judgeLink(l, name, "network.uplinks", links); bad != nil {
			all = append(all, bad...)
			continue
		}
		if l.global() == (netip.Addr{}) {
			add(&all, Problem, "see to the router's own connection first", "%s has no address", name)
		}
		up = append(up, *l)
	}
	if len(cfg.Network.Uplinks) > 0 && len(routes) > 0 && !slices.ContainsFunc(cfg.Network.Uplinks, leads) {
		add(&all, Problem, "correct network.uplinks: guests may leave through these only", "the default route leads through %s, which network.uplinks does not name", routes[0].link)
	}
	if len(cfg.Network.Uplinks) == 0 {
		for _, r := range routes {
			if l := find(links, r.link); l != nil && find(up, r.link) == nil {
				up = append(up, *l)
			}
		}
	}
	for _, r := range routes {
		if r.link == cfg.Guest.Interface {
			add(&all, Problem, "the guest interface must not be the way to the internet", "a default route leads through the guest interface")
		}
	}
	var text hotspot.Texts
	for i := range up {
		text.Addf("%s: %s", up[i].name, join(&up[i]))
	}
	return up, list(all, "%s", text)
}

// forwardFacts are the kernel's settings of routing.
type forwardFacts struct {
	err        error
	ip4, ip6   int64
	guest6     bool // guests have IPv6
	route6     bool // the router has an IPv6 default route
	acceptRA   []string
	strictPath bool // rp_filter, with several ways out
}

func (x *exam) forwarding(context.Context) []Finding {
	f := forwardFacts{}
	f.ip4, f.err = x.sys.number("/proc/sys/net/ipv4/ip_forward")
	f.ip6, _ = x.sys.number("/proc/sys/net/ipv6/conf/all/forwarding")
	f.guest6 = x.guest != nil && len(x.guest.addresses(true)) > 0
	ways := map[string]bool{}
	for _, r := range x.sys.defaultRoutes() {
		f.route6 = f.route6 || r.six
		ways[r.link] = true
	}
	for _, l := range x.uplinks {
		if x.sys.is("/proc/sys/net/ipv6/conf/"+l.name+"/accept_ra", 1) {
			f.acceptRA = append(f.acceptRA, l.name)
		}
		if len(ways) > 1 && (x.sys.is("/proc/sys/net/ipv4/conf/"+l.name+"/rp_filter", 1) || x.sys.is("/proc/sys/net/ipv4/conf/all/rp_filter", 1)) {
			f.strictPath = true
		}
	}
	if f.err != nil {
		return x.unseen("the kernel's settings", f.err)
	}
	return judgeForwarding(f)
}

func judgeForwarding(f forwardFacts) []Finding {
	var all []Finding
	if f.ip4 != 1 {
		add(&all, Problem, "set net.ipv4.ip_forward = 1, for good in /etc/sysctl.conf", "IPv4 is not forwarded: guests stay offline")
	}
	if f.guest6 && f.ip6 != 1 {
		add(&all, Problem, "set net.ipv6.conf.all.forwarding = 1, or take the IPv6 addresses off the guest interface", "guests have IPv6 addresses, and IPv6 is not forwarded")
	}
	if f.guest6 && !f.route6 {
		add(&all, Warning, "see to the router's own IPv6, or take the IPv6 addresses off the guest interface",
			"guests have IPv6 addresses, and the router has no IPv6 default route: pages load slowly or not at all")
		if f.ip6 == 1 && len(f.acceptRA) > 0 {
			all[len(all)-1].Remedy = hotspot.Textf("set net.ipv6.conf.%s.accept_ra = 2: with forwarding, 1 ignores the provider's router", f.acceptRA[0])
		}
	}
	if f.strictPath {
		add(&all, Warning, "set net.ipv4.conf.all.rp_filter and that of the uplinks to 2", "there are several ways to the internet, and strict reverse-path filtering drops what returns another way")
	}
	return list(all, "IPv4 and IPv6 packets are forwarded as guests need it")
}

// bridgeFacts are about the guests' bridge.
type bridgeFacts struct {
	name     string
	bridge   bool
	filtered []string // settings that lead bridged packets through the firewall
	ports    int
	open     []string // ports whose guests reach those of other ports
}

func (x *exam) bridge(context.Context) []Finding {
	f := bridgeFacts{name: x.Config.Guest.Interface}
	dir := "sys/class/net/" + f.name
	f.bridge = x.sys.exists(dir + "/bridge")
	for _, key := range []string{"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"} {
		if x.sys.is("/proc/sys/net/bridge/"+key, 1) {
			f.filtered = append(f.filtered, "net.bridge."+key)
		}
	}
	ports, _ := fs.ReadDir(x.sys.root, dir+"/brif")
	f.ports = len(ports)
	for _, p := range ports {
		if !x.sys.is(dir+"/brif/"+p.Name()+"/isolated", 1) {
			f.open = append(f.open, p.Name())
		}
	}
	return judgeBridge(f)
}

func judgeBridge(f bridgeFacts) []Finding {
	if !f.bridge {
		return fine("%s is no bridge", f.name)
	}
	var all []Finding
	for _, key := range f.filtered {
		add(&all, Warning, "set %s = 0, or unload br_netfilter if nothing else needs it", "%s is 1: what guests send one another passes the firewall, which refuses it", key)
		do(all, key)
	}
	if f.ports == 0 {
		add(&all, Warning, "add the guests' access point or port to it", "the bridge %s has no ports: no guest can reach it", f.name)
	}
	if len(f.open) > 1 {
		shown := strings.Join(f.open[:min(len(f.open), 4)], ", ")
		if len(f.open) > 4 {
			shown += ", …"
		}
		add(&all, Warning, "isolate them (bridge link set dev PORT isolated on; on OpenWrt `option isolate 1` of the device and of each wireless interface), unless guests shall see one another",
			"guests of the ports %s can reach one another", shown)
	}
	return list(all, "%s is a bridge that keeps its ports apart", f.name)
}

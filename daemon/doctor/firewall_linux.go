package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/nft"
)

// gateConfig is what the daemon makes its gate of.
func (x *exam) gateConfig() nft.Config {
	c := nft.Config{
		Log: slog.New(slog.DiscardHandler), GuestInterface: x.Config.Guest.Interface, Portal: x.Config.Guest.PortalPort, DNS: 53,
		Uplinks: x.Config.Network.Uplinks, MaxGuests: x.Config.Network.MaxGuests,
	}
	if x.Config.LAN.Interface != "" {
		c.Protected = []string{x.Config.LAN.Interface}
	}
	return c
}

func (x *exam) kernel(ctx context.Context) []Finding {
	if !x.rights.admin {
		return x.unseen("what the kernel can do", unix.EPERM)
	}
	missing, err := x.sys.kernel(ctx, x.gateConfig())
	if err != nil {
		return judgeProbeError(err)
	}
	return judgeKernel(missing)
}

func judgeProbeError(err error) []Finding {
	if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return one(Problem, "install kmod-nft-core on OpenWrt, or a kernel with nftables (Linux 5.4 or later)", "the kernel has no nftables: %v", err)
	}
	return one(Unknown, "", "what the kernel can do: %v", err)
}

// packages name the OpenWrt package that brings a part; what is not named is in
// kmod-nft-core.
var packages = map[string]string{
	"chain nat":    "kmod-nft-nat",
	"redir":        "kmod-nft-nat",
	"fib":          "kmod-nft-fib",
	"flow_offload": "kmod-nft-offload",
	"ct":           "kmod-nft-core kmod-nf-conntrack",
}

func judgeKernel(missing []nft.Part) []Finding {
	var all []Finding
	for _, p := range missing {
		pkg, ok := packages[p.Name]
		if !ok {
			pkg = "kmod-nft-core"
		}
		add(&all, Problem, "install %s on OpenWrt; elsewhere, use a kernel with all of nftables (Linux 5.4 or later)", "the kernel refuses %q of the firewall's rules: %v", p.Name, p.Errno)
		do(all, pkg)
	}
	return list(all, "the kernel takes every rule, map and chain that is needed")
}

func (x *exam) conntrack(context.Context) []Finding {
	count, err := x.sys.number("/proc/sys/net/netfilter/nf_conntrack_count")
	if err != nil {
		return one(Unknown, "load nf_conntrack (kmod-nf-conntrack on OpenWrt) if the daemon does not start", "no connections are tracked: %v", err)
	}
	most, err := x.sys.number("/proc/sys/net/netfilter/nf_conntrack_max")
	if err != nil {
		most = 0
	}
	return judgeConntrack(count, most)
}

func judgeConntrack(count, most int64) []Finding {
	if most > 0 && count*10 >= most*8 {
		return one(Warning, "raise net.netfilter.nf_conntrack_max; each connection takes some 300 bytes", "%d of at most %d connections are open: when the table is full, nothing new gets through", count, most)
	}
	return fine("%d of at most %d connections are open", count, most)
}

// ruleFacts are the rules of all tables, or why they cannot be read.
type ruleFacts struct {
	set *nft.Ruleset
	err error
}

func (x *exam) ownTable(ctx context.Context) []Finding {
	if !x.rights.admin {
		x.rules.err = unix.EPERM
	} else {
		x.rules.set, x.rules.err = x.sys.firewall(ctx)
	}
	if x.rules.err != nil {
		return x.unseen("the firewall", x.rules.err)
	}
	want, err := nft.Want(x.gateConfig())
	if err != nil {
		return one(Problem, "correct the configuration", "%v", err)
	}
	return judgeOwnTable(x.rules.set, want, x.Daemon != nil)
}

func judgeOwnTable(set *nft.Ruleset, want map[string]int, running bool) []Finding {
	have := map[string]int{}
	for _, c := range set.Chains {
		if c.Table == nft.DefaultTable && c.Family == unix.NFPROTO_INET {
			have[c.Name] = c.Rules
		}
	}
	switch {
	case len(have) == 0 && !running:
		return fine("there is none yet; the daemon makes it")
	case len(have) == 0:
		return one(Problem, "restart the daemon, and find out what deletes it: its log tells when", "table inet %s is missing while the daemon runs: guests pass unchecked or not at all", nft.DefaultTable)
	}
	var wrong []string
	for name, n := range want {
		if got, ok := have[name]; !ok || got < n {
			wrong = append(wrong, fmt.Sprintf("%s %d/%d", name, got, n))
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		const found = "table inet %s is not as this version and configuration make it; chains and their rules: %s"
		shown := strings.Join(wrong[:min(len(wrong), 3)], ", ")
		if !running {
			return one(Warning, "start the daemon: it replaces the rules, which another version or configuration has left", found, nft.DefaultTable, shown)
		}
		return one(Warning, "restart the daemon: it runs with an older configuration, or somebody else changed the table", found, nft.DefaultTable, shown)
	}
	if !running {
		return fine("it is in force, although the daemon does not run: limits hold, and nobody new is let in")
	}
	return fine("it is in place, with %d chains", len(have))
}

// ours is the priority of the gate's chains at input and forward.
const ours = -5

// foreign lists others' filter chains at a hook that come before ours.
func foreign(set *nft.Ruleset, hook uint32) (before []string, total int) {
	seen := map[string]bool{}
	for _, six := range []bool{false, true} {
		for _, c := range set.Meets(hook, six) {
			if c.Table == nft.DefaultTable || c.Type == "nat" || seen[c.String()] {
				continue
			}
			seen[c.String()] = true
			total++
			if c.Priority <= ours && c.Rules > 0 {
				before = append(before, c.String())
			}
		}
	}
	return before, total
}

func (x *exam) firewallOrder(context.Context) []Finding {
	if x.rules.set == nil {
		return x.unseen("other tables", x.rules.err)
	}
	var uplink link
	if len(x.uplinks) > 0 {
		uplink = x.uplinks[0]
	}
	return judgeOrder(x.rules.set, x.guest, &uplink)
}

func judgeOrder(set *nft.Ruleset, guest, uplink *link) []Finding {
	var all []Finding
	const off = "switch flow offloading off: on OpenWrt with: uci set firewall.@defaults[0].flow_offloading=0; uci set firewall.@defaults[0].flow_offloading_hw=0; uci commit firewall; /etc/init.d/firewall restart"
	offloaded := ""
	if guest != nil {
		for _, p := range outward(guest, uplink) {
			if f := set.Trace(nft.HookForward, p, nft.DefaultTable); f.Offloaded != "" {
				offloaded = f.Offloaded
			}
		}
	}
	switch {
	case offloaded != "":
		add(&all, Problem, off, "chain %s offloads guests' connections: what they transfer passes beside the quotas and is not counted", offloaded)
	case len(foreignFlowtables(set)) > 0:
		add(&all, Warning, off, "there is a flowtable (%s); a connection that enters it passes beside the quotas", strings.Join(foreignFlowtables(set), ", "))
	}
	if set.Cut {
		add(&all, Unknown, "", "there are more rules than were read; the findings below may be incomplete")
	}
	var text []string
	for _, h := range []struct {
		name string
		hook uint32
	}{{"prerouting", nft.HookPrerouting}, {"input", nft.HookInput}, {"forward", nft.HookForward}} {
		if before, _ := foreign(set, h.hook); len(before) > 0 {
			text = append(text, h.name+": "+strings.Join(before, ", "))
		}
	}
	if len(text) == 0 {
		return list(all, "no other table decides before ours")
	}
	return append(all, fine("these see guests' packets before our table does: %s", strings.Join(text, "; "))...)
}

func foreignFlowtables(set *nft.Ruleset) []string {
	var out []string
	for _, f := range set.Flowtables {
		if f.Table != nft.DefaultTable {
			out = append(out, f.Table+" "+f.Name)
		}
	}
	return out
}

// A packet needs an address of somebody else: one of a guest, and one that is
// in nobody's network but the internet's.
var elsewhere = [2]netip.Addr{netip.MustParseAddr("192.0.2.80"), netip.MustParseAddr("2001:db8::80")}

// neighbour is another address of a network.
func neighbour(p netip.Prefix) netip.Addr {
	a := p.Addr().Next()
	if !p.Contains(a) {
		a = p.Addr().Prev()
	}
	return a
}

// inward makes a guest's packet to the router, of each of its families.
func inward(guest *link, proto byte, port uint16) []nft.Packet {
	var out []nft.Packet
	for _, six := range []bool{false, true} {
		if p := guest.addresses(six); len(p) > 0 {
			out = append(out, nft.Packet{In: guest.name, InIndex: guest.index, Src: neighbour(p[0]), Dst: p[0].Addr(), Proto: proto, Port: port, ToRouter: true})
		}
	}
	return out
}

// outward makes a guest's packet to the internet, of each family that both have.
func outward(guest, uplink *link) []nft.Packet {
	var out []nft.Packet
	for i, six := range []bool{false, true} {
		if p := guest.addresses(six); len(p) > 0 && len(uplink.addresses(six)) > 0 {
			out = append(out, nft.Packet{In: guest.name, InIndex: guest.index, Out: uplink.name, OutIndex: uplink.index, Src: neighbour(p[0]), Dst: elsewhere[i], Proto: unix.IPPROTO_TCP, Port: 443})
		}
	}
	return out
}

func ipName(p nft.Packet) string {
	if p.Dst.Is6() {
		return "IPv6"
	}
	return "IPv4"
}

func (x *exam) firewallInput(context.Context) []Finding {
	if x.rules.set == nil {
		return x.unseen("other tables", x.rules.err)
	}
	if x.guest == nil {
		return one(Unknown, "", "there is no guest interface")
	}
	return judgeInput(x.rules.set, x.guest, x.Config.Guest.PortalPort)
}

func judgeInput(set *nft.Ruleset, guest *link, portal uint16) []Finding {
	var all []Finding
	for _, need := range []struct {
		what  hotspot.Text
		proto byte
		port  uint16
	}{
		{hotspot.Textf("the portal"), unix.IPPROTO_TCP, portal},
		{hotspot.Textf("DNS"), unix.IPPROTO_UDP, 53},
		{hotspot.Textf("DHCP"), unix.IPPROTO_UDP, 67},
	} {
		for _, p := range inward(guest, need.proto, need.port) {
			if need.port == 67 && p.Dst.Is6() {
				continue
			}
			port := strconv.Itoa(int(need.port))
			judgeFate(&all, set, []uint32{nft.HookPrerouting, nft.HookInput}, p, hotspot.Textf("guests' packets to %s (%s, port %s)", need.what, ipName(p), port),
				hotspot.Textf("accept port %s from %s in that table: on OpenWrt with a rule of the guests' zone, as /etc/uci-defaults/90-vouchsafe of the package makes it for the portal", port, guest.name))
		}
	}
	return list(all, "no other table keeps guests from the portal, DNS and DHCP, as far as can be seen")
}

// judgeFate says what other tables do with a packet that guests must be able
// to send.
func judgeFate(all *[]Finding, set *nft.Ruleset, hooks []uint32, p nft.Packet, what, remedy hotspot.Text) {
	for _, hook := range hooks {
		switch f := set.Trace(hook, p, nft.DefaultTable); {
		case f.Stopped != "":
			add(all, Problem, "", "%s are stopped by %s", what, f.Stopped)
			(*all)[len(*all)-1].Remedy = remedy
			return
		case f.Doubt != "" && hook != nft.HookPrerouting:
			add(all, Warning, "", "%s may be stopped by %s, as far as can be seen", what, f.Doubt)
			(*all)[len(*all)-1].Remedy = remedy
			return
		}
	}
}

func (x *exam) firewallForward(context.Context) []Finding {
	switch {
	case x.rules.set == nil:
		return x.unseen("other tables", x.rules.err)
	case x.guest == nil || len(x.uplinks) == 0:
		return one(Unknown, "", "the guest interface or the uplink is missing")
	}
	return judgeForward(x.rules.set, x.guest, x.uplinks)
}

func judgeForward(set *nft.Ruleset, guest *link, uplinks []link) []Finding {
	var all []Finding
	for i := range uplinks {
		for _, p := range outward(guest, &uplinks[i]) {
			judgeFate(&all, set, []uint32{nft.HookForward}, p, hotspot.Textf("guests' packets to the internet (%s, through %s)", ipName(p), uplinks[i].name),
				hotspot.Textf("accept what comes from %s and leaves through %s in that table: on OpenWrt allow forwarding from the guests' zone to wan; our own table still decides who passes", guest.name, uplinks[i].name))
		}
	}
	return list(all, "no other table keeps guests from the internet, as far as can be seen")
}

func (x *exam) masquerade(context.Context) []Finding {
	switch {
	case x.rules.set == nil:
		return x.unseen("address translation", x.rules.err)
	case x.guest == nil || len(x.uplinks) == 0:
		return one(Unknown, "", "the guest interface or the uplink is missing")
	}
	legacy, _ := x.sys.text("/proc/net/ip_tables_names")
	return judgeMasquerade(x.rules.set, x.guest, x.uplinks, strings.Contains(legacy, "nat"))
}

func judgeMasquerade(set *nft.Ruleset, guest *link, uplinks []link, legacy bool) []Finding {
	var all []Finding
	for i := range uplinks {
		for _, p := range outward(guest, &uplinks[i]) {
			if p.Dst.Is6() || !p.Src.IsPrivate() {
				continue
			}
			p.In, p.InIndex = "", 0 // not known any more at that hook
			f := set.Trace(nft.HookPostrouting, p, nft.DefaultTable)
			switch {
			case f.Translated:
			case legacy:
				add(&all, Unknown, "see: iptables -t nat -S POSTROUTING", "the legacy iptables has rules of its own, which cannot be read from here")
			default:
				add(&all, Problem, "translate them (masquerade) where they leave: on OpenWrt set `option masq 1` of the zone wan; else: nft add rule inet nat postrouting oifname %s masquerade",
					"the guests' addresses are not translated at %s: answers from the internet do not find back", uplinks[i].name)
				do(all, uplinks[i].name)
			}
		}
	}
	return list(all, "guests' IPv4 addresses are translated where they leave")
}

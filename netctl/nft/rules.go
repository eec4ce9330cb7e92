package nft

import (
	"slices"

	"golang.org/x/sys/unix"
)

// chain is a chain of the table. A base chain has a hook.
type chain struct {
	name     string
	kind     string // "filter" or "nat"; empty: not a base chain
	hook     uint32
	priority int32
}

// Priorities: just before those of the distribution's own rules.
const (
	natPriority    = -105
	filterPriority = -5
)

// chains returns the chains, all before the rules that name them.
func chains() []chain {
	return []chain{
		// chain prerouting { type nat hook prerouting priority dstnat - 5; }
		{"prerouting", "nat", unix.NF_INET_PRE_ROUTING, natPriority},
		// chain forward { type filter hook forward priority filter - 5; }
		{"forward", "filter", unix.NF_INET_FORWARD, filterPriority},
		// chain input { type filter hook input priority filter - 5; }
		{"input", "filter", unix.NF_INET_LOCAL_IN, filterPriority},
		{name: "catch"}, {name: "up"}, {name: "out"}, {name: "strange"}, {name: "down"},
		{name: "reach"}, {name: "serve"}, {name: "icmp6"}, {name: "refuse"},
	}
}

// rule is one rule.
type rule struct {
	chain string
	exprs []expr
}

// ruleset collects rules.
type ruleset struct {
	cfg   Config
	rules []rule
}

// add adds a rule to a chain; parts are single expressions or several.
func (r *ruleset) add(chain string, parts ...[]expr) {
	r.rules = append(r.rules, rule{chain, slices.Concat(parts...)})
}

func x(exprs ...expr) []expr { return exprs }

// The parts that rules are made of.

// nfproto is "meta nfproto ipv4|ipv6".
func nfproto(f family) []expr { return x(meta(unix.NFT_META_NFPROTO), is([]byte{f.nfproto})) }

// from is `iifname "name"`, to is `oifname "name"`.
func from(name string) []expr { return x(meta(unix.NFT_META_IIFNAME), is(ifname(name))) }
func to(name string) []expr   { return x(meta(unix.NFT_META_OIFNAME), is(ifname(name))) }

// at is `iif|oif "name"`, by the interface's index, which costs a packet less
// than its name.
func at(key, index uint32) []expr { return x(meta(key), is(number32(index))) }

// l4proto is "meta l4proto <p>".
func l4proto(p byte) []expr { return x(meta(unix.NFT_META_L4PROTO), is([]byte{p})) }

// dport is "tcp|udp dport <port>".
func dport(p byte, port uint16) []expr {
	return append(l4proto(p), load(unix.NFT_PAYLOAD_TRANSPORT_HEADER, tcpdportOffset, 2, regKey), is(put16(port)))
}

// icmpType is "icmp type" or "icmpv6 type", to be compared.
func icmpType(p byte) []expr {
	return append(l4proto(p), load(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, regKey))
}

// known is "ct state established,related".
func known() []expr {
	return x(ct(unix.NFT_CT_STATE), mask(number32(ctEstablished|ctRelated)), isNot(number32(0)))
}

// device is "ether saddr . ip|ip6 saddr", to be looked up.
func device(f family) []expr {
	return x(load(unix.NFT_PAYLOAD_LL_HEADER, ethSourceOffset, 6, regKey),
		load(unix.NFT_PAYLOAD_NETWORK_HEADER, f.src, f.addrLen, regAddr))
}

// addrType is "fib daddr type", with flags of fib.
func addrType(flags uint32, cmp func([]byte) expr, typ uint32) []expr {
	return x(fib(flags), cmp(number32(typ)))
}

// buildRules returns all rules for a configuration.
func buildRules(cfg Config) []rule {
	r := &ruleset{cfg: cfg}
	r.catch()
	r.forward()
	r.up()
	r.down()
	r.input()
	r.reach()
	r.serve()
	r.icmp6()
	r.refuse()
	return r.rules
}

// catch sends the name lookups and web requests of guests that are not let in
// to the router. Only the first packet of a connection comes here.
func (r *ruleset) catch() {
	// iifname "guest" goto catch
	r.add("prerouting", from(r.cfg.GuestInterface), x(jumpTo("catch")))
	if r.cfg.DNS != dnsPort {
		for _, p := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			// udp dport 53 fib daddr . iif type local redirect to :5353
			r.add("catch", dport(p, dnsPort), addrType(unix.NFTA_FIB_F_IIF, is, addrtypeLocal), redirect(r.cfg.DNS))
		}
	}
	for _, f := range []family{ip4, ip6} {
		// meta nfproto ipv4 ether saddr . ip saddr @up4 return
		r.add("catch", nfproto(f), device(f), x(lookup("up"+f.suffix, regKey), back()))
		// meta nfproto ipv4 ether saddr . ip saddr @eachup4 return
		r.add("catch", nfproto(f), device(f), x(lookup("eachup"+f.suffix, regKey), back()))
	}
	for _, p := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
		// udp dport 53 redirect to :53
		r.add("catch", dport(p, dnsPort), redirect(r.cfg.DNS))
	}
	// A device that is let in, with an address that is not known yet, must not
	// take the portal for the site that it asked for: chain strange drops.
	// ether saddr @devices return
	r.add("catch", x(load(unix.NFT_PAYLOAD_LL_HEADER, ethSourceOffset, 6, regKey), lookup("devices", regKey), back()))
	// tcp dport 80 fib daddr type != local redirect to :2050
	r.add("catch", dport(unix.IPPROTO_TCP, httpPort), addrType(0, isNot, addrtypeLocal), redirect(r.cfg.Portal))
}

// forward leads to the chain of the direction. What most packets of guests meet
// stands here itself and goes by the indexes of interfaces: names and jumps cost
// each packet a measurable part of its way. These rules are no more than a short
// cut to what the rules with the names do, which catch an interface that was
// made anew.
func (r *ruleset) forward() {
	guest := r.cfg.GuestInterface
	if index, ok := r.cfg.Indexes[guest]; ok {
		in, out := at(unix.NFT_META_IIF, index), at(unix.NFT_META_OIF, index)
		// oif "guest" meta nfproto ipv4 ct state established,related
		//	quota name ip daddr map @down4 counter name ip daddr map @meterdown4 accept
		r.add("forward", out, receive(ip4))
		// oif "guest" goto down
		r.add("forward", out, x(jumpTo("down")))
		for _, name := range r.cfg.Uplinks {
			if index, ok := r.cfg.Indexes[name]; ok {
				// iif "guest" oif "wan" meta nfproto ipv4 quota name ether saddr . ip saddr map @up4
				//	counter name ip saddr map @meterup4 accept
				r.add("forward", in, at(unix.NFT_META_OIF, index), send(ip4))
			}
		}
		// iif "guest" goto up
		r.add("forward", in, x(jumpTo("up")))
	}
	// iifname "guest" goto up
	r.add("forward", from(guest), x(jumpTo("up")))
	// oifname "guest" goto down
	r.add("forward", to(guest), x(jumpTo("down")))
}

// send accepts a packet from a guest that its quota allows, and meters it. The
// quotas beyond the first lead from the address alone.
func send(f family) []expr { return sendBy(f, "up") }

func sendBy(f family, quota string, more ...string) []expr {
	exprs := slices.Concat(nfproto(f), device(f), x(object(quota+f.suffix, regKey)))
	for _, name := range append(more, "meterup") {
		exprs = append(exprs, object(name+f.suffix, regAddr))
	}
	return append(exprs, accept())
}

// receive does so with a packet to a guest, unless it begins a connection.
func receive(f family) []expr { return receiveBy(f, "down") }

func receiveBy(f family, quotas ...string) []expr {
	exprs := append(nfproto(f), known()...)
	exprs = append(exprs, load(unix.NFT_PAYLOAD_NETWORK_HEADER, f.dst, f.addrLen, regKey))
	for _, name := range append(quotas, "meterdown") {
		exprs = append(exprs, object(name+f.suffix, regKey))
	}
	return append(exprs, accept())
}

// up decides where guests may send to.
func (r *ruleset) up() {
	for _, name := range r.cfg.Uplinks {
		if index, ok := r.cfg.Indexes[name]; ok {
			// oif "wan" goto out
			r.add("up", at(unix.NFT_META_OIF, index), x(jumpTo("out")))
		}
	}
	for _, name := range r.cfg.Uplinks {
		// oifname "wan" goto out
		r.add("up", to(name), x(jumpTo("out")))
	}
	if len(r.cfg.Uplinks) > 0 {
		r.add("up", x(jumpTo("strange")))
	} else {
		for _, name := range append([]string{r.cfg.GuestInterface}, r.cfg.Protected...) {
			// oifname "lan" goto refuse
			r.add("up", to(name), x(jumpTo("refuse")))
		}
		r.add("up", x(jumpTo("out")))
	}
	r.out()
	r.strange()
}

// out decides about packets from guests to the internet. What one rule does not
// accept goes on to the next: another family, or nobody's, or over the quota.
func (r *ruleset) out() {
	for _, f := range []family{ip4, ip6} {
		// meta nfproto ipv4 quota name ether saddr . ip saddr map @up4
		//	counter name ip saddr map @meterup4 accept
		r.add("out", send(f))
	}
	// Accounts with a limit of both directions besides one of each need a second
	// look. The direction's quota comes first: what it refuses, the other must not
	// count.
	for _, f := range []family{ip4, ip6} {
		// meta nfproto ipv4 quota name ether saddr . ip saddr map @eachup4
		//	quota name ip saddr map @total4 counter name ip saddr map @meterup4 accept
		r.add("out", sendBy(f, "eachup", "total"))
	}
	r.add("out", x(jumpTo("strange")))
}

// strange handles what was not accepted upwards.
func (r *ruleset) strange() {
	for _, f := range []family{ip4, ip6} {
		// meta nfproto ipv4 ether saddr . ip saddr @up4 goto refuse
		r.add("strange", nfproto(f), device(f), x(lookup("up"+f.suffix, regKey), jumpTo("refuse")))
		// meta nfproto ipv4 ether saddr . ip saddr @eachup4 goto refuse
		r.add("strange", nfproto(f), device(f), x(lookup("eachup"+f.suffix, regKey), jumpTo("refuse")))
	}
	for _, f := range []family{ip4, ip6} {
		// ether saddr @devices meta nfproto ipv4 update @seen4 { ether saddr . ip saddr timeout 10s }
		r.add("strange", nfproto(f), device(f), x(lookup("devices", regKey), update("seen"+f.suffix, regKey)))
	}
	// A new address of a device that is let in will be known in a moment; a
	// refusal would only break what the device is just starting.
	// ether saddr @devices drop
	r.add("strange", x(load(unix.NFT_PAYLOAD_LL_HEADER, ethSourceOffset, 6, regKey), lookup("devices", regKey), drop()))
	r.add("strange", x(jumpTo("refuse")))
}

// down decides about packets to guests. Nobody outside can begin a connection.
func (r *ruleset) down() {
	for _, f := range []family{ip4, ip6} {
		// meta nfproto ipv4 ct state established,related
		//	quota name ip daddr map @down4 counter name ip daddr map @meterdown4 accept
		r.add("down", receive(f))
	}
	for _, f := range []family{ip4, ip6} {
		// meta nfproto ipv4 ct state established,related quota name ip daddr map @eachdown4
		//	quota name ip daddr map @total4 counter name ip daddr map @meterdown4 accept
		r.add("down", receiveBy(f, "eachdown", "total"))
	}
	r.add("down", x(jumpTo("refuse")))
}

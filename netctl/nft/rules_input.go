package nft

import (
	"golang.org/x/sys/unix"
)

// The well-known ports.
const (
	dnsPort     = 53
	httpPort    = 80
	dhcp4Port   = 67
	dhcp6Port   = 547
	echoRate    = 20 // echo requests a second, of all guests together
	echoBurst   = 40
	protoIGMP   = 2
	protoICMP   = unix.IPPROTO_ICMP
	protoICMPv6 = unix.IPPROTO_ICMPV6
)

// ICMP and ICMPv6 types.
const (
	icmpUnreachable  = 3
	icmpEcho         = 8
	icmpTimeExceeded = 11
	icmpParameter    = 12
	icmp6Unreachable = 1
	icmp6Parameter   = 4
	icmp6Echo        = 128
	mldQuery         = 130
	mldDone          = 132
	ndRouterSolicit  = 133
	ndNeighSolicit   = 135
	ndNeighAdvert    = 136
	mld2Report       = 143
)

// input leads packets of guests for the router itself to chain reach, and
// keeps the portal from being reached by others than guests, the router and
// the protected networks.
func (r *ruleset) input() {
	// iifname "guest" goto reach
	r.add("input", from(r.cfg.GuestInterface), x(jumpTo("reach")))
	// tcp dport 2050 iifname != "lo" iifname != "lan" goto refuse
	others := x(meta(unix.NFT_META_IIFNAME), isNot(ifname("lo")))
	for _, name := range r.cfg.Protected {
		others = append(others, isNot(ifname(name)))
	}
	r.add("input", dport(unix.IPPROTO_TCP, r.cfg.Portal), others, x(jumpTo("refuse")))
}

// reach decides what guests can reach on the router: only what is meant for
// them, and only at the guest interface's own addresses.
func (r *ruleset) reach() {
	// ct direction reply ct state established,related accept
	// (answers to what the router itself has asked)
	r.add("reach", x(ct(unix.NFT_CT_DIRECTION), is([]byte{ctReply})), known(), x(accept()))
	// meta nfproto ipv6 meta l4proto icmpv6 goto icmp6
	r.add("reach", nfproto(ip6), l4proto(protoICMPv6), x(jumpTo("icmp6")))
	// fib daddr . iif type local goto serve
	r.add("reach", addrType(unix.NFTA_FIB_F_IIF, is, addrtypeLocal), x(jumpTo("serve")))
	// udp dport 67 fib daddr . iif type broadcast accept
	r.add("reach", dport(unix.IPPROTO_UDP, dhcp4Port), addrType(unix.NFTA_FIB_F_IIF, is, addrtypeBcast), x(accept()))
	// udp dport 547 fib daddr . iif type multicast accept
	r.add("reach", dport(unix.IPPROTO_UDP, dhcp6Port), addrType(unix.NFTA_FIB_F_IIF, is, addrtypeMcast), x(accept()))
	// meta l4proto igmp accept
	r.add("reach", l4proto(protoIGMP), x(accept()))
	r.add("reach", x(jumpTo("refuse")))
}

// serve is for packets to the guest interface's own addresses.
func (r *ruleset) serve() {
	// udp dport 53 accept, and so on
	for _, port := range []uint16{r.cfg.DNS, dhcp4Port, dhcp6Port} {
		r.add("serve", dport(unix.IPPROTO_UDP, port), x(accept()))
	}
	// tcp dport 53 accept; tcp dport 2050 accept
	for _, port := range []uint16{r.cfg.DNS, r.cfg.Portal} {
		r.add("serve", dport(unix.IPPROTO_TCP, port), x(accept()))
	}
	// icmp type echo-request limit rate 20/second burst 40 packets accept
	r.add("serve", nfproto(ip4), icmpType(protoICMP), x(is([]byte{icmpEcho}), limit(echoRate, echoBurst), accept()))
	// icmp type echo-request drop
	r.add("serve", nfproto(ip4), icmpType(protoICMP), x(is([]byte{icmpEcho}), drop()))
	for _, typ := range []byte{icmpUnreachable, icmpTimeExceeded, icmpParameter} {
		// icmp type destination-unreachable accept
		r.add("serve", nfproto(ip4), icmpType(protoICMP), x(is([]byte{typ}), accept()))
	}
	r.add("serve", x(jumpTo("refuse")))
}

// icmp6 is for ICMPv6 to the router: neighbour discovery and multicast
// listeners to any address, errors and echoes only to the guest interface's own.
func (r *ruleset) icmp6() {
	typ := icmpType(protoICMPv6)
	one := func(t byte) expr { return is([]byte{t}) }
	// icmpv6 type nd-neighbor-solicit-nd-neighbor-advert accept
	r.add("icmp6", typ, x(between([]byte{ndNeighSolicit}, []byte{ndNeighAdvert}), accept()))
	// icmpv6 type nd-router-solicit accept
	r.add("icmp6", typ, x(one(ndRouterSolicit), accept()))
	// icmpv6 type mld-listener-query-mld-listener-done accept
	r.add("icmp6", typ, x(between([]byte{mldQuery}, []byte{mldDone}), accept()))
	// icmpv6 type mld2-listener-report accept
	r.add("icmp6", typ, x(one(mld2Report), accept()))
	// fib daddr . iif type != local goto refuse
	r.add("icmp6", addrType(unix.NFTA_FIB_F_IIF, isNot, addrtypeLocal), x(jumpTo("refuse")))
	// icmpv6 type destination-unreachable-parameter-problem accept
	r.add("icmp6", typ, x(between([]byte{icmp6Unreachable}, []byte{icmp6Parameter}), accept()))
	// icmpv6 type echo-request limit rate 20/second burst 40 packets accept
	r.add("icmp6", typ, x(one(icmp6Echo), limit(echoRate, echoBurst), accept()))
	// icmpv6 type echo-request drop
	r.add("icmp6", typ, x(one(icmp6Echo), drop()))
	r.add("icmp6", x(jumpTo("refuse")))
}

// refuse tells the sender at once.
func (r *ruleset) refuse() {
	// meta l4proto tcp reject with tcp reset
	r.add("refuse", l4proto(unix.IPPROTO_TCP), x(reject(rejectReset, 0)))
	// reject with icmpx admin-prohibited
	r.add("refuse", x(reject(rejectICMPX, icmpxAdmin)))
}

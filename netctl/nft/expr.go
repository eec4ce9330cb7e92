package nft

import (
	"golang.org/x/sys/unix"
)

// Attributes and values that x/sys/unix does not name.
const (
	redirProtoMin   = 1      // NFTA_REDIR_REG_PROTO_MIN
	redirFlags      = 3      // NFTA_REDIR_FLAGS
	rangeProto      = 1 << 1 // NF_NAT_RANGE_PROTO_SPECIFIED
	icmpxAdmin      = 3      // NFT_REJECT_ICMPX_ADMIN_PROHIBITED
	rejectICMPX     = 2      // NFT_REJECT_ICMPX_UNREACH
	rejectReset     = 1      // NFT_REJECT_TCP_RST
	ctEstablished   = 1 << 1 // NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
	ctRelated       = 1 << 2 // NF_CT_STATE_BIT(IP_CT_RELATED)
	ctReply         = 1      // IP_CT_DIR_REPLY
	ifnameLen       = 16     // IFNAMSIZ
	registerLen     = 4      // of the 32-bit registers
	macRegisters    = 2      // that a MAC takes
	limitPackets    = 0      // NFT_LIMIT_PKTS
	verdictDrop     = 0      // NF_DROP
	verdictAccept   = 1      // NF_ACCEPT
	verdictReturn   = -5     // NFT_RETURN
	verdictGoto     = -4     // NFT_GOTO
	addrtypeLocal   = 2      // RTN_LOCAL
	addrtypeBcast   = 3      // RTN_BROADCAST
	addrtypeMcast   = 5      // RTN_MULTICAST
	tcpdportOffset  = 2
	ethSourceOffset = 6
)

// Registers. A concatenation's second part follows the MAC's two words, where
// the next lookup finds the address again without loading it.
const (
	regKey  = unix.NFT_REG_1
	regAddr = unix.NFT_REG32_00 + macRegisters
)

// expr is one expression of a rule: its name and its attributes.
type expr struct {
	name string
	fill func(*buffer)
}

// family has what differs between IPv4 and IPv6 in a rule.
type family struct {
	nfproto  byte
	addrLen  uint32
	src, dst uint32 // where the addresses are in the header
	suffix   string // of the sets' names
}

var (
	ip4 = family{unix.NFPROTO_IPV4, 4, 12, 16, "4"}
	ip6 = family{unix.NFPROTO_IPV6, 16, 8, 24, "6"}
)

func put16(v uint16) []byte { return wire.AppendUint16(nil, v) }

// number32 is a 32-bit value of the host's, such as a connection's state.
func number32(v uint32) []byte { return host.AppendUint32(nil, v) }

// ifname is an interface's name as the kernel compares it.
func ifname(name string) []byte {
	b := make([]byte, ifnameLen)
	copy(b, name)
	return b
}

// meta is "meta <key>", such as "meta l4proto" or "iifname".
func meta(key uint32) expr {
	return expr{"meta", func(b *buffer) {
		b.u32(unix.NFTA_META_DREG, regKey)
		b.u32(unix.NFTA_META_KEY, key)
	}}
}

// load reads n bytes of a header, such as "ip saddr" or "tcp dport".
func load(base, offset, n, reg uint32) expr {
	return expr{"payload", func(b *buffer) {
		b.u32(unix.NFTA_PAYLOAD_DREG, reg)
		b.u32(unix.NFTA_PAYLOAD_BASE, base)
		b.u32(unix.NFTA_PAYLOAD_OFFSET, offset)
		b.u32(unix.NFTA_PAYLOAD_LEN, n)
	}}
}

// compare is "== v" or "!= v".
func compare(op uint32, v []byte) expr {
	return expr{"cmp", func(b *buffer) {
		b.u32(unix.NFTA_CMP_SREG, regKey)
		b.u32(unix.NFTA_CMP_OP, op)
		b.nest(unix.NFTA_CMP_DATA, func() { b.bytes(unix.NFTA_DATA_VALUE, v) })
	}}
}

func is(v []byte) expr    { return compare(unix.NFT_CMP_EQ, v) }
func isNot(v []byte) expr { return compare(unix.NFT_CMP_NEQ, v) }

// between is "from-to".
func between(from, to []byte) expr {
	return expr{"range", func(b *buffer) {
		b.u32(unix.NFTA_RANGE_SREG, regKey)
		b.u32(unix.NFTA_RANGE_OP, unix.NFT_RANGE_EQ)
		b.nest(unix.NFTA_RANGE_FROM_DATA, func() { b.bytes(unix.NFTA_DATA_VALUE, from) })
		b.nest(unix.NFTA_RANGE_TO_DATA, func() { b.bytes(unix.NFTA_DATA_VALUE, to) })
	}}
}

// lookup is "@set".
func lookup(set string, reg uint32) expr {
	return expr{"lookup", func(b *buffer) {
		b.str(unix.NFTA_LOOKUP_SET, set)
		b.u32(unix.NFTA_LOOKUP_SREG, reg)
	}}
}

// object is "quota|counter name <key> map @set".
func object(set string, reg uint32) expr {
	return expr{"objref", func(b *buffer) {
		b.u32(unix.NFTA_OBJREF_SET_SREG, reg)
		b.str(unix.NFTA_OBJREF_SET_NAME, set)
	}}
}

// verdict is "accept", "drop", "return" or, with a chain, "goto <chain>".
func verdict(code int32, chain string) expr {
	return expr{"immediate", func(b *buffer) {
		b.u32(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT)
		b.nest(unix.NFTA_IMMEDIATE_DATA, func() {
			b.nest(unix.NFTA_DATA_VERDICT, func() {
				b.u32(unix.NFTA_VERDICT_CODE, uint32(code))
				if chain != "" {
					b.str(unix.NFTA_VERDICT_CHAIN, chain)
				}
			})
		})
	}}
}

func accept() expr             { return verdict(verdictAccept, "") }
func drop() expr               { return verdict(verdictDrop, "") }
func back() expr               { return verdict(verdictReturn, "") }
func jumpTo(chain string) expr { return verdict(verdictGoto, chain) }

// redirect is "redirect to :<port>".
func redirect(port uint16) []expr {
	return []expr{
		{"immediate", func(b *buffer) {
			b.u32(unix.NFTA_IMMEDIATE_DREG, regKey)
			b.nest(unix.NFTA_IMMEDIATE_DATA, func() { b.bytes(unix.NFTA_DATA_VALUE, put16(port)) })
		}},
		{"redir", func(b *buffer) {
			b.u32(redirProtoMin, regKey)
			b.u32(redirFlags, rangeProto)
		}},
	}
}

// reject is "reject with tcp reset" or "reject with icmpx admin-prohibited".
func reject(kind uint32, code byte) expr {
	return expr{"reject", func(b *buffer) {
		b.u32(unix.NFTA_REJECT_TYPE, kind)
		b.bytes(unix.NFTA_REJECT_ICMP_CODE, []byte{code})
	}}
}

// ct is "ct <key>".
func ct(key uint32) expr {
	return expr{"ct", func(b *buffer) {
		b.u32(unix.NFTA_CT_DREG, regKey)
		b.u32(unix.NFTA_CT_KEY, key)
	}}
}

// mask is "& m".
func mask(m []byte) expr {
	return expr{"bitwise", func(b *buffer) {
		b.u32(unix.NFTA_BITWISE_SREG, regKey)
		b.u32(unix.NFTA_BITWISE_DREG, regKey)
		b.u32(unix.NFTA_BITWISE_LEN, uint32(len(m)))
		b.nest(unix.NFTA_BITWISE_MASK, func() { b.bytes(unix.NFTA_DATA_VALUE, m) })
		b.nest(unix.NFTA_BITWISE_XOR, func() { b.bytes(unix.NFTA_DATA_VALUE, make([]byte, len(m))) })
	}}
}

// fib is "fib daddr type", or with unix.NFTA_FIB_F_IIF "fib daddr . iif type".
func fib(flags uint32) expr {
	return expr{"fib", func(b *buffer) {
		b.u32(unix.NFTA_FIB_DREG, regKey)
		b.u32(unix.NFTA_FIB_RESULT, unix.NFT_FIB_RESULT_ADDRTYPE)
		b.u32(unix.NFTA_FIB_FLAGS, unix.NFTA_FIB_F_DADDR|flags)
	}}
}

// limit is "limit rate <perSecond>/second burst <burst> packets".
func limit(perSecond uint64, burst uint32) expr {
	return expr{"limit", func(b *buffer) {
		b.u64(unix.NFTA_LIMIT_RATE, perSecond)
		b.u64(unix.NFTA_LIMIT_UNIT, 1)
		b.u32(unix.NFTA_LIMIT_BURST, burst)
		b.u32(unix.NFTA_LIMIT_TYPE, limitPackets)
	}}
}

package nft

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// registers are the kernel's, sixteen of four bytes each.
type registers struct {
	b     [64]byte
	known [64]bool
}

// at returns where a register begins.
func (r *registers) at(reg uint32) (int, bool) {
	switch {
	case reg >= unix.NFT_REG_1 && reg <= unix.NFT_REG_4:
		return int(reg-unix.NFT_REG_1) * 16, true
	case reg >= unix.NFT_REG32_00 && reg <= unix.NFT_REG32_15:
		return int(reg-unix.NFT_REG32_00) * registerLen, true
	}
	return 0, false
}

// put writes a register; the rest of its last word is zero.
//
//go:noinline
func (r *registers) put(reg uint32, v []byte) {
	at, ok := r.at(reg)
	if !ok || at+align(len(v)) > len(r.b) {
		return
	}
	for i := range align(len(v)) {
		r.b[at+i], r.known[at+i] = 0, true
		if i < len(v) {
			r.b[at+i] = v[i]
		}
	}
}

// forget makes n bytes of a register unknown.
//
//go:noinline
func (r *registers) forget(reg uint32, n int) {
	if at, ok := r.at(reg); ok {
		clear(r.known[at:min(at+max(align(n), registerLen), len(r.known))])
	}
}

//go:noinline
func (r *registers) get(reg uint32, n int) ([]byte, bool) {
	at, ok := r.at(reg)
	if !ok || n <= 0 || at+n > len(r.b) {
		return nil, false
	}
	for _, k := range r.known[at : at+n] {
		if !k {
			return nil, false
		}
	}
	return r.b[at : at+n], true
}

// num reads a number of an expression's attributes.
//
//go:noinline
func (e heldExpr) num(typ uint16) uint32 { return uint32(number(attribute(e.data, typ))) }

// value reads an NFTA_DATA_VALUE inside an attribute.
//
//go:noinline
func (e heldExpr) value(typ uint16) []byte {
	return attribute(attribute(e.data, typ), unix.NFTA_DATA_VALUE)
}

// expr evaluates an expression: whether the rule goes on, and its verdict.
func (t *tracer) expr(c *Chain, e heldExpr, doubtful bool) (*ruling, certainty) {
	switch e.name {
	case "meta":
		return nil, t.meta(e)
	case "payload":
		return nil, t.payload(e)
	case "ct":
		return nil, t.ct(e)
	case "fib":
		return nil, t.fib(e)
	case "cmp":
		return nil, t.cmp(e)
	case "range":
		return nil, t.inRange(e)
	case "bitwise":
		return nil, t.bitwise(e)
	case "lookup":
		return t.lookup(c, e)
	case "immediate":
		return t.immediate(e)
	case "reject":
		return &ruling{code: verdictDrop, why: "reject"}, yes
	case "limit", "connlimit":
		// This is the first packet for long: no limit is reached.
		flags := uint16(limitFlags)
		if e.name == "connlimit" {
			flags = connlimitFlags
		}
		if e.num(flags)&1 != 0 { // "over"
			return nil, no
		}
		return nil, yes
	case "masq", "nat", "redir", "tproxy", "flow_offload", "target":
		return t.action(c, e, doubtful)
	case "match":
		if text(attribute(e.data, compatName)) == "comment" {
			return nil, yes
		}
		return nil, maybe
	case "counter", "log", "notrack", "last", "dup":
		return nil, yes
	case "objref":
		if attribute(e.data, unix.NFTA_OBJREF_SET_NAME) == nil {
			return nil, yes
		}
		return nil, maybe // what is not in the map ends the rule
	case "dynset":
		return nil, maybe // a limit inside may end the rule
	}
	// What it reads is not known: a later comparison must not guess.
	t.regs = registers{}
	if e.name == "byteorder" || e.name == "exthdr" || e.name == "rt" || e.name == "hash" || e.name == "numgen" || e.name == "socket" {
		return nil, yes
	}
	return nil, maybe
}

// Attributes that x/sys/unix does not name.
const (
	limitFlags     = 5 // NFTA_LIMIT_FLAGS
	connlimitFlags = 2 // NFTA_CONNLIMIT_FLAGS
	compatName     = 1 // NFTA_MATCH_NAME, NFTA_TARGET_NAME
	bitwiseOp      = 6 // NFTA_BITWISE_OP
	natType        = 1 // NFTA_NAT_TYPE
	natSource      = 0 // NFT_NAT_SNAT
	lookupFlags    = 5 // NFTA_LOOKUP_FLAGS
	ctNew          = 1 << 3
	addrtypeUni    = 1 // RTN_UNICAST
)

// action evaluates what ends a chain without a verdict of its own.
func (t *tracer) action(c *Chain, e heldExpr, doubtful bool) (*ruling, certainty) {
	name := e.name
	if name == "target" {
		name = text(attribute(e.data, compatName))
	}
	switch name {
	case "flow_offload":
		if t.fate.Offloaded == "" {
			t.fate.Offloaded = familyName(c.Family) + " " + c.Table + " " + c.Name
		}
		return nil, yes
	case "masq", "MASQUERADE", "SNAT":
		t.fate.Translated = t.fate.Translated || !doubtful
	case "nat":
		if e.num(natType) == natSource {
			t.fate.Translated = t.fate.Translated || !doubtful
		}
	case "REJECT", "DROP", "TARPIT":
		return &ruling{code: verdictDrop, why: name}, yes
	case "redir", "tproxy", "DNAT", "REDIRECT", "TPROXY":
	default:
		return nil, yes // LOG, MARK, TCPMSS and the like
	}
	return &ruling{code: verdictAccept}, yes
}

func (t *tracer) meta(e heldExpr) certainty {
	if attribute(e.data, unix.NFTA_META_DREG) == nil {
		return yes // it sets
	}
	p, reg := t.packet, e.num(unix.NFTA_META_DREG)
	name, index := p.In, p.InIndex
	switch key := e.num(unix.NFTA_META_KEY); key {
	case unix.NFT_META_OIFNAME, unix.NFT_META_OIF:
		name, index = p.Out, p.OutIndex
		fallthrough
	case unix.NFT_META_IIFNAME, unix.NFT_META_IIF:
		if name == "" {
			return no
		}
		if key == unix.NFT_META_OIF || key == unix.NFT_META_IIF {
			t.regs.put(reg, number32(uint32(index)))
		} else {
			t.regs.put(reg, ifname(name))
		}
	case unix.NFT_META_L4PROTO:
		t.regs.put(reg, []byte{p.Proto})
	case unix.NFT_META_NFPROTO:
		proto := byte(unix.NFPROTO_IPV4)
		if p.Dst.Is6() {
			proto = unix.NFPROTO_IPV6
		}
		t.regs.put(reg, []byte{proto})
	case unix.NFT_META_PROTOCOL:
		ether := uint16(unix.ETH_P_IP)
		if p.Dst.Is6() {
			ether = unix.ETH_P_IPV6
		}
		t.regs.put(reg, put16(ether))
	case unix.NFT_META_MARK:
		t.regs.put(reg, number32(0))
	default:
		t.regs.forget(reg, 16)
	}
	return yes
}

func (t *tracer) payload(e heldExpr) certainty {
	reg := attribute(e.data, unix.NFTA_PAYLOAD_DREG)
	if reg == nil {
		return yes // it writes
	}
	n := e.num(unix.NFTA_PAYLOAD_LEN)
	var v []byte
	ok := false
	switch e.num(unix.NFTA_PAYLOAD_BASE) {
	case unix.NFT_PAYLOAD_NETWORK_HEADER:
		v, ok = t.ip.get(e.num(unix.NFTA_PAYLOAD_OFFSET), n)
	case unix.NFT_PAYLOAD_TRANSPORT_HEADER:
		v, ok = t.l4.get(e.num(unix.NFTA_PAYLOAD_OFFSET), n)
	}
	if ok {
		t.regs.put(uint32(number(reg)), v)
	} else {
		t.regs.forget(uint32(number(reg)), int(min(n, 64)))
	}
	return yes
}

func (t *tracer) ct(e heldExpr) certainty {
	if attribute(e.data, unix.NFTA_CT_DREG) == nil {
		return yes
	}
	reg := e.num(unix.NFTA_CT_DREG)
	switch e.num(unix.NFTA_CT_KEY) {
	case unix.NFT_CT_STATE:
		t.regs.put(reg, number32(ctNew))
	case unix.NFT_CT_DIRECTION:
		t.regs.put(reg, []byte{0})
	case unix.NFT_CT_MARK:
		t.regs.put(reg, number32(0))
	default:
		t.regs.forget(reg, 16)
	}
	return yes
}

func (t *tracer) fib(e heldExpr) certainty {
	reg, flags := e.num(unix.NFTA_FIB_DREG), e.num(unix.NFTA_FIB_FLAGS)
	if e.num(unix.NFTA_FIB_RESULT) != unix.NFT_FIB_RESULT_ADDRTYPE || flags&unix.NFTA_FIB_F_DADDR == 0 {
		t.regs.forget(reg, 16)
		return yes
	}
	typ := uint32(addrtypeUni)
	if t.packet.ToRouter {
		typ = addrtypeLocal
	}
	t.regs.put(reg, number32(typ))
	return yes
}

//go:noinline
func certain(b bool) certainty {
	if b {
		return yes
	}
	return no
}

func (t *tracer) cmp(e heldExpr) certainty {
	want := e.value(unix.NFTA_CMP_DATA)
	have, ok := t.regs.get(e.num(unix.NFTA_CMP_SREG), len(want))
	if !ok {
		return maybe
	}
	d := bytes.Compare(have, want)
	switch e.num(unix.NFTA_CMP_OP) {
	case unix.NFT_CMP_EQ:
		return certain(d == 0)
	case unix.NFT_CMP_NEQ:
		return certain(d != 0)
	case unix.NFT_CMP_LT:
		return certain(d < 0)
	case unix.NFT_CMP_LTE:
		return certain(d <= 0)
	case unix.NFT_CMP_GT:
		return certain(d > 0)
	case unix.NFT_CMP_GTE:
		return certain(d >= 0)
	}
	return maybe
}

func (t *tracer) inRange(e heldExpr) certainty {
	from, to := e.value(unix.NFTA_RANGE_FROM_DATA), e.value(unix.NFTA_RANGE_TO_DATA)
	have, ok := t.regs.get(e.num(unix.NFTA_RANGE_SREG), len(from))
	if !ok || len(from) != len(to) {
		return maybe
	}
	inside := bytes.Compare(have, from) >= 0 && bytes.Compare(have, to) <= 0
	return certain(inside == (e.num(unix.NFTA_RANGE_OP) == unix.NFT_RANGE_EQ))
}

func (t *tracer) bitwise(e heldExpr) certainty {
	mask, xor := e.value(unix.NFTA_BITWISE_MASK), e.value(unix.NFTA_BITWISE_XOR)
	reg := e.num(unix.NFTA_BITWISE_DREG)
	have, ok := t.regs.get(e.num(unix.NFTA_BITWISE_SREG), len(mask))
	if !ok || len(mask) != len(xor) || e.num(bitwiseOp) != 0 {
		t.regs.forget(reg, 16)
		return yes
	}
	out := make([]byte, len(mask))
	for i := range out {
		out[i] = have[i]&mask[i] ^ xor[i]
	}
	t.regs.put(reg, out)
	return yes
}

func (t *tracer) immediate(e heldExpr) (*ruling, certainty) {
	data := attribute(e.data, unix.NFTA_IMMEDIATE_DATA)
	if v := attribute(data, unix.NFTA_DATA_VERDICT); v != nil {
		return decodeVerdict(v)
	}
	t.regs.put(e.num(unix.NFTA_IMMEDIATE_DREG), attribute(data, unix.NFTA_DATA_VALUE))
	return nil, yes
}

func decodeVerdict(v []byte) (*ruling, certainty) {
	code := int32(uint32(number(attribute(v, unix.NFTA_VERDICT_CODE))))
	switch code {
	case verdictContinue:
		return nil, yes
	case verdictBreak:
		return nil, no
	}
	return &ruling{code, text(attribute(v, unix.NFTA_VERDICT_CHAIN)), "drop"}, yes
}

// lookup looks a register up in a set or map.
func (t *tracer) lookup(c *Chain, e heldExpr) (*ruling, certainty) {
	name := setName{c.Family, c.Table, text(attribute(e.data, unix.NFTA_LOOKUP_SET))}
	set := t.rules.sets[name]
	dreg := attribute(e.data, unix.NFTA_LOOKUP_DREG)
	if set == nil || len(set.elems) == 0 || len(set.elems) >= maxElems {
		return nil, t.notLookedUp(dreg)
	}
	have, ok := t.regs.get(e.num(unix.NFTA_LOOKUP_SREG), len(set.elems[0].key))
	if !ok {
		return nil, t.notLookedUp(dreg)
	}
	found, ok := set.find(have)
	if !ok {
		return nil, t.notLookedUp(dreg)
	}
	if e.num(lookupFlags)&1 != 0 { // "!="
		return nil, certain(found == nil)
	}
	if found == nil {
		return nil, no
	}
	if dreg == nil {
		return nil, yes
	}
	if v := attribute(found.data, unix.NFTA_DATA_VERDICT); v != nil {
		return decodeVerdict(v)
	}
	t.regs.put(uint32(number(dreg)), attribute(found.data, unix.NFTA_DATA_VALUE))
	return nil, yes
}

// notLookedUp is a look-up whose outcome is not known. What a map of verdicts
// would say may be anything, also to go on.
func (t *tracer) notLookedUp(dreg []byte) certainty {
	switch {
	case dreg == nil:
	case number(dreg) == unix.NFT_REG_VERDICT:
		t.maybeAccepted = true
	default:
		t.regs.forget(uint32(number(dreg)), 16)
	}
	return maybe
}

// find returns the element that holds a key, nil if there is none. ok is false
// where that cannot be told.
func (s *heldSet) find(key []byte) (e *setElem, ok bool) {
	var below *setElem
	for i := range s.elems {
		el := &s.elems[i]
		if el.complex || len(el.key) != len(key) {
			return nil, false
		}
		switch d := bytes.Compare(el.key, key); {
		case s.flags&unix.NFT_SET_INTERVAL == 0:
			if d == 0 {
				return el, true
			}
		case d <= 0 && (below == nil || bytes.Compare(el.key, below.key) > 0 || !el.end && bytes.Equal(el.key, below.key)):
			below = el
		}
	}
	if below == nil || below.end {
		return nil, true
	}
	return below, true
}

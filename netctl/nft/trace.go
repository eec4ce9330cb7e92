package nft

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Packet is the first packet of a connection, to be led through somebody's
// rules by [Ruleset.Trace].
type Packet struct {
	In, Out           string // interfaces; empty: there is none at this hook
	InIndex, OutIndex int
	Src, Dst          netip.Addr // of one family
	Proto             byte       // unix.IPPROTO_TCP or UDP
	Port              uint16     // it goes to
	ToRouter          bool       // Dst is the router's own
}

// Fate is what becomes of a packet at a hook.
type Fate struct {
	// Stopped names the chain that drops or refuses the packet; empty: none does.
	Stopped string
	// Doubt names a rule that cannot be judged from outside and that the packet
	// may or may not be stopped by, when nothing lets it pass before.
	Doubt string
	// Translated tells that its source address is replaced.
	Translated bool
	// Offloaded names the chain that hands the connection to a flowtable.
	Offloaded string
}

// Hooks that packets are traced at.
const (
	HookPrerouting  = unix.NF_INET_PRE_ROUTING
	HookInput       = unix.NF_INET_LOCAL_IN
	HookForward     = unix.NF_INET_FORWARD
	HookPostrouting = unix.NF_INET_POST_ROUTING
)

// Meets returns the base chains that packets of a family meet at a hook, in
// their order.
func (r *Ruleset) Meets(hook uint32, six bool) []*Chain {
	family := byte(unix.NFPROTO_IPV4)
	if six {
		family = unix.NFPROTO_IPV6
	}
	var out []*Chain
	for i := range r.Chains {
		c := &r.Chains[i]
		if c.Type == "" || c.Hook != hook || c.Family != unix.NFPROTO_INET && c.Family != family {
			continue
		}
		// There are few: each goes before those of a higher priority.
		at := len(out)
		for at > 0 && out[at-1].Priority > c.Priority {
			at--
		}
		out = slices.Insert(out, at, c)
	}
	return out
}

// Trace leads a packet through the chains at a hook, except those of the table
// that is left out. Rules whose outcome depends on what cannot be seen count as
// a doubt, not as an answer.
func (r *Ruleset) Trace(hook uint32, p Packet, leftOut string) Fate {
	t := tracer{rules: r, packet: p, steps: maxSteps}
	t.headers()
	for _, c := range r.Meets(hook, p.Dst.Is6()) {
		if c.Table == leftOut && c.Family == unix.NFPROTO_INET {
			continue
		}
		o := t.chain(c, false, 0)
		if o == goesOn && c.Drops {
			t.stop(c, "its policy is drop", t.maybeAccepted)
			o = stops
		}
		if o == stops {
			break
		}
		t.maybeAccepted = false
	}
	return t.fate
}

const (
	maxSteps = 20000
	maxDeep  = 16 // of jumps, as in the kernel
)

// outcome is what a chain or rule does with a packet.
type outcome int

const (
	goesOn outcome = iota // to the next rule, or back to the caller
	leaves                // this base chain, let through
	stops
	returns
)

// certainty is whether a rule's conditions hold.
type certainty int

const (
	yes certainty = iota
	maybe
	no
)

// tracer is one packet on its way.
type tracer struct {
	rules  *Ruleset
	packet Packet
	ip, l4 header
	fate   Fate
	steps  int

	// maybeAccepted: a rule that cannot be judged may have let the packet out of
	// the chain before.
	maybeAccepted bool
	regs          registers
}

// header is a header of which some bytes are known.
type header struct {
	b     []byte
	known []bool
}

func newHeader(n int) header { return header{make([]byte, n), make([]bool, n)} }

//go:noinline
func (h header) put(at int, v ...byte) {
	for i, c := range v {
		h.b[at+i], h.known[at+i] = c, true
	}
}

func (h header) get(at, n uint32) ([]byte, bool) {
	if uint64(at)+uint64(n) > uint64(len(h.b)) {
		return nil, false
	}
	for _, k := range h.known[at : at+n] {
		if !k {
			return nil, false
		}
	}
	return h.b[at : at+n], true
}

// tcpSYN is the flags byte of the first packet of a connection, and where it is.
const (
	tcpSYN     = 2
	tcpFlagsAt = 13
)

// headers makes the packet's headers.
func (t *tracer) headers() {
	p := t.packet
	if p.Dst.Is6() {
		t.ip = newHeader(40)
		t.ip.put(6, p.Proto)
		t.ip.put(8, p.Src.AsSlice()...)
		t.ip.put(24, p.Dst.AsSlice()...)
	} else {
		t.ip = newHeader(20)
		t.ip.put(9, p.Proto)
		t.ip.put(12, p.Src.AsSlice()...)
		t.ip.put(16, p.Dst.AsSlice()...)
	}
	t.l4 = newHeader(20)
	t.l4.put(tcpdportOffset, put16(p.Port)...)
	if p.Proto == unix.IPPROTO_TCP {
		t.l4.put(tcpFlagsAt, tcpSYN)
	}
}

// stop notes who stops the packet.
func (t *tracer) stop(c *Chain, why string, doubtful bool) {
	where := fmt.Sprintf("table %s %s, chain %s (%s)", familyName(c.Family), c.Table, c.Name, why)
	switch {
	case !doubtful && t.fate.Stopped == "":
		t.fate.Stopped = where
	case doubtful && t.fate.Doubt == "":
		t.fate.Doubt = where
	}
}

func familyName(family byte) string {
	switch family {
	case unix.NFPROTO_IPV4:
		return "ip"
	case unix.NFPROTO_IPV6:
		return "ip6"
	case unix.NFPROTO_INET:
		return "inet"
	case unix.NFPROTO_BRIDGE:
		return "bridge"
	case unix.NFPROTO_NETDEV:
		return "netdev"
	case unix.NFPROTO_ARP:
		return "arp"
	}
	return "unknown"
}

// String names a chain as nft(8) does, with its place among the others.
func (c *Chain) String() string {
	policy := "accept"
	if c.Drops {
		policy = "drop"
	}
	return fmt.Sprintf("%s %s %s (%s, priority %d, policy %s)", familyName(c.Family), c.Table, c.Name, c.Type, c.Priority, policy)
}

// chain leads the packet through a chain. doubtful: nobody knows whether it
// comes here.
func (t *tracer) chain(c *Chain, doubtful bool, deep int) outcome {
	if deep > maxDeep {
		return goesOn
	}
	for _, rule := range c.rules {
		if t.steps--; t.steps < 0 {
			return goesOn
		}
		switch o := t.rule(c, rule, doubtful, deep); o {
		case goesOn:
		case returns:
			return goesOn
		default:
			return o
		}
	}
	return goesOn
}

// rule applies one rule.
func (t *tracer) rule(c *Chain, rule []heldExpr, doubtful bool, deep int) outcome {
	t.regs = registers{}
	sure := yes
	for _, e := range rule {
		verdict, holds := t.expr(c, e, doubtful || sure == maybe)
		switch holds {
		case no:
			return goesOn
		case maybe:
			sure = maybe
		}
		if verdict == nil {
			continue
		}
		return t.obey(c, *verdict, doubtful || sure == maybe, deep)
	}
	return goesOn
}

// ruling is a verdict that a rule or a map gives.
type ruling struct {
	code  int32
	chain string
	why   string // of a drop
}

const (
	verdictJump     = -3 // NFT_JUMP
	verdictContinue = -1 // NFT_CONTINUE
	verdictBreak    = -2 // NFT_BREAK
)

// obey carries out a verdict.
func (t *tracer) obey(c *Chain, v ruling, doubtful bool, deep int) outcome {
	switch v.code {
	case verdictDrop:
		t.stop(c, v.why, doubtful || t.maybeAccepted)
		if doubtful {
			return goesOn
		}
		return stops
	case verdictAccept:
		if doubtful {
			t.maybeAccepted = true
			return goesOn
		}
		return leaves
	case verdictReturn:
		if doubtful {
			t.maybeAccepted = true // what follows may not be reached
			return goesOn
		}
		return returns
	case verdictJump, verdictGoto:
		next := t.rules.find(c.Family, c.Table, v.chain)
		if next == nil {
			return goesOn
		}
		o := t.chain(next, doubtful, deep+1)
		if o == goesOn && v.code == verdictGoto && !doubtful {
			return returns
		}
		return o
	}
	return goesOn
}

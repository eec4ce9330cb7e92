package nft

import (
	"context"
	"slices"

	"golang.org/x/sys/unix"
)

// Ruleset is what the kernel holds of nftables, in all tables of the families
// that guests' packets meet, as far as [Inspect] reads it.
type Ruleset struct {
	Chains     []Chain
	Flowtables []Flowtable
	Cut        bool // there are more rules than were read

	sets map[setName]*heldSet
}

// Chain is a chain of any table.
type Chain struct {
	Family   byte // unix.NFPROTO_…
	Table    string
	Name     string
	Type     string // "filter", "nat" or "route"; empty: not a base chain
	Hook     uint32 // unix.NF_INET_…, of a base chain
	Priority int32
	Drops    bool // its policy
	Rules    int

	rules [][]heldExpr
}

// Flowtable is where connections can pass the router beside its chains.
type Flowtable struct {
	Family   byte
	Table    string
	Name     string
	Priority int32
}

// heldExpr is an expression of somebody's rule, not yet decoded.
type heldExpr struct {
	name string
	data []byte
}

type setName struct {
	family      byte
	table, name string
}

// heldSet is an anonymous set or map.
type heldSet struct {
	flags uint32
	elems []setElem
}

type setElem struct {
	key     []byte
	end     bool   // of an interval
	complex bool   // of a kind that is not read, such as a range of concatenations
	data    []byte // NFTA_SET_ELEM_DATA, of a map
}

// Bounds of what is read: a firewall can hold long lists of addresses.
const (
	maxRules = 8192
	maxSets  = 512
	maxElems = 4096
)

// Inspect reads the chains and rules of all tables. It changes nothing, and
// needs CAP_NET_ADMIN. netns is a file descriptor of the network namespace to
// look at; 0: the caller's.
func Inspect(ctx context.Context, netns int) (*Ruleset, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := dial(netns)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.close() }()
	r := &Ruleset{}
	for _, step := range []func(*socket) error{r.readChains, r.readRules, r.readFlowtables, r.readSets} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := step(s); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// dumpAll dumps things of one kind, of every family and table.
func dumpAll(s *socket, op string, typ uint16, restart func(), f func(message)) error {
	return s.dump(op, func(b *buffer) {
		b.begin(typ, unix.NLM_F_DUMP, unix.NFPROTO_UNSPEC, 0)
		b.end()
	}, restart, f)
}

func (r *Ruleset) readChains(s *socket) error {
	err := dumpAll(s, "dump chains", msgGetChain, func() { r.Chains = nil }, func(m message) {
		r.Chains = append(r.Chains, decodeChain(m))
	})
	return err
}

func decodeChain(m message) Chain {
	c := Chain{Family: m.family()}
	attributes(m.attrs(), func(typ uint16, v []byte) {
		switch typ {
		case unix.NFTA_CHAIN_TABLE:
			c.Table = text(v)
		case unix.NFTA_CHAIN_NAME:
			c.Name = text(v)
		case unix.NFTA_CHAIN_TYPE:
			c.Type = text(v)
		case unix.NFTA_CHAIN_POLICY:
			c.Drops = number(v) == verdictDrop
		case unix.NFTA_CHAIN_HOOK:
			attributes(v, func(typ uint16, v []byte) {
				switch typ {
				case unix.NFTA_HOOK_HOOKNUM:
					c.Hook = uint32(number(v))
				case unix.NFTA_HOOK_PRIORITY:
					c.Priority = int32(number(v))
				}
			})
		}
	})
	return c
}

// find returns a chain of a table, or nil.
func (r *Ruleset) find(family byte, table, name string) *Chain {
	for i := range r.Chains {
		if c := &r.Chains[i]; c.Family == family && c.Table == table && c.Name == name {
			return c
		}
	}
	return nil
}

func (r *Ruleset) readRules(s *socket) error {
	n := 0
	restart := func() {
		n = 0
		for i := range r.Chains {
			r.Chains[i].Rules, r.Chains[i].rules = 0, nil
		}
	}
	return dumpAll(s, "dump rules", subsystem|unix.NFT_MSG_GETRULE, restart, func(m message) {
		table, chain, rule := decodeRule(m.attrs())
		c := r.find(m.family(), table, chain)
		if c == nil {
			return
		}
		c.Rules++
		if n++; n > maxRules {
			r.Cut = true
			return
		}
		c.rules = append(c.rules, rule)
	})
}

func decodeRule(attrs []byte) (table, chain string, rule []heldExpr) {
	attributes(attrs, func(typ uint16, v []byte) {
		switch typ {
		case unix.NFTA_RULE_TABLE:
			table = text(v)
		case unix.NFTA_RULE_CHAIN:
			chain = text(v)
		case unix.NFTA_RULE_EXPRESSIONS:
			attributes(v, func(_ uint16, v []byte) {
				var e heldExpr
				attributes(v, func(typ uint16, v []byte) {
					switch typ {
					case unix.NFTA_EXPR_NAME:
						e.name = text(v)
					case unix.NFTA_EXPR_DATA:
						e.data = slices.Clone(v) // the next datagram overwrites it
					}
				})
				rule = append(rule, e)
			})
		}
	})
	return table, chain, rule
}

// Attributes of flowtables that x/sys/unix does not name.
const (
	flowtableTable    = 1 // NFTA_FLOWTABLE_TABLE
	flowtableName     = 2 // NFTA_FLOWTABLE_NAME
	flowtableHook     = 3 // NFTA_FLOWTABLE_HOOK
	flowtablePriority = 2 // NFTA_FLOWTABLE_HOOK_PRIORITY
)

func (r *Ruleset) readFlowtables(s *socket) error {
	return dumpAll(s, "dump flowtables", subsystem|unix.NFT_MSG_GETFLOWTABLE, func() { r.Flowtables = nil }, func(m message) {
		f := Flowtable{Family: m.family()}
		attributes(m.attrs(), func(typ uint16, v []byte) {
			switch typ {
			case flowtableTable:
				f.Table = text(v)
			case flowtableName:
				f.Name = text(v)
			case flowtableHook:
				attributes(v, func(typ uint16, v []byte) {
					if typ == flowtablePriority {
						f.Priority = int32(number(v))
					}
				})
			}
		})
		r.Flowtables = append(r.Flowtables, f)
	})
}

// readSets reads the sets that are written inside rules. Named ones can be long
// lists of addresses; what looks into them counts as not known.
func (r *Ruleset) readSets(s *socket) error {
	err := dumpAll(s, "dump sets", msgGetSet, func() { r.sets = make(map[setName]*heldSet) }, func(m message) {
		n, set := setName{family: m.family()}, &heldSet{}
		attributes(m.attrs(), func(typ uint16, v []byte) {
			switch typ {
			case unix.NFTA_SET_TABLE:
				n.table = text(v)
			case unix.NFTA_SET_NAME:
				n.name = text(v)
			case unix.NFTA_SET_FLAGS:
				set.flags = uint32(number(v))
			}
		})
		if set.flags&unix.NFT_SET_ANONYMOUS != 0 && len(r.sets) < maxSets {
			r.sets[n] = set
		}
	})
	for n, set := range r.sets {
		if err != nil {
			return err
		}
		err = s.dump("dump elements", func(b *buffer) {
			b.begin(msgGetElem, unix.NLM_F_DUMP, n.family, 0)
			b.str(unix.NFTA_SET_ELEM_LIST_TABLE, n.table)
			b.str(unix.NFTA_SET_ELEM_LIST_SET, n.name)
			b.end()
		}, func() { set.elems = nil }, func(m message) { set.decode(m.attrs()) })
	}
	return err
}

func (s *heldSet) decode(attrs []byte) {
	attributes(attrs, func(typ uint16, v []byte) {
		if typ != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			return
		}
		attributes(v, func(_ uint16, v []byte) {
			if len(s.elems) < maxElems {
				s.elems = append(s.elems, decodeSetElem(v))
			}
		})
	})
}

const setElemKeyEnd = 10 // NFTA_SET_ELEM_KEY_END

func decodeSetElem(d []byte) (e setElem) {
	attributes(d, func(typ uint16, v []byte) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			e.key = slices.Clone(attribute(v, unix.NFTA_DATA_VALUE))
		case unix.NFTA_SET_ELEM_FLAGS:
			e.end = number(v)&unix.NFT_SET_ELEM_INTERVAL_END != 0
			e.complex = e.complex || number(v)&^unix.NFT_SET_ELEM_INTERVAL_END != 0
		case setElemKeyEnd:
			e.complex = true
		case unix.NFTA_SET_ELEM_DATA:
			e.data = slices.Clone(v)
		}
	})
	return e
}

// attribute returns the value of the first attribute of a type, or nil.
//
//go:noinline
func attribute(d []byte, want uint16) (found []byte) {
	attributes(d, func(typ uint16, v []byte) {
		if typ == want && found == nil {
			found = v
		}
	})
	return found
}

package nft

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// Part is a piece of nftables that the gate needs and the kernel has not.
type Part struct {
	// Name is an expression of rules such as "quota" or "fib", a type of chains
	// such as "chain nat", or "map up4".
	Name  string
	Errno unix.Errno // what the kernel said
}

// tableDormant keeps the trial table's chains away from packets.
const tableDormant = 1 // NFT_TABLE_F_DORMANT

// Probe lets the kernel judge the gate's whole table, and names what it lacks;
// nothing, if it takes all. The kernel is given the table under another name in
// a transaction that is not completed, so that it checks everything, loads the
// modules that it needs and then drops it all: no rule is ever in force. cfg is
// the gate's; it needs CAP_NET_ADMIN.
func Probe(ctx context.Context, cfg Config) ([]Part, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg.Table = "vouchsafe-trial-" + rand.Text()[:8]
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := dial(cfg.NetNS)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.close() }()
	t := trial{s, cfg, chains(), layout(uint32(cfg.MaxGuests)), allRules(cfg)}
	refused, err := t.try(t.chains, t.sets, t.rules)
	if err != nil || refused == 0 {
		return nil, err
	}
	missing, err := t.parts(ctx)
	if err == nil && len(missing) == 0 {
		missing = []Part{{"the table as a whole", refused}}
	}
	return missing, err
}

// trial tries the table, or parts of it.
type trial struct {
	sock   *socket
	cfg    Config
	chains []chain
	sets   []set
	rules  []rule
}

// try lets the kernel judge a table.
func (t *trial) try(cs []chain, sets []set, rules []rule) (unix.Errno, error) {
	b := t.sock.transaction()
	table := t.cfg.Table
	b.add(msgNewTable, unix.NLM_F_CREATE, func() {
		b.str(unix.NFTA_TABLE_NAME, table)
		b.u32(unix.NFTA_TABLE_FLAGS, tableDormant)
	})
	for i, s := range sets {
		b.newSet(table, s, uint32(i+1))
	}
	if len(sets) > 0 {
		for i, s := range seenSets() {
			b.newSeenSet(table, s, uint32(len(sets)+i+1))
		}
		b.newLinksSet(table, uint32(len(sets)+len(seenSets())+1), nil)
	}
	for _, c := range cs {
		b.newChain(table, c)
	}
	for _, r := range rules {
		b.newRule(table, r)
	}
	return t.sock.judge(b)
}

// judge sends a batch without its end: the kernel carries it out up to the
// point of no return, and takes it back.
func (s *socket) judge(b *batch) (refused unix.Errno, err error) {
	flags := host.Uint16(b.b[b.last+6:])
	host.PutUint16(b.b[b.last+6:], flags|unix.NLM_F_ACK)
	last, first := b.seq, b.first
	err = s.answers(first, func(m message) bool {
		if m.typ != unix.NLMSG_ERROR {
			return true
		}
		if e := m.errno(); e != 0 && refused == 0 {
			refused = e
		}
		return m.seq != last && m.seq != first
	})
	return refused, err
}

// parts tries each chain, map and rule by itself. An expression is missing if
// every rule that has it was refused.
func (t *trial) parts(ctx context.Context) ([]Part, error) {
	var missing []Part
	var plain []chain // chains that rules can stand in
	for _, c := range t.chains {
		refused, err := t.try([]chain{c}, nil, nil)
		if err != nil {
			return nil, err
		}
		if refused == 0 {
			plain = append(plain, c)
			continue
		}
		missing = append(missing, Part{"chain " + c.kind, refused})
		plain = append(plain, chain{name: c.name})
	}
	var sets []set
	for _, s := range t.sets {
		refused, err := t.try(nil, []set{s}, nil)
		if err != nil {
			return nil, err
		}
		if refused != 0 {
			missing = append(missing, Part{"map " + s.name, refused})
			continue
		}
		sets = append(sets, s)
	}
	bad, good := make(map[string]unix.Errno), make(map[string]struct{})
	for _, r := range t.rules {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		refused, err := t.try(plain, sets, []rule{r})
		if err != nil {
			return nil, err
		}
		for _, e := range r.exprs {
			if refused == 0 {
				good[e.name] = struct{}{}
			} else {
				bad[e.name] = refused
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		if _, ok := good[name]; !ok {
			missing = append(missing, Part{name, bad[name]})
		}
	}
	return missing, nil
}

// allRules are those that the gate installs.
func allRules(cfg Config) []rule { return slices.Concat(buildRules(cfg), guardRules()) }

// Want returns how many rules each chain of the gate's table has at least:
// there are more where the gate knows the indexes of interfaces.
func Want(cfg Config) (map[string]int, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	want := make(map[string]int)
	for _, c := range chains() {
		want[c.name] = 0
	}
	for _, r := range allRules(cfg) {
		want[r.chain]++
	}
	return want, nil
}

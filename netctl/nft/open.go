package nft

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl"
)

// Open installs the rules, or replaces those of an earlier run in one
// transaction, and takes up the guests that are in the kernel. It may be
// called again.
func (g *Gate) Open(ctx context.Context) error {
	return g.locked(ctx, g.install)
}

// install puts the table in place and reads the mirror from it.
func (g *Gate) install() error {
	g.lost.Store(false)
	var err error
	for range attempts {
		if err = g.load(); err == nil {
			err = g.refresh()
		}
		if !again(err) && !errors.Is(err, unix.ENOENT) {
			break
		}
	}
	if err != nil {
		g.lost.Store(true)
	}
	return err
}

// load makes the table what it should be, in one transaction.
func (g *Gate) load() error {
	old, err := g.listChains()
	if err != nil {
		return err
	}
	b := g.sock.transaction()
	table := g.cfg.Table
	b.newTable(table)
	if len(old) > 0 {
		b.flushRules(table)
	}
	wanted := make(map[string]struct{})
	for _, c := range chains() {
		wanted[c.name] = struct{}{}
	}
	for _, name := range old {
		if _, ok := wanted[name]; !ok {
			b.delChain(table, name)
		}
	}
	for i, s := range g.sets {
		b.newSet(table, s, uint32(i+1))
	}
	for i, s := range seenSets() {
		b.newSeenSet(table, s, uint32(len(g.sets)+i+1))
	}
	b.newLinksSet(table, uint32(len(g.sets)+len(seenSets())+1), g.cfg.Links)
	for _, c := range chains() {
		b.newChain(table, c)
	}
	for _, r := range slices.Concat(buildRules(g.cfg), guardRules()) {
		b.newRule(table, r)
	}
	refusals, err := g.sock.commit(b)
	if err == nil && len(refusals) > 0 {
		err = &Error{Op: "install the rules", Object: "table inet " + table, Errno: refusals[0].errno}
	}
	return err
}

// listChains returns the names of the table's chains; none if it is missing.
func (g *Gate) listChains() ([]string, error) {
	var names []string
	err := g.sock.dump("dump chains", func(b *buffer) {
		b.begin(msgGetChain, unix.NLM_F_DUMP, unix.NFPROTO_INET, 0)
		b.end()
	}, func() { names = nil }, func(m message) {
		var table, name string
		attributes(m.attrs(), func(typ uint16, v []byte) {
			switch typ {
			case unix.NFTA_CHAIN_TABLE:
				table = text(v)
			case unix.NFTA_CHAIN_NAME:
				name = text(v)
			}
		})
		if table == g.cfg.Table {
			names = append(names, name)
		}
	})
	return names, err
}

// refresh reads the mirror from the kernel.
func (g *Gate) refresh() error {
	var objs []netctl.HeldObject
	for _, typ := range []uint32{unix.NFT_OBJECT_COUNTER, unix.NFT_OBJECT_QUOTA} {
		n := len(objs)
		err := g.objects(typ, func() { objs = objs[:n] }, func(o netctl.HeldObject) { objs = append(objs, o) })
		if err != nil {
			return err
		}
	}
	var elems []netctl.HeldElement
	for _, s := range g.sets {
		n := len(elems)
		err := g.dumpSet(s, func() { elems = elems[:n] }, func(e netctl.HeldElement) { elems = append(elems, e) })
		if err != nil {
			return err
		}
	}
	g.state = netctl.Adopt(objs, elems, g.state, g.now())
	return g.commit(g.state.Orphans())
}

// dumpSet calls f with each element of a set; restart forgets them.
func (g *Gate) dumpSet(s set, restart func(), f func(netctl.HeldElement)) error {
	return g.sock.dump("dump elements", func(b *buffer) {
		b.begin(msgGetElem, unix.NLM_F_DUMP, unix.NFPROTO_INET, 0)
		b.str(unix.NFTA_SET_ELEM_LIST_TABLE, g.cfg.Table)
		b.str(unix.NFTA_SET_ELEM_LIST_SET, s.name)
		b.end()
	}, restart, func(m message) { decodeElements(m.attrs(), s, f) })
}

// Teardown deletes the table, with all guests in it.
func (g *Gate) Teardown(ctx context.Context) error {
	return g.locked(ctx, func() error {
		b := g.sock.transaction()
		b.newTable(g.cfg.Table) // so that there is one to delete
		b.add(msgDelTable, 0, func() { b.str(unix.NFTA_TABLE_NAME, g.cfg.Table) })
		refusals, err := g.sock.commit(b)
		if err == nil && len(refusals) > 0 {
			err = &Error{Op: "delete", Object: "table inet " + g.cfg.Table, Errno: refusals[0].errno}
		}
		g.state = netctl.NewState()
		return err
	})
}

// newTable is "add table inet <name>".
func (b *batch) newTable(name string) {
	b.add(msgNewTable, unix.NLM_F_CREATE, func() { b.str(unix.NFTA_TABLE_NAME, name) })
}

// flushRules is "flush table inet <name>".
func (b *batch) flushRules(table string) {
	b.add(msgDelRule, 0, func() { b.str(unix.NFTA_RULE_TABLE, table) })
}

// delChain is "delete chain inet <table> <name>".
func (b *batch) delChain(table, name string) {
	b.add(msgDelChain, 0, func() {
		b.str(unix.NFTA_CHAIN_TABLE, table)
		b.str(unix.NFTA_CHAIN_NAME, name)
	})
}

// newChain is "add chain inet <table> <name> { … }".
func (b *batch) newChain(table string, c chain) {
	b.add(msgNewChain, unix.NLM_F_CREATE, func() {
		b.str(unix.NFTA_CHAIN_TABLE, table)
		b.str(unix.NFTA_CHAIN_NAME, c.name)
		if c.kind == "" {
			return
		}
		b.nest(unix.NFTA_CHAIN_HOOK, func() {
			b.u32(unix.NFTA_HOOK_HOOKNUM, c.hook)
			b.u32(unix.NFTA_HOOK_PRIORITY, uint32(c.priority))
		})
		b.u32(unix.NFTA_CHAIN_POLICY, verdictAccept)
		b.str(unix.NFTA_CHAIN_TYPE, c.kind)
	})
}

// newRule is "add rule inet <table> <chain> …".
func (b *batch) newRule(table string, r rule) {
	b.add(msgNewRule, unix.NLM_F_CREATE|unix.NLM_F_APPEND, func() {
		b.str(unix.NFTA_RULE_TABLE, table)
		b.str(unix.NFTA_RULE_CHAIN, r.chain)
		b.nest(unix.NFTA_RULE_EXPRESSIONS, func() {
			for _, e := range r.exprs {
				b.nest(listElem, func() {
					b.str(unix.NFTA_EXPR_NAME, e.name)
					b.nest(unix.NFTA_EXPR_DATA, func() { e.fill(b.buffer) })
				})
			}
		})
	})
}

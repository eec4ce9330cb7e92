package nft

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// The guests' interface has a name, by which the rules know it, and an index,
// which it keeps when somebody renames it. The set "links" has the indexes of
// that interface and of its ports. What comes from them under a name that the
// rules do not know, or would go to them, is dropped, until the rules are told
// of the new name. So no packet gets by in between, and none after the daemon
// was killed. Packets of an interface that has its name never come that far.
//
//	set links { type iface_index; size 256; }
const (
	linksSet  = "links"
	mostLinks = 256

	typeIfindex = 20 // nft(8)'s data type
	indexLen    = 4
)

// Keys in the host's byte order, for nft(8): the type (0), the length and a
// number in the host's order.
func keyByteorderHost() []byte { return append([]byte{0, 4}, number32(1)...) }

// guardRules stand at the ends of their chains.
func guardRules() []rule {
	r := &ruleset{}
	// iif @links drop
	r.add("forward", x(meta(unix.NFT_META_IIF), lookup(linksSet, regKey), drop()))
	// oif @links drop
	r.add("forward", x(meta(unix.NFT_META_OIF), lookup(linksSet, regKey), drop()))
	// iif @links drop
	r.add("input", x(meta(unix.NFT_META_IIF), lookup(linksSet, regKey), drop()))
	return r.rules
}

// newLinksSet makes the set hold these indexes and no others.
func (b *batch) newLinksSet(table string, id uint32, links []uint32) {
	b.add(msgNewSet, unix.NLM_F_CREATE, func() {
		b.str(unix.NFTA_SET_TABLE, table)
		b.str(unix.NFTA_SET_NAME, linksSet)
		b.u32(unix.NFTA_SET_FLAGS, 0)
		b.u32(unix.NFTA_SET_KEY_TYPE, typeIfindex)
		b.u32(unix.NFTA_SET_KEY_LEN, indexLen)
		b.nest(unix.NFTA_SET_DESC, func() { b.u32(setDescSize, mostLinks) })
		b.u32(unix.NFTA_SET_ID, id)
		b.bytes(unix.NFTA_SET_USERDATA, keyByteorderHost())
	})
	b.add(msgDelElem, 0, func() { // all
		b.str(unix.NFTA_SET_ELEM_LIST_TABLE, table)
		b.str(unix.NFTA_SET_ELEM_LIST_SET, linksSet)
	})
	if len(links) == 0 {
		return
	}
	b.add(msgNewElem, unix.NLM_F_CREATE, func() {
		b.str(unix.NFTA_SET_ELEM_LIST_TABLE, table)
		b.str(unix.NFTA_SET_ELEM_LIST_SET, linksSet)
		b.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func() {
			for _, index := range links {
				b.nest(listElem, func() {
					b.nest(unix.NFTA_SET_ELEM_KEY, func() { b.bytes(unix.NFTA_DATA_VALUE, number32(index)) })
				})
			}
		})
	})
}

// Links returns the indexes that an earlier run, or this one, has guarded: see
// [Config.Links].
func (g *Gate) Links(ctx context.Context) ([]uint32, error) {
	var found []uint32
	err := g.locked(ctx, func() error {
		return g.sock.dump("dump elements", func(b *buffer) {
			b.begin(msgGetElem, unix.NLM_F_DUMP, unix.NFPROTO_INET, 0)
			b.str(unix.NFTA_SET_ELEM_LIST_TABLE, g.table)
			b.str(unix.NFTA_SET_ELEM_LIST_SET, linksSet)
			b.end()
		}, func() { found = nil }, func(m message) { found = appendLinks(found, m.attrs()) })
	})
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	return found, err
}

// appendLinks reads a NEWSETELEM message of the set "links".
func appendLinks(found []uint32, attrs []byte) []uint32 {
	value := func(typ uint16, v []byte) {
		if typ == unix.NFTA_DATA_VALUE && len(v) == indexLen && len(found) < mostLinks {
			found = append(found, host.Uint32(v))
		}
	}
	attributes(attrs, func(typ uint16, v []byte) {
		if typ != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			return
		}
		attributes(v, func(_ uint16, v []byte) {
			attributes(v, func(typ uint16, v []byte) {
				if typ == unix.NFTA_SET_ELEM_KEY {
					attributes(v, value)
				}
			})
		})
	})
	return found
}

// Configure replaces the rules by those of another configuration in one
// transaction. Guests stay in, and their connections feel nothing. If it fails,
// the old rules stay. The table and the namespace cannot change.
func (g *Gate) Configure(ctx context.Context, cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err == nil && (cfg.Table != g.table || cfg.NetNS != g.netns) {
		err = errors.New("the table and the namespace cannot be changed")
	}
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	return g.locked(ctx, func() error {
		if cfg.equal(g.cfg) {
			return nil
		}
		oldCfg, oldSets := g.cfg, g.sets
		g.cfg, g.sets = cfg, layout(uint32(cfg.MaxGuests))
		var err error
		for range attempts {
			if err = g.load(); !again(err) && !errors.Is(err, unix.ENOENT) {
				break
			}
		}
		if err != nil { // the kernel has changed nothing
			g.cfg, g.sets = oldCfg, oldSets
			return err
		}
		return nil
	})
}

// equal reports whether two configurations make the same rules.
func (c Config) equal(o Config) bool {
	return c.GuestInterface == o.GuestInterface && c.Portal == o.Portal && c.DNS == o.DNS && c.MaxGuests == o.MaxGuests &&
		slices.Equal(c.Uplinks, o.Uplinks) && slices.Equal(c.Protected, o.Protected) && slices.Equal(c.Links, o.Links) && maps.Equal(c.Indexes, o.Indexes)
}

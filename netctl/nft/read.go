package nft

import (
	"cmp"
	"context"
	"errors"
	"sort"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl"
)

// reading collects what a gate has counted.
type reading struct {
	gate     *Gate
	meters   map[netctl.SessionKey]hotspot.Usage
	counters int
	depleted []hotspot.Depletion
	free     []netctl.Op // drops of abandoned objects that nothing holds
}

// Read implements [hotspot.Gate].
func (g *Gate) Read(ctx context.Context) (hotspot.Tally, error) {
	r := reading{gate: g}
	if err := g.locked(ctx, r.read); err != nil {
		return hotspot.Tally{}, err
	}
	return r.tally(), nil
}

func (r *reading) read() error {
	g := r.gate
	if err := g.objects(unix.NFT_OBJECT_COUNTER, r.restart, r.counter); err != nil {
		return err
	}
	if r.counters < g.state.Counters() {
		// Whole meters are missing; their bytes must not be taken for zero.
		g.lost.Store(true)
		return ErrLost
	}
	n := len(r.free)
	err := g.objects(unix.NFT_OBJECT_QUOTA, func() { r.depleted, r.free = nil, r.free[:n] }, r.quota)
	if err != nil {
		return err
	}
	g.sweep(r.free)
	return nil
}

func (r *reading) restart() {
	r.meters, r.counters, r.free = make(map[netctl.SessionKey]hotspot.Usage), 0, nil
}

// abandoned reports whether an object is of no interest any more.
func (r *reading) abandoned(o netctl.HeldObject) bool {
	if !r.gate.state.Abandoned(o.Name) {
		return false
	}
	if !o.InUse {
		r.free = append(r.free, netctl.Op{Verb: netctl.Drop, Object: o.Name, Kind: o.Kind})
	}
	return true
}

func (r *reading) counter(o netctl.HeldObject) {
	k, d, ok := netctl.ParseMeterName(o.Name)
	if !ok || r.abandoned(o) {
		return
	}
	r.counters++
	u := r.meters[k]
	if d == hotspot.Up {
		u.Up = o.Used
	} else {
		u.Down = o.Used
	}
	r.meters[k] = u
}

func (r *reading) quota(o netctl.HeldObject) {
	a, d, ok := netctl.ParseQuotaName(o.Name)
	if ok && !r.abandoned(o) && o.Depleted {
		r.depleted = append(r.depleted, hotspot.Depletion{Account: a, Direction: d})
	}
}

func (r *reading) tally() hotspot.Tally {
	t := hotspot.Tally{Depleted: r.depleted}
	for k, u := range r.meters {
		t.Meters = append(t.Meters, hotspot.Meter{Session: k.ID, Account: k.Account, Used: u})
	}
	sort.Slice(t.Meters, func(i, j int) bool { return t.Meters[i].Session < t.Meters[j].Session })
	sort.Slice(t.Depleted, func(i, j int) bool {
		a, b := &t.Depleted[i], &t.Depleted[j]
		return cmp.Or(cmp.Compare(a.Account.Method, b.Account.Method),
			cmp.Compare(a.Account.ID, b.Account.ID), cmp.Compare(a.Direction, b.Direction)) < 0
	})
	return t
}

// objects dumps all objects of a type in the table.
func (g *Gate) objects(typ uint32, restart func(), f func(netctl.HeldObject)) error {
	return g.sock.dump("dump objects", func(b *buffer) {
		b.begin(msgGetObject, unix.NLM_F_DUMP, unix.NFPROTO_INET, 0)
		b.str(unix.NFTA_OBJ_TABLE, g.cfg.Table)
		b.u32(unix.NFTA_OBJ_TYPE, typ)
		b.end()
	}, restart, func(m message) {
		if table, o, ok := decodeObject(m.attrs()); ok && table == g.cfg.Table {
			f(o)
		}
	})
}

// dumpAbove is the number of quotas above which one dump is cheaper than
// asking for each.
const dumpAbove = 32

// note reads quotas whose exact state a plan depends on.
func (g *Gate) note(names []string) error {
	if len(names) > dumpAbove {
		return g.objects(unix.NFT_OBJECT_QUOTA, func() {}, func(o netctl.HeldObject) {
			g.state.Note(o.Name, o.Used, o.Depleted)
		})
	}
	for _, name := range names {
		err := g.sock.call("get quota", func(b *buffer) {
			b.begin(msgGetObject, unix.NLM_F_ACK, unix.NFPROTO_INET, 0)
			b.str(unix.NFTA_OBJ_TABLE, g.cfg.Table)
			b.str(unix.NFTA_OBJ_NAME, name)
			b.u32(unix.NFTA_OBJ_TYPE, unix.NFT_OBJECT_QUOTA)
			b.end()
		}, func(m message) {
			if _, o, ok := decodeObject(m.attrs()); ok {
				g.state.Note(o.Name, o.Used, o.Depleted)
			}
		})
		var refused *Error
		if errors.As(err, &refused) {
			refused.Object = name
		}
		if err != nil {
			return err
		}
	}
	return nil
}

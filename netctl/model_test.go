package netctl

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// kernel carries out ops as a kernel does, and refuses what a kernel refuses.
type kernel struct {
	elems map[Key]HeldElement
	objs  map[string]HeldObject
}

func (k *kernel) apply(ops []Op) error {
	for _, op := range ops {
		_, there := k.elems[op.Key]
		o, exists := k.objs[op.Object]
		switch op.Verb {
		case Remove:
			if !there {
				return fmt.Errorf("remove %v: not there", op.Key)
			}
			delete(k.elems, op.Key)
		case Insert:
			if there || !exists {
				return fmt.Errorf("insert %v: %s: there %v, object exists %v", op.Key, op.Object, there, exists)
			}
			k.elems[op.Key] = HeldElement{op.Key, op.Object, op.Left}
		case Drop:
			for _, e := range k.elems {
				if e.Object == op.Object {
					return fmt.Errorf("drop %s: in use by %v", op.Object, e.Key)
				}
			}
			if !exists || o.Kind != op.Kind {
				return fmt.Errorf("drop %s: not there", op.Object)
			}
			delete(k.objs, op.Object)
		case Create:
			if exists {
				return fmt.Errorf("create %s: exists", op.Object)
			}
			k.objs[op.Object] = HeldObject{Name: op.Object, Kind: op.Kind, Limit: op.Limit, Used: op.Used}
		case Limit:
			if !exists {
				return fmt.Errorf("limit %s: not there", op.Object)
			}
			o.Limit = op.Limit
			k.objs[op.Object] = o
		}
	}
	return nil
}

// holds checks that the kernel holds exactly what was set.
func (k *kernel) holds(set map[hotspot.AccountID]hotspot.Pass, owners map[netip.Addr]uint64) error {
	want := 0
	for id, p := range set {
		for _, g := range p.Grants {
			for _, a := range g.Addrs {
				if owners[a] != g.Session {
					continue
				}
				s := SessionKey{g.Session, id}
				elems := []HeldElement{
					{Key{Map: MeterDown, Addr: a}, MeterName(s, hotspot.Down), 0},
					{Key{Map: MeterUp, Addr: a}, MeterName(s, hotspot.Up), 0},
				}
				down, up, total := QuotaName(id, hotspot.Down), QuotaName(id, hotspot.Up), QuotaName(id, hotspot.Total)
				switch each := !p.Limit.IsZero(); {
				case p.LimitTotal > 0 && each:
					elems = append(elems, HeldElement{Key{Map: EachDown, Addr: a}, down, g.Left},
						HeldElement{Key{Map: EachUp, MAC: g.MAC, Addr: a}, up, g.Left}, HeldElement{Key{Map: Together, Addr: a}, total, 0})
				case p.LimitTotal > 0:
					down, up = total, total
					fallthrough
				default:
					elems = append(elems, HeldElement{Key{Map: Down, Addr: a}, down, g.Left},
						HeldElement{Key{Map: Up, MAC: g.MAC, Addr: a}, up, g.Left})
				}
				want += len(elems)
				for _, e := range elems {
					got := k.elems[e.Key]
					got.Object, _, _ = cutSuffix(got.Object)
					if got.Object != e.Object || (got.Left-e.Left).Abs() > Slack {
						return fmt.Errorf("%v of session %d: %+v, want %+v", e.Key, g.Session, got, e)
					}
				}
			}
		}
	}
	for key := range k.elems {
		if key.Map != Device {
			want--
		}
	}
	if want != 0 {
		return fmt.Errorf("%d elements too few", want)
	}
	return nil
}

// randomPass makes a pass over a small world, so that everything collides.
func randomPass(r *rand.Rand, account uint64) hotspot.Pass {
	p := hotspot.Pass{
		Account:    voucher(account),
		Limit:      hotspot.Usage{Down: uint64(r.IntN(3)) * 1000, Up: uint64(r.IntN(3)) * 1000},
		LimitTotal: uint64(r.IntN(3)) * 1000,
	}
	for range r.IntN(4) {
		g := hotspot.Grant{
			Session: account*10 + uint64(r.IntN(3)) + 1, MAC: hotspot.MAC{2, 5: byte(r.IntN(4))},
			Left: time.Duration(r.IntN(3)) * time.Hour,
		}
		if slices.ContainsFunc(p.Grants, func(x hotspot.Grant) bool { return x.Session == g.Session }) {
			continue
		}
		for range r.IntN(4) {
			g.Addrs = append(g.Addrs, netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(8))}))
		}
		p.Grants = append(p.Grants, g)
	}
	return p
}

// TestRandomSets drives a kernel through random calls: it accepts every plan,
// holds what was set, and a mirror read from it has nothing to change.
func TestRandomSets(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		k := &kernel{elems: map[Key]HeldElement{}, objs: map[string]HeldObject{}}
		s := NewState()
		set, owners := map[hotspot.AccountID]hotspot.Pass{}, map[netip.Addr]uint64{}
		for step := range 60 {
			accounts := r.Perm(5)[:1+r.IntN(3)]
			var passes []hotspot.Pass
			for _, a := range accounts {
				passes = append(passes, randomPass(r, uint64(a+1)))
			}
			clean, err := Clean(passes)
			if err != nil {
				t.Fatal(err)
			}
			p := s.Plan(clean, 0)
			if err := k.apply(p.Ops); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			s.Apply(p.Ops, 0)
			s.Close(clean)
			for _, c := range clean {
				set[c.Account] = c
				for _, g := range c.Grants {
					for _, a := range g.Addrs {
						owners[a] = g.Session
					}
				}
			}
			if err := k.holds(set, owners); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			adopted := Adopt(slices.Collect(maps.Values(k.objs)), slices.Collect(maps.Values(k.elems)), s, 0)
			for name, m := range map[string]*State{"mirror": s, "adopted mirror": adopted} {
				if again := m.Plan(clean, 0); len(again.Ops) > 0 {
					t.Fatalf("seed %d, step %d: the %s has more to change: %v", seed, step, name, render(again))
				}
			}
			if got, want := adopted.Counters(), s.Counters(); got != want || adopted.Elements() != s.Elements() {
				t.Fatalf("seed %d, step %d: adopted %d counters, want %d", seed, step, got, want)
			}
			if r.IntN(3) == 0 {
				s = adopted
			}
			if r.IntN(3) == 0 {
				ops := s.Forget([]uint64{11, 12, 13, 21, 22, 23, 31, 41, 51})
				if err := k.apply(ops); err != nil {
					t.Fatalf("seed %d, step %d: forget: %v", seed, step, err)
				}
				s.Apply(ops, 0)
			}
		}
	}
}

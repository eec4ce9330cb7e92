package etcd

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// world is some relays and what etcd would have, without one: requests and what
// the watch tells take as long as chance will have it, and get lost.
type world struct {
	t      *testing.T
	rnd    *rand.Rand
	now    time.Time
	rev    int64
	keys   map[string]*mvccpb.KeyValue
	log    []event
	relays []*player
	limbo  []late // requests of which nobody awaits an answer any more
}

type event struct {
	kv   *mvccpb.KeyValue
	gone bool
}

type player struct {
	*Registry
	told   int     // of the log
	flying []write // under way
	holds  map[string]bool
}

type late struct {
	from *player
	write
}

func newWorld(t *testing.T, seed uint64, relays int) *world {
	w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1e9, 0), keys: map[string]*mvccpb.KeyValue{}}
	for i := range relays {
		id := fmt.Sprint("n", i)
		d := &DB{cfg: Config{Now: func() time.Time { return w.now }}, log: slog.New(slog.DiscardHandler)}
		p := &player{holds: map[string]bool{}, Registry: &Registry{d: d, self: cloud.Node{ID: id, Peer: id + ":1"}, log: d.log, claims: newClaims(), lapsed: make(chan struct{}, 1)}}
		p.places.Store(newPlaces())
		d.watchers.add(t.Context(), cloud.Watcher{Moved: func(router string, to cloud.Node) {
			if to.ID == id {
				t.Errorf("%s is told that %s has moved to itself", id, router)
			}
			delete(p.holds, router)
		}})
		w.relays = append(w.relays, p)
	}
	for _, p := range w.relays {
		for _, q := range w.relays {
			p.places.Load().lives(q.self, w.now)
		}
	}
	return w
}

// apply does what etcd does with a write.
func (w *world) apply(from *player, x write) outcome {
	kv := w.keys[x.router]
	var at int64
	if kv != nil {
		at = kv.ModRevision
	}
	if at != x.on {
		return outcome{rev: w.rev, kv: kv}
	}
	switch {
	case x.want:
		w.rev++
		w.keys[x.router] = &mvccpb.KeyValue{Key: []byte(atPart + x.router), Value: []byte(from.self.ID), ModRevision: w.rev}
		w.log = append(w.log, event{kv: w.keys[x.router]})
	case x.on != 0:
		w.drop(x.router)
	}
	return outcome{done: true, rev: w.rev}
}

func (w *world) drop(router string) {
	w.rev++
	delete(w.keys, router)
	w.log = append(w.log, event{kv: &mvccpb.KeyValue{Key: []byte(atPart + router), ModRevision: w.rev}, gone: true})
}

// fly takes what a relay wants written; land brings the answer to one of them.
func (p *player) fly() { p.flying = append(p.flying, p.claims.take(3)...) }

func (p *player) pick(rnd *rand.Rand) (write, bool) {
	if len(p.flying) == 0 {
		return write{}, false
	}
	i := rnd.IntN(len(p.flying))
	x := p.flying[i]
	p.flying = append(p.flying[:i], p.flying[i+1:]...)
	return x, true
}

func (w *world) land(p *player) {
	if x, ok := p.pick(w.rnd); ok {
		if to, lost := p.settle(x, w.apply(p, x)); lost {
			p.d.watchers.moved(x.router, to)
		}
	}
}

// lose has a request not answered: it takes place now, or later, or never.
func (w *world) lose(p *player) {
	x, ok := p.pick(w.rnd)
	if !ok {
		return
	}
	switch w.rnd.IntN(3) {
	case 0:
		w.apply(p, x)
	case 1:
		w.limbo = append(w.limbo, late{p, x})
	}
	p.claims.fail([]write{x}, errors.New("no answer"))
	p.claims.again([]write{x})
}

// tell tells a relay the next change.
func (w *world) tell(p *player) bool {
	if p.told == len(w.log) {
		return false
	}
	e := w.log[p.told]
	p.told++
	if e.gone {
		p.gone(string(e.kv.Key), e.kv.ModRevision)
	} else {
		p.put(e.kv)
	}
	return true
}

// reread has a relay read all anew.
func (w *world) reread(p *player) {
	fresh := newPlaces()
	for _, q := range w.relays {
		fresh.lives(q.self, w.now)
	}
	for _, kv := range w.keys {
		p.read(fresh, kv, w.now)
	}
	for router, to := range p.compare(fresh, w.rev, false) {
		p.d.watchers.moved(router, to)
	}
	p.told = len(w.log)
}

// step does something.
func (w *world) step() {
	w.now = w.now.Add(time.Duration(w.rnd.IntN(300)) * time.Millisecond)
	p := w.relays[w.rnd.IntN(len(w.relays))]
	router := fmt.Sprint("r", w.rnd.IntN(4))
	switch w.rnd.IntN(16) {
	case 0, 1:
		p.holds[router] = true
		_, _, base := p.places.Load().of(router)
		p.claims.ask(router, true, base, w.now)
	case 2:
		delete(p.holds, router)
		_, _, base := p.places.Load().of(router)
		p.claims.ask(router, false, base, w.now)
	case 3, 4, 5:
		p.fly()
	case 6, 7, 8:
		w.land(p)
	case 9:
		w.lose(p)
	case 10:
		if len(w.limbo) > 0 {
			w.apply(w.limbo[0].from, w.limbo[0].write)
			w.limbo = w.limbo[1:]
		}
	case 11:
		if w.rnd.IntN(5) == 0 {
			w.reread(p)
		}
	case 12:
		if w.rnd.IntN(5) == 0 && w.keys[router] != nil {
			w.drop(router) // by one that takes its relay for dead
		}
	default:
		w.tell(p)
	}
}

// settleAll lets everything come to rest.
func (w *world) settleAll() {
	for _, x := range w.limbo {
		w.apply(x.from, x.write)
	}
	w.limbo = nil
	for range 10_000 {
		busy := false
		for _, p := range w.relays {
			p.fly()
			busy = busy || len(p.flying) > 0 || p.told < len(w.log)
			w.land(p)
			w.tell(p)
		}
		if !busy {
			return
		}
	}
	w.t.Fatal("it does not come to rest")
}

// check: a router is noted where it is wanted, once, and all know that.
func (w *world) check(seed uint64) {
	for i := range 4 {
		router := fmt.Sprint("r", i)
		owner := ""
		if kv := w.keys[router]; kv != nil {
			owner = string(kv.Value)
		}
		for _, p := range w.relays {
			id := p.self.ID
			if p.holds[router] != (owner == id) {
				w.t.Errorf("seed %d: %s is noted at %q; %s holds it: %v", seed, router, owner, id, p.holds[router])
			}
			n, err := p.Where(w.t.Context(), router)
			if err != nil && owner != "" || n.ID != owner {
				w.t.Errorf("seed %d: %s is noted at %q; %s thinks %q %v", seed, router, owner, id, n.ID, err)
			}
			c := p.claims.all[router]
			if c != nil && (!c.want || c.queued || c.busy || len(c.waiting) > 0) {
				w.t.Errorf("seed %d: %s still has a claim on %s: %+v", seed, id, router, c)
			}
		}
	}
}

// TestModel: whatever is late or lost, in the end a router is noted where the
// newest of the relays that hold it is, and whoever lost it was told.
func TestModel(t *testing.T) {
	for seed := range uint64(1000) {
		w := newWorld(t, seed, 3)
		for range 150 {
			w.step()
		}
		w.settleAll()
		w.check(seed)
		if t.Failed() {
			return
		}
	}
}

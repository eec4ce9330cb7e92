package etcd

import (
	"hash/maphash"
	"math"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

const (
	// shards is into how many parts the routers are divided, so that going
	// through all of them holds nobody up.
	shards = 64
	// maxRelays bounds the relays that are known at a time, dead ones with routers
	// included. A router's relay is its number among them.
	maxRelays = math.MaxUint16
)

// places knows on which relay each router is. A router costs 60 bytes or so:
// there are a million.
type places struct {
	seed  maphash.Seed
	parts [shards]part

	mu     sync.RWMutex // guards what follows
	byID   map[string]uint16
	relays []relay
	free   []uint16
}

// part is a part of the routers.
type part struct {
	mu sync.RWMutex
	at map[string]place
}

// place is a relay's number in the lower 16 bits, and above them the revision of
// the record that says so: etcd would need a million writes a second for eight
// years to need more.
type place uint64

func placeOf(relay uint16, rev int64) place { return place(uint64(rev)<<16 | uint64(relay)) }
func (p place) relay() uint16               { return uint16(p) }
func (p place) rev() int64                  { return int64(p >> 16) }

// relay is a relay that lives, or on which routers are noted.
type relay struct {
	node    cloud.Node
	alive   bool
	died    time.Time // if it is not alive: since when that is known
	routers int
}

func newPlaces() *places {
	return &places{seed: maphash.MakeSeed(), byID: map[string]uint16{}}
}

func (p *places) part(router string) *part {
	return &p.parts[maphash.String(p.seed, router)%shards]
}

// number returns a relay's number, and gives it one if it has none. p.mu is held.
func (p *places) number(id string, now time.Time) (uint16, bool) {
	if n, ok := p.byID[id]; ok {
		return n, true
	}
	var n uint16
	switch {
	case len(p.free) > 0:
		n = p.free[len(p.free)-1]
		p.free = p.free[:len(p.free)-1]
	case len(p.relays) < maxRelays:
		n = uint16(len(p.relays))
		p.relays = append(p.relays, relay{})
	default:
		return 0, false
	}
	p.relays[n] = relay{node: cloud.Node{ID: id}, died: now}
	p.byID[id] = n
	return n, true
}

// fewer takes a router off a relay, and forgets the relay if that was all.
// p.mu is held.
func (p *places) fewer(n uint16) {
	x := &p.relays[n]
	x.routers--
	p.tidy(n)
}

// tidy forgets a relay of which nothing is noted. p.mu is held.
func (p *places) tidy(n uint16) {
	if x := &p.relays[n]; !x.alive && x.routers <= 0 {
		delete(p.byID, x.node.ID)
		*x = relay{}
		p.free = append(p.free, n)
	}
}

// set notes that a router is on a relay, as of a revision. It reports whether that
// is news.
func (p *places) set(router, id string, rev int64, now time.Time) bool {
	s := p.part(router)
	s.mu.Lock()
	defer s.mu.Unlock()
	old, had := s.at[router]
	if had && old.rev() >= rev {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ok := p.number(id, now)
	if !ok {
		return false
	}
	p.relays[n].routers++
	if had {
		p.fewer(old.relay())
	}
	if s.at == nil {
		s.at = map[string]place{}
	}
	s.at[router] = placeOf(n, rev)
	return true
}

// remove notes that a router is on no relay, as of a revision.
func (p *places) remove(router string, rev int64) {
	s := p.part(router)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, had := s.at[router]; had && old.rev() < rev {
		delete(s.at, router)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fewer(old.relay())
	}
}

// of returns the relay of a router, whether it is alive, and the revision of the
// record; 0: there is none.
func (p *places) of(router string) (node cloud.Node, alive bool, rev int64) {
	s := p.part(router)
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, ok := s.at[router]
	if !ok {
		return cloud.Node{}, false, 0
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	x := &p.relays[at.relay()]
	return x.node, x.alive, at.rev()
}

// lives notes that a relay lives.
func (p *places) lives(node cloud.Node, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.number(node.ID, now); ok {
		x := &p.relays[n]
		x.node, x.alive = node, true
	}
}

// dies notes that a relay does not live any more.
func (p *places) dies(id string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.byID[id]; ok && p.relays[n].alive {
		x := &p.relays[n]
		x.alive, x.died = false, at
		p.tidy(n)
	}
}

// node returns what is known of a relay.
func (p *places) node(id string) (node cloud.Node, alive bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if n, ok := p.byID[id]; ok {
		return p.relays[n].node, p.relays[n].alive
	}
	return cloud.Node{ID: id}, false
}

// nodes returns the relays that live.
func (p *places) nodes() (out []cloud.Node) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, x := range p.relays {
		if x.alive {
			out = append(out, x.node)
		}
	}
	return out
}

// dead returns the relays that have been dead since before a moment and on which
// routers are noted.
func (p *places) dead(before time.Time) (out []string) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, x := range p.relays {
		if !x.alive && x.routers > 0 && x.died.Before(before) {
			out = append(out, x.node.ID)
		}
	}
	return out
}

// since takes over from another since when relays are dead.
func (p *places) since(other *places) {
	died := map[string]time.Time{}
	other.mu.RLock()
	for _, x := range other.relays {
		if !x.alive && x.routers > 0 {
			died[x.node.ID] = x.died
		}
	}
	other.mu.RUnlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.relays {
		x := &p.relays[i]
		if at, ok := died[x.node.ID]; ok && !x.alive {
			x.died = at
		}
	}
}

// on goes through the routers that are noted on a relay, and stops when each says
// so.
func (p *places) on(id string, each func(router string, rev int64) bool) {
	for i := range p.parts {
		p.mu.RLock()
		n, ok := p.byID[id]
		p.mu.RUnlock()
		if !ok || !p.parts[i].on(n, each) {
			return
		}
	}
}

func (s *part) on(n uint16, each func(router string, rev int64) bool) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for router, at := range s.at {
		if at.relay() == n && !each(router, at.rev()) {
			return false
		}
	}
	return true
}

// count returns how many routers are noted, on all relays.
func (p *places) count() (n int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, x := range p.relays {
		n += x.routers
	}
	return n
}

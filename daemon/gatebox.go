package daemon

import (
	"sync"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Sightings that wait, in all and of one device. A guest can make up as many
// addresses as it likes; what does not fit is sighted again.
const (
	sightingsMost      = 256
	sightingsPerDevice = 8
)

// gateBox hands the gate's events to a task. The watcher that fills it must not
// block; events of a kind are one, since one look takes care of all of them.
type gateBox struct {
	lost, depleted, sighted chan struct{}

	mu   sync.Mutex // guards seen and per
	seen map[hotspot.Sighting]struct{}
	per  map[hotspot.MAC]int
}

func newGateBox() *gateBox {
	signal := func() chan struct{} { return make(chan struct{}, 1) }
	return &gateBox{lost: signal(), depleted: signal(), sighted: signal(),
		seen: make(map[hotspot.Sighting]struct{}), per: make(map[hotspot.MAC]int)}
}

func (b *gateBox) put(e hotspot.GateEvent) {
	switch {
	case e.Lost:
		raise(b.lost)
	case e.Seen.MAC.IsZero():
		raise(b.depleted)
	case b.add(e.Seen):
		raise(b.sighted)
	}
}

func raise(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default: // it is up already
	}
}

func (b *gateBox) add(s hotspot.Sighting) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.seen[s]; ok || len(b.seen) >= sightingsMost || b.per[s.MAC] >= sightingsPerDevice {
		return false
	}
	b.seen[s] = struct{}{}
	b.per[s.MAC]++
	return true
}

// take returns the sightings that wait.
func (b *gateBox) take() []hotspot.Sighting {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]hotspot.Sighting, 0, len(b.seen))
	for s := range b.seen {
		out = append(out, s)
	}
	clear(b.seen)
	clear(b.per)
	return out
}

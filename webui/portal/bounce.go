package portal

import (
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Bounds on sending devices back to where they wanted to go.
const (
	bounceMax    = 5                // in a row
	bounceWindow = 30 * time.Second // after which the count begins anew
	bounceKeep   = 1024             // devices remembered
)

// bounces stops a loop: if the gate does not let a device pass that the rules
// say is online, the same request comes back again and again.
type bounces struct {
	mu   sync.Mutex // guards seen
	seen map[hotspot.MAC]bounced
}

type bounced struct {
	since time.Time
	n     int
}

// allow counts one attempt and reports whether it may be made.
func (b *bounces) allow(m hotspot.MAC, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil || len(b.seen) >= bounceKeep {
		b.forget(now)
	}
	e, ok := b.seen[m]
	if !ok || now.Sub(e.since) >= bounceWindow {
		e = bounced{since: now}
	}
	e.n++
	b.seen[m] = e
	return e.n <= bounceMax
}

// forget drops old entries, or all of them if none is old.
func (b *bounces) forget(now time.Time) {
	kept := map[hotspot.MAC]bounced{}
	for m, e := range b.seen {
		if now.Sub(e.since) < bounceWindow {
			kept[m] = e
		}
	}
	if len(kept) >= bounceKeep {
		clear(kept)
	}
	b.seen = kept
}

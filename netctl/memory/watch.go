package memory

import (
	"context"
	"sync/atomic"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// watcher is one call of Watch.
type watcher struct {
	events chan hotspot.GateEvent
	missed atomic.Bool // an event did not fit
}

// watchBacklog is how many events may wait for a slow watcher. More than that
// are reported to it as one loss, as the kernel does.
const watchBacklog = 256

// send never blocks.
func (w *watcher) send(e hotspot.GateEvent) {
	select {
	case w.events <- e:
	default:
		w.missed.Store(true)
	}
}

// Watch implements [hotspot.Gate].
func (g *Gate) Watch(ctx context.Context, report func(hotspot.GateEvent)) error {
	w := &watcher{events: make(chan hotspot.GateEvent, watchBacklog)}
	g.mu.Lock()
	g.watchers[w] = struct{}{}
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		delete(g.watchers, w)
		g.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-w.events:
			report(e)
			if len(w.events) == 0 && w.missed.CompareAndSwap(true, false) {
				report(hotspot.GateEvent{Lost: true})
			}
		}
	}
}

// Watched reports how many calls of Watch are running, so that a test can wait
// for its own to have begun.
func (g *Gate) Watched() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.watchers)
}

var _ hotspot.Gate = (*Gate)(nil)

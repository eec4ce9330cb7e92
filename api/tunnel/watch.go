package tunnel

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// watch gives links up from which nothing is heard. Routers ping, so it mostly
// sees that all is well, and has one timer for all links: one for each, which
// every ping sets anew, would wake an idle relay as often as the pings do.
type watch struct {
	wait time.Duration // for an answer, once a link was asked

	mu  sync.Mutex          // guards what follows
	due [watchSlots][]*Link // a wheel: who is to be looked at when
	at  int                 // the slot of now
	n   int                 // links in all slots
}

// The wheel turns by a slot every watchEvery.
const (
	watchEvery = 250 * time.Millisecond
	watchSlots = 64
)

// ear is a connection that notes when something was heard.
type ear struct {
	*gathered
	began time.Time
	last  atomic.Int64 // nanoseconds after began
}

// Read implements net.Conn.
func (e *ear) Read(b []byte) (int, error) {
	n, err := e.gathered.Read(b)
	if n > 0 {
		e.last.Store(int64(time.Since(e.began)))
	}
	return n, err
}

// silent is for how long nothing was heard.
func (e *ear) silent() time.Duration {
	return time.Since(e.began) - time.Duration(e.last.Load())
}

// add begins to look after a link.
func (w *watch) add(l *Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == 0 {
		w.again()
	}
	w.put(l, askAfter)
}

// again lets the wheel turn by a slot.
func (w *watch) again() { time.AfterFunc(watchEvery, w.turn) }

// put has a link looked at some time from now.
func (w *watch) put(l *Link, in time.Duration) {
	ahead := min((in+watchEvery-1)/watchEvery, watchSlots-1) // too early does no harm
	slot := (w.at + int(ahead)) % watchSlots
	w.due[slot] = append(w.due[slot], l)
	w.n++
}

// turn looks at the links that are due.
func (w *watch) turn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = (w.at + 1) % watchSlots
	due := w.due[w.at]
	w.due[w.at] = nil
	w.n -= len(due)
	for _, l := range due {
		if in := l.look(w.wait); in > 0 {
			w.put(l, in)
		}
	}
	if w.n > 0 {
		w.again()
	}
}

// look sees whether a link is alive, and returns when to look again; 0: never.
func (l *Link) look(wait time.Duration) time.Duration {
	select {
	case <-l.done:
		return 0
	default:
	}
	silent := l.ear.silent()
	switch {
	case silent >= askAfter+wait:
		go l.Close()
		return 0
	case silent >= askAfter:
		go l.ask(wait)
		return askAfter + wait - silent
	}
	return askAfter - silent
}

// ask gives the router something to answer: one that gets requests all the time,
// and has no answer ready yet, does not ping.
func (l *Link) ask(wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	// What counts is that something is heard.
	_, _, _ = l.Say(ctx, Hello{})
}

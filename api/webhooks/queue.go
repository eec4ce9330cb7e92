package webhooks

import (
	"context"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// retries are the longest waits after each failed attempt, as the specification
// suggests them; then an event is given up.
var retries = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

const (
	// maxPauses is how many of the waits count for an endpoint as a whole, which
	// fails whatever it is sent: an uplink that is back must not be found out
	// hours later.
	maxPauses = 3
	// maxAge is how old an event is told at most.
	maxAge = 4 * 24 * time.Hour
	// tellAfter is after how many failures in a row the operator is told.
	tellAfter = 3
	// maxLog is how many deliveries are remembered.
	maxLog = 100
)

// waiting is an event that waits. Its body is read when it is sent.
type waiting struct {
	at      time.Time
	to      map[api.ID]*attempt
	changed int // counts up; 0: as it is stored
}

// attempt is how far telling one endpoint of one event has come.
type attempt struct {
	failed int
	next   time.Time
}

// drop takes an endpoint off the list.
func (q *waiting) drop(id api.ID) {
	if _, ok := q.to[id]; ok {
		delete(q.to, id)
		q.changed++
	}
}

// progress is how an endpoint fares.
type progress struct {
	turn     chan struct{} // held during a request
	failures int           // in a row
	pause    time.Time     // nothing is sent before
	last     api.WebhookDelivery
	changed  int // counts up; 0: as it is stored
}

func newProgress(last api.WebhookDelivery) *progress {
	return &progress{turn: make(chan struct{}, 1), last: last}
}

// load takes in the events that were stored since it last did.
func (w *Webhooks) load(ctx context.Context) error {
	const page = 64
	for {
		w.mu.Lock()
		after := w.loaded
		w.mu.Unlock()
		var events []hotspot.Event
		err := w.cfg.Store.View(ctx, func(r hotspot.Reader) (err error) {
			events, err = r.Events(after, page)
			return err
		})
		if err != nil {
			return err
		}
		w.mu.Lock()
		for i := range events {
			w.take(&events[i])
		}
		w.mu.Unlock()
		if len(events) < page {
			return nil
		}
	}
}

// take takes in an event. The caller holds mu.
func (w *Webhooks) take(e *hotspot.Event) {
	if e.Seq <= w.loaded {
		return // somebody else was faster
	}
	w.loaded = e.Seq
	q := &waiting{at: e.Time, to: map[api.ID]*attempt{}}
	for _, t := range e.To {
		id, err := api.ParseID(t.Endpoint)
		if _, gone := w.findLocked(id); err != nil || gone != nil {
			q.changed++ // its endpoint was removed
			continue
		}
		q.to[id] = &attempt{t.Attempts, t.Next}
	}
	if len(q.to) == 0 {
		q.changed++
	}
	w.queue[e.Seq] = q
	if old := e.Seq - hotspot.MaxEvents; e.Seq > hotspot.MaxEvents {
		for seq := range w.queue {
			if seq <= old {
				delete(w.queue, seq) // the store has dropped it
			}
		}
	}
}

// tooOld gives up events that nobody would care for any more. The caller holds
// mu.
func (w *Webhooks) tooOld(now time.Time) {
	for _, q := range w.queue {
		if len(q.to) > 0 && now.Sub(q.at) > maxAge {
			clear(q.to)
			q.changed++
			w.gaveUp++
		}
	}
}

// pick returns what is to be sent to an endpoint now, or else how long nothing
// is; seq 0: nothing. What failed least comes first, then what is oldest, so that
// an event which the receiver cannot digest holds up no other. The caller holds
// mu.
func (w *Webhooks) pick(h *hook, now time.Time) (seq uint64, wait time.Duration) {
	p := w.state[h.id]
	wait = idle
	var best *attempt
	for s, q := range w.queue {
		a := q.to[h.id]
		if a == nil {
			continue
		}
		if left := until(a.next, now); left > 0 {
			wait = min(wait, left)
			continue
		}
		if best == nil || a.failed < best.failed || a.failed == best.failed && s < seq {
			seq, best = s, a
		}
	}
	if left := until(p.pause, now); left > 0 {
		if best != nil {
			wait = 0
		}
		return 0, max(left, wait)
	}
	return seq, wait
}

// until is how long it is to a moment. One that no retry can be at is from a
// clock that was wrong.
//
//go:noinline // it takes much code where it is called
func until(t, now time.Time) time.Duration {
	d := t.Sub(now)
	if d > 2*maxRetryAfter {
		return 0
	}
	return d
}

// failed notes an attempt that failed, and returns when the next one is. The
// caller holds mu.
func (w *Webhooks) failed(h *hook, seq uint64, out outcome, now time.Time) (next time.Time) {
	p := w.state[h.id]
	p.failures++
	pause := w.cfg.Jitter(retries[min(p.failures, maxPauses)-1])
	if out.sealed {
		p.failures, pause = tellAfter, time.Hour
		p.pause = now.Add(pause)
		return p.pause // it was not sent, so it does not count
	}
	p.pause = now.Add(max(pause, out.wait))
	q := w.queue[seq]
	if q == nil || q.to[h.id] == nil {
		return time.Time{}
	}
	a := q.to[h.id]
	if a.failed++; a.failed > len(retries) || out.gone {
		q.drop(h.id)
		w.gaveUp++
		return time.Time{}
	}
	a.next = now.Add(max(w.cfg.Jitter(retries[a.failed-1]), out.wait))
	q.changed++
	return a.next
}

// note remembers a delivery. The caller holds mu.
func (w *Webhooks) note(d api.WebhookDelivery) {
	w.log100 = append(w.log100, d)
	if n := len(w.log100) - maxLog; n > 0 {
		w.log100 = append(w.log100[:0], w.log100[n:]...)
	}
	if p := w.state[d.Webhook]; p != nil {
		p.last = d
		p.changed++
	}
}

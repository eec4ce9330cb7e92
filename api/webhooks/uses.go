package webhooks

import (
	"encoding/json"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// lastPrefix begins the names of the endpoints' last deliveries, which are
// stored more often than the endpoints.
const lastPrefix = "webhook.last/"

// Uses returns what is to be stored of deliveries, as part of a transaction that
// takes place anyhow, under the rules of [hotspot.Store.Update]; nil: nothing.
// stored must be called once that succeeded.
func (w *Webhooks) Uses() (write func(hotspot.Tx) error, stored func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := map[uint64]int{}
	for seq, q := range w.queue {
		if q.changed > 0 {
			events[seq] = q.changed
		}
	}
	last := map[api.ID]int{}
	for id, p := range w.state {
		if p.changed > 0 {
			last[id] = p.changed
		}
	}
	if len(events)+len(last) == 0 {
		return nil, func() {}
	}
	targets, lasts := w.copyOf(events, last)
	write = func(tx hotspot.Tx) error {
		for seq, to := range targets {
			if err := putTargets(tx, seq, to); err != nil {
				return err
			}
		}
		for id, b := range lasts {
			if err := tx.PutSecret(lastPrefix+id.String(), b); err != nil {
				return err
			}
		}
		return nil
	}
	return write, func() { w.stored(events, last) }
}

// Unstored reports whether there is anything to store that is worth a write to
// flash of its own.
func (w *Webhooks) Unstored() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.queue {
		if q.changed > 0 {
			return true
		}
	}
	return false
}

// copyOf takes what is to be written out of the state. The caller holds mu.
func (w *Webhooks) copyOf(events map[uint64]int, last map[api.ID]int) (map[uint64][]hotspot.EventTarget, map[api.ID][]byte) {
	targets := map[uint64][]hotspot.EventTarget{}
	for seq := range events {
		targets[seq] = nil
		for id, a := range w.queue[seq].to {
			targets[seq] = append(targets[seq], hotspot.EventTarget{Endpoint: id.String(), Attempts: a.failed, Next: a.next})
		}
	}
	lasts := map[api.ID][]byte{}
	for id := range last {
		if b, err := json.Marshal(resultOf(w.state[id].last)); err == nil {
			lasts[id] = b
		}
	}
	return targets, lasts
}

// putTargets stores who is still to be told of an event.
func putTargets(tx hotspot.Tx, seq uint64, to []hotspot.EventTarget) error {
	if len(to) == 0 {
		return tx.DeleteEvent(seq)
	}
	list, err := tx.Events(seq-1, 1)
	if err != nil || len(list) == 0 || list[0].Seq != seq {
		return err // the queue was full
	}
	list[0].To = to
	return tx.PutEvent(&list[0])
}

// stored forgets what was written, unless it has changed since.
func (w *Webhooks) stored(events map[uint64]int, last map[api.ID]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for seq, n := range events {
		if q := w.queue[seq]; q != nil && q.changed == n {
			q.changed = 0
			if len(q.to) == 0 {
				delete(w.queue, seq)
			}
		}
	}
	for id, n := range last {
		if p := w.state[id]; p != nil && p.changed == n {
			p.changed = 0
		}
	}
}

package hotspottest

import (
	"maps"
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func copyEvent(e hotspot.Event) hotspot.Event {
	e.Time = moment(e.Time)
	e.Data = list(e.Data)
	e.To = list(e.To)
	for i := range e.To {
		e.To[i].Next = moment(e.To[i].Next)
	}
	return e
}

func (r storeReader) Events(after uint64, limit int) ([]hotspot.Event, error) {
	var out []hotspot.Event
	for _, seq := range r.s.events.after(after, limit) {
		out = append(out, copyEvent(r.s.events.rows[seq]))
	}
	return out, nil
}

func (r storeReader) Sightings() (map[hotspot.MAC]time.Time, error) {
	return maps.Clone(r.s.sightings), nil
}

func (t *storeTx) PutEvent(e *hotspot.Event) error {
	assign(t, t.s.events, &e.Seq)
	putRow(t, t.s.events, e.Seq, copyEvent(*e))
	return nil
}

func (t *storeTx) DeleteEvent(seq uint64) error {
	if slices.Contains(t.s.events.ids, seq) {
		removeRow(t, t.s.events, seq)
	}
	return nil
}

func (t *storeTx) PutSighting(m hotspot.MAC, at time.Time) error {
	if m.IsZero() {
		return hotspot.Invalid("mac", "a device needs an address")
	}
	putKey(t, t.s.sightings, m, moment(at))
	return nil
}

func (t *storeTx) DeleteSighting(m hotspot.MAC) error {
	removeKey(t, t.s.sightings, m)
	return nil
}

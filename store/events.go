package store

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Fields of an event's target, which is a record within the record.
const fEventTarget = 6

func encodeEvent(v *hotspot.Event) []byte {
	e := encoder{make([]byte, 0, 256)}
	for i, text := range [...]string{v.ID, string(v.Type)} {
		e.string(i+1, text)
	}
	e.time(3, time.Time{}, v.Time)
	e.bool(4, v.Provisional)
	e.bytes(5, v.Data)
	for _, to := range v.To {
		var t encoder
		t.string(1, to.Endpoint)
		t.int(2, int64(to.Attempts))
		t.time(3, v.Time, to.Next)
		e.bytes(fEventTarget, t.b)
	}
	return e.b
}

func decodeEvent(seq uint64, body string, v *hotspot.Event) error {
	d := decoder{rest: body}
	*v = hotspot.Event{Seq: seq}
	for d.next() {
		switch d.field {
		case 1:
			v.ID = d.text
		case 2:
			v.Type = hotspot.EventType(d.text)
		case 3:
			v.Time = d.time(time.Time{})
		case 4:
			v.Provisional = d.bool()
		case 5:
			v.Data = []byte(d.text)
		case fEventTarget:
			v.To = append(v.To, d.target(v.Time))
		}
	}
	return d.err
}

func (d *decoder) target(base time.Time) (to hotspot.EventTarget) {
	in := decoder{rest: d.text}
	for in.next() {
		switch in.field {
		case 1:
			to.Endpoint = strings.Clone(in.text)
		case 2:
			to.Attempts = in.smallInt()
		case 3:
			to.Next = in.time(base)
		}
	}
	if in.err != nil {
		d.err = in.err
	}
	return to
}

func checkEvent(key []byte, body string) error {
	id, ok := keyID(key)
	if !ok || id == 0 {
		return errRecord
	}
	var v hotspot.Event
	return decodeEvent(id, body, &v)
}

// decodeSighting reads when a device was last seen.
func decodeSighting(key []byte, body string) (at time.Time, err error) {
	if len(key) != len(hotspot.MAC{}) {
		return at, errRecord
	}
	d := decoder{rest: body}
	for d.next() {
		if d.field == 1 {
			at = d.time(time.Time{})
		}
	}
	return at, d.err
}

// Events implements [hotspot.EventReader].
func (x *records) Events(after uint64, limit int) ([]hotspot.Event, error) {
	if x.ended {
		return nil, errEnded
	}
	if limit <= 0 || after == math.MaxUint64 {
		return nil, nil
	}
	var out []hotspot.Event
	c := x.r.cursor(bktEvents)
	k, v, err := c.seek(idKey(after + 1))
	for ; k != nil && err == nil && len(out) < limit; k, v, err = c.next() {
		id, ok := keyID(k)
		if !ok {
			return nil, damaged(bktEvents, k, errRecord)
		}
		body, err := bodyOf(bktEvents, k, v)
		if err != nil {
			return nil, err
		}
		out = append(out, hotspot.Event{})
		if err := decodeEvent(id, body, &out[len(out)-1]); err != nil {
			return nil, damaged(bktEvents, k, err)
		}
	}
	return out, err
}

// Sightings implements [hotspot.EventReader].
func (x *records) Sightings() (map[hotspot.MAC]time.Time, error) {
	if x.ended {
		return nil, errEnded
	}
	out := map[hotspot.MAC]time.Time{}
	c := x.r.cursor(bktSightings)
	k, v, err := c.first()
	for ; k != nil && err == nil; k, v, err = c.next() {
		body, err := bodyOf(bktSightings, k, v)
		if err != nil {
			return nil, err
		}
		at, err := decodeSighting(k, body)
		if err != nil {
			return nil, damaged(bktSightings, k, err)
		}
		out[hotspot.MAC(k)] = at
	}
	return out, err
}

// PutEvent implements [hotspot.EventWriter].
func (t *txn) PutEvent(v *hotspot.Event) error {
	if _, err := t.assign(metaEventSeq, &v.Seq); err != nil {
		return err
	}
	return t.put(bktEvents, idKey(v.Seq), encodeEvent(v))
}

// DeleteEvent implements [hotspot.EventWriter].
func (t *txn) DeleteEvent(seq uint64) error { return t.remove(bktEvents, idKey(seq)) }

// PutSighting implements [hotspot.EventWriter].
func (t *txn) PutSighting(m hotspot.MAC, at time.Time) error {
	if m.IsZero() {
		return hotspot.Invalid("mac", "a device needs an address")
	}
	var e encoder
	e.time(1, time.Time{}, at)
	return t.put(bktSightings, slices.Clone(m[:]), e.b)
}

// DeleteSighting implements [hotspot.EventWriter].
func (t *txn) DeleteSighting(m hotspot.MAC) error {
	return t.remove(bktSightings, slices.Clone(m[:]))
}

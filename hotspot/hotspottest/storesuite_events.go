package hotspottest

import (
	"reflect"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func eventCases() storeCases {
	return storeCases{
		"events/every field": testEventFields,
		"events/order":       testEventOrder,
		"events/rollback":    testEventRollback,
		"events/copies":      testEventCopies,
		"events/sightings":   testSightings,
	}
}

// addEvents stores events with these names.
func addEvents(t *testing.T, s hotspot.Store, names ...string) {
	t.Helper()
	update(t, s, func(tx hotspot.Tx) error {
		for _, n := range names {
			if err := tx.PutEvent(&hotspot.Event{ID: n, Time: day0()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// wantEvents checks what waits by its names.
func wantEvents(t *testing.T, s hotspot.Store, after uint64, limit int, want ...string) {
	t.Helper()
	view(t, s, func(r hotspot.Reader) error {
		evs, err := r.Events(after, limit)
		var got []string
		for _, e := range evs {
			got = append(got, e.ID)
		}
		same(t, got, want)
		return err
	})
}

func testEventFields(t *testing.T, s hotspot.Store) {
	var e hotspot.Event
	(&filler{}).fill(t, reflect.ValueOf(&e).Elem())
	e.Data = []byte(`{"a":"\u0000 < é"}`)
	e.Seq = 0
	update(t, s, func(tx hotspot.Tx) error { return tx.PutEvent(&e) })
	if e.Seq != 1 {
		t.Errorf("the first event is number %d", e.Seq)
	}
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.Events(0, 10)
		same(t, got, []hotspot.Event{e})
		return err
	})
	e.To = e.To[:1]
	e.To[0] = hotspot.EventTarget{Endpoint: "x", Attempts: 7}
	update(t, s, func(tx hotspot.Tx) error { return tx.PutEvent(&e) })
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.Events(0, 10)
		same(t, got, []hotspot.Event{e})
		return err
	})
}

func testEventOrder(t *testing.T, s hotspot.Store) {
	wantEvents(t, s, 0, 10)
	addEvents(t, s, "a", "b", "c")
	addEvents(t, s, "d")
	wantEvents(t, s, 0, 10, "a", "b", "c", "d")
	wantEvents(t, s, 1, 2, "b", "c")
	wantEvents(t, s, 4, 10)
	wantEvents(t, s, 0, 0)
	wantEvents(t, s, ^uint64(0), 10)
	update(t, s, func(tx hotspot.Tx) error {
		for _, seq := range []uint64{2, 4, 99} { // one that is not there is no error
			if err := tx.DeleteEvent(seq); err != nil {
				return err
			}
		}
		return nil
	})
	wantEvents(t, s, 0, 10, "a", "c")
	addEvents(t, s, "e") // no number is given twice
	wantEvents(t, s, 4, 10, "e")
}

func testEventRollback(t *testing.T, s hotspot.Store) {
	addEvents(t, s, "a", "b")
	e := hotspot.Event{ID: "c"}
	err := s.Update(t.Context(), func(tx hotspot.Tx) error {
		for _, err := range []error{
			tx.PutEvent(&e), tx.DeleteEvent(1), tx.PutEvent(&hotspot.Event{Seq: 2, ID: "changed"}),
			tx.PutSighting(hotspot.MAC{2, 1}, day0()),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		evs, err := tx.Events(0, 10)
		if err != nil || len(evs) != 2 || evs[0].ID != "changed" || evs[1].ID != "c" {
			t.Errorf("a transaction reads %+v of its own writes, %v", evs, err)
		}
		return errTest
	})
	wantErr(t, err, errTest)
	if e.Seq != 0 {
		t.Errorf("the caller's event kept the number %d of a failed update", e.Seq)
	}
	wantEvents(t, s, 0, 10, "a", "b")
	view(t, s, func(r hotspot.Reader) error {
		seen, err := r.Sightings()
		same(t, seen, map[hotspot.MAC]time.Time{})
		return err
	})
}

func testEventCopies(t *testing.T, s hotspot.Store) {
	e := hotspot.Event{ID: "a", Data: []byte("{}"), To: []hotspot.EventTarget{{Endpoint: "x"}}}
	update(t, s, func(tx hotspot.Tx) error { return tx.PutEvent(&e) })
	want := hotspot.Event{Seq: 1, ID: "a", Data: []byte("{}"), To: []hotspot.EventTarget{{Endpoint: "x"}}}
	e.Data[0], e.To[0].Endpoint = 'X', "y"
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.Events(0, 1)
		same(t, got, []hotspot.Event{want})
		got[0].Data[0], got[0].To[0].Endpoint = 'X', "y"
		got, _ = r.Events(0, 1)
		same(t, got, []hotspot.Event{want})
		return err
	})
}

func testSightings(t *testing.T, s hotspot.Store) {
	one, two := hotspot.MAC{2, 1}, hotspot.MAC{2, 2}
	update(t, s, func(tx hotspot.Tx) error {
		wantErr(t, tx.PutSighting(hotspot.MAC{}, day0()), hotspot.ErrInvalid)
		for _, err := range []error{tx.PutSighting(one, day0()), tx.PutSighting(two, day0())} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	later := day0().Add(time.Hour)
	update(t, s, func(tx hotspot.Tx) error {
		if err := tx.DeleteSighting(two); err != nil {
			return err
		}
		if err := tx.DeleteSighting(hotspot.MAC{2, 3}); err != nil {
			return err
		}
		return tx.PutSighting(one, later)
	})
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.Sightings()
		same(t, got, map[hotspot.MAC]time.Time{one: later})
		return err
	})
}

package store

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestLogLength prunes by number amid transactions that fail, that share a
// commit and that do something else, and counts what is left each time.
func TestLogLength(t *testing.T) {
	opts, _ := options(t.TempDir())
	db := open(t, opts)
	rnd := rand.New(rand.NewPCG(3, 4))
	add := func(n int) func(hotspot.Tx) error {
		return func(tx hotspot.Tx) error {
			for range n {
				if err := tx.PutSession(&hotspot.Session{Started: at(), Ended: at().Add(time.Minute)}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	steps := []func() error{
		func() error { return db.Update(t.Context(), add(1+rnd.IntN(20))) },
		func() error {
			return db.Update(t.Context(), func(tx hotspot.Tx) error {
				_, err := tx.PruneSessions(time.Time{}, 30, 5)
				return errors.Join(add(3)(tx), err, errTest)
			})
		},
		func() error {
			return db.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutSetting("a", "b") })
		},
		func() error { return db.Update(t.Context(), func(hotspot.Tx) error { return errTest }) },
		func() error {
			return db.Update(t.Context(), func(tx hotspot.Tx) error { // one that is there already
				s, err := tx.Sessions(0, 1)
				if err != nil || len(s) == 0 {
					return err
				}
				return tx.PutSession(&s[0])
			})
		},
		func() error {
			return db.Update(t.Context(), func(tx hotspot.Tx) error {
				_, err := tx.PruneSessions(time.Time{}, 1000, 5) // nothing to do
				return err
			})
		},
	}
	for i := range 300 {
		if err := steps[rnd.IntN(len(steps))](); err != nil && !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		before, keep := sessionIDs(t, db), 30+rnd.IntN(10)
		var gone []hotspot.Session
		put(t, db, func(tx hotspot.Tx) (err error) {
			gone, err = tx.PruneSessions(time.Time{}, keep, 1000)
			return err
		})
		after := sessionIDs(t, db)
		if want := min(keep, len(before)); len(after) != want || len(gone) != len(before)-want {
			t.Fatalf("%d: %d sessions, %d removed, %d left; keep %d", i, len(before), len(gone), len(after), keep)
		}
		for j, s := range gone {
			if s.ID != before[j] {
				t.Fatalf("%d: removed %d, the oldest was %d", i, s.ID, before[j])
			}
		}
	}
}

// sessionIDs returns the ids of all sessions, ascending.
func sessionIDs(t *testing.T, db *DB) (ids []uint64) {
	t.Helper()
	err := db.engine.view(func(r reader) error {
		return eachRecord(r, bktSessions, func(key []byte, _ string) error {
			id, _ := keyID(key)
			ids = append(ids, id)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

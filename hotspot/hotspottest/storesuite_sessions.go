package hotspottest

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func sessionCases() storeCases {
	return storeCases{
		"session/open":        testOpenSessions,
		"session/newest":      testNewestFirst,
		"session/prune age":   testPruneAge,
		"session/prune count": testPruneCount,
		"session/prune limit": testPruneLimit,
		"session/prune again": testPruneAgain,
	}
}

// addSessions stores one session per entry, started an hour apart: true means
// that it ended half an hour later.
func addSessions(t *testing.T, s hotspot.Store, closed ...bool) []uint64 {
	t.Helper()
	var ids []uint64
	update(t, s, func(tx hotspot.Tx) error {
		ids = nil
		for i, c := range closed {
			ss := hotspot.Session{Login: "x", Started: day0().Add(time.Duration(i) * time.Hour)}
			if c {
				ss.Ended, ss.Reason = ss.Started.Add(30*time.Minute), hotspot.EndLogout
			}
			if err := tx.PutSession(&ss); err != nil {
				return err
			}
			ids = append(ids, ss.ID)
		}
		return nil
	})
	return ids
}

func testOpenSessions(t *testing.T, s hotspot.Store) {
	ids := addSessions(t, s, false, true, false)
	check := func(want ...uint64) {
		t.Helper()
		view(t, s, func(r hotspot.Reader) error {
			ss, err := r.OpenSessions()
			wantIDs(t, ss, err, sessionID, want...)
			return nil
		})
	}
	check(ids[0], ids[2])
	end := func(id uint64, at time.Time) {
		update(t, s, func(tx hotspot.Tx) error {
			ss, err := tx.Session(id)
			if err != nil {
				return err
			}
			ss.Ended = at
			return tx.PutSession(&ss)
		})
	}
	end(ids[0], day0())
	check(ids[2])
	end(ids[0], time.Time{}) // taken up again
	check(ids[0], ids[2])
	view(t, s, func(r hotspot.Reader) error {
		_, err := r.Session(99)
		wantErr(t, err, hotspot.ErrNotFound)
		return nil
	})
}

func testNewestFirst(t *testing.T, s hotspot.Store) {
	addSessions(t, s, true, false, true, true, true)
	view(t, s, func(r hotspot.Reader) error {
		for _, c := range []struct {
			before uint64
			limit  int
			want   []uint64
		}{
			{0, 10, []uint64{5, 4, 3, 2, 1}},
			{0, 2, []uint64{5, 4}},
			{4, 2, []uint64{3, 2}},
			{2, 10, []uint64{1}},
			{1, 10, nil},
			{3, 0, nil},
			{^uint64(0), 1, []uint64{5}},
		} {
			ss, err := r.Sessions(c.before, c.limit)
			wantIDs(t, ss, err, sessionID, c.want...)
		}
		return nil
	})
}

// prune prunes once and checks how many went and which are left.
func prune(t *testing.T, s hotspot.Store, ended time.Time, keep, limit, want int, left ...uint64) {
	t.Helper()
	update(t, s, func(tx hotspot.Tx) error {
		gone, err := tx.PruneSessions(ended, keep, limit)
		if len(gone) != want {
			t.Errorf("pruned %d, want %d", len(gone), want)
		}
		for _, x := range gone {
			if x.ID == 0 || x.Open() {
				t.Errorf("pruned %+v", x)
			}
		}
		return err
	})
	view(t, s, func(r hotspot.Reader) error {
		ss, err := r.Sessions(0, 100)
		wantIDs(t, ss, err, sessionID, left...)
		return nil
	})
}

func testPruneAge(t *testing.T, s hotspot.Store) {
	addSessions(t, s, true, false, true, true)
	prune(t, s, time.Time{}, 0, 10, 0, 4, 3, 2, 1)
	prune(t, s, day0().Add(30*time.Minute), 0, 10, 0, 4, 3, 2, 1) // ended then, not before
	prune(t, s, day0().Add(31*time.Minute), 0, 10, 1, 4, 3, 2)
	prune(t, s, day0().Add(999*time.Hour), 0, 10, 2, 2) // never the open one
	prune(t, s, day0().Add(999*time.Hour), 0, 10, 0, 2)
}

func testPruneCount(t *testing.T, s hotspot.Store) {
	addSessions(t, s, true, false, true, true, false)
	prune(t, s, time.Time{}, 5, 10, 0, 5, 4, 3, 2, 1)
	prune(t, s, time.Time{}, 3, 10, 1, 5, 4, 3, 2)
	prune(t, s, time.Time{}, 1, 10, 2, 5, 2)
	prune(t, s, time.Time{}, 1, 10, 0, 5, 2)
	// Ids go on where they were.
	if ids := addSessions(t, s, true); ids[0] != 6 {
		t.Errorf("next id %d, want 6", ids[0])
	}
}

func testPruneLimit(t *testing.T, s hotspot.Store) {
	addSessions(t, s, true, true, true, true, true, true)
	prune(t, s, time.Time{}, 1, 0, 0, 6, 5, 4, 3, 2, 1)
	prune(t, s, time.Time{}, 1, 2, 2, 6, 5, 4, 3)
	prune(t, s, day0().Add(999*time.Hour), 1, 3, 3, 6)
	prune(t, s, day0().Add(999*time.Hour), 1, 3, 1)
}

// testPruneAgain ends sessions out of order between prunes: what an earlier
// prune left alone must be found by a later one.
func testPruneAgain(t *testing.T, s hotspot.Store) {
	addSessions(t, s, false, true, true)
	prune(t, s, day0().Add(time.Hour), 0, 10, 0, 3, 2, 1)
	update(t, s, func(tx hotspot.Tx) error {
		ss, err := tx.Session(1)
		ss.Ended = day0()
		if err == nil {
			err = tx.PutSession(&ss)
		}
		return err
	})
	err := s.Update(t.Context(), func(tx hotspot.Tx) error { // rolled back
		if gone, err := tx.PruneSessions(day0().Add(time.Hour), 0, 10); len(gone) != 1 || err != nil {
			t.Errorf("pruned %d, %v", len(gone), err)
		}
		return errTest
	})
	wantErr(t, err, errTest)
	prune(t, s, day0().Add(time.Hour), 0, 10, 1, 3, 2)
	prune(t, s, day0().Add(time.Hour), 0, 10, 0, 3, 2)
	update(t, s, func(tx hotspot.Tx) error {
		return tx.PutSession(&hotspot.Session{Started: day0().Add(-2 * time.Hour), Ended: day0().Add(-time.Hour)})
	})
	prune(t, s, day0().Add(time.Hour), 0, 10, 1, 3, 2)
}

func otherCases() storeCases {
	return storeCases{
		"device":     testDevices,
		"setting":    testSettings,
		"secret":     testSecrets,
		"secrets":    testSecretsByPrefix,
		"clock mark": testClockMark,
	}
}

func testDevices(t *testing.T, s hotspot.Store) {
	m := hotspot.MAC{2, 0, 0x5e, 0, 0, 1}
	update(t, s, func(tx hotspot.Tx) error {
		_, err := tx.Device(m)
		wantErr(t, err, hotspot.ErrNotFound)
		wantErr(t, tx.PutDevice(hotspot.Device{}), hotspot.ErrInvalid)
		return tx.PutDevice(hotspot.Device{MAC: m, Login: "a", Returning: true})
	})
	update(t, s, func(tx hotspot.Tx) error {
		d, err := tx.Device(m)
		if d.Login != "a" || !d.Returning || err != nil {
			t.Errorf("got %+v, %v", d, err)
		}
		return tx.DeleteDevice(m)
	})
	update(t, s, func(tx hotspot.Tx) error {
		_, err := tx.Device(m)
		wantErr(t, err, hotspot.ErrNotFound)
		return tx.DeleteDevice(m)
	})
}

func testSettings(t *testing.T, s hotspot.Store) {
	update(t, s, func(tx hotspot.Tx) error {
		all, err := tx.Settings()
		if len(all) != 0 || err != nil {
			t.Errorf("a new store has settings %v, %v", all, err)
		}
		wantErr(t, tx.PutSetting("", "x"), hotspot.ErrInvalid)
		for k, v := range map[string]string{"api.post": "on", "venue.name": "Café", "empty": "", "gone": "1"} {
			if err := tx.PutSetting(k, v); err != nil {
				return err
			}
		}
		return tx.DeleteSetting("gone")
	})
	update(t, s, func(tx hotspot.Tx) error {
		if err := tx.PutSetting("api.post", "off"); err != nil {
			return err
		}
		return tx.DeleteSetting("never there")
	})
	view(t, s, func(r hotspot.Reader) error {
		all, err := r.Settings()
		if d := cmp.Diff(map[string]string{"api.post": "off", "venue.name": "Café", "empty": ""}, all); d != "" {
			t.Error(d)
		}
		all["api.post"] = "changed by the caller"
		again, _ := r.Settings()
		if again["api.post"] != "off" {
			t.Error("the map is shared with the caller")
		}
		return err
	})
}

func testSecrets(t *testing.T, s hotspot.Store) {
	key := []byte{0, 1, 2, 255}
	update(t, s, func(tx hotspot.Tx) error {
		_, err := tx.Secret("api")
		wantErr(t, err, hotspot.ErrNotFound)
		wantErr(t, tx.PutSecret("", key), hotspot.ErrInvalid)
		return tx.PutSecret("api", key)
	})
	key[0] = 9 // the caller's own now
	for range 2 {
		view(t, s, func(r hotspot.Reader) error {
			got, err := r.Secret("api")
			if !bytes.Equal(got, []byte{0, 1, 2, 255}) {
				t.Errorf("got %v", got)
			}
			got[0] = 7
			return err
		})
	}
}

func testSecretsByPrefix(t *testing.T, s hotspot.Store) {
	update(t, s, func(tx hotspot.Tx) error {
		all, err := tx.Secrets("")
		if len(all) != 0 || err != nil {
			t.Errorf("a new store has secrets %v, %v", all, err)
		}
		for _, name := range []string{"api.key", "api.keys", "api.key/1", "api.key/2", "api.key/\xff", "api.key0", "a", "zz"} {
			if err := tx.PutSecret(name, []byte(name)); err != nil {
				return err
			}
		}
		return errors.Join(tx.DeleteSecret("api.key/2"), tx.DeleteSecret("never there"), tx.DeleteSecret(""))
	})
	check := func(r hotspot.Reader, prefix string, want ...string) {
		t.Helper()
		got, err := r.Secrets(prefix)
		names := slices.Sorted(maps.Keys(got))
		if d := cmp.Diff(want, names); d != "" || err != nil {
			t.Errorf("secrets that begin with %q: %v (-want +got):\n%s", prefix, err, d)
		}
		for name, value := range got {
			if string(value) != name {
				t.Errorf("%q holds %q", name, value)
			}
			value[0] = 'x' // the caller's own
		}
	}
	for range 2 {
		view(t, s, func(r hotspot.Reader) error {
			check(r, "api.key/", "api.key/1", "api.key/\xff")
			check(r, "api.key", "api.key", "api.key/1", "api.key/\xff", "api.key0", "api.keys")
			check(r, "zz", "zz")
			check(r, "zzz")
			check(r, "", "a", "api.key", "api.key/1", "api.key/\xff", "api.key0", "api.keys", "zz")
			return nil
		})
	}
	err := s.Update(t.Context(), func(tx hotspot.Tx) error {
		if err := errors.Join(tx.DeleteSecret("a"), tx.DeleteSecret("api.key/1"), tx.PutSecret("api.key/3", []byte("api.key/3"))); err != nil {
			return err
		}
		check(tx, "a", "api.key", "api.key/3", "api.key/\xff", "api.key0", "api.keys")
		return errTest
	})
	wantErr(t, err, errTest)
	view(t, s, func(r hotspot.Reader) error {
		check(r, "a", "a", "api.key", "api.key/1", "api.key/\xff", "api.key0", "api.keys")
		return nil
	})
}

func testClockMark(t *testing.T, s hotspot.Store) {
	m := hotspot.ClockMark{Time: day0(), Wall: time.Unix(0, 0).UTC(), Mono: 90*time.Second + 1, Boot: "b1", Believed: true}
	update(t, s, func(tx hotspot.Tx) error {
		_, err := tx.ClockMark()
		wantErr(t, err, hotspot.ErrNotFound)
		return tx.PutClockMark(m)
	})
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.ClockMark()
		same(t, got, m)
		return err
	})
	update(t, s, func(tx hotspot.Tx) error { return tx.PutClockMark(hotspot.ClockMark{}) })
	view(t, s, func(r hotspot.Reader) error {
		got, err := r.ClockMark()
		same(t, got, hotspot.ClockMark{})
		return err
	})
}

package hotspottest

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func blockedCases() storeCases {
	return storeCases{
		"blocked/every field": testBlockedFields,
		"blocked/rollback":    testBlockedRollback,
	}
}

func testBlockedFields(t *testing.T, s hotspot.Store) {
	full := filled[hotspot.BlockedDevice](t)
	full.MAC = hotspot.MAC{2, 9}
	bare := hotspot.BlockedDevice{MAC: hotspot.MAC{2, 1}}
	update(t, s, func(tx hotspot.Tx) error {
		wantErr(t, tx.PutBlocked(hotspot.BlockedDevice{}), hotspot.ErrInvalid)
		if err := tx.PutBlocked(full); err != nil {
			return err
		}
		return tx.PutBlocked(bare)
	})
	view(t, s, func(r hotspot.Reader) error {
		all, err := r.BlockedDevices()
		wantErr(t, err, nil)
		same(t, all, []hotspot.BlockedDevice{bare, full})
		got, err := r.Blocked(full.MAC)
		wantErr(t, err, nil)
		same(t, got, full)
		_, err = r.Blocked(hotspot.MAC{2, 2})
		wantErr(t, err, hotspot.ErrNotFound)
		return nil
	})
	update(t, s, func(tx hotspot.Tx) error {
		wantErr(t, tx.DeleteBlocked(hotspot.MAC{2, 2}), nil) // is no error
		wantErr(t, tx.DeleteBlocked(full.MAC), nil)
		_, err := tx.Blocked(full.MAC)
		wantErr(t, err, hotspot.ErrNotFound)
		return nil
	})
	wantBlocked(t, s, bare)
}

func testBlockedRollback(t *testing.T, s hotspot.Store) {
	one := hotspot.BlockedDevice{MAC: hotspot.MAC{2, 1}, Note: "one"}
	update(t, s, func(tx hotspot.Tx) error { return tx.PutBlocked(one) })
	err := s.Update(t.Context(), func(tx hotspot.Tx) error {
		for _, err := range []error{tx.DeleteBlocked(one.MAC), tx.PutBlocked(hotspot.BlockedDevice{MAC: hotspot.MAC{2, 2}})} {
			wantErr(t, err, nil)
		}
		return errTest
	})
	wantErr(t, err, errTest)
	wantBlocked(t, s, one)
}

func wantBlocked(t *testing.T, s hotspot.Store, want ...hotspot.BlockedDevice) {
	t.Helper()
	view(t, s, func(r hotspot.Reader) error {
		all, err := r.BlockedDevices()
		same(t, all, want)
		return err
	})
}

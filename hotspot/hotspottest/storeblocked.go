package hotspottest

import (
	"bytes"
	"maps"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func (r storeReader) Blocked(m hotspot.MAC) (hotspot.BlockedDevice, error) {
	b, ok := r.s.blocked[m]
	if !ok {
		return b, hotspot.ErrNotFound
	}
	return b, nil
}

func (r storeReader) BlockedDevices() ([]hotspot.BlockedDevice, error) {
	return slices.SortedFunc(maps.Values(r.s.blocked), func(a, b hotspot.BlockedDevice) int {
		return bytes.Compare(a.MAC[:], b.MAC[:])
	}), nil
}

func (t *storeTx) PutBlocked(b hotspot.BlockedDevice) error {
	if b.MAC.IsZero() {
		return hotspot.Invalid("mac", "a device needs an address")
	}
	b.Since = moment(b.Since)
	putKey(t, t.s.blocked, b.MAC, b)
	return nil
}

func (t *storeTx) DeleteBlocked(m hotspot.MAC) error {
	removeKey(t, t.s.blocked, m)
	return nil
}

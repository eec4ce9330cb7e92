package hosts

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// maxPins bounds the permanent entries in the kernel's table.
const maxPins = 8192

// pinPeriod is how soon a device that was let in is pinned.
const pinPeriod = time.Second

// wantedPins returns the addresses to hold on to: those of devices that are
// kept, if their binding is beyond doubt. An IPv4 address can be given to
// another device, so only a lease is good enough; without one, pinning would
// cut off the next device that has the address.
func (t *Table) wantedPins() map[netip.Addr]hotspot.MAC {
	t.mu.Lock()
	defer t.mu.Unlock()
	want := map[netip.Addr]hotspot.MAC{}
	for m := range t.kept {
		d, ok := t.devices[m]
		if !ok {
			continue
		}
		for _, h := range d.held {
			if len(want) < maxPins && (h.rank == leased || h.rank == verified && !h.addr.Is4()) {
				want[h.addr] = m
			}
		}
	}
	return want
}

// pin keeps the kernel's permanent entries as wanted, and takes up those that
// an earlier run left.
func (t *Table) pin(ctx context.Context, k *kernel, index int) error {
	have, err := k.pins(index)
	if err != nil {
		return err
	}
	defer func() { t.unpinAll(k, index, have) }()
	// What an earlier run left waits for the devices to be let in again.
	if len(have) > 0 && !pause(ctx, 10*pinPeriod) {
		return nil
	}
	for {
		// A bridge that changes its own MAC with its ports loses its whole
		// table, permanent entries too.
		if k.shaken.Swap(false) {
			if have, err = k.pins(index); err != nil {
				return err
			}
		}
		t.repin(k, index, have)
		if !pause(ctx, pinPeriod) {
			return nil
		}
	}
}

// pins returns the kernel's permanent entries that this program made.
func (k *kernel) pins(index int) (map[netip.Addr]hotspot.MAC, error) {
	entries, err := k.dump(index)
	if err != nil {
		return nil, err
	}
	have := map[netip.Addr]hotspot.MAC{}
	for _, e := range entries {
		if e.pinned {
			have[e.addr] = e.mac
		}
	}
	return have, nil
}

// unpinAll leaves the kernel's table as if there had been no pins.
func (t *Table) unpinAll(k *kernel, index int, have map[netip.Addr]hotspot.MAC) {
	for a, m := range have {
		t.release(k, index, a, m, false)
	}
}

// repin makes the pins of the kernel those that are wanted.
func (t *Table) repin(k *kernel, index int, have map[netip.Addr]hotspot.MAC) {
	want := t.wantedPins()
	for a, m := range have {
		if now, ok := want[a]; ok && now == m {
			continue
		}
		t.mu.Lock()
		moved := t.holders[a] != m
		t.mu.Unlock()
		t.release(k, index, a, m, moved)
		delete(have, a)
	}
	for a, m := range want {
		if _, ok := have[a]; ok {
			continue
		}
		if err := k.set(index, a, m, unix.NUD_PERMANENT, true); err != nil {
			t.log.Debug("an address cannot be pinned", "addr", a, "mac", m, "error", err)
			continue
		}
		have[a] = m
	}
}

// release gives an address back to the kernel's own judgement: an entry that
// was right must be confirmed before it is believed for long; one that moved
// is deleted.
func (t *Table) release(k *kernel, index int, a netip.Addr, m hotspot.MAC, moved bool) {
	var err error
	if moved {
		err = k.remove(index, a)
	} else {
		err = k.set(index, a, m, unix.NUD_STALE, false)
	}
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) {
		t.log.Debug("an address cannot be released", "addr", a, "mac", m, "error", err)
	}
}

package keys

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Uses returns a write that stores when credentials were last used, for a
// transaction that takes place anyhow, and what to call once that is durable.
// So requests cost no write of their own; a power cut loses the last minutes.
//
// It also moves the times of keys that were made before the clock was
// believed.
func (k *Keys) Uses() (write func(hotspot.Tx) error, stored func()) {
	writes, done := k.uses()
	write = func(tx hotspot.Tx) error {
		for _, w := range writes {
			if err := w(tx); err != nil {
				return err
			}
		}
		return nil
	}
	return write, func() {
		for _, f := range done {
			f()
		}
	}
}

// Unstored reports whether [Keys.Uses] has anything to store.
func (k *Keys) Unstored() bool {
	writes, _ := k.uses()
	return len(writes) > 0
}

// uses returns what there is to store, and what to call for each afterwards.
func (k *Keys) uses() (writes []func(hotspot.Tx) error, done []func()) {
	if d := k.device.Load(); d != nil {
		if u := d.usage.unstored(); u != nil {
			writes = append(writes, func(tx hotspot.Tx) error {
				return k.changeState(tx, d, func(s *deviceState) { s.Used, s.From = u.at.UnixMilli(), u.text() })
			})
			done = append(done, func() { d.usage.stored.Store(u) })
		}
	}
	settle := k.settler()
	for _, e := range k.all() {
		u, move := e.usage.unstored(), settle(e.record)
		if u == nil && move == nil {
			continue
		}
		writes = append(writes, func(tx hotspot.Tx) error {
			return changeRecord(tx, e, func(rec *record) {
				if u != nil {
					rec.Used, rec.From = u.at.UnixMilli(), u.text()
				}
				if move != nil {
					move(rec)
				}
			})
		})
		done = append(done, func() {
			if u != nil {
				e.usage.stored.Store(u)
			}
			if move != nil {
				k.change(e, move)
			}
		})
	}
	return writes, done
}

// all returns the entries in use; none before they are read.
func (k *Keys) all() []*entry {
	if r := k.named.Load(); r != nil {
		return r.entries
	}
	return nil
}

// settler returns what finds out how the times of keys move that were made
// while the clock was not believed: nil for no move.
func (k *Keys) settler() func(record) func(*record) {
	now, believed := k.cfg.Now()
	ms := now.UnixMilli()
	before := k.unbelieved.Load() // the time just before it was corrected
	if !believed {
		k.unbelieved.Store(ms)
	}
	return func(rec record) func(*record) {
		switch {
		case !rec.Provisional || !believed && ms < rec.Expires:
			return nil
		case !believed: // its time is up, whatever the clock will be
			return func(rec *record) { rec.Provisional = false }
		}
		return func(rec *record) {
			if rec.Provisional {
				moved := ms - max(before, rec.Created)
				rec.Created, rec.Expires, rec.Provisional = rec.Created+moved, rec.Expires+moved, false
			}
		}
	}
}

// change changes the record of a key in memory, if the key is still there.
// What goes on under its tokens ends if they count no more.
func (k *Keys) change(was *entry, f func(*record)) {
	k.swap(func(all []*entry) []*entry {
		for i, e := range all {
			if e.id != was.id {
				continue
			}
			next := *e
			f(&next.record)
			if next.Tokens != e.Tokens {
				next.lifetime = newLifetime()
				defer e.end()
			}
			all[i] = &next
		}
		return all
	})
}

// changeRecord changes the record of a key in the store, if the key is still
// there: it may have been removed a moment ago.
func changeRecord(tx hotspot.Tx, e *entry, f func(*record)) error {
	b, err := tx.Secret(secretName(e.id))
	if errors.Is(err, hotspot.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var rec record
	if err := json.Unmarshal(b, &rec); err != nil {
		return fmt.Errorf("%s: %w", secretName(e.id), err)
	}
	f(&rec)
	return putJSON(tx, secretName(e.id), rec)
}

// changeState changes what is stored beside the device key, if it still is
// the device key.
func (k *Keys) changeState(tx hotspot.Tx, d *deviceKey, f func(*deviceState)) error {
	if text, err := k.unseal(tx); err != nil || text != d.text {
		return nil
	}
	s, err := readDeviceState(tx)
	if err != nil {
		return err
	}
	f(&s)
	return putJSON(tx, deviceStateSecret, s)
}

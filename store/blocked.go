package store

import (
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func encodeBlocked(b *hotspot.BlockedDevice) []byte {
	var e encoder
	e.time(1, time.Time{}, b.Since)
	for i, text := range [...]string{b.By, b.Note, b.Login, b.Name} {
		e.string(i+2, text)
	}
	return e.b
}

func decodeBlocked(key []byte, body string) (b hotspot.BlockedDevice, err error) {
	if len(key) != copy(b.MAC[:], key) || len(key) != len(b.MAC) {
		return b, errRecord
	}
	d := decoder{rest: body}
	texts := [...]*string{&b.By, &b.Note, &b.Login, &b.Name}
	for d.next() {
		switch {
		case d.field == 1:
			b.Since = d.time(time.Time{})
		case d.field < len(texts)+2:
			*texts[d.field-2] = d.text
		}
	}
	return b, d.err
}

// Blocked implements [hotspot.BlockedReader].
func (x *records) Blocked(m hotspot.MAC) (b hotspot.BlockedDevice, err error) {
	body, err := x.body(bktBlocked, m[:])
	if err != nil {
		return b, err
	}
	b, err = decodeBlocked(m[:], body)
	return b, damaged(bktBlocked, m[:], err)
}

// BlockedDevices implements [hotspot.BlockedReader].
func (x *records) BlockedDevices() (all []hotspot.BlockedDevice, err error) {
	if x.ended {
		return nil, errEnded
	}
	err = eachRecord(x.r, bktBlocked, func(key []byte, body string) error {
		b, err := decodeBlocked(key, body)
		all = append(all, b)
		return damaged(bktBlocked, key, err)
	})
	return all, err
}

// PutBlocked implements [hotspot.BlockedWriter].
func (t *txn) PutBlocked(b hotspot.BlockedDevice) error {
	if b.MAC.IsZero() {
		return hotspot.Invalid("mac", "a device needs an address")
	}
	return t.put(bktBlocked, slices.Clone(b.MAC[:]), encodeBlocked(&b))
}

// DeleteBlocked implements [hotspot.BlockedWriter].
func (t *txn) DeleteBlocked(m hotspot.MAC) error {
	return t.remove(bktBlocked, slices.Clone(m[:]))
}

package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// report is what a verification found to be wrong with the indexes and the
// counters of ids. Both follow from the records and can be made again.
type report struct {
	wrong    []string // the first few, for the log
	counters map[string]uint64
}

// maxWrong bounds the list: one fault often shows many times.
const maxWrong = 8

func (r *report) add(format string, args ...any) {
	if len(r.wrong) < maxWrong {
		r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
	}
}

// entries says which index entries a record must have. f is called for each.
func entries(b bucket, key []byte, body string, f func(index bucket, key, value []byte) error) error {
	switch b {
	case bktVouchers:
		id, ok := keyID(key)
		var v hotspot.Voucher
		if err := decodeVoucher(id, body, &v); err != nil || !ok || id == 0 {
			return damaged(b, key, errRecord)
		}
		if name := fold(v.Username); name != "" {
			if err := f(bktUsernames, []byte(name), idKey(id)); err != nil {
				return err
			}
		}
		for i, m := range v.Bound {
			if slices.Contains(v.Bound[:i], m) {
				continue
			}
			if err := f(bktVoucherMACs, macKey(m, id), []byte{}); err != nil {
				return err
			}
		}
	case bktUsers:
		m, id, ok := splitUserKey(key)
		var u hotspot.User
		if err := decodeUser(m, id, body, &u); err != nil || !ok || id == 0 {
			return damaged(b, key, errRecord)
		}
		if u.Key != "" {
			return f(bktUserKeys, userIndexKey(m, u.Key), idKey(id))
		}
	case bktSessions:
		id, ok := keyID(key)
		var s hotspot.Session
		if err := decodeSession(id, body, &s); err != nil || !ok || id == 0 {
			return damaged(b, key, errRecord)
		}
		if s.Open() {
			return f(bktOpenSessions, key, []byte{})
		}
	}
	return nil
}

// checkRecord decodes a record that no index follows from.
func checkRecord(b bucket, key []byte, body string) error {
	var err error
	switch b {
	case bktDevices:
		var m hotspot.MAC
		var d hotspot.Device
		if len(key) != copy(m[:], key) || len(key) != len(m) {
			return damaged(b, key, errRecord)
		}
		err = decodeDevice(m, body, &d)
	case bktSettings, bktSecrets:
		_, err = decodeText(body)
	case bktAudit:
		id, ok := keyID(key)
		var r hotspot.AuditRow
		if err = decodeAudit(id, body, &r); !ok || id == 0 {
			err = errRecord
		}
	case bktEvents:
		err = checkEvent(key, body)
	case bktSightings:
		_, err = decodeSighting(key, body)
	case bktDays:
		err = checkDay(key, body)
	case bktBlocked:
		_, err = decodeBlocked(key, body)
	case bktClock:
		var m hotspot.ClockMark
		err = decodeClockMark(body, &m)
	case bktMeta:
		_, err = decodeNumber(body)
	}
	return damaged(b, key, err)
}

// counterOf names the counter that must be at least a record's id.
func counterOf(b bucket, key []byte) (string, uint64) {
	switch b {
	case bktVouchers:
		id, _ := keyID(key)
		return metaVoucherID, id
	case bktSessions:
		id, _ := keyID(key)
		return metaSessionID, id
	case bktAudit:
		id, _ := keyID(key)
		return metaAuditID, id
	case bktEvents:
		id, _ := keyID(key)
		return metaEventSeq, id
	case bktUsers:
		m, id, _ := splitUserKey(key)
		return metaUserID + string(m), id
	}
	return "", 0
}

// verify reads every record and every index. The error is about records, of
// which each must be whole; the report about what follows from them.
func verify(r reader) (*report, error) {
	rep := &report{counters: map[string]uint64{}}
	want := map[bucket]uint64{}
	late, err := (&records{r: r}).firstLate()
	if err != nil {
		return nil, err
	}
	if late != 0 {
		want[bktUsernames] = 1 // the key that says so
	}
	for _, b := range recordBuckets() {
		err := eachRecord(r, b, func(key []byte, body string) error {
			if name, id := counterOf(b, key); name != "" {
				rep.counters[name] = max(rep.counters[name], id)
			}
			if err := checkRecord(b, key, body); err != nil {
				return err
			}
			return entries(b, key, body, func(index bucket, k, v []byte) error {
				if id, _ := keyID(v); index == bktUsernames && late != 0 && id >= late {
					return nil
				}
				there, err := rep.entry(r, index, k, v)
				if there {
					want[index]++
				}
				return err
			})
		})
		if err != nil {
			return nil, err
		}
	}
	for _, b := range indexBuckets() {
		n, err := count(r, b)
		if err != nil {
			return nil, err
		}
		if n != want[b] {
			rep.add("%s has %d entries instead of %d", b, n, want[b])
		}
	}
	x := &records{r: r}
	for name, least := range rep.counters {
		n, err := x.number(name)
		if err != nil {
			return nil, err
		}
		if n < least {
			rep.add("the counter %s is %d, and %d is in use", name, n, least)
		}
	}
	return rep, nil
}

// entry checks one entry of an index. there tells whether the record is the
// one that the entry is for: of two records with the same name, which only a
// newer Unicode can bring about, the lower id has the entry.
func (rep *report) entry(r reader, b bucket, key, value []byte) (there bool, err error) {
	got, err := r.get(b, key)
	if err != nil {
		return false, err
	}
	if got != nil && string(got) == string(value) {
		return true, nil
	}
	if id, ok := keyID(got); ok && id != 0 && b == bktUsernames && string(got) < string(value) {
		v, err := (&records{r: r}).Voucher(id)
		if err == nil && fold(v.Username) == string(key) {
			return false, nil
		}
		if err != nil && !errors.Is(err, hotspot.ErrNotFound) {
			return false, err
		}
	}
	rep.add("%s has not %x for %x", b, value, key)
	return true, nil
}

// eachRecord reads a bucket; every record must be sealed.
func eachRecord(r reader, b bucket, f func(key []byte, body string) error) error {
	c := r.cursor(b)
	k, v, err := c.first()
	for ; k != nil && err == nil; k, v, err = c.next() {
		body, err := bodyOf(b, k, v)
		if err != nil {
			return err
		}
		if err := f(k, body); err != nil {
			return err
		}
	}
	return err
}

func count(r reader, b bucket) (n uint64, err error) {
	c := r.cursor(b)
	k, _, err := c.first()
	for ; k != nil && err == nil; k, _, err = c.next() {
		n++
	}
	return n, err
}

// rebuild makes the indexes and counters anew from the records, in one
// transaction. raise is added to the counters: after a restore, ids that were
// given after the snapshot was taken may still be in the kernel or on paper.
func rebuild(e engine, raise uint64) error {
	w, err := e.begin()
	if err != nil {
		return err
	}
	if err := rebuildIn(w, raise); err != nil {
		w.rollback()
		return err
	}
	return w.commit()
}

func rebuildIn(w writer, raise uint64) error {
	for _, b := range indexBuckets() {
		if err := empty(w, b); err != nil {
			return err
		}
	}
	counters := map[string]uint64{}
	for _, b := range recordBuckets() {
		err := eachRecord(w, b, func(key []byte, body string) error {
			if name, id := counterOf(b, key); name != "" {
				counters[name] = max(counters[name], id)
			}
			return entries(b, key, body, func(index bucket, k, v []byte) error {
				if got, err := w.get(index, k); err != nil || got != nil {
					return err // the lower id has it
				}
				return w.apply(op{index, slices.Clone(k), slices.Clone(v)})
			})
		})
		if err != nil {
			return err
		}
	}
	return raiseCounters(w, counters, raise)
}

func raiseCounters(w writer, counters map[string]uint64, raise uint64) error {
	x := &records{r: w}
	err := eachRecord(w, bktMeta, func(key []byte, _ string) error {
		if k := string(key); k != metaSchema {
			counters[k] = max(counters[k], 0)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for name, least := range counters {
		n, err := x.number(name)
		if err != nil {
			return err
		}
		n = max(n, least)
		if n+raise > n && name != metaEventSeq {
			n += raise
		}
		key := []byte(name)
		if err := w.apply(op{bktMeta, key, seal(bktMeta, key, encodeNumber(n))}); err != nil {
			return err
		}
	}
	return nil
}

// empty deletes all keys of a bucket, some at a time: a cursor must not see
// its bucket change.
func empty(w writer, b bucket) error {
	for {
		var keys [][]byte
		c := w.cursor(b)
		k, _, err := c.first()
		for ; k != nil && err == nil && len(keys) < 1024; k, _, err = c.next() {
			keys = append(keys, slices.Clone(k))
		}
		if err != nil || len(keys) == 0 {
			return err
		}
		for _, k := range keys {
			if err := w.apply(op{b, k, nil}); err != nil {
				return err
			}
		}
	}
}

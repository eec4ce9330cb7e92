package store

import (
	"errors"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// txn reads and writes typed records in one transaction. It implements
// hotspot.Tx.
type txn struct {
	*records
	w      writer
	broken error     // a write that the engine refused
	given  []*uint64 // ids that are the caller's only once this is durable
	hint   *pruneHint
	names  *lateNames
	log    *logLength // of sessions
	audit  *logLength // of rows of the audit log
	pruned bool       // it deleted sessions
}

var _ hotspot.Tx = (*txn)(nil)

// takeBack takes the ids back that were given to the caller's records, so
// that another run, or another try of the caller's, gives them new ones.
func (t *txn) takeBack() {
	for _, id := range t.given {
		*id = 0
	}
	t.given = nil
	if t.pruned { // what it deleted is there again
		t.hint.forget()
		t.pruned = false
	}
}

func (t *txn) write(b bucket, key, value []byte) error {
	switch {
	case t.ended:
		return errEnded
	case len(key) > maxKey || len(value) > maxValue:
		return hotspot.Invalid("", "a %s record of %d bytes is too large to be stored", b, len(value))
	}
	if err := t.w.apply(op{b, key, value}); err != nil {
		t.broken = err
		return err
	}
	return nil
}

// put writes a record.
func (t *txn) put(b bucket, key, body []byte) error {
	return t.write(b, key, seal(b, key, body))
}

func (t *txn) remove(b bucket, key []byte) error { return t.write(b, key, nil) }

// index writes an entry of an index.
func (t *txn) index(b bucket, key, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return t.write(b, key, value)
}

// assign gives a record an id if it has none, and sees to it that no id is
// given twice. newest tells that the id is above all that there were.
func (t *txn) assign(counter string, id *uint64) (newest bool, err error) {
	last, err := t.number(counter)
	if err != nil {
		return false, err
	}
	switch {
	case *id == 0:
		*id = last + 1
		t.given = append(t.given, id)
	case *id <= last:
		return false, nil
	}
	return true, t.put(bktMeta, []byte(counter), encodeNumber(*id))
}

// old reads the record that a put replaces; found is false if there is none.
func old[T any](rec T, err error) (T, bool, error) {
	if errors.Is(err, hotspot.ErrNotFound) {
		return rec, false, nil
	}
	return rec, err == nil, err
}

// PutVoucher implements [hotspot.Tx].
func (t *txn) PutVoucher(v *hotspot.Voucher) error {
	if err := checkName("username", v.Username); err != nil {
		return err
	}
	late, err := t.late()
	if err != nil {
		return err
	}
	name := fold(v.Username)
	if name != "" {
		id, err := t.usernameOf(name, late)
		if err == nil && id != v.ID {
			return hotspot.ErrUsernameTaken
		}
		if err != nil && !errors.Is(err, hotspot.ErrNotFound) {
			return err
		}
	}
	var was hotspot.Voucher
	found := false
	if v.ID != 0 {
		if was, found, err = old(t.Voucher(v.ID)); err != nil {
			return err
		}
	}
	newest, err := t.assign(metaVoucherID, &v.ID)
	if err != nil {
		return err
	}
	if newest && late.first == 0 {
		if err := late.begin(t, v.ID); err != nil {
			return err
		}
	}
	if err := t.indexVoucher(v.ID, &was, v, late); err != nil {
		return err
	}
	if err := t.put(bktVouchers, idKey(v.ID), encodeVoucher(v)); err != nil || !late.has(v.ID) {
		return err
	}
	late.rename(v.ID, fold(was.Username), name)
	if !found {
		late.count++
	}
	if late.count < maxLate {
		return nil
	}
	return late.settle(t)
}

// indexVoucher turns the index entries of one state of a voucher into those of
// another. Only what differs is written: a flush of usage writes no index.
func (t *txn) indexVoucher(id uint64, was, is *hotspot.Voucher, late *lateNames) error {
	if from, to := fold(was.Username), fold(is.Username); from != to && !late.has(id) {
		if from != "" {
			if err := t.remove(bktUsernames, []byte(from)); err != nil {
				return err
			}
		}
		if to != "" {
			if err := t.index(bktUsernames, []byte(to), idKey(id)); err != nil {
				return err
			}
		}
	}
	for _, m := range was.Bound {
		if !slices.Contains(is.Bound, m) {
			if err := t.remove(bktVoucherMACs, macKey(m, id)); err != nil {
				return err
			}
		}
	}
	for _, m := range is.Bound {
		if !slices.Contains(was.Bound, m) {
			if err := t.index(bktVoucherMACs, macKey(m, id), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// DeleteVoucher implements [hotspot.Tx].
func (t *txn) DeleteVoucher(id uint64) error {
	was, err := t.Voucher(id)
	if err != nil {
		return err
	}
	late, err := t.late()
	if err != nil {
		return err
	}
	if err := t.indexVoucher(id, &was, &hotspot.Voucher{}, late); err != nil {
		return err
	}
	if err := t.remove(bktVouchers, idKey(id)); err != nil || !late.has(id) {
		return err
	}
	late.rename(id, fold(was.Username), "")
	late.count--
	return nil
}

// PutUser implements [hotspot.Tx].
func (t *txn) PutUser(u *hotspot.User) error {
	if err := checkMethod(u.Method); err != nil {
		return err
	}
	if err := checkName("key", u.Key); err != nil {
		return err
	}
	if u.Key != "" {
		id, err := t.indexed(bktUserKeys, userIndexKey(u.Method, u.Key))
		if err == nil && id != u.ID {
			return hotspot.Invalid("key", "another user of this method has it")
		}
		if err != nil && !errors.Is(err, hotspot.ErrNotFound) {
			return err
		}
	}
	var was hotspot.User
	if u.ID != 0 {
		var err error
		if was, _, err = old(t.User(u.Method, u.ID)); err != nil {
			return err
		}
	}
	if _, err := t.assign(metaUserID+string(u.Method), &u.ID); err != nil {
		return err
	}
	if err := t.indexUser(u.Method, u.ID, was.Key, u.Key); err != nil {
		return err
	}
	return t.put(bktUsers, userKey(u.Method, u.ID), encodeUser(u))
}

func (t *txn) indexUser(m hotspot.Method, id uint64, was, is string) error {
	if was == is {
		return nil
	}
	if was != "" {
		if err := t.remove(bktUserKeys, userIndexKey(m, was)); err != nil {
			return err
		}
	}
	if is == "" {
		return nil
	}
	return t.index(bktUserKeys, userIndexKey(m, is), idKey(id))
}

// DeleteUser implements [hotspot.Tx].
func (t *txn) DeleteUser(m hotspot.Method, id uint64) error {
	was, err := t.User(m, id)
	if err != nil {
		return err
	}
	if err := t.indexUser(m, id, was.Key, ""); err != nil {
		return err
	}
	return t.remove(bktUsers, userKey(m, id))
}

// PutDevice implements [hotspot.Tx].
func (t *txn) PutDevice(d hotspot.Device) error {
	if d.MAC.IsZero() {
		return hotspot.Invalid("mac", "a device needs an address")
	}
	return t.put(bktDevices, slices.Clone(d.MAC[:]), encodeDevice(&d))
}

// DeleteDevice implements [hotspot.Tx].
func (t *txn) DeleteDevice(m hotspot.MAC) error { return t.remove(bktDevices, slices.Clone(m[:])) }

// PutSetting implements [hotspot.Tx].
func (t *txn) PutSetting(key, value string) error {
	if key == "" {
		return hotspot.Invalid("key", "a setting needs a name")
	}
	return t.put(bktSettings, []byte(key), encodeText(value))
}

// DeleteSetting implements [hotspot.Tx].
func (t *txn) DeleteSetting(key string) error {
	if key == "" {
		return nil
	}
	return t.remove(bktSettings, []byte(key))
}

// PutSecret implements [hotspot.Tx].
func (t *txn) PutSecret(name string, value []byte) error {
	if name == "" {
		return hotspot.Invalid("name", "a secret needs a name")
	}
	return t.put(bktSecrets, []byte(name), encodeText(value))
}

// DeleteSecret implements [hotspot.Tx].
func (t *txn) DeleteSecret(name string) error {
	if name == "" {
		return nil
	}
	return t.remove(bktSecrets, []byte(name))
}

// PutClockMark implements [hotspot.Tx].
func (t *txn) PutClockMark(m hotspot.ClockMark) error {
	return t.put(bktClock, []byte(clockKey), encodeClockMark(&m))
}

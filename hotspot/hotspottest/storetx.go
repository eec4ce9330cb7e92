package hotspottest

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// storeReader implements hotspot.Reader.
type storeReader struct{ s *state }

var _ hotspot.Reader = storeReader{}

func (r storeReader) Voucher(id uint64) (hotspot.Voucher, error) {
	v, ok := r.s.vouchers.rows[id]
	if !ok {
		return hotspot.Voucher{}, hotspot.ErrNotFound
	}
	return copyVoucher(v), nil
}

func (r storeReader) VoucherByUsername(name string) (hotspot.Voucher, error) {
	return r.Voucher(r.s.usernames[fold(name)]) // no voucher has id 0
}

func (r storeReader) Vouchers(after uint64, limit int) ([]hotspot.Voucher, error) {
	var out []hotspot.Voucher
	for _, id := range r.s.vouchers.after(after, limit) {
		out = append(out, copyVoucher(r.s.vouchers.rows[id]))
	}
	return out, nil
}

func (r storeReader) ScanVouchers(from uint64, down bool, f func(*hotspot.Voucher) (bool, error)) error {
	for _, id := range scanned(r.s.vouchers.ids, from, down) {
		v := copyVoucher(r.s.vouchers.rows[id])
		if more, err := f(&v); !more || err != nil {
			return err
		}
	}
	return nil
}

// scanned are the ids that a scan comes by.
func scanned(ids []uint64, from uint64, down bool) []uint64 {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id uint64) bool {
		return from != 0 && (down && id > from || !down && id < from)
	})
	if down {
		slices.Reverse(ids)
	}
	return ids
}

func (r storeReader) VouchersByMAC(m hotspot.MAC) ([]hotspot.Voucher, error) {
	var out []hotspot.Voucher
	for _, id := range r.s.vouchers.ids {
		if v := r.s.vouchers.rows[id]; slices.Contains(v.Bound, m) {
			out = append(out, copyVoucher(v))
		}
	}
	return out, nil
}

func (r storeReader) User(m hotspot.Method, id uint64) (hotspot.User, error) {
	if t := r.s.users[m]; t != nil {
		if u, ok := t.rows[id]; ok {
			return copyUser(u), nil
		}
	}
	return hotspot.User{}, hotspot.ErrNotFound
}

func (r storeReader) UserByKey(m hotspot.Method, key string) (hotspot.User, error) {
	return r.User(m, r.s.userKeys[m][key])
}

func (r storeReader) Users(m hotspot.Method, after uint64, limit int) ([]hotspot.User, error) {
	t := r.s.users[m]
	if t == nil {
		return nil, nil
	}
	var out []hotspot.User
	for _, id := range t.after(after, limit) {
		out = append(out, copyUser(t.rows[id]))
	}
	return out, nil
}

func (r storeReader) ScanUsers(m hotspot.Method, from uint64, down bool, f func(*hotspot.User) (bool, error)) error {
	t := r.s.users[m]
	if t == nil {
		return nil
	}
	for _, id := range scanned(t.ids, from, down) {
		u := copyUser(t.rows[id])
		if more, err := f(&u); !more || err != nil {
			return err
		}
	}
	return nil
}

func (r storeReader) Session(id uint64) (hotspot.Session, error) {
	s, ok := r.s.sessions.rows[id]
	if !ok {
		return hotspot.Session{}, hotspot.ErrNotFound
	}
	return copySession(s), nil
}

func (r storeReader) OpenSessions() ([]hotspot.Session, error) {
	var out []hotspot.Session
	for _, id := range r.s.sessions.ids {
		if s := r.s.sessions.rows[id]; s.Open() {
			out = append(out, copySession(s))
		}
	}
	return out, nil
}

func (r storeReader) Sessions(before uint64, limit int) ([]hotspot.Session, error) {
	var out []hotspot.Session
	for _, id := range slices.Backward(r.s.sessions.ids) {
		if len(out) >= limit {
			break
		}
		if before == 0 || id < before {
			out = append(out, copySession(r.s.sessions.rows[id]))
		}
	}
	return out, nil
}

func (r storeReader) Device(m hotspot.MAC) (hotspot.Device, error) {
	d, ok := r.s.devices[m]
	if !ok {
		return hotspot.Device{}, hotspot.ErrNotFound
	}
	return d, nil
}

func (r storeReader) Settings() (map[string]string, error) { return maps.Clone(r.s.settings), nil }

func (r storeReader) Secret(name string) ([]byte, error) {
	b, ok := r.s.secrets[name]
	if !ok {
		return nil, hotspot.ErrNotFound
	}
	return append([]byte{}, b...), nil
}

func (r storeReader) Secrets(prefix string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for name, b := range r.s.secrets {
		if strings.HasPrefix(name, prefix) {
			out[name] = append([]byte{}, b...)
		}
	}
	return out, nil
}

func (r storeReader) ClockMark() (hotspot.ClockMark, error) {
	if r.s.clock == nil {
		return hotspot.ClockMark{}, hotspot.ErrNotFound
	}
	return *r.s.clock, nil
}

func (r storeReader) Audit(before uint64, limit int) ([]hotspot.AuditRow, error) {
	var out []hotspot.AuditRow
	for _, id := range slices.Backward(r.s.audit.ids) {
		if len(out) >= limit {
			break
		}
		if before == 0 || id < before {
			out = append(out, copyAudit(r.s.audit.rows[id]))
		}
	}
	return out, nil
}

// storeTx implements hotspot.Tx. Each write leaves behind how to undo it.
type storeTx struct {
	storeReader
	undo []func()
}

var _ hotspot.Tx = (*storeTx)(nil)

func (t *storeTx) rollback() {
	for _, f := range slices.Backward(t.undo) {
		f()
	}
}

func (t *storeTx) onRollback(f func()) { t.undo = append(t.undo, f) }

// assign gives *id the next id of a table if it has none. After a rollback it
// has none again, so that a second try gets a fresh one.
func assign[T any](t *storeTx, tab *table[T], id *uint64) {
	last := tab.last
	t.onRollback(func() { tab.last = last })
	if *id == 0 {
		tab.last++
		*id = tab.last
		t.onRollback(func() { *id = 0 })
	}
}

func putRow[T any](t *storeTx, tab *table[T], id uint64, row T) {
	old, had := tab.rows[id]
	tab.put(id, row)
	t.onRollback(func() {
		if had {
			tab.put(id, old)
		} else {
			tab.remove(id)
		}
	})
}

func removeRow[T any](t *storeTx, tab *table[T], id uint64) {
	old := tab.rows[id]
	tab.remove(id)
	t.onRollback(func() { tab.put(id, old) })
}

func putKey[K comparable, V any](t *storeTx, m map[K]V, k K, v V) {
	old, had := m[k]
	m[k] = v
	t.onRollback(func() {
		if had {
			m[k] = old
		} else {
			delete(m, k)
		}
	})
}

func removeKey[K comparable, V any](t *storeTx, m map[K]V, k K) {
	old, had := m[k]
	delete(m, k)
	if had {
		t.onRollback(func() { m[k] = old })
	}
}

func (t *storeTx) PutVoucher(v *hotspot.Voucher) error {
	name := fold(v.Username)
	if id, taken := t.s.usernames[name]; taken && id != v.ID {
		return hotspot.ErrUsernameTaken
	}
	assign(t, t.s.vouchers, &v.ID)
	if old, ok := t.s.vouchers.rows[v.ID]; ok {
		removeKey(t, t.s.usernames, fold(old.Username))
	}
	if name != "" {
		putKey(t, t.s.usernames, name, v.ID)
	}
	putRow(t, t.s.vouchers, v.ID, copyVoucher(*v))
	return nil
}

func (t *storeTx) DeleteVoucher(id uint64) error {
	old, ok := t.s.vouchers.rows[id]
	if !ok {
		return hotspot.ErrNotFound
	}
	removeKey(t, t.s.usernames, fold(old.Username))
	removeRow(t, t.s.vouchers, id)
	return nil
}

func (t *storeTx) PutUser(u *hotspot.User) error {
	if u.Method == "" {
		return hotspot.Invalid("method", "a user needs a login method")
	}
	tab, keys := t.s.method(u.Method)
	if id, taken := keys[u.Key]; taken && id != u.ID {
		return hotspot.Invalid("key", "another user of this method has it")
	}
	assign(t, tab, &u.ID)
	if old, ok := tab.rows[u.ID]; ok {
		removeKey(t, keys, old.Key)
	}
	if u.Key != "" {
		putKey(t, keys, u.Key, u.ID)
	}
	putRow(t, tab, u.ID, copyUser(*u))
	return nil
}

func (t *storeTx) DeleteUser(m hotspot.Method, id uint64) error {
	tab, keys := t.s.method(m)
	old, ok := tab.rows[id]
	if !ok {
		return hotspot.ErrNotFound
	}
	removeKey(t, keys, old.Key)
	removeRow(t, tab, id)
	return nil
}

func (t *storeTx) PutSession(s *hotspot.Session) error {
	assign(t, t.s.sessions, &s.ID)
	putRow(t, t.s.sessions, s.ID, copySession(*s))
	return nil
}

func (t *storeTx) PruneSessions(ended time.Time, keep, limit int) ([]hotspot.Session, error) {
	ids := slices.Clone(t.s.sessions.ids)
	var gone []hotspot.Session
	for i, id := range ids {
		s := t.s.sessions.rows[id]
		old := !ended.IsZero() && s.Ended.Before(ended)
		over := keep > 0 && i < len(ids)-keep
		if len(gone) < limit && !s.Open() && (old || over) {
			removeRow(t, t.s.sessions, id)
			gone = append(gone, s)
		}
	}
	return gone, nil
}

func (t *storeTx) PutDevice(d hotspot.Device) error {
	if d.MAC.IsZero() {
		return hotspot.Invalid("mac", "a device needs an address")
	}
	d.LastEnd = moment(d.LastEnd)
	putKey(t, t.s.devices, d.MAC, d)
	return nil
}

func (t *storeTx) DeleteDevice(m hotspot.MAC) error {
	removeKey(t, t.s.devices, m)
	return nil
}

func (t *storeTx) PutSetting(key, value string) error {
	if key == "" {
		return hotspot.Invalid("key", "a setting needs a name")
	}
	putKey(t, t.s.settings, key, value)
	return nil
}

func (t *storeTx) DeleteSetting(key string) error {
	removeKey(t, t.s.settings, key)
	return nil
}

func (t *storeTx) PutSecret(name string, value []byte) error {
	if name == "" {
		return hotspot.Invalid("name", "a secret needs a name")
	}
	putKey(t, t.s.secrets, name, append([]byte{}, value...))
	return nil
}

func (t *storeTx) DeleteSecret(name string) error {
	removeKey(t, t.s.secrets, name)
	return nil
}

func (t *storeTx) PutClockMark(m hotspot.ClockMark) error {
	old := t.s.clock
	m.Time, m.Wall = moment(m.Time), moment(m.Wall)
	t.s.clock = &m
	t.onRollback(func() { t.s.clock = old })
	return nil
}

func (t *storeTx) PutAudit(r *hotspot.AuditRow) error {
	if r.ID != 0 {
		return hotspot.Invalid("id", "a row of the audit log is never changed")
	}
	assign(t, t.s.audit, &r.ID)
	putRow(t, t.s.audit, r.ID, copyAudit(*r))
	return nil
}

func (t *storeTx) PruneAudit(before time.Time, keep, limit int) error {
	for i, id := range slices.Clone(t.s.audit.ids) {
		old := !before.IsZero() && t.s.audit.rows[id].Time.Before(before)
		over := keep > 0 && len(t.s.audit.ids) > keep
		if i >= limit || !old && !over {
			return nil
		}
		removeRow(t, t.s.audit, id)
	}
	return nil
}

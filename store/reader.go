package store

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// records reads typed records in one transaction. It implements
// hotspot.Reader. Whatever it returns is its own copy.
type records struct {
	r     reader
	ended bool
}

var _ hotspot.Reader = (*records)(nil)

var errEnded = errors.New("the transaction has ended")

func (x *records) end() { x.ended = true }

// body returns a record's body, checked and copied.
func (x *records) body(b bucket, key []byte) (string, error) {
	if x.ended {
		return "", errEnded
	}
	v, err := x.r.get(b, key)
	if err != nil {
		return "", err
	}
	if v == nil {
		return "", hotspot.ErrNotFound
	}
	return bodyOf(b, key, v)
}

func bodyOf(b bucket, key, value []byte) (string, error) {
	body, err := unseal(b, key, value)
	if err != nil {
		return "", damaged(b, key, err)
	}
	return body, nil
}

// damaged names the record that is; nil stays nil.
func damaged(b bucket, key []byte, err error) error {
	if err == nil {
		return nil
	}
	return &DamagedError{What: fmt.Sprintf("record %x of %s", key, b), Err: err}
}

// indexed returns the id that an index has for a key.
func (x *records) indexed(b bucket, key []byte) (uint64, error) {
	if x.ended {
		return 0, errEnded
	}
	v, err := x.r.get(b, key)
	if err != nil {
		return 0, err
	}
	id, ok := keyID(v)
	if !ok {
		return 0, hotspot.ErrNotFound
	}
	return id, nil
}

// Voucher implements [hotspot.Reader].
func (x *records) Voucher(id uint64) (v hotspot.Voucher, err error) {
	body, err := x.body(bktVouchers, idKey(id))
	if err != nil {
		return v, err
	}
	err = decodeVoucher(id, body, &v)
	return v, damaged(bktVouchers, idKey(id), err)
}

// VoucherByUsername implements [hotspot.Reader].
func (x *records) VoucherByUsername(name string) (hotspot.Voucher, error) {
	if name == "" {
		return hotspot.Voucher{}, hotspot.ErrNotFound
	}
	id, err := x.named(fold(name))
	if err != nil {
		return hotspot.Voucher{}, err
	}
	return x.Voucher(id)
}

// page bounds the room that a list takes before it is known to be needed.
const page = 256

// Vouchers implements [hotspot.Reader].
func (x *records) Vouchers(after uint64, limit int) ([]hotspot.Voucher, error) {
	if x.ended {
		return nil, errEnded
	}
	if limit <= 0 || after == math.MaxUint64 {
		return nil, nil
	}
	var out []hotspot.Voucher
	c := x.r.cursor(bktVouchers)
	k, v, err := c.seek(idKey(after + 1))
	for ; k != nil && err == nil && len(out) < limit; k, v, err = c.next() {
		id, ok := keyID(k)
		if !ok {
			return nil, damaged(bktVouchers, k, errRecord)
		}
		body, err := bodyOf(bktVouchers, k, v)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = make([]hotspot.Voucher, 0, min(limit, page))
		}
		out = append(out, hotspot.Voucher{})
		if err := decodeVoucher(id, body, &out[len(out)-1]); err != nil {
			return nil, damaged(bktVouchers, k, err)
		}
	}
	return out, err
}

// ScanVouchers implements [hotspot.Reader].
func (x *records) ScanVouchers(from uint64, down bool, f func(*hotspot.Voucher) (bool, error)) error {
	if x.ended {
		return errEnded
	}
	c := x.r.cursor(bktVouchers)
	k, value, err := scanFrom(c, from, down)
	step := c.next
	if down {
		step = c.prev
	}
	for v := new(hotspot.Voucher); k != nil && err == nil; k, value, err = step() {
		id, ok := keyID(k)
		if !ok {
			return damaged(bktVouchers, k, errRecord)
		}
		body, err := bodyOf(bktVouchers, k, value)
		if err != nil {
			return err
		}
		if err := decodeVoucher(id, body, v); err != nil {
			return damaged(bktVouchers, k, err)
		}
		if more, err := f(v); !more || err != nil {
			return err
		}
	}
	return err
}

// scanFrom goes to where a scan begins.
func scanFrom(c cursor, from uint64, down bool) (k, v []byte, err error) {
	switch {
	case !down:
		return c.seek(idKey(from))
	case from == 0:
		return c.last()
	}
	k, v, err = c.seek(idKey(from))
	if err != nil {
		return nil, nil, err
	}
	if k == nil {
		return c.last()
	}
	if id, ok := keyID(k); ok && id > from {
		return c.prev()
	}
	return k, v, nil
}

// VouchersByMAC implements [hotspot.Reader].
func (x *records) VouchersByMAC(m hotspot.MAC) ([]hotspot.Voucher, error) {
	if x.ended {
		return nil, errEnded
	}
	var out []hotspot.Voucher
	c := x.r.cursor(bktVoucherMACs)
	k, _, err := c.seek(m[:])
	for ; err == nil && bytes.HasPrefix(k, m[:]); k, _, err = c.next() {
		id, ok := keyID(k[len(m):])
		if !ok {
			return nil, damaged(bktVoucherMACs, k, errRecord)
		}
		v, err := x.Voucher(id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, err
}

// User implements [hotspot.Reader].
func (x *records) User(m hotspot.Method, id uint64) (u hotspot.User, err error) {
	if checkMethod(m) != nil {
		return u, hotspot.ErrNotFound
	}
	key := userKey(m, id)
	body, err := x.body(bktUsers, key)
	if err != nil {
		return u, err
	}
	err = decodeUser(m, id, body, &u)
	return u, damaged(bktUsers, key, err)
}

// UserByKey implements [hotspot.Reader].
func (x *records) UserByKey(m hotspot.Method, key string) (hotspot.User, error) {
	if key == "" || checkMethod(m) != nil {
		return hotspot.User{}, hotspot.ErrNotFound
	}
	id, err := x.indexed(bktUserKeys, userIndexKey(m, key))
	if err != nil {
		return hotspot.User{}, err
	}
	return x.User(m, id)
}

// Users implements [hotspot.Reader].
func (x *records) Users(m hotspot.Method, after uint64, limit int) ([]hotspot.User, error) {
	if x.ended {
		return nil, errEnded
	}
	if limit <= 0 || after == math.MaxUint64 || checkMethod(m) != nil {
		return nil, nil
	}
	var out []hotspot.User
	prefix := methodPrefix(m)
	c := x.r.cursor(bktUsers)
	k, v, err := c.seek(userKey(m, after+1))
	for ; err == nil && bytes.HasPrefix(k, prefix) && len(out) < limit; k, v, err = c.next() {
		_, id, ok := splitUserKey(k)
		if !ok {
			return nil, damaged(bktUsers, k, errRecord)
		}
		body, err := bodyOf(bktUsers, k, v)
		if err != nil {
			return nil, err
		}
		out = append(out, hotspot.User{})
		if err := decodeUser(m, id, body, &out[len(out)-1]); err != nil {
			return nil, damaged(bktUsers, k, err)
		}
	}
	return out, err
}

// ScanUsers implements [hotspot.Reader].
func (x *records) ScanUsers(m hotspot.Method, from uint64, down bool, f func(*hotspot.User) (bool, error)) error {
	if x.ended {
		return errEnded
	}
	if checkMethod(m) != nil {
		return nil
	}
	c := x.r.cursor(bktUsers)
	prefix := methodPrefix(m)
	k, value, err := seekUser(c, m, from, down)
	step := c.next
	if down {
		step = c.prev
	}
	for u := new(hotspot.User); err == nil && bytes.HasPrefix(k, prefix); k, value, err = step() {
		_, id, ok := splitUserKey(k)
		if !ok {
			return damaged(bktUsers, k, errRecord)
		}
		body, err := bodyOf(bktUsers, k, value)
		if err != nil {
			return err
		}
		if err := decodeUser(m, id, body, u); err != nil {
			return damaged(bktUsers, k, err)
		}
		if more, err := f(u); !more || err != nil {
			return err
		}
	}
	return err
}

// seekUser goes to where a scan of a method's users begins.
func seekUser(c cursor, m hotspot.Method, from uint64, down bool) (k, v []byte, err error) {
	if down && from == 0 {
		from = math.MaxUint64
	}
	want := userKey(m, from)
	k, v, err = c.seek(want)
	if !down || err != nil || bytes.Equal(k, want) {
		return k, v, err
	}
	if k == nil {
		return c.last()
	}
	return c.prev()
}

// Session implements [hotspot.Reader].
func (x *records) Session(id uint64) (s hotspot.Session, err error) {
	body, err := x.body(bktSessions, idKey(id))
	if err != nil {
		return s, err
	}
	err = decodeSession(id, body, &s)
	return s, damaged(bktSessions, idKey(id), err)
}

// OpenSessions implements [hotspot.Reader].
func (x *records) OpenSessions() ([]hotspot.Session, error) {
	if x.ended {
		return nil, errEnded
	}
	var out []hotspot.Session
	c := x.r.cursor(bktOpenSessions)
	k, _, err := c.first()
	for ; k != nil && err == nil; k, _, err = c.next() {
		id, ok := keyID(k)
		if !ok {
			return nil, damaged(bktOpenSessions, k, errRecord)
		}
		s, err := x.Session(id)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, err
}

// Sessions implements [hotspot.Reader].
func (x *records) Sessions(before uint64, limit int) ([]hotspot.Session, error) {
	if x.ended {
		return nil, errEnded
	}
	if limit <= 0 {
		return nil, nil
	}
	var out []hotspot.Session
	c := x.r.cursor(bktSessions)
	k, v, err := c.last()
	if before != 0 {
		if k, v, err = c.seek(idKey(before)); k != nil && err == nil {
			k, v, err = c.prev()
		} else if err == nil {
			k, v, err = c.last()
		}
	}
	for ; k != nil && err == nil && len(out) < limit; k, v, err = c.prev() {
		id, ok := keyID(k)
		if !ok {
			return nil, damaged(bktSessions, k, errRecord)
		}
		body, err := bodyOf(bktSessions, k, v)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = make([]hotspot.Session, 0, min(limit, page))
		}
		out = append(out, hotspot.Session{})
		if err := decodeSession(id, body, &out[len(out)-1]); err != nil {
			return nil, damaged(bktSessions, k, err)
		}
	}
	return out, err
}

// Device implements [hotspot.Reader].
func (x *records) Device(m hotspot.MAC) (d hotspot.Device, err error) {
	body, err := x.body(bktDevices, m[:])
	if err != nil {
		return d, err
	}
	err = decodeDevice(m, body, &d)
	return d, damaged(bktDevices, m[:], err)
}

// Settings implements [hotspot.Reader].
func (x *records) Settings() (map[string]string, error) {
	if x.ended {
		return nil, errEnded
	}
	out := map[string]string{}
	c := x.r.cursor(bktSettings)
	k, v, err := c.first()
	for ; k != nil && err == nil; k, v, err = c.next() {
		body, err := bodyOf(bktSettings, k, v)
		if err != nil {
			return nil, err
		}
		text, err := decodeText(body)
		if err != nil {
			return nil, damaged(bktSettings, k, err)
		}
		out[string(k)] = text
	}
	return out, err
}

// Secret implements [hotspot.Reader].
func (x *records) Secret(name string) ([]byte, error) {
	if name == "" {
		return nil, hotspot.ErrNotFound
	}
	body, err := x.body(bktSecrets, []byte(name))
	if err != nil {
		return nil, err
	}
	text, err := decodeText(body)
	return []byte(text), damaged(bktSecrets, []byte(name), err)
}

// Secrets implements [hotspot.Reader].
func (x *records) Secrets(prefix string) (map[string][]byte, error) {
	if x.ended {
		return nil, errEnded
	}
	out := map[string][]byte{}
	c := x.r.cursor(bktSecrets)
	k, v, err := c.seek([]byte(prefix))
	for ; k != nil && err == nil && strings.HasPrefix(string(k), prefix); k, v, err = c.next() {
		body, err := bodyOf(bktSecrets, k, v)
		if err != nil {
			return nil, err
		}
		text, err := decodeText(body)
		if err != nil {
			return nil, damaged(bktSecrets, k, err)
		}
		out[string(k)] = []byte(text)
	}
	return out, err
}

// ClockMark implements [hotspot.Reader].
func (x *records) ClockMark() (m hotspot.ClockMark, err error) {
	body, err := x.body(bktClock, []byte(clockKey))
	if err != nil {
		return m, err
	}
	err = decodeClockMark(body, &m)
	return m, damaged(bktClock, []byte(clockKey), err)
}

// number reads a number of meta; 0 if it is not there.
func (x *records) number(key string) (uint64, error) {
	body, err := x.body(bktMeta, []byte(key))
	if errors.Is(err, hotspot.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := decodeNumber(body)
	return n, damaged(bktMeta, []byte(key), err)
}

package store

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The index of usernames is written late. Vouchers are made one after the
// other, with random names: each would dirty a leaf somewhere in the index,
// and the branches above it, as many pages as the rest of a commit. So
// the newest vouchers are left out of the index and found by reading them,
// until there are maxLate of them; then all are entered in one transaction.
//
// The key lateKey of the index has the lowest id that is not in it. Without
// that key, everything is: so a rebuild, a restore and a file from before
// leave it.

// maxLate is how many of the newest vouchers are read to find a name, at most.
const maxLate = 256

// lateKey is no username: folding leaves no small letters.
const lateKey = "late"

// lateNames are the usernames that are not in the index, for the writer, which
// looks for each new name. There is no need to tell it of commits and
// rollbacks: it knows which state of the store it is of.
type lateNames struct {
	of    uint64            // the state; 0: none
	first uint64            // the lowest id that is not in the index; 0: all are
	count int               // vouchers from there on
	ids   map[string]uint64 // folded username → id
}

// firstLate returns the lowest id that is not in the index of usernames; 0 if
// all are.
func (x *records) firstLate() (uint64, error) {
	id, err := x.indexed(bktUsernames, []byte(lateKey))
	if errors.Is(err, hotspot.ErrNotFound) {
		return 0, nil
	}
	return id, err
}

// named returns the id of the voucher that has a folded username.
func (x *records) named(name string) (uint64, error) {
	id, err := x.indexed(bktUsernames, []byte(name))
	if !errors.Is(err, hotspot.ErrNotFound) {
		return id, err
	}
	first, err := x.firstLate()
	if err != nil {
		return 0, err
	}
	err = x.eachLate(first, func(late uint64, username string) bool {
		// The folded texts decide; this sees most that differ at less cost.
		if strings.EqualFold(username, name) && fold(username) == name {
			id = late
		}
		return id == 0
	})
	if err == nil && id == 0 {
		err = hotspot.ErrNotFound
	}
	return id, err
}

// eachLate reads the vouchers that are not in the index of usernames, for as
// long as f returns true.
func (x *records) eachLate(first uint64, f func(id uint64, username string) bool) error {
	if first == 0 {
		return nil
	}
	c := x.r.cursor(bktVouchers)
	k, v, err := c.seek(idKey(first))
	for ; k != nil && err == nil; k, v, err = c.next() {
		id, ok := keyID(k)
		if !ok {
			return damaged(bktVouchers, k, errRecord)
		}
		body, err := bodyOf(bktVouchers, k, v)
		if err != nil {
			return err
		}
		name, err := voucherUsername(body)
		if err != nil {
			return damaged(bktVouchers, k, err)
		}
		if !f(id, name) {
			return nil
		}
	}
	return err
}

// late returns the names that are not in the index, as this transaction has
// them so far. The caller changes them once its op was applied, not before.
func (t *txn) late() (*lateNames, error) {
	n := t.names
	base, self := t.w.state()
	if n.of != self && (n.of == 0 || n.of != base) {
		n.of = 0
		first, err := t.firstLate()
		if err != nil {
			return nil, err
		}
		n.first, n.count, n.ids = first, 0, map[string]uint64{}
		err = t.eachLate(first, func(id uint64, username string) bool {
			n.count++
			if name := fold(username); name != "" && n.ids[name] == 0 {
				n.ids[name] = id
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	n.of = self
	return n, nil
}

// has reports whether a voucher is one of those that are not in the index.
func (n *lateNames) has(id uint64) bool { return n.first != 0 && id >= n.first }

// rename takes note of a voucher's new name, or of its end.
func (n *lateNames) rename(id uint64, from, to string) {
	if from == to {
		return
	}
	if n.ids[from] == id {
		delete(n.ids, from)
	}
	if to != "" {
		n.ids[to] = id
	}
}

// usernameOf returns the id of the voucher that has a folded username.
func (t *txn) usernameOf(name string, n *lateNames) (uint64, error) {
	id, err := t.indexed(bktUsernames, []byte(name))
	if errors.Is(err, hotspot.ErrNotFound) && n.ids[name] != 0 {
		return n.ids[name], nil
	}
	return id, err
}

// begin leaves a new voucher, whose id is above all others, and those that
// follow it out of the index.
func (n *lateNames) begin(t *txn, id uint64) error {
	if err := t.index(bktUsernames, []byte(lateKey), idKey(id)); err != nil {
		return err
	}
	n.first, n.count = id, 0
	return nil
}

// settle enters all names in the index.
func (n *lateNames) settle(t *txn) error {
	for _, name := range slices.Sorted(maps.Keys(n.ids)) {
		switch _, err := t.indexed(bktUsernames, []byte(name)); {
		case err == nil: // the lower id has it, see verify
			continue
		case !errors.Is(err, hotspot.ErrNotFound):
			return err
		}
		if err := t.index(bktUsernames, []byte(name), idKey(n.ids[name])); err != nil {
			return err
		}
	}
	if err := t.remove(bktUsernames, []byte(lateKey)); err != nil {
		return err
	}
	n.first, n.count = 0, 0
	clear(n.ids)
	return nil
}

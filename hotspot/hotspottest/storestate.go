package hotspottest

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// table is rows by id, with the ids in order.
type table[T any] struct {
	rows map[uint64]T
	ids  []uint64 // ascending
	last uint64   // the highest id ever given
}

func newTable[T any]() *table[T] { return &table[T]{rows: map[uint64]T{}} }

func (t *table[T]) put(id uint64, row T) {
	if _, ok := t.rows[id]; !ok {
		i, _ := slices.BinarySearch(t.ids, id)
		t.ids = slices.Insert(t.ids, i, id)
	}
	t.rows[id] = row
	t.last = max(t.last, id)
}

func (t *table[T]) remove(id uint64) {
	delete(t.rows, id)
	if i, ok := slices.BinarySearch(t.ids, id); ok {
		t.ids = slices.Delete(t.ids, i, i+1)
	}
}

// after returns up to limit ids above id, ascending.
func (t *table[T]) after(id uint64, limit int) []uint64 {
	i, found := slices.BinarySearch(t.ids, id)
	if found {
		i++
	}
	return t.ids[i:min(len(t.ids), i+max(limit, 0))]
}

// state is all that a store holds.
type state struct {
	vouchers  *table[hotspot.Voucher]
	usernames map[string]uint64 // folded
	users     map[hotspot.Method]*table[hotspot.User]
	userKeys  map[hotspot.Method]map[string]uint64
	sessions  *table[hotspot.Session]
	devices   map[hotspot.MAC]hotspot.Device
	settings  map[string]string
	secrets   map[string][]byte
	clock     *hotspot.ClockMark
	audit     *table[hotspot.AuditRow]
	events    *table[hotspot.Event]
	sightings map[hotspot.MAC]time.Time
	days      map[dayKey]hotspot.Day
	blocked   map[hotspot.MAC]hotspot.BlockedDevice
}

func newState() *state {
	return &state{
		vouchers:  newTable[hotspot.Voucher](),
		usernames: map[string]uint64{},
		users:     map[hotspot.Method]*table[hotspot.User]{},
		userKeys:  map[hotspot.Method]map[string]uint64{},
		sessions:  newTable[hotspot.Session](),
		audit:     newTable[hotspot.AuditRow](),
		devices:   map[hotspot.MAC]hotspot.Device{},
		settings:  map[string]string{},
		secrets:   map[string][]byte{},
		events:    newTable[hotspot.Event](),
		sightings: map[hotspot.MAC]time.Time{},
		days:      map[dayKey]hotspot.Day{},
		blocked:   map[hotspot.MAC]hotspot.BlockedDevice{},
	}
}

// method returns the users of a login method.
func (s *state) method(m hotspot.Method) (*table[hotspot.User], map[string]uint64) {
	t, ok := s.users[m]
	if !ok {
		t = newTable[hotspot.User]()
		s.users[m], s.userKeys[m] = t, map[string]uint64{}
	}
	return t, s.userKeys[m]
}

// fold makes names that differ only in case equal, in every script: each rune
// becomes the smallest one that strings.EqualFold takes for the same.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// moment is a time as a store keeps it: microseconds, without a zone.
func moment(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}

// list copies a slice; an empty one becomes nil.
func list[T any](s []T) []T {
	if len(s) == 0 {
		return nil
	}
	return slices.Clone(s)
}

func copyAllowance(a hotspot.Allowance) hotspot.Allowance {
	a.Started = moment(a.Started)
	return a
}

func copyVoucher(v hotspot.Voucher) hotspot.Voucher {
	for _, t := range []*time.Time{&v.Created, &v.Modified, &v.FirstUse, &v.LastUse, &v.ValidFrom} {
		*t = moment(*t)
	}
	v.Bound = list(v.Bound)
	v.Allowance = copyAllowance(v.Allowance)
	return v
}

func copyUser(u hotspot.User) hotspot.User {
	for _, t := range []*time.Time{&u.Created, &u.Modified, &u.LastLogin} {
		*t = moment(*t)
	}
	u.Allowance = copyAllowance(u.Allowance)
	return u
}

func copyAudit(r hotspot.AuditRow) hotspot.AuditRow {
	r.Time, r.Changes = moment(r.Time), list(r.Changes)
	return r
}

func copySession(s hotspot.Session) hotspot.Session {
	for _, t := range []*time.Time{&s.Started, &s.Ended, &s.Deadline} {
		*t = moment(*t)
	}
	s.Addrs = list(s.Addrs)
	return s
}

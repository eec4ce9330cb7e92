package store

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// PutSession implements [hotspot.Tx].
func (t *txn) PutSession(s *hotspot.Session) error {
	var was hotspot.Session
	found := false
	if s.ID != 0 {
		var err error
		if was, found, err = old(t.Session(s.ID)); err != nil {
			return err
		}
	}
	if _, err := t.assign(metaSessionID, &s.ID); err != nil {
		return err
	}
	key := idKey(s.ID)
	wasOpen := found && was.Open()
	var err error
	switch {
	case s.Open() && !wasOpen:
		err = t.index(bktOpenSessions, key, nil)
	case !s.Open() && wasOpen:
		err = t.remove(bktOpenSessions, key)
	}
	if err != nil {
		return err
	}
	if !s.Open() {
		t.hint.lower(s.Ended)
	}
	if err := t.put(bktSessions, key, encodeSession(s)); err != nil {
		return err
	}
	if !found {
		t.log.now.n++
	}
	return nil
}

// logLength remembers how many sessions there are, so that pruning by number,
// which runs often and removes little, need not count them. It follows the
// states of the store from transaction to transaction, so it stays right when
// one is rolled back. Only the writer uses it.
type logLength struct {
	base, self uint64
	before     counted // in the state base
	now        counted // in the transaction that makes self
}

// counted is a number that may not be known.
type counted struct {
	n     int
	known bool
}

// follow goes on to a transaction.
func (l *logLength) follow(base, self uint64) {
	switch {
	case self == l.self: // shared with the one before
		return
	case base == l.self:
		l.before = l.now
	case base != l.base:
		l.before = counted{}
	}
	l.base, l.self, l.now = base, self, l.before
}

// pruneHint remembers a moment before which no closed session ended, so that
// a prune by age, which runs often and mostly has nothing to do, need not read
// the whole login log. It may be too early, which costs a scan; it is never
// too late, also when transactions are rolled back.
type pruneHint struct{ micros atomic.Int64 }

// hintUnknown is the hint of a store that was just opened: nothing is known.
const hintUnknown = math.MinInt64

func (h *pruneHint) forget() { h.micros.Store(hintUnknown) }

func (h *pruneHint) lower(ended time.Time) {
	if m := ended.UnixMicro(); m < h.micros.Load() {
		h.micros.Store(m)
	}
}

func (h *pruneHint) none(before time.Time) bool { return before.UnixMicro() <= h.micros.Load() }

// PruneSessions implements [hotspot.Tx].
func (t *txn) PruneSessions(ended time.Time, keep, limit int) ([]hotspot.Session, error) {
	if t.ended {
		return nil, errEnded
	}
	byAge := !ended.IsZero() && !t.hint.none(ended)
	below, err := t.newest(keep)
	if err != nil || limit <= 0 || !byAge && below == 0 {
		return nil, err
	}
	doomed, all, err := t.doomed(ended, byAge, below, limit)
	if err != nil {
		return nil, err
	}
	t.pruned = t.pruned || len(doomed) > 0
	var gone []hotspot.Session
	for _, id := range doomed {
		s, err := t.Session(id)
		if err != nil {
			return nil, err
		}
		if err := t.remove(bktSessions, idKey(id)); err != nil {
			return nil, err
		}
		t.log.now.n--
		gone = append(gone, s)
	}
	if byAge && all && len(doomed) == 0 {
		t.hint.micros.Store(ended.UnixMicro())
	}
	return gone, nil
}

// newest returns the lowest id of the newest keep sessions; 0 if there are not
// more than that, or if keep is 0.
func (t *txn) newest(keep int) (uint64, error) {
	over, err := t.over(bktSessions, keep, &t.log.now)
	if err != nil || over == 0 {
		return 0, err
	}
	c := t.r.cursor(bktSessions)
	k, _, err := c.first()
	for ; k != nil && err == nil && over > 0; over-- {
		k, _, err = c.next()
	}
	id, _ := keyID(k)
	return id, err
}

// over tells how many records a bucket has beyond those to be kept. Its keys
// are ids, which are not given twice. now is how many there are, if known.
func (t *txn) over(b bucket, keep int, now *counted) (int, error) {
	if keep <= 0 {
		return 0, nil
	}
	c := t.r.cursor(b)
	k, _, err := c.first()
	first, _ := keyID(k)
	if k == nil || err != nil {
		return 0, err
	}
	if k, _, err = c.last(); err != nil {
		return 0, err
	}
	last, _ := keyID(k)
	if last-first < uint64(keep) {
		return 0, nil // without counting
	}
	if !now.known {
		n, err := count(t.r, b)
		if err != nil || n > math.MaxInt32 { // as far as an int goes on a router
			return 0, err
		}
		*now = counted{int(n), true}
	}
	return max(0, now.n-keep), nil
}

// doomed returns up to limit closed sessions, oldest first, that ended before
// a time or have an id below another. all is false if it did not look at every
// session that may have ended before that time.
func (t *txn) doomed(ended time.Time, byAge bool, below uint64, limit int) (ids []uint64, all bool, err error) {
	c := t.r.cursor(bktSessions)
	k, v, err := c.first()
	for ; k != nil && err == nil; k, v, err = c.next() {
		id, ok := keyID(k)
		if !ok {
			return nil, false, damaged(bktSessions, k, errRecord)
		}
		if !byAge && id >= below || len(ids) == limit {
			return ids, false, nil
		}
		body, err := bodyOf(bktSessions, k, v)
		if err != nil {
			return nil, false, err
		}
		end, err := sessionEnd(body)
		if err != nil {
			return nil, false, damaged(bktSessions, k, err)
		}
		if !end.IsZero() && (id < below || byAge && end.Before(ended)) {
			ids = append(ids, id)
		}
	}
	return ids, true, err
}

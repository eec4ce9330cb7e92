package hotspot

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// expires is the end of a voucher's time. As a mark it is the last one that was
// told of: all ends up to it, in order of time and id, were told of, or came
// before anybody wanted to know.
type expires struct {
	at int64 // microseconds: a time.Time takes much code to compare on 32 bits
	id uint64
}

func (e expires) less(o expires) bool { return e.at < o.at || e.at == o.at && e.id < o.id }

// endOf returns the end of a voucher's time, if it has one yet.
//
//go:noinline // it takes much code where it is called
func endOf(v *Voucher, set Settings) (e expires, ok bool) {
	end, ok := v.expiry(set)
	return expires{end.UnixMicro(), v.ID}, ok
}

// sortEnds orders ends. It sorts pointers, for which the program has the code
// already; that for another kind of value would take 12 kB.
func sortEnds(all []expires) {
	order := make([]*expires, len(all))
	for i, e := range all {
		order[i] = &e
	}
	slices.SortFunc(order, func(a, b *expires) int {
		if a.less(*b) {
			return -1
		}
		return 1
	})
	for i, e := range order {
		all[i] = *e
	}
}

// markName is where the mark is among the secrets, which hold what belongs to
// nobody's record.
const markName = "events.expired"

// readMark reads the mark; the zero one: nobody wants to know.
func readMark(r Reader) (mark expires, err error) {
	b, err := r.Secret(markName)
	if errors.Is(err, ErrNotFound) {
		return mark, nil
	}
	if err != nil {
		return mark, err
	}
	at, id, _ := strings.Cut(string(b), " ")
	us, bad := strconv.ParseInt(at, 10, 64)
	if mark.id, err = strconv.ParseUint(id, 10, 64); bad != nil || err != nil {
		return expires{}, nil // of a version that does it in another way
	}
	mark.at = us
	return mark, nil
}

func writeMark(tx Tx, m expires) error {
	return tx.PutSecret(markName, []byte(strconv.FormatInt(m.at, 10)+" "+strconv.FormatUint(m.id, 10)))
}

const (
	// ahead is how far ahead the ends of vouchers are known without a look
	// through all of them, and mostAhead how many; with more, it is less far.
	ahead     = 6 * time.Hour
	mostAhead = 10_000
	// toldAtOnce bounds the events of one transaction.
	toldAtOnce = 100
)

// expiryWatch finds vouchers whose time ends, which no transaction brings about.
type expiryWatch struct {
	turn sync.Mutex // held by look

	mu     sync.Mutex // guards what follows
	known  bool       // soon is right
	until  expires    // soon has all ends before this, and after the mark
	soon   map[uint64]int64
	absent bool // there is no mark
}

// forget makes the next look go through all vouchers.
func (w *expiryWatch) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known, w.soon, w.absent = false, nil, false
}

// add takes in ends that were stored. They are hints: a look reads the voucher.
func (w *expiryWatch) add(ends []expires) {
	if len(ends) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range ends {
		if w.known && e.less(w.until) {
			w.soon[e.id] = e.at
		}
	}
	w.trim()
}

// trim halves what is known if it is too much. The caller holds mu.
func (w *expiryWatch) trim() {
	if len(w.soon) <= mostAhead {
		return
	}
	all := make([]expires, 0, len(w.soon))
	for id, at := range w.soon {
		all = append(all, expires{at, id})
	}
	sortEnds(all)
	w.until = all[mostAhead/2]
	for _, e := range all[mostAhead/2:] {
		delete(w.soon, e.id)
	}
}

// look tells of what has ended.
func (w *expiryWatch) look(ctx context.Context, e *eventStore, wanted bool, m moment) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if !wanted {
		return w.stop(ctx, e)
	}
	if !m.believed {
		return nil // a provisional time may yet move
	}
	for {
		due, enough := w.due(m)
		if len(due) == 0 && enough {
			return nil
		}
		if len(due) == 0 {
			if err := w.scan(ctx, e, m); err != nil {
				return err
			}
			if due, _ = w.due(m); len(due) == 0 {
				return nil
			}
		}
		if err := w.tell(ctx, e, m, due); err != nil {
			return err
		}
	}
}

// stop forgets the mark once nobody wants to know.
func (w *expiryWatch) stop(ctx context.Context, e *eventStore) error {
	w.mu.Lock()
	absent := w.absent
	w.mu.Unlock()
	if absent {
		return nil
	}
	var mark expires
	err := e.View(ctx, func(r Reader) (err error) {
		mark, err = readMark(r)
		return err
	})
	if err == nil && mark.at != 0 {
		err = e.Store.Update(ctx, func(tx Tx) error { return tx.DeleteSecret(markName) })
	}
	if err != nil {
		return err
	}
	w.forget()
	w.mu.Lock()
	w.absent = true
	w.mu.Unlock()
	return nil
}

// due are the ends that have come, in order, the first few. enough: it is known
// that there are no others.
func (w *expiryWatch) due(m moment) (due []expires, enough bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := m.now.UnixMicro()
	for id, at := range w.soon {
		if at <= now {
			due = append(due, expires{at, id})
		}
	}
	sortEnds(due)
	return due[:min(len(due), toldAtOnce)], w.known && now < w.until.at
}

// scan reads all vouchers for those that end soon.
func (w *expiryWatch) scan(ctx context.Context, e *eventStore, m moment) error {
	// What is stored meanwhile is added; so this comes first.
	w.mu.Lock()
	w.known, w.until, w.soon, w.absent = true, expires{at: m.now.Add(ahead).UnixMicro()}, map[uint64]int64{}, false
	w.mu.Unlock()
	err := w.scanAll(ctx, e, m)
	if err != nil {
		w.forget()
	}
	return err
}

func (w *expiryWatch) scanAll(ctx context.Context, e *eventStore, m moment) error {
	var mark expires
	err := e.View(ctx, func(r Reader) (err error) {
		mark, err = readMark(r)
		return err
	})
	if err == nil && mark.at == 0 {
		mark = expires{at: m.now.UnixMicro()}
		err = e.Store.Update(ctx, func(tx Tx) error { return writeMark(tx, mark) })
	}
	set := e.s.Settings()
	const page = 256 // a view must be short
	for after, more := uint64(0), true; more && err == nil; {
		var ends []expires
		err = e.View(ctx, func(r Reader) error {
			vs, err := r.Vouchers(after, page)
			ends, more = ends[:0], len(vs) == page
			for i := range vs {
				after = vs[i].ID
				if end, ok := endOf(&vs[i], set); ok && mark.less(end) && vs[i].Exhausted() == 0 {
					ends = append(ends, end)
				}
			}
			return err
		})
		w.add(ends)
	}
	return err
}

// tell stores that vouchers have come to their end, and the mark with it.
func (w *expiryWatch) tell(ctx context.Context, e *eventStore, m moment, due []expires) error {
	set := e.s.Settings()
	err := e.Update(ctx, func(tx Tx) error {
		t, ok := tx.(*eventTx)
		if !ok {
			return nil // nobody wants to know any more
		}
		mark, err := readMark(tx)
		if err != nil {
			return err
		}
		for _, d := range due {
			v, err := tx.Voucher(d.id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			end, ok := endOf(&v, set)
			if !ok || end.at > m.now.UnixMicro() || !mark.less(end) || v.Exhausted() != 0 {
				continue
			}
			if err := t.put(EventExhausted, time.UnixMicro(end.at).UTC(), false, exhaustedData(&v, EndExpired)); err != nil {
				return err
			}
		}
		last := due[len(due)-1]
		if !mark.less(last) {
			return nil
		}
		return writeMark(tx, last)
	})
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range due {
		if w.soon[d.id] == d.at {
			delete(w.soon, d.id)
		}
	}
	return nil
}

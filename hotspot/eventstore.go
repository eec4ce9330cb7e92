package hotspot

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// Subscription is one who wants to be told of events.
type Subscription struct {
	Endpoint string
	Types    []EventType
}

// eventStore stands before the store and finds out, from what a transaction
// writes, what events it brings about; they are stored by the same transaction.
// So none is lost by a power cut or invented, and no rule can forget to tell.
// Without subscriptions it is not in the way.
type eventStore struct {
	Store
	s       *Service
	subs    atomic.Pointer[[]Subscription]
	added   chan struct{} // raised when events were stored
	dropped atomic.Uint64

	expiry expiryWatch
	device deviceWatch
}

func newEventStore(s *Service, st Store) *eventStore {
	e := &eventStore{Store: st, s: s, added: make(chan struct{}, 1)}
	e.subs.Store(new([]Subscription))
	return e
}

// Subscribe says who wants to be told of what from now on.
func (s *Service) Subscribe(subs []Subscription) {
	subs = slices.Clone(subs)
	s.events.subs.Store(&subs)
}

// EventsAdded is raised after events were stored.
func (s *Service) EventsAdded() <-chan struct{} { return s.events.added }

// EventsDropped counts the events that somebody was still to be told of when
// [MaxEvents] newer ones had come, since the start.
func (s *Service) EventsDropped() uint64 { return s.events.dropped.Load() }

// wanted returns those who want to be told of a type of events.
//
//go:noinline // it takes much code where it is called
func wanted(subs []Subscription, typ EventType) (to []EventTarget) {
	for _, sub := range subs {
		if slices.Contains(sub.Types, typ) {
			to = append(to, EventTarget{Endpoint: sub.Endpoint})
		}
	}
	return to
}

// Update implements [Store].
func (e *eventStore) Update(ctx context.Context, f func(Tx) error) error {
	subs := *e.subs.Load()
	if len(subs) == 0 {
		return e.Store.Update(ctx, f)
	}
	var t *eventTx
	err := e.Store.Update(ctx, func(tx Tx) error {
		t = &eventTx{Tx: tx, events: e, subs: subs, set: e.s.Settings(), at: e.s.moment()}
		if err := f(t); err != nil {
			return err
		}
		return t.finish()
	})
	if err != nil {
		return err
	}
	if t.moved {
		e.expiry.forget()
	} else {
		e.expiry.add(t.expire)
	}
	e.dropped.Add(t.dropped)
	if t.last > 0 {
		select {
		case e.added <- struct{}{}:
		default:
		}
	}
	return nil
}

// eventTx is a transaction that notices what it brings about.
type eventTx struct {
	Tx
	events *eventStore
	subs   []Subscription
	set    Settings
	at     moment

	made    []Voucher // new ones, the first few
	count   int       // of new ones
	expire  []expires // vouchers whose end is to be watched
	mark    *expires  // once it was read: see expiryMark
	moved   bool      // times were moved
	last    uint64    // the newest event stored
	dropped uint64
}

// PutSession implements [Tx].
func (t *eventTx) PutSession(x *Session) error {
	typ, told := EventLogin, x.ID != 0
	if told && !x.Open() {
		was, err := t.Session(x.ID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		typ, told = EventLogout, err == nil && !was.Open()
	}
	if err := t.Tx.PutSession(x); err != nil || told {
		return err
	}
	at := x.Started
	if typ == EventLogout {
		at = x.Ended
	}
	return t.put(typ, at, x.Provisional || !t.at.believed, sessionData(x))
}

// PutVoucher implements [Tx].
func (t *eventTx) PutVoucher(v *Voucher) error {
	if v.ID == 0 {
		if err := t.Tx.PutVoucher(v); err != nil {
			return err
		}
		if t.count++; len(t.made) < maxListed {
			t.made = append(t.made, *v)
		}
		return t.watch(v)
	}
	if t.moved || len(wanted(t.subs, EventExhausted)) == 0 {
		return t.Tx.PutVoucher(v)
	}
	why, err := t.usedUp(v)
	if err != nil {
		return err
	}
	if why != "" {
		if why, err = t.toTell(v.ID, why); err != nil {
			return err
		}
	}
	if err := t.Tx.PutVoucher(v); err != nil {
		return err
	}
	if why == "" {
		return t.watch(v)
	}
	return t.put(EventExhausted, t.at.now, !t.at.believed, exhaustedData(v, why))
}

// toTell is why a stored voucher becomes used up; empty if it was before, and
// that was told then. So it is with one that was removed and is put back.
func (t *eventTx) toTell(id uint64, why Reason) (Reason, error) {
	was, err := t.Voucher(id)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	before, err := t.usedUp(&was)
	if err != nil || before != "" {
		return "", err
	}
	return why, nil
}

// usedUp says why a voucher is used up, as far as was told or is to be told now.
// The end of its time is told by [Service.Look], up to the mark.
func (t *eventTx) usedUp(v *Voucher) (Reason, error) {
	switch d := v.Exhausted(); {
	case d.Has(Total):
		return EndData, nil
	case d.Has(Down):
		return EndDownload, nil
	case d.Has(Up):
		return EndUpload, nil
	}
	end, ok := endOf(v, t.set)
	if !ok {
		return "", nil
	}
	if t.mark == nil {
		mark, err := readMark(t.Tx)
		if err != nil {
			return "", err
		}
		t.mark = &mark
	}
	if t.mark.less(end) {
		return "", nil
	}
	return EndExpired, nil
}

// watch notes the end of a voucher's time.
func (t *eventTx) watch(v *Voucher) error {
	if end, ok := endOf(v, t.set); ok && len(wanted(t.subs, EventExhausted)) > 0 {
		t.expire = append(t.expire, end)
	}
	return nil
}

// put stores an event, if anybody wants to be told of it.
func (t *eventTx) put(typ EventType, at time.Time, provisional bool, data any) error {
	to := wanted(t.subs, typ)
	if len(to) == 0 {
		return nil
	}
	body, err := encodeData(data)
	if err != nil {
		return err
	}
	ev := Event{ID: NewEventID(at), Type: typ, Time: at, Provisional: provisional, Data: body, To: to}
	if err := t.PutEvent(&ev); err != nil {
		return err
	}
	t.last = ev.Seq
	return nil
}

// finish ends a transaction: what belongs together is told together, and what
// there is no room for goes.
func (t *eventTx) finish() error {
	if t.count > 0 {
		if err := t.put(EventCreated, t.at.now, !t.at.believed, createdData(t.made, t.count)); err != nil {
			return err
		}
	}
	for t.last > MaxEvents {
		old, err := t.Events(0, 16)
		if err != nil {
			return err
		}
		for _, ev := range old {
			if ev.Seq+MaxEvents > t.last {
				return nil
			}
			if err := t.DeleteEvent(ev.Seq); err != nil {
				return err
			}
			if len(ev.To) > 0 {
				t.dropped++
			}
		}
		if len(old) == 0 {
			return nil
		}
	}
	return nil
}

// moveEvents lets what was told move along with the time.
func moveEvents(tx Tx, by time.Duration) error {
	t, ok := tx.(*eventTx)
	if !ok {
		return nil
	}
	t.moved = true
	mark, err := readMark(tx)
	if err != nil || mark.at == 0 {
		return err
	}
	mark.at += by.Microseconds()
	t.mark = &mark
	return writeMark(tx, mark)
}

// Look finds what happens by the mere passing of time, and who is on the guest
// network, and stores it as events. It is called every few seconds; without
// anything new it costs no write.
func (s *Service) Look(ctx context.Context) error {
	s.era.RLock()
	defer s.era.RUnlock()
	subs, m := *s.events.subs.Load(), s.moment()
	return errors.Join(
		s.events.expiry.look(ctx, s.events, len(wanted(subs, EventExhausted)) > 0, m),
		s.events.device.look(ctx, s.events, len(wanted(subs, EventSeen)) > 0, m),
	)
}

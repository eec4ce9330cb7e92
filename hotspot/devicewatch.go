package hotspot

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// sightingsEvery is how often devices that were seen are stored at most:
	// anybody in range can make up as many as they like.
	sightingsEvery = time.Minute
	// sightingsAtOnce bounds those of one transaction.
	sightingsAtOnce = 64
	// heardWithin is how lately a device must have been heard of to be here.
	heardWithin = time.Minute
)

// deviceWatch tells of devices that come to the guest network.
type deviceWatch struct {
	turn   sync.Mutex // held by look; guards all below
	known  bool       // seen is what the store has
	seen   map[MAC]sighting
	stored time.Duration // boot clock at the last write
	wrote  bool
	clock  time.Time // the house's time at the last look
	mono   time.Duration
}

// sighting is when a device was last here, and what the store knows of that.
type sighting struct{ last, stored time.Time }

// arrival is a device that is to be told of.
type arrival struct {
	host Host
	was  time.Time // zero: it was never here
}

func (w *deviceWatch) look(ctx context.Context, e *eventStore, wanted bool, m moment) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if !w.known {
		if err := w.load(ctx, e); err != nil {
			return err
		}
	}
	if !wanted {
		return w.clear(ctx, e)
	}
	if !m.believed {
		return nil // hours cannot be told yet
	}
	mono := e.s.cfg.Clock.Read().Mono
	w.follow(m.now, mono)
	news, stale := w.compare(e.s.cfg.Hosts.List(), m.now, e.s.Settings().WebhookAway)
	if len(news)+len(stale) == 0 || w.wrote && mono-w.stored < sightingsEvery {
		return nil
	}
	if err := w.store(ctx, e, m, news, stale); err != nil {
		return err
	}
	w.stored, w.wrote = mono, true
	return nil
}

func (w *deviceWatch) load(ctx context.Context, e *eventStore) error {
	var stored map[MAC]time.Time
	err := e.View(ctx, func(r Reader) (err error) {
		stored, err = r.Sightings()
		return err
	})
	if err != nil {
		return err
	}
	w.seen = make(map[MAC]sighting, len(stored))
	for m, at := range stored {
		w.seen[m] = sighting{at, at}
	}
	w.known = true
	return nil
}

// clear forgets all devices once nobody wants to be told: they are nobody's
// business then.
func (w *deviceWatch) clear(ctx context.Context, e *eventStore) error {
	if len(w.seen) == 0 {
		return nil
	}
	err := e.Store.Update(ctx, func(tx Tx) error {
		for m := range w.seen {
			if err := tx.DeleteSighting(m); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		clear(w.seen)
	}
	return err
}

// follow moves what is known when the clock was set: nobody was away.
func (w *deviceWatch) follow(now time.Time, mono time.Duration) {
	if by := now.Sub(w.clock) - (mono - w.mono); !w.clock.IsZero() && by.Abs() > stepTolerance {
		for m, s := range w.seen {
			w.seen[m] = sighting{s.last.Add(by), s.stored.Add(by)}
		}
	}
	w.clock, w.mono = now, mono
}

// compare returns who came, and whose stored sighting is old.
func (w *deviceWatch) compare(hosts []Host, now time.Time, away time.Duration) (news []arrival, stale []MAC) {
	for _, h := range hosts {
		if h.Idle > heardWithin || h.MAC.IsZero() {
			continue
		}
		s, ok := w.seen[h.MAC]
		if !ok || away > 0 && now.Sub(s.last) >= away {
			if len(news) < sightingsAtOnce {
				news = append(news, arrival{h, s.last})
			}
			continue
		}
		if s.last = now; away > 0 && now.Sub(s.stored) >= away*3/4 {
			stale = append(stale, h.MAC)
		}
		w.seen[h.MAC] = s
	}
	return news, stale
}

func (w *deviceWatch) store(ctx context.Context, e *eventStore, m moment, news []arrival, stale []MAC) error {
	var gone []MAC
	for range len(w.seen) + len(news) - MaxSightings {
		gone = append(gone, w.oldest())
	}
	err := e.Update(ctx, func(tx Tx) error {
		var errs []error
		for _, g := range gone {
			errs = append(errs, tx.DeleteSighting(g))
		}
		for _, s := range stale {
			errs = append(errs, tx.PutSighting(s, m.now))
		}
		for _, n := range news {
			errs = append(errs, tx.PutSighting(n.host.MAC, m.now), tellSeen(tx, m, n))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		w.known = false // gone may still be there
		return err
	}
	for _, s := range stale {
		w.seen[s] = sighting{m.now, m.now}
	}
	for _, n := range news {
		w.seen[n.host.MAC] = sighting{m.now, m.now}
	}
	return nil
}

// oldest takes the device out that was away for the longest time.
func (w *deviceWatch) oldest() (m MAC) {
	var at time.Time
	for k, s := range w.seen {
		if at.IsZero() || s.last.Before(at) {
			m, at = k, s.last
		}
	}
	delete(w.seen, m)
	return m
}

func tellSeen(tx Tx, m moment, n arrival) error {
	t, ok := tx.(*eventTx)
	if !ok {
		return nil // nobody wants to know any more
	}
	return t.put(EventSeen, m.now, false, &seenEvent{MAC: n.host.MAC, Name: clipName(n.host.Name),
		Addresses: orderAddrs(n.host.Addrs), First: n.was.IsZero(), Last: utc(n.was)})
}

// clipName bounds what a device calls itself.
func clipName(s string) string {
	const most = 64
	r := []rune(s)
	return string(r[:min(len(r), most)])
}

package cloud

import (
	"context"
	"errors"
	"sync"
	"time"
)

// sighting says that a router was connected at a moment.
type sighting struct {
	at      time.Time
	version string // "": not known
}

// sightings are gathered, so that a thousand routers that come back at once are
// a few writes and not a thousand.
type sightings struct {
	mu   sync.Mutex
	each map[string]sighting // by router
}

// note remembers a sighting. A version that is not one to show is left out.
func (s *sightings) note(router, version string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.each == nil {
		s.each = map[string]sighting{}
	}
	if checkName("a version", version) != nil {
		version = s.each[router].version
	}
	s.each[router] = sighting{at.UTC().Truncate(time.Second), version}
}

// last returns a sighting that is not on record yet.
func (s *sightings) last(router string) (sighting, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.each[router]
	return x, ok
}

// take returns what has been gathered.
func (s *sightings) take() map[string]sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.each
	s.each = nil
	return all
}

// seenAtOnce is how many sightings go into one transaction.
const seenAtOnce = 25

// saw puts sightings on record. Routers that have been removed are left out.
func (a *Accounts) saw(ctx context.Context, all map[string]sighting) error {
	var failed error
	some := map[string]sighting{}
	flush := func() {
		err := retry(func() error { return a.sawSome(ctx, some) })
		failed = errors.Join(failed, err)
		clear(some)
	}
	for id, x := range all {
		if some[id] = x; len(some) == seenAtOnce {
			flush()
		}
	}
	if len(some) > 0 {
		flush()
	}
	return failed
}

func (a *Accounts) sawSome(ctx context.Context, some map[string]sighting) error {
	var t Transaction
	for id, x := range some {
		var r Router
		e, ok, err := a.record(ctx, routerKey(id), &r)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		r.LastSeen = x.at
		if x.version != "" {
			r.Version = x.version
		}
		t.If, t.Put = append(t.If, e), append(t.Put, entry(e.Key, r))
	}
	if len(t.Put) == 0 {
		return nil
	}
	return a.cfg.Store.Commit(ctx, t)
}

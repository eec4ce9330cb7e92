package acme

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Each lock is a record of its own, since the library takes one while it holds
// another. Its holder writes it anew while it works. Whoever has seen a record
// unchanged for the whole lease, by his own clock, may take it over: clocks of
// relays need not agree.

// lockRecord says who holds a lock.
type lockRecord struct {
	Host  string `json:"host"`  // for people
	Token string `json:"token"` // no two holders have the same
	Count int64  `json:"count"` // of the renewals
}

// hold is a lock that this relay holds.
type hold struct {
	record   lockRecord
	revision int64
	stop     context.CancelFunc
	done     chan struct{}
}

// sighting is when a lock's record was first seen as it is.
type sighting struct {
	revision int64
	since    time.Time
}

var errClosed = errors.New("the relay is stopping")

// Lock implements certmagic.Storage.
func (s *storage) Lock(ctx context.Context, name string) error {
	tick := time.NewTicker(s.poll)
	defer tick.Stop()
	for {
		ok, err := s.TryLock(ctx, name)
		if ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return errClosed
		}
	}
}

// TryLock implements certmagic.TryLocker.
func (s *storage) TryLock(ctx context.Context, name string) (bool, error) {
	if s.ctx.Err() != nil {
		return false, errClosed
	}
	key := recordKey(locksPrefix, name)
	was, err := s.store.Get(ctx, key)
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", name, err)
	}
	if was.Revision != 0 && !s.abandoned(name, was.Revision) {
		return false, nil
	}
	host, _ := os.Hostname() // for people only
	h := &hold{record: lockRecord{Host: host, Token: rand.Text()}, revision: was.Revision, done: make(chan struct{})}
	if err := s.write(ctx, key, h); errors.Is(err, cloud.ErrConflict) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("lock %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil { // Close has not seen it; it is abandoned
		return false, errClosed
	}
	delete(s.seen, name)
	s.held[name] = h
	var keep context.Context
	keep, h.stop = context.WithCancel(s.ctx)
	s.keep.Go(func() {
		defer close(h.done)
		s.renew(keep, name, key, h)
	})
	return true, nil
}

// abandoned reports whether a lock's record has been as it is for the lease.
func (s *storage) abandoned(name string, revision int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if at, ok := s.seen[name]; ok && at.revision == revision {
		return now.Sub(at.since) >= s.lease
	}
	s.seen[name] = sighting{revision, now}
	return false
}

// write puts a lock's record in the place of the one that was seen last.
func (s *storage) write(ctx context.Context, key string, h *hold) error {
	value, err := json.Marshal(h.record)
	if err != nil {
		return err
	}
	err = s.store.Commit(ctx, cloud.Transaction{If: []cloud.Entry{{Key: key, Revision: h.revision}}, Put: []cloud.Entry{{Key: key, Value: value}}})
	if err != nil && !errors.Is(err, cloud.ErrConflict) && !errors.Is(err, cloud.ErrUncertain) {
		return err
	}
	// The answer to this write or an earlier one may have been lost, so a conflict
	// may be one with ourselves.
	e, err := s.store.Get(ctx, key)
	if err != nil {
		return err
	}
	var is lockRecord
	if json.Unmarshal(e.Value, &is) != nil || is.Token != h.record.Token {
		return cloud.ErrConflict
	}
	h.revision = e.Revision
	return nil
}

// renew keeps a lock until ctx ends, or until somebody else has it.
func (s *storage) renew(ctx context.Context, name, key string, h *hold) {
	tick := time.NewTicker(s.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		h.record.Count++
		switch err := s.write(ctx, key, h); {
		case errors.Is(err, cloud.ErrConflict):
			// Two relays may ask for a certificate now; both get a good one.
			s.log.Debug("another relay has taken the lock over", "lock", name)
			return
		case err != nil:
			s.log.Debug("cannot renew the lock", "lock", name, "error", err)
		}
	}
}

// Unlock implements certmagic.Storage.
func (s *storage) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	h := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if h == nil {
		return nil
	}
	h.stop()
	<-h.done
	if err := s.release(ctx, recordKey(locksPrefix, name), h); err != nil && !errors.Is(err, cloud.ErrConflict) {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil // a conflict: it is somebody else's by now
}

// release deletes a lock's record if it is still this holder's.
func (s *storage) release(ctx context.Context, key string, h *hold) error {
	e, err := s.store.Get(ctx, key)
	if err != nil {
		return err
	}
	var is lockRecord
	if json.Unmarshal(e.Value, &is) != nil || is.Token != h.record.Token {
		return nil
	}
	return s.store.Commit(ctx, cloud.Transaction{If: []cloud.Entry{{Key: key, Revision: e.Revision}}, Delete: []string{key}})
}

// Close releases what is still held. Nothing can be locked afterwards.
func (s *storage) Close(ctx context.Context) error {
	s.mu.Lock()
	s.cancel()
	var names []string
	for name := range s.held {
		names = append(names, name)
	}
	s.mu.Unlock()
	var errs []error
	for _, name := range names {
		errs = append(errs, s.Unlock(ctx, name))
	}
	s.keep.Wait()
	return errors.Join(errs...)
}

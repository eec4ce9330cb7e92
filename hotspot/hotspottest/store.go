package hotspottest

import (
	"context"
	"sync"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Store is a [hotspot.Store] in memory. It passes [TestStore], so what works
// on it works on the real one: a failing update changes nothing, and values
// are copied in and out. It keeps no file and is gone with the test.
//
// An update must not be started from within a view or another update; the
// real store cannot do that either.
type Store struct {
	// FailUpdate, if set, is asked after the function of each update has
	// succeeded. An error from it is what the update returns, and nothing is
	// kept: the disk failed. Set it while no update runs.
	FailUpdate func() error

	mu      sync.RWMutex // guards all below
	updates int
	state   *state
}

var _ hotspot.Store = (*Store)(nil)

// NewStore returns an empty store.
func NewStore() *Store { return &Store{state: newState()} }

// Updates returns how many updates have succeeded.
func (s *Store) Updates() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.updates
}

// View implements [hotspot.Store].
func (s *Store) View(ctx context.Context, f func(hotspot.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return f(storeReader{s.state})
}

// Update implements [hotspot.Store].
func (s *Store) Update(ctx context.Context, f func(hotspot.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &storeTx{storeReader: storeReader{s.state}}
	kept := false
	defer func() { // also when f panics
		if !kept {
			tx.rollback()
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	if s.FailUpdate != nil {
		if err := s.FailUpdate(); err != nil {
			return err
		}
	}
	kept = true
	s.updates++
	return nil
}

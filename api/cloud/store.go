package cloud

import (
	"context"
	"errors"
)

// Entry is a record in a store.
type Entry struct {
	Key      string
	Value    []byte
	Revision int64 // changes with every write; 0: there is none
}

// Transaction changes several records at once, or none.
type Transaction struct {
	// If are records as they were read: it takes place only if each still has
	// that revision, 0 for none.
	If     []Entry
	Put    []Entry // revisions do not matter
	Delete []string
}

// ErrConflict is the failure of a transaction whose records have changed since
// they were read.
var ErrConflict = errors.New("the records have changed meanwhile")

// ErrUnreachable is the failure of a call that the records were not reached with:
// nothing has happened, and it may be made again.
var ErrUnreachable = errors.New("the records cannot be reached")

// ErrUncertain is the failure of a transaction that was sent and not answered. It
// may have taken place, may still do so, or never will. It may be made again if
// one of its conditions is on a record that it changes: then it takes place once
// at most, and ErrConflict is the answer to the one that comes second.
var ErrUncertain = errors.New("it is not known whether the records have changed")

// Store keeps records. It is safe for concurrent use; a transaction is durable
// when Commit returns.
type Store interface {
	// Get returns a record, with revision 0 if there is none.
	Get(ctx context.Context, key string) (Entry, error)
	// List returns records whose keys begin with prefix and are greater than
	// after, in order of their keys, at most limit.
	List(ctx context.Context, prefix, after string, limit int) ([]Entry, error)
	Commit(ctx context.Context, t Transaction) error
	Close() error
}

// Bounds of a store's records and transactions.
const (
	MaxKey     = 256      // bytes
	MaxValue   = 64 << 10 // bytes
	MaxChanges = 64       // of a transaction
)

// Check reports why a transaction cannot be one.
func (t Transaction) Check() error {
	if len(t.If)+len(t.Put)+len(t.Delete) > MaxChanges {
		return errors.New("too many records in one transaction")
	}
	seen := map[string]bool{}
	change := func(key string) error {
		if seen[key] {
			return errors.New("a record is changed twice in one transaction")
		}
		seen[key] = true
		return checkKey(key)
	}
	for _, e := range t.Put {
		if len(e.Value) > MaxValue {
			return errors.New("a record is too large")
		}
		if err := change(e.Key); err != nil {
			return err
		}
	}
	for _, key := range t.Delete {
		if err := change(key); err != nil {
			return err
		}
	}
	return nil
}

func checkKey(key string) error {
	if key == "" || len(key) > MaxKey {
		return errors.New("a key has between 1 and 256 bytes")
	}
	return nil
}

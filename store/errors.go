package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// ErrClosed is returned by a store that was closed.
var ErrClosed = errors.New("the store is closed")

// LockedError says that another process has the store open.
type LockedError struct {
	Path   string
	Waited time.Duration
}

// Error implements error.
func (e *LockedError) Error() string {
	return fmt.Sprintf("%s: another daemon has this store open (its lock was not given up within %s)", e.Path, e.Waited)
}

// NewerSchemaError says that a store or a snapshot was written by a newer
// version of this program. It was left as it is.
type NewerSchemaError struct {
	What  string // the file, or "the snapshot"
	Found uint64
	Known uint64
}

// Error implements error.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("%s has schema version %d, and this program knows versions up to %d: it was written by a newer version; nothing was changed",
		e.What, e.Found, e.Known)
}

// DamagedError says that a store's file, or a record in it, is not what was
// written.
type DamagedError struct {
	What string // the file, page or record
	Err  error
}

// Error implements error.
func (e *DamagedError) Error() string { return e.What + " is damaged: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// SnapshotError says that a snapshot cannot be used.
type SnapshotError struct{ Err error }

// Error implements error.
func (e *SnapshotError) Error() string { return "the snapshot cannot be used: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SnapshotError) Unwrap() error { return e.Err }

func badSnapshot(format string, args ...any) error {
	return &SnapshotError{fmt.Errorf(format, args...)}
}

// unavailable is what callers see when the disk fails.
func unavailable(cause error) error {
	return &hotspot.Error{
		Code: hotspot.CodeUnavailable,
		Text: "the data could not be stored, try again; if it stays so: is the disk full or read-only?",
		Err:  cause,
	}
}

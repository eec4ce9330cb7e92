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
	return english(e)
}

// Message is what the error is made of, see [hotspot.Wording].
func (e *LockedError) Message() (format string, args []any) {
	return hotspot.Textf("%s: another daemon has this store open (its lock was not given up within %s)", e.Path, e.Waited).Message()
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
	return english(e)
}

// Message is what the error is made of, see [hotspot.Wording].
func (e *NewerSchemaError) Message() (format string, args []any) {
	return hotspot.Textf("%s has schema version %d, and this program knows versions up to %d: it was written by a newer version; nothing was changed",
		hotspot.Said(e.What), e.Found, e.Known).Message()
}

// DamagedError says that a store's file, or a record in it, is not what was
// written.
type DamagedError struct {
	What string // the file, page or record
	Err  error
}

// Error implements error.
func (e *DamagedError) Error() string { return english(e) }

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// Message is what the error is made of, see [hotspot.Wording].
func (e *DamagedError) Message() (format string, args []any) {
	return hotspot.Textf("%s is damaged: %v", hotspot.Said(e.What), e.Err).Message()
}

// SnapshotError says that a snapshot cannot be used.
type SnapshotError struct{ Err error }

// Error implements error.
func (e *SnapshotError) Error() string { return english(e) }

// Unwrap returns the cause.
func (e *SnapshotError) Unwrap() error { return e.Err }

// Message is what the error is made of, see [hotspot.Wording].
func (e *SnapshotError) Message() (format string, args []any) {
	return hotspot.Textf("the snapshot cannot be used: %v", e.Err).Message()
}

// english is what an error says in logs and commands.
func english(e interface{ Message() (string, []any) }) string {
	format, args := e.Message()
	return fmt.Sprintf(format, args...)
}

func badSnapshot(format string, args ...any) error {
	return &SnapshotError{fmt.Errorf(format, args...)}
}

// unavailableText is what they read.
const unavailableText = "the data could not be stored, try again; if it stays so: is the disk full or read-only?"

// unavailable is what callers see when the disk fails.
func unavailable(cause error) error {
	return &hotspot.Error{
		Code: hotspot.CodeUnavailable,
		Text: unavailableText,
		Err:  cause,
	}
}

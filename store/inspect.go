package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Inspect verifies the store of a daemon that does not run, as [Open] does, and
// changes nothing. The error is a [LockedError] if a daemon has it open, a
// [NewerSchemaError], a [DamagedError], or os.ErrNotExist if there is none.
// migrate tells that the next start will migrate it.
func Inspect(ctx context.Context, path string) (migrate bool, err error) {
	if _, err := os.Stat(path); err != nil {
		return false, err
	}
	lock, err := acquireLock(ctx, path, time.Millisecond)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	if _, err := checkFile(path); err != nil {
		return false, err
	}
	d := &direct{path: path}
	if d.db, err = openReadOnly(path); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	l := currentLayout()
	found, err := l.readSchema(d, path)
	if err != nil || found < l.version() {
		return err == nil, err
	}
	if err := d.checkTails(); err != nil {
		return false, err
	}
	return false, d.view(func(r reader) error {
		rep, err := verify(r)
		if err == nil && len(rep.wrong) > 0 {
			err = &DamagedError{What: "the indexes of " + path, Err: errors.New(rep.wrong[0])}
		}
		return err
	})
}

// openReadOnly opens a file that [checkFile] has read.
func openReadOnly(path string) (db *bolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(path, &err)
	opts := boltOptions(false)
	opts.ReadOnly = true
	db, err = bolt.Open(path, 0o600, opts)
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, &LockedError{Path: path, Waited: opts.Timeout}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

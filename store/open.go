package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// compactAbove is the size from which a file is worth compacting.
const compactAbove = 256 << 10

// Open opens a store, or makes it if there is none. What it finds is checked
// from the first page to the last index before it is used:
//
//   - a store that another process has open is a [LockedError];
//   - one of a newer schema is a [NewerSchemaError], and is left untouched;
//   - one of an older schema is migrated, after a snapshot of it was written;
//   - wrong indexes are built anew;
//   - a damaged file is set aside, and the newest snapshot that is good takes
//     its place, or an empty store if there is none: see [DB.Recovery];
//   - a file of which most is free space is compacted.
func Open(ctx context.Context, opts Options) (*DB, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	lock, err := acquireLock(ctx, opts.Path, opts.LockTimeout)
	if err != nil {
		return nil, withRemedy(err, opts.Path)
	}
	o := opener{Options: opts}
	d, err := o.open(ctx)
	if err != nil {
		return nil, errors.Join(withRemedy(err, opts.Path), lock.release())
	}
	db := &DB{
		opts: opts, log: opts.Log, lock: lock, engine: d, recovery: o.recovery,
		queue: &queue{engine: d},
	}
	db.prune.forget()
	return db, nil
}

// withRemedy says what helps where the disk does not take what must be written.
func withRemedy(err error, path string) error {
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w (the disk of %s is mounted read-only, or became so when it failed: dmesg says which)", err, dir)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w (the disk of %s is full: delete something, such as old snapshots)", err, dir)
	}
	return err
}

// opener opens the file of a store whose lock it has.
type opener struct {
	Options
	recovery *Recovery
}

func (o *opener) open(ctx context.Context) (*direct, error) {
	if err := os.Remove(o.Path + tmpSuffix); err != nil && !isGone(err) {
		return nil, err
	}
	d, err := o.existing(ctx)
	switch {
	case err == nil:
		o.compact(ctx, d)
		return d, nil
	case errors.Is(err, errNoStore):
		if have, _ := snapshots(o.SnapshotDir); len(have) == 0 {
			return o.create()
		}
		return o.recover(ctx, err)
	case isDamage(err):
		return o.recover(ctx, err)
	}
	return nil, err
}

var errNoStore = errors.New("the file is not there")

// isDamage tells damage, which a snapshot can mend, from errors of the system,
// which it cannot.
func isDamage(err error) bool {
	var d *DamagedError
	return errors.As(err, &d) || errors.Is(err, syscall.EIO)
}

func (o *opener) create() (*direct, error) {
	d, err := newStore(o.Path, o.layout)
	if err != nil {
		return nil, err
	}
	if err := o.install(d); err != nil {
		return nil, err
	}
	o.Log.Info("store created", "path", o.Path)
	return d, nil
}

func (o *opener) install(d *direct) error {
	err := d.install(o.Path)
	if err == nil {
		return nil
	}
	if d.temporary {
		d.discard()
	} else {
		_ = d.close()
	}
	return err
}

// existing opens the file that is there.
func (o *opener) existing(ctx context.Context) (*direct, error) {
	fi, err := os.Stat(o.Path)
	switch {
	case isGone(err):
		return nil, errNoStore
	case err != nil:
		return nil, err
	case fi.Size() == 0: // created, but the power was cut before it was written
		return nil, fmt.Errorf("%w: it is empty", errNoStore)
	case fi.Mode().Perm()&0o077 != 0: // it holds passcodes and keys
		if err := os.Chmod(o.Path, 0o600); err != nil {
			return nil, err
		}
	}
	torn, err := checkFile(o.Path)
	if err != nil {
		return nil, err
	}
	d, err := openDirect(o.Path, false)
	if err != nil {
		return nil, err
	}
	if err := o.prepare(ctx, d); err != nil {
		return nil, errors.Join(err, d.close())
	}
	if torn {
		o.Log.Warn("a meta page is not whole: a commit was cut off, or the flash fails; the last whole state is used", "path", o.Path)
		o.rewrite(ctx, d)
	}
	return d, nil
}

// prepare migrates and verifies.
func (o *opener) prepare(ctx context.Context, d *direct) error {
	found, err := o.layout.readSchema(d, o.Path)
	if err != nil {
		return err
	}
	if found < o.layout.version() {
		if err := o.migrate(ctx, d, found); err != nil {
			return err
		}
	}
	if err := d.checkTails(); err != nil {
		return err
	}
	var rep *report
	if err := d.view(func(r reader) (err error) {
		rep, err = verify(r)
		return err
	}); err != nil {
		return err
	}
	if len(rep.wrong) == 0 {
		return nil
	}
	o.Log.Error("the store's indexes were wrong and are built anew", "path", o.Path, "wrong", rep.wrong)
	return rebuild(d, 0)
}

// migrate brings a store to this program's schema, after a snapshot.
func (o *opener) migrate(ctx context.Context, d *direct, found uint64) error {
	// Kinds of records that the schema did not have are there from now on; a
	// program that knows only the old schema does not look at them.
	if err := makeBuckets(d); err != nil {
		return err
	}
	path, err := nextSnapshot(o.SnapshotDir, o.Now())
	if err != nil {
		return err
	}
	_, err = backup(path, o.layout, func(w io.Writer) error {
		return d.view(func(r reader) error { return writeSnapshot(w, r, o.Now(), ctx.Err) })
	})
	if err != nil {
		return fmt.Errorf("snapshot before the migration: %w", err)
	}
	done, err := o.layout.migrate(d, found)
	if err != nil {
		return err
	}
	o.Log.Info("store migrated", "path", o.Path, "from", found, "to", o.layout.version(), "did", done, "snapshot", path)
	return nil
}

// compact compacts a file when free pages dominate. It is no reason to fail.
func (o *opener) compact(ctx context.Context, d *direct) {
	before := d.stats()
	if before.size < compactAbove || before.free < before.size/2 {
		return
	}
	o.rewrite(ctx, d)
}

func (o *opener) rewrite(ctx context.Context, d *direct) {
	before := d.stats()
	if err := d.compact(ctx); err != nil {
		o.Log.Warn("the store could not be written anew", "path", o.Path, "error", err)
		return
	}
	o.Log.Info("store written anew", "path", o.Path, "bytes_before", before.size, "bytes_after", d.stats().size)
}

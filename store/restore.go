package store

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// idsAhead is by how much ids jump ahead after a restore. Ids that were given
// after the snapshot was taken may still name a guest's quota in the kernel,
// or be printed somewhere, and must not be given to somebody else.
const idsAhead = 100_000

// restoreLock is how long [Restore] waits for a daemon to let go.
const restoreLock = 2 * time.Second

// Restore makes the store at a path anew from a snapshot, in place of what is
// there. No daemon may have it open: that is a [LockedError]. The snapshot is
// read, verified and on the disk as a whole before the old file is replaced,
// at once; whatever fails before that leaves the old one as it is.
func Restore(ctx context.Context, path string, in io.Reader) (SnapshotInfo, error) {
	lock, err := acquireLock(ctx, path, restoreLock)
	if err != nil {
		return SnapshotInfo{}, err
	}
	defer func() { _ = lock.release() }()
	d, info, err := fromSnapshot(ctx, path, in, currentLayout())
	if err != nil {
		return info, err
	}
	if err := d.install(path); err != nil {
		if d.temporary {
			d.discard()
		}
		return info, err
	}
	return info, d.close()
}

// fromSnapshot makes a temporary file for a path from a snapshot, in the
// newest schema, with all indexes, verified.
func fromSnapshot(ctx context.Context, path string, in io.Reader, l *layout) (*direct, SnapshotInfo, error) {
	d, err := newTemporary(path)
	if err != nil {
		return nil, SnapshotInfo{}, err
	}
	info, err := fillFromSnapshot(ctx, d, in, l)
	if err != nil {
		d.discard()
		return nil, info, err
	}
	return d, info, nil
}

func fillFromSnapshot(ctx context.Context, d *direct, in io.Reader, l *layout) (SnapshotInfo, error) {
	load := &loader{d: d}
	defer load.abort()
	if err := load.makeBuckets(); err != nil {
		return SnapshotInfo{}, err
	}
	info, err := readSnapshot(contextReader{ctx, in}, l.version(), load.put)
	if err != nil {
		return info, err
	}
	if err := load.flush(); err != nil {
		return info, err
	}
	found, err := l.readSchema(d, "the snapshot")
	if err != nil {
		return info, err
	}
	if found != info.Schema {
		return info, badSnapshot("its header has schema version %d, its records have %d", info.Schema, found)
	}
	if _, err := l.migrate(d, found); err != nil {
		return info, err
	}
	if err := rebuild(d, idsAhead); err != nil {
		return info, err
	}
	return info, d.view(func(r reader) error {
		rep, err := verify(r)
		if err == nil && len(rep.wrong) > 0 {
			err = fmt.Errorf("its indexes cannot be built: %s", rep.wrong[0])
		}
		if err != nil {
			err = &SnapshotError{err}
		}
		return err
	})
}

// fromSnapshotFile is fromSnapshot on a file.
func fromSnapshotFile(ctx context.Context, path, snapshot string, l *layout) (*direct, SnapshotInfo, error) {
	f, err := os.Open(snapshot)
	if err != nil {
		return nil, SnapshotInfo{}, err
	}
	defer f.Close()
	return fromSnapshot(ctx, path, f, l)
}

// newStore makes a temporary file for a path, with an empty store in it.
func newStore(path string, l *layout) (*direct, error) {
	d, err := newTemporary(path)
	if err != nil {
		return nil, err
	}
	err = (&loader{d: d}).makeBuckets()
	var w writer
	if err == nil {
		w, err = d.begin()
	}
	if err == nil {
		if err = setSchema(w, l.version()); err == nil {
			err = w.commit()
		} else {
			w.rollback()
		}
	}
	if err != nil {
		d.discard()
		return nil, err
	}
	return d, nil
}

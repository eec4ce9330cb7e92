package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// tmpSuffix ends the names of files that are not whole yet. Whoever holds the
// lock may delete them.
const tmpSuffix = ".tmp"

// loadBytes is about how much a loader writes in one transaction.
const loadBytes = 256 << 10

// loader fills a new file with keys in ascending order, in transactions that
// are small enough for a router's memory. Nothing reads the file before it is
// whole, so the ops need not pass an engine.
type loader struct {
	d     *direct
	tx    *bolt.Tx
	bytes int
	n     uint64
}

func (l *loader) put(b bucket, key, value []byte) error {
	if l.tx == nil {
		tx, err := l.d.beginTx(true)
		if err != nil {
			return err
		}
		l.tx = tx
	}
	to, err := l.tx.CreateBucketIfNotExists([]byte(b.String()))
	if err != nil {
		return err
	}
	to.FillPercent = 0.9 // keys come in order; the default leaves pages half full
	if err := to.Put(key, value); err != nil {
		return err
	}
	l.n++
	l.bytes += len(key) + len(value) + 16
	if l.bytes >= loadBytes {
		return l.flush()
	}
	return nil
}

// flush ends the transaction. The slices that were put must be valid until
// then.
func (l *loader) flush() (err error) {
	if l.tx == nil {
		return nil
	}
	tx := l.tx
	l.tx, l.bytes = nil, 0
	defer caught(l.d.path, &err)
	return tx.Commit()
}

func (l *loader) abort() {
	if l.tx != nil {
		_ = l.tx.Rollback()
		l.tx = nil
	}
}

// makeBuckets makes the buckets that are missing.
func (l *loader) makeBuckets() error { return makeBuckets(l.d) }

func makeBuckets(d *direct) (err error) {
	defer caught(d.path, &err)
	return d.db.Update(func(tx *bolt.Tx) error {
		for _, b := range allBuckets() {
			if _, err := tx.CreateBucketIfNotExists([]byte(b.String())); err != nil {
				return err
			}
		}
		return nil
	})
}

// newTemporary starts a new file beside the one that it will become.
func newTemporary(path string) (*direct, error) {
	tmp := path + tmpSuffix
	if err := os.Remove(tmp); err != nil && !isGone(err) {
		return nil, err
	}
	d, err := openDirect(tmp, true)
	if err != nil {
		_ = os.Remove(tmp) // bbolt leaves what it has begun
	}
	return d, err
}

// discard closes and deletes a temporary file.
func (d *direct) discard() {
	_ = d.close()
	_ = os.Remove(d.path)
}

// install makes a temporary file durable and gives it the name of the real
// one, whose place it takes at once or not at all. The file stays open.
func (d *direct) install(path string) error {
	if err := d.sync(); err != nil {
		return fmt.Errorf("sync %s: %w", d.path, err)
	}
	if _, err := checkFile(d.path); err != nil {
		return err
	}
	if err := os.Rename(d.path, path); err != nil {
		return err
	}
	d.path = path
	d.temporary = false
	d.db.NoSync, d.db.NoGrowSync = false, false
	return syncDir(filepath.Dir(path))
}

// compact implements engine.
func (d *direct) compact(ctx context.Context) error {
	return d.rewrite(ctx.Err)
}

// rewrite copies all there is into a new file without holes, swaps the files
// and goes on with the new one. Views that run keep the old one until they
// end. There must be no write transaction.
func (d *direct) rewrite(stop func() error) error {
	fresh, err := newTemporary(d.path)
	if err != nil {
		return err
	}
	if err := copyKeys(fresh, d, stop); err != nil {
		fresh.discard()
		return err
	}
	err = fresh.install(d.path)
	if fresh.temporary { // not installed
		fresh.discard()
		return err
	}
	// The name is the new file's from here on. If that did not reach the
	// disk, the directory may come back with the old one: then the next
	// write tries all this again before it is acknowledged.
	d.doubt = err
	d.mu.Lock()
	old := d.db
	d.db = fresh.db
	d.mu.Unlock()
	return errors.Join(err, old.Close())
}

// copyKeys copies every bucket of a store. stop ends it early by an error.
func copyKeys(to, from *direct, stop func() error) error {
	l := &loader{d: to}
	defer l.abort()
	if err := l.makeBuckets(); err != nil {
		return err
	}
	return from.view(func(r reader) error {
		for _, b := range allBuckets() {
			c := r.cursor(b)
			k, v, err := c.first()
			for ; k != nil && err == nil; k, v, err = c.next() {
				if l.n%256 == 0 {
					if err := stop(); err != nil {
						return err
					}
				}
				if err := l.put(b, k, v); err != nil {
					return err
				}
			}
			if err != nil {
				return err
			}
		}
		return l.flush()
	})
}

// syncDir makes renames and new names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

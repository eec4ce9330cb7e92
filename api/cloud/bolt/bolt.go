// Package bolt keeps a relay's records in one file, for a relay on its own.
package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// bucketName is the one bucket. Its values begin with their revision, 8 bytes,
// big-endian; the bucket's sequence is the last one given.
const bucketName = "records"

// lockWait bounds how long another process may hold the file.
const lockWait = 2 * time.Second

// Store is a cloud.Store.
type Store struct{ db *bbolt.DB }

var _ cloud.Store = (*Store)(nil)

// ErrInUse says that another process has the file open.
var ErrInUse = errors.New("another process has the relay's records open")

// Open opens the records in a file, and makes it if there is none.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("relay's records: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("relay's records: %s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte(bucketName))
		return err
	})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("relay's records: %w", err)
	}
	return &Store{db}, nil
}

// Close implements cloud.Store.
func (s *Store) Close() error { return s.db.Close() }

// Get implements cloud.Store.
func (s *Store) Get(ctx context.Context, key string) (e cloud.Entry, err error) {
	if err := ctx.Err(); err != nil {
		return e, err
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		e, err = read(key, tx.Bucket([]byte(bucketName)).Get([]byte(key)))
		return err
	})
	return e, err
}

// read copies a record: what bbolt returns is valid in its transaction only.
func read(key string, b []byte) (cloud.Entry, error) {
	e := cloud.Entry{Key: key}
	if b == nil {
		return e, nil
	}
	if len(b) < 8 {
		return e, fmt.Errorf("the record %q is damaged", key)
	}
	e.Revision = int64(binary.BigEndian.Uint64(b))
	e.Value = bytes.Clone(b[8:])
	return e, nil
}

// List implements cloud.Store.
func (s *Store) List(ctx context.Context, prefix, after string, limit int) (out []cloud.Entry, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucketName)).Cursor()
		for k, v := c.Seek([]byte(max(prefix, after))); k != nil && bytes.HasPrefix(k, []byte(prefix)) && len(out) < limit; k, v = c.Next() {
			if err := ctx.Err(); err != nil {
				return err
			}
			if string(k) == after {
				continue
			}
			e, err := read(string(k), v)
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

// Commit implements cloud.Store.
func (s *Store) Commit(ctx context.Context, t cloud.Transaction) error {
	if err := errors.Join(ctx.Err(), t.Check()); err != nil {
		return err
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucketName))
		for _, is := range t.If {
			e, err := read(is.Key, b.Get([]byte(is.Key)))
			if err != nil {
				return err
			}
			if e.Revision != is.Revision {
				return cloud.ErrConflict
			}
		}
		for _, key := range t.Delete {
			if err := b.Delete([]byte(key)); err != nil {
				return err
			}
		}
		revision, err := b.NextSequence()
		if err != nil {
			return err
		}
		for _, e := range t.Put {
			v := append(binary.BigEndian.AppendUint64(nil, revision), e.Value...)
			if err := b.Put([]byte(e.Key), v); err != nil {
				return err
			}
		}
		return nil
	})
}

package bench

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// boltLoop is bbolt without anything around it, as it is configured by default:
// a record of a voucher's size in one bucket, each on the disk (two calls of
// fdatasync) before the next call returns.
type boltLoop struct {
	db *bolt.DB

	mu   sync.Mutex // guards next
	next uint64
}

const boltRecord = 100

var errBucket = errors.New("the bucket is missing")

func openBolt(path string) (*boltLoop, error) {
	opts := *bolt.DefaultOptions
	opts.Timeout = time.Second
	db, err := bolt.Open(path, 0o600, &opts)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte("a"))
		return err
	})
	return &boltLoop{db: db}, err
}

func (b *boltLoop) close() error { return b.db.Close() }

// put writes the next record in a transaction.
func (b *boltLoop) put(tx *bolt.Tx) error {
	b.mu.Lock()
	b.next++
	key := binary.BigEndian.AppendUint64(nil, b.next)
	b.mu.Unlock()
	bucket := tx.Bucket([]byte("a"))
	if bucket == nil {
		return errBucket
	}
	return bucket.Put(key, make([]byte, boltRecord))
}

// update writes a record in a transaction of its own.
func (b *boltLoop) update() error { return b.db.Update(b.put) }

// batch writes a record in a transaction that concurrent callers share.
func (b *boltLoop) batch() error { return b.db.Batch(b.put) }

// commit is update or batch; nothing at all if there is no loop.
func (b *boltLoop) commit(shared bool) error {
	switch {
	case b == nil:
		return nil
	case shared:
		return b.batch()
	}
	return b.update()
}

// bulk writes n records in one transaction.
func (b *boltLoop) bulk(n int) error {
	return b.db.Update(func(tx *bolt.Tx) error {
		for range n {
			if err := b.put(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// timeCommit returns the milliseconds of one commit.
func (b *boltLoop) timeCommit() (float64, error) {
	begun := time.Now()
	err := b.update()
	return millis(time.Since(begun)), err
}

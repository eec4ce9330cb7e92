package store

import (
	"bytes"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// Of the buckets that grow at their end, the newest records are in a tail: a
// bucket of bbolt's that is so small that bbolt keeps it inside the page that
// has all buckets' roots, which every commit writes. A voucher that is made would
// otherwise dirty the last leaf of the vouchers and that of the audit log, and
// the branches above both: four of a commit's seven pages. When a tail is full,
// its records move to where they belong, in the transaction that fills it.
//
// All keys of a tail are above all others of its bucket, so that the two are
// read one after the other. Above the engine nobody can tell.

// tailRoom is how much records in a tail may take. bbolt keeps a bucket inside
// another's page up to a quarter of a page, with a header.
const tailRoom = pageSize/4 - 16

// tailSize is what a record takes in a tail.
func tailSize(key, value []byte) int { return 16 + len(key) + len(value) }

// tailName is the name of a bucket's tail in a bbolt file, which has it from the
// first record on; "" if the bucket never has one. The names are beside that of
// the counters, which change together with tails.
func tailName(b bucket) string {
	switch b {
	case bktVouchers:
		return "newest-vouchers"
	case bktAudit:
		return "newest-audit"
	}
	return ""
}

// lastTailed is the highest number of a bucket that has a tail.
const lastTailed = bktAudit

// tail returns a bucket's tail, or nil if there is none.
func (r *boltReader) tail(b bucket) *bolt.Bucket {
	name := tailName(b)
	if name == "" {
		return nil
	}
	if r.tails[b] == nil {
		r.tails[b] = r.tx.Bucket([]byte(name))
	}
	return r.tails[b]
}

// home returns where a record is to be put or deleted.
func (w *boltWriter) home(o op) (*bolt.Bucket, error) {
	name := tailName(o.bucket)
	if name == "" {
		return w.bucket(o.bucket), nil
	}
	t := w.tail(o.bucket)
	first, size := extent(t, o.key)
	switch {
	case first != nil && bytes.Compare(o.key, first) < 0:
		return w.bucket(o.bucket), nil
	case o.value == nil && first != nil:
		return t, nil
	case o.value == nil, w.settled[o.bucket]:
		return w.bucket(o.bucket), nil
	case first == nil:
		main := w.bucket(o.bucket)
		if last, _ := main.Cursor().Last(); bytes.Compare(o.key, last) <= 0 {
			return main, nil
		}
	}
	if t == nil {
		var err error
		if t, err = w.tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return nil, err
		}
		w.tails[o.bucket] = t
	}
	if size+tailSize(o.key, o.value) <= tailRoom {
		return t, nil
	}
	// The transaction may be one that writes thousands: it does without a tail
	// from here on.
	w.settled[o.bucket] = true
	main := w.bucket(o.bucket)
	return main, settleTail(t, main)
}

// extent returns the first key of a tail, which is nil if there is none, and what
// its records take but for that of a key.
func extent(t *bolt.Bucket, but []byte) (first []byte, size int) {
	if t == nil {
		return nil, 0
	}
	c := t.Cursor()
	k, v := c.First()
	for first = k; k != nil; k, v = c.Next() {
		if !bytes.Equal(k, but) {
			size += tailSize(k, v)
		}
	}
	return first, size
}

// settleTail moves what is in a tail to where it belongs.
func settleTail(t, main *bolt.Bucket) error {
	for {
		k, v := t.Cursor().First() // a cursor must not see its bucket change
		if k == nil {
			return nil
		}
		k, v = slices.Clone(k), slices.Clone(v)
		if err := main.Put(k, v); err != nil {
			return err
		}
		if err := t.Delete(k); err != nil {
			return err
		}
	}
}

// checkTails looks for records in tails that nobody would find.
func (d *direct) checkTails() error {
	return d.view(func(r reader) (err error) {
		defer caught(d.path, &err)
		x := r.(*boltReader)
		for _, b := range recordBuckets() {
			t := x.tail(b)
			if t == nil {
				continue
			}
			last, _ := x.bucket(b).Cursor().Last()
			if first, _ := t.Cursor().First(); first != nil && bytes.Compare(first, last) <= 0 {
				return damaged(b, first, errRecord)
			}
		}
		return nil
	})
}

// boltCursor walks a bucket, and then its tail.
type boltCursor struct {
	r *boltReader
	b bucket
	c *bolt.Cursor
	t *bolt.Cursor // nil: there is no tail, or it was not needed yet

	inTail bool
}

func (c *boltCursor) cursor() *bolt.Cursor {
	c.inTail = false
	if c.c == nil {
		c.c = c.r.bucket(c.b).Cursor()
	}
	return c.c
}

// tail is the tail's cursor; nil if there is no tail.
func (c *boltCursor) tail() *bolt.Cursor {
	if c.t == nil {
		if t := c.r.tail(c.b); t != nil {
			c.t = t.Cursor()
		}
	}
	c.inTail = c.t != nil
	return c.t
}

func (c *boltCursor) first() (key, value []byte, err error) {
	defer caught(c.b.String(), &err)
	key, value = c.cursor().First()
	if key == nil && c.tail() != nil {
		key, value = c.t.First()
	}
	return key, value, nil
}

func (c *boltCursor) last() (key, value []byte, err error) {
	defer caught(c.b.String(), &err)
	if c.tail() != nil {
		key, value = c.t.Last()
	}
	if key == nil {
		key, value = c.cursor().Last()
	}
	return key, value, nil
}

func (c *boltCursor) seek(to []byte) (key, value []byte, err error) {
	defer caught(c.b.String(), &err)
	key, value = c.cursor().Seek(to)
	if key == nil && c.tail() != nil {
		key, value = c.t.Seek(to)
	}
	return key, value, nil
}

func (c *boltCursor) next() (key, value []byte, err error) {
	defer caught(c.b.String(), &err)
	if c.inTail {
		key, value = c.t.Next()
		return key, value, nil
	}
	key, value = c.cursor().Next()
	if key == nil && c.tail() != nil {
		key, value = c.t.First()
	}
	return key, value, nil
}

func (c *boltCursor) prev() (key, value []byte, err error) {
	defer caught(c.b.String(), &err)
	if !c.inTail {
		key, value = c.cursor().Prev()
		return key, value, nil
	}
	if key, value = c.t.Prev(); key == nil {
		key, value = c.cursor().Last()
	}
	return key, value, nil
}

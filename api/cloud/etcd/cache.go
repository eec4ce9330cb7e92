package etcd

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

const (
	// absentFor is how long it is remembered that there is no such record.
	absentFor = time.Second
	// maxAbsent bounds what is remembered of records that there are not, apart
	// from the others, which whoever guesses names must not drive out.
	maxAbsent = 4 << 20 // bytes
	// maxFetches bounds how many records are fetched at a time.
	maxFetches = 1024
)

// hot reports whether requests need a record again and again.
func hot(key string) bool {
	return strings.HasPrefix(key, "prefix/") || strings.HasPrefix(key, "router/") || strings.HasPrefix(key, "token/")
}

// cache has the hot records in memory. Each is as of one of etcd's revisions, and
// is right as long as the watch has told of no later change.
type cache struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	items   map[string]*item
	there   ring
	absent  ring
	fetches map[string]*fetch // under way, one for all who wait for a record
	under   int               // fetches under way, also those that nobody may join any more
	floor   int64             // what is older was read before the watch lost its place
}

// fetch is a record that is being read.
type fetch struct {
	key     string
	changed int64 // the record has been changed since, in this revision; 0: it has not
	done    chan struct{}
	e       cloud.Entry
	err     error
}

func newCache(most int64, now func() time.Time) *cache {
	return &cache{now: now, items: map[string]*item{}, there: ring{most: most}, absent: ring{most: maxAbsent}, fetches: map[string]*fetch{}}
}

// get returns a record that is in memory.
func (c *cache) get(key string) (cloud.Entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.items[key]
	if x == nil {
		return cloud.Entry{}, false
	}
	if x.rev == 0 && !c.now().Before(x.expires) {
		c.drop(x)
		return cloud.Entry{}, false
	}
	r := x.ring
	r.cut(x)
	r.push(x)
	return cloud.Entry{Key: key, Value: bytes.Clone(x.value), Revision: x.rev}, true
}

// drop forgets an item. c.mu is held.
func (c *cache) drop(x *item) {
	x.ring.cut(x)
	delete(c.items, x.key)
}

// keep remembers a record as of a revision, unless something later is known.
// c.mu is held.
func (c *cache) keep(e cloud.Entry, at int64) {
	if old := c.items[e.Key]; old != nil {
		if old.at > at {
			return
		}
		c.drop(old)
	}
	if at < c.floor {
		return
	}
	x := &item{key: e.Key, value: bytes.Clone(e.Value), rev: e.Revision, at: at}
	in := &c.there
	if e.Revision == 0 {
		in, x.expires = &c.absent, c.now().Add(absentFor)
	}
	if x.size() > in.most {
		return
	}
	c.items[x.key] = x
	in.push(x)
	for in.bytes > in.most {
		c.drop(in.least)
	}
}

// begin returns the fetch of a record, and whether the caller has to do it; nil:
// there are too many.
func (c *cache) begin(key string) (f *fetch, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.fetches[key]; f != nil {
		return f, false
	}
	if c.under >= maxFetches {
		return nil, false
	}
	f = &fetch{key: key, done: make(chan struct{})}
	c.fetches[key] = f
	c.under++
	return f, true
}

// end gives a fetched record, as of a revision, to all who wait for it.
func (c *cache) end(f *fetch, e cloud.Entry, at int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.under--
	if c.fetches[f.key] == f {
		delete(c.fetches, f.key)
	}
	f.e, f.err = e, err
	if err == nil && at >= f.changed {
		c.keep(e, at)
	}
	close(f.done)
}

// leave makes a fetch one that nobody joins any more, since the record has been
// changed. c.mu is held.
func (c *cache) leave(key string, at int64) {
	if f := c.fetches[key]; f != nil {
		f.changed = at
		delete(c.fetches, key)
	}
}

// wrote is told what this relay has made of a record; e.Revision 0: it has
// deleted it.
func (c *cache) wrote(e cloud.Entry, at int64) {
	if !hot(e.Key) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(e.Key, at)
	c.keep(e, at)
}

// changed is told what the watch tells. What is not in memory stays out.
func (c *cache) changed(e cloud.Entry, at int64) {
	if !hot(e.Key) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(e.Key, at)
	x := c.items[e.Key]
	switch {
	case x == nil || x.at >= at:
	case e.Revision == 0:
		c.drop(x)
	default:
		c.keep(e, at)
	}
}

// doubt forgets what may be wrong: etcd knows better.
func (c *cache) doubt(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.fetches[key]; f != nil {
		f.changed = 1<<63 - 1
		delete(c.fetches, key)
	}
	if x := c.items[key]; x != nil {
		c.drop(x)
	}
}

// restart forgets everything that is older than a revision: the watch goes on
// from there, and nobody knows what was before.
func (c *cache) restart(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor = at
	clear(c.items)
	c.there, c.absent = ring{most: c.there.most}, ring{most: c.absent.most}
	for key, f := range c.fetches {
		f.changed = at
		delete(c.fetches, key)
	}
}

// size returns how many records are in memory, and how many bytes they take.
func (c *cache) size() (records int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.items), c.there.bytes + c.absent.bytes
}

// cached returns a hot record from memory, or reads it for all who want it.
func (d *DB) cached(ctx context.Context, key string) (cloud.Entry, error) {
	if e, ok := d.cache.get(key); ok {
		return e, nil
	}
	f, mine := d.cache.begin(key)
	if f == nil {
		return cloud.Entry{}, fmt.Errorf("%w: etcd: too many records are being read", cloud.ErrUnreachable)
	}
	if mine && !d.task(func() { // whoever began it may lose interest before the others
		e, at, err := d.read(d.ctx, key)
		d.cache.end(f, e, at, err)
	}) {
		d.cache.end(f, cloud.Entry{}, 0, ErrClosed)
	}
	select {
	case <-f.done:
	case <-ctx.Done():
		return cloud.Entry{}, ctx.Err()
	}
	if f.err != nil {
		return cloud.Entry{}, f.err
	}
	e := f.e
	e.Value = bytes.Clone(e.Value)
	return e, nil
}

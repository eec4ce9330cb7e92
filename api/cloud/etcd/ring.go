package etcd

import "time"

// item is a record in memory, or that there is none.
type item struct {
	key     string
	value   []byte
	rev     int64     // of the record; 0: there is none
	at      int64     // as of which of etcd's revisions
	expires time.Time // of one that there is none of
	ring    *ring     // which it is in

	before, after *item
}

// overhead is what an item costs beside its key and value, about.
const overhead = 200 // bytes

func (x *item) size() int64 { return int64(len(x.key)+len(x.value)) + overhead }

// ring is items in the order of their last use. The zero value, with a bound, is
// an empty one.
type ring struct {
	bytes, most   int64
	newest, least *item
}

// push makes an item the one used last.
func (r *ring) push(x *item) {
	x.ring, x.before, x.after = r, nil, r.newest
	if r.newest != nil {
		r.newest.before = x
	}
	r.newest = x
	if r.least == nil {
		r.least = x
	}
	r.bytes += x.size()
}

// cut takes an item out.
func (r *ring) cut(x *item) {
	if x.before != nil {
		x.before.after = x.after
	} else {
		r.newest = x.after
	}
	if x.after != nil {
		x.after.before = x.before
	} else {
		r.least = x.before
	}
	x.ring, x.before, x.after = nil, nil, nil
	r.bytes -= x.size()
}

package etcd

import (
	"context"
	"slices"
	"strings"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// watchers are those who are told what happens.
type watchers struct {
	mu  sync.Mutex
	all []*cloud.Watcher // replaced, never changed
}

// add tells w until ctx ends.
func (s *watchers) add(ctx context.Context, w cloud.Watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(slices.Clip(s.all), &w)
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = slices.DeleteFunc(slices.Clone(s.all), func(x *cloud.Watcher) bool { return x == &w })
	})
}

func (s *watchers) each() []*cloud.Watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

func (s *watchers) moved(router string, to cloud.Node) {
	for _, w := range s.each() {
		if w.Moved != nil {
			w.Moved(router, to)
		}
	}
}

func (s *watchers) changed(key string) {
	for _, w := range s.each() {
		if w.Changed != nil {
			w.Changed(key)
		}
	}
}

func (s *watchers) missed() {
	for _, w := range s.each() {
		if w.Missed != nil {
			w.Missed()
		}
	}
}

// records follows the records: the memory of them, and who wants to know.
type records struct{ d *DB }

// restart implements follower. Of records that are not in memory nothing has to
// be read.
func (r records) restart(ctx context.Context, first bool) (int64, error) {
	rev, err := r.d.revision(ctx)
	if err != nil {
		return 0, err
	}
	r.d.cache.restart(rev)
	if !first {
		r.d.watchers.missed()
	}
	return rev, nil
}

// put implements follower.
func (r records) put(kv *mvccpb.KeyValue) {
	e := r.d.entryOf(kv)
	r.d.cache.changed(e, e.Revision)
	r.d.watchers.changed(e.Key)
}

// gone implements follower.
func (r records) gone(key string, rev int64) {
	key = strings.TrimPrefix(key, r.d.recordKey(""))
	r.d.cache.changed(cloud.Entry{Key: key}, rev)
	r.d.watchers.changed(key)
}

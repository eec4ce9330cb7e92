package etcd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Registry is a cloud.Registry.
type Registry struct {
	d     *DB
	self  cloud.Node
	value string // of the key "node/<id>"
	log   *slog.Logger

	places atomic.Pointer[places]
	claims *claims
	last   atomic.Int64 // the latest of etcd's revisions that is known
	lapsed chan struct{}

	lease atomic.Int64
	end   context.CancelFunc
	work  sync.WaitGroup
	once  sync.Once
	over  error // of Close
}

var _ cloud.Registry = (*Registry)(nil)

// ErrTaken says that a relay of the same id lives.
var ErrTaken = errors.New("a relay with this id lives already; give each relay an id of its own")

// Join makes this relay one of those that live, until the registry is closed. It
// returns when all that is known of where routers are has been read.
func (d *DB) Join(ctx context.Context, self cloud.Node) (cloud.Registry, error) {
	if err := checkNode(self); err != nil {
		return nil, err
	}
	value, err := json.Marshal(self)
	if err != nil {
		return nil, err
	}
	own, end := context.WithCancel(d.ctx)
	r := &Registry{d: d, self: self, value: string(value), log: d.log.With("relay", self.ID), claims: newClaims(), lapsed: make(chan struct{}, 1), end: end}
	r.places.Store(newPlaces())
	if err := r.announce(ctx, true); err != nil {
		end()
		return nil, fmt.Errorf("joining the relays: %w", err)
	}
	started := make(chan struct{})
	feed := d.newFeed(atPart, liveEnd, r)
	for _, task := range []func(){
		func() { feed.run(own, func() { close(started) }) },
		func() { r.stay(own) },
		func() { r.write(own) },
		func() { r.sweep(own) },
	} {
		r.work.Add(1)
		if !d.task(func() { defer r.work.Done(); task() }) {
			r.work.Done()
			end()
			return nil, ErrClosed
		}
	}
	select {
	case <-started:
		return r, nil
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("joining the relays: %w", ctx.Err()), r.Close(context.WithoutCancel(ctx)))
	}
}

// Self implements cloud.Registry.
func (r *Registry) Self() cloud.Node { return r.self }

// Nodes implements cloud.Registry.
func (r *Registry) Nodes() []cloud.Node { return r.places.Load().nodes() }

// Watch implements cloud.Registry.
func (r *Registry) Watch(ctx context.Context, w cloud.Watcher) { r.d.watchers.add(ctx, w) }

// Where implements cloud.Registry.
func (r *Registry) Where(ctx context.Context, router string) (cloud.Node, error) {
	if err := ctx.Err(); err != nil {
		return cloud.Node{}, err
	}
	node, alive, rev := r.places.Load().of(router)
	switch {
	case rev == 0:
		return cloud.Node{}, cloud.ErrNowhere
	case node.ID == r.self.ID:
		// It is alive, whatever etcd says; and it has a router only until Leave.
		if !r.claims.has(router) {
			return cloud.Node{}, cloud.ErrNowhere
		}
		return r.self, nil
	case !alive:
		return cloud.Node{}, cloud.ErrNowhere
	}
	return node, nil
}

// Routers returns how many routers are noted, on all relays.
func (r *Registry) Routers() int { return r.places.Load().count() }

// Enter implements cloud.Registry.
func (r *Registry) Enter(ctx context.Context, router string) error { return r.ask(ctx, router, true) }

// Leave implements cloud.Registry.
func (r *Registry) Leave(ctx context.Context, router string) error { return r.ask(ctx, router, false) }

func (r *Registry) ask(ctx context.Context, router string, want bool) error {
	if !plain(router, maxRouter) {
		return errors.New("a router's id has 1 to 128 of a-z, A-Z, 0-9, dot, dash and underscore")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, _, base := r.places.Load().of(router)
	select {
	case err := <-r.claims.ask(router, want, base, r.d.cfg.Now()):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// put implements follower.
func (r *Registry) put(kv *mvccpb.KeyValue) {
	r.later(kv.ModRevision)
	now := r.d.cfg.Now()
	if id, ok := strings.CutPrefix(string(kv.Key), r.d.cfg.Prefix+nodePart); ok {
		if node, ok := readNode(id, kv.Value); ok {
			if _, alive := r.places.Load().node(id); !alive && id != r.self.ID {
				r.log.Info("another relay has joined", "other", id, "peer", node.Peer)
			}
			r.places.Load().lives(node, now)
		}
		return
	}
	router, owner := strings.TrimPrefix(string(kv.Key), r.d.cfg.Prefix+atPart), string(kv.Value)
	if !plain(router, maxRouter) || !plain(owner, maxID) {
		return // not of this program
	}
	p := r.places.Load()
	news := p.set(router, owner, kv.ModRevision, now)
	if to, tell := r.overtaken(router, owner, kv.ModRevision, news); tell {
		r.d.watchers.moved(router, to)
	}
}

// gone implements follower.
func (r *Registry) gone(key string, rev int64) {
	r.later(rev)
	if id, ok := strings.CutPrefix(key, r.d.cfg.Prefix+nodePart); ok {
		if id == r.self.ID {
			select {
			case r.lapsed <- struct{}{}:
			default: // it is going to look
			}
			return
		}
		if _, alive := r.places.Load().node(id); alive {
			r.log.Info("another relay is gone", "other", id)
		}
		r.places.Load().dies(id, r.d.cfg.Now())
		return
	}
	router := strings.TrimPrefix(key, r.d.cfg.Prefix+atPart)
	r.places.Load().remove(router, rev)
	r.deleted(router, rev)
}

// later notes how far etcd is.
func (r *Registry) later(rev int64) {
	for {
		last := r.last.Load()
		if rev <= last || r.last.CompareAndSwap(last, rev) {
			return
		}
	}
}

const (
	// pageKeys is how many keys are read at a time, some 5 MB: with every page etcd
	// counts all the keys that come after it, and there may be a million.
	pageKeys = 50_000
	// pageTimes is how much longer than another call that may take.
	pageTimes = 4
)

// restart implements follower: it reads who lives and where routers are.
func (r *Registry) restart(ctx context.Context, first bool) (int64, error) {
	last, now := r.last.Load(), r.d.cfg.Now()
	p := newPlaces()
	p.lives(r.self, now)
	from, end := r.d.cfg.Prefix+atPart, r.d.cfg.Prefix+liveEnd
	var rev int64
	for more := true; more; {
		var page *clientv3.GetResponse
		err := r.d.askWithin(ctx, pageTimes*r.d.cfg.Timeout, func(ctx context.Context) (err error) {
			page, err = r.d.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageKeys), clientv3.WithRev(rev))
			return err
		})
		if err != nil {
			return 0, err
		}
		if rev == 0 {
			rev = page.Header.Revision
		}
		for _, kv := range page.Kvs {
			r.read(p, kv, now)
		}
		if more = page.More; more {
			from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		}
	}
	p.since(r.places.Load())
	lost := r.compare(p, rev, rev < last)
	r.last.Store(rev)
	for router, to := range lost {
		r.d.watchers.moved(router, to)
	}
	if !first {
		r.d.watchers.missed()
	}
	return rev, nil
}

// read takes one key into what is known.
func (r *Registry) read(p *places, kv *mvccpb.KeyValue, now time.Time) {
	key := strings.TrimPrefix(string(kv.Key), r.d.cfg.Prefix)
	if id, ok := strings.CutPrefix(key, nodePart); ok {
		if node, ok := readNode(id, kv.Value); ok {
			p.lives(node, now)
		}
		return
	}
	router, owner := strings.TrimPrefix(key, atPart), string(kv.Value)
	if plain(router, maxRouter) && plain(owner, maxID) {
		p.set(router, owner, kv.ModRevision, now)
	}
}

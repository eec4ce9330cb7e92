package etcd

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// batch is how many keys are written in one transaction; etcd takes 128.
	batch = 100
	// flights is how many transactions are under way at a time. What comes
	// meanwhile is gathered for the next one.
	flights = 4
)

// write writes what is to be written until ctx ends.
func (r *Registry) write(ctx context.Context) {
	var flying sync.WaitGroup
	defer flying.Wait()
	seats := make(chan struct{}, flights)
	for {
		select {
		case <-r.claims.wake:
		case <-ctx.Done():
			return
		}
		for {
			select {
			case seats <- struct{}{}:
			case <-ctx.Done():
				return
			}
			writes := r.claims.take(batch)
			if len(writes) == 0 {
				<-seats
				break
			}
			flying.Go(func() {
				defer func() { <-seats }()
				r.fly(ctx, writes)
			})
		}
	}
}

// fly makes writes, each of which takes place or not by itself, in one
// transaction.
func (r *Registry) fly(ctx context.Context, writes []write) {
	var ops []clientv3.Op
	for _, w := range writes {
		ops = append(ops, r.op(w))
	}
	var answer *clientv3.TxnResponse
	err := r.d.change(ctx, func(ctx context.Context) (err error) {
		answer, err = r.d.client.Txn(ctx).Then(ops...).Commit()
		return err
	})
	if err == nil && len(answer.Responses) != len(writes) {
		err = errors.New("etcd: an answer of another length")
	}
	if err != nil {
		r.failed(ctx, writes, err)
		return
	}
	r.later(answer.Header.Revision)
	for i, w := range writes {
		if to, lost := r.settle(w, outcomeOf(answer.Responses[i].GetResponseTxn(), answer.Header.Revision)); lost {
			r.d.watchers.moved(w.router, to)
		}
	}
}

// op makes an operation of a write: a transaction within the transaction.
func (r *Registry) op(w write) clientv3.Op {
	key := r.d.cfg.Prefix + atPart + w.router
	as := []clientv3.Cmp{clientv3.Compare(clientv3.ModRevision(key), "=", w.on)}
	is := []clientv3.Op{clientv3.OpGet(key)}
	switch {
	case w.want:
		return clientv3.OpTxn(as, []clientv3.Op{clientv3.OpPut(key, r.self.ID)}, is)
	case w.on != 0:
		return clientv3.OpTxn(as, []clientv3.Op{clientv3.OpDelete(key)}, is)
	}
	return clientv3.OpTxn(as, nil, is)
}

func outcomeOf(t *etcdserverpb.TxnResponse, rev int64) outcome {
	o := outcome{done: t.GetSucceeded(), rev: rev}
	if !o.done && len(t.GetResponses()) == 1 {
		if kvs := t.GetResponses()[0].GetResponseRange().GetKvs(); len(kvs) == 1 {
			o.kv = kvs[0]
		}
	}
	return o
}

// failed tells those who wait, and has the writes made again a little later.
func (r *Registry) failed(ctx context.Context, writes []write, err error) {
	r.claims.fail(writes, err)
	_ = pause(ctx, waitMost/4+rand.N(waitMost/2)) // at the end, nobody writes
	r.claims.again(writes)
}

// sweep removes, now and then, the keys of routers whose relay is long gone.
func (r *Registry) sweep(ctx context.Context) {
	for {
		// Not all relays at once: what one has removed, the others need not.
		if pause(ctx, r.d.cfg.Forget/4+rand.N(r.d.cfg.Forget/2)) != nil {
			return
		}
		for _, id := range r.places.Load().dead(r.d.cfg.Now().Add(-r.d.cfg.Forget)) {
			r.remove(ctx, id)
		}
	}
}

// sweepEvery is the pace of removing, a batch at a time.
const sweepEvery = 100 * time.Millisecond

// remove removes the keys of the routers of a relay that is gone.
func (r *Registry) remove(ctx context.Context, id string) {
	var all []write
	r.places.Load().on(id, func(router string, rev int64) bool {
		all = append(all, write{router: router, on: rev})
		return true
	})
	n := len(all)
	for len(all) > 0 {
		some := all[:min(batch, len(all))]
		all = all[len(some):]
		var ops []clientv3.Op
		for _, w := range some {
			ops = append(ops, r.op(w))
		}
		err := r.d.change(ctx, func(ctx context.Context) error {
			_, err := r.d.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(r.d.cfg.Prefix+nodePart+id), "=", 0)).Then(ops...).Commit()
			return err
		})
		if err != nil || pause(ctx, sweepEvery) != nil {
			return // the rest is for the next time
		}
	}
	r.log.Info("routers of a relay that is gone were removed", "other", id, "routers", n)
}

package etcd

import (
	"context"
	"errors"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// errLapsed says that this relay was silent for too long.
var errLapsed = errors.New("the relay's lease has ended")

// announce writes that this relay lives, for as long as it is heard of.
func (r *Registry) announce(ctx context.Context, first bool) error {
	var lease clientv3.LeaseID
	err := r.d.ask(ctx, func(ctx context.Context) error { // one too many ends by itself
		l, err := r.d.client.Grant(ctx, int64(r.d.cfg.TTL/time.Second))
		if err == nil {
			lease = l.ID
		}
		return err
	})
	if err != nil {
		return err
	}
	key := r.d.cfg.Prefix + nodePart + r.self.ID
	var conditions []clientv3.Cmp
	if first {
		conditions = append(conditions, clientv3.Compare(clientv3.CreateRevision(key), "=", 0))
	}
	var answer *clientv3.TxnResponse
	err = r.d.change(ctx, func(ctx context.Context) (err error) {
		answer, err = r.d.client.Txn(ctx).If(conditions...).Then(clientv3.OpPut(key, r.value, clientv3.WithLease(lease))).Commit()
		return err
	})
	if err == nil && !answer.Succeeded {
		err = ErrTaken
	}
	if err == nil {
		r.lease.Store(int64(lease))
	}
	return err
}

// stay keeps the lease until ctx ends, and takes another one when it has ended.
func (r *Registry) stay(ctx context.Context) {
	every := r.d.cfg.TTL / 3
	next := time.NewTimer(every)
	defer next.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-r.lapsed: // the watch says so; it may be old news
			err = r.keep(ctx, every/3)
		case <-next.C:
			err = r.keep(ctx, every/3)
		}
		if errors.Is(err, errLapsed) {
			if err = r.announce(ctx, false); err == nil {
				r.log.Warn("this relay was out of etcd's reach for too long; it has joined again")
			}
		}
		if err != nil {
			next.Reset(every / 20) // another member may answer
		} else {
			next.Reset(every)
		}
	}
}

// keep tells etcd that this relay lives. The client's own way would keep to one
// member, also when that has fallen silent.
func (r *Registry) keep(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), within)
	defer cancel()
	stream, err := pb.NewLeaseClient(r.d.client.ActiveConnection()).LeaseKeepAlive(ctx)
	if err != nil {
		return err
	}
	if err := stream.Send(&pb.LeaseKeepAliveRequest{ID: r.lease.Load()}); err != nil {
		return err
	}
	answer, err := stream.Recv()
	if err != nil {
		return err
	}
	if answer.TTL <= 0 {
		return errLapsed
	}
	return stream.CloseSend()
}

// Close implements cloud.Registry. The relay counts as gone before its routers
// are taken out one after the other, as far as ctx goes.
func (r *Registry) Close(ctx context.Context) error {
	r.once.Do(func() {
		r.end()
		r.work.Wait()
		r.over = errors.Join(r.d.change(ctx, func(ctx context.Context) error {
			_, err := r.d.client.Revoke(ctx, clientv3.LeaseID(r.lease.Load()))
			if errors.Is(err, rpctypes.ErrLeaseNotFound) {
				return nil
			}
			return err
		}), r.leaveAll(ctx))
	})
	return r.over
}

// leaveAll deletes the keys of all routers that are noted here.
func (r *Registry) leaveAll(ctx context.Context) error {
	r.claims.mu.Lock()
	var ops []clientv3.Op
	for router, c := range r.claims.all {
		key := r.d.cfg.Prefix + atPart + router
		ops = append(ops, clientv3.OpTxn([]clientv3.Cmp{clientv3.Compare(clientv3.Value(key), "=", r.self.ID)}, []clientv3.Op{clientv3.OpDelete(key)}, nil))
		c.want = false
		c.answer(c.call, ErrClosed)
	}
	r.claims.over = true
	r.claims.mu.Unlock()
	for len(ops) > 0 {
		n := min(batch, len(ops))
		err := r.d.change(ctx, func(ctx context.Context) error {
			_, err := r.d.client.Txn(ctx).Then(ops[:n]...).Commit()
			return err
		})
		if err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}

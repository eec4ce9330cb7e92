package etcd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

const (
	// recordPart stands before a record's key.
	recordPart = "record/"
	// maxPage bounds a page of a list: of the largest records it has 32 MiB.
	maxPage = 500
)

func (d *DB) recordKey(key string) string { return d.cfg.Prefix + recordPart + key }

// entryOf makes an entry of what etcd has under a record's key.
func (d *DB) entryOf(kv *mvccpb.KeyValue) cloud.Entry {
	return cloud.Entry{Key: strings.TrimPrefix(string(kv.Key), d.recordKey("")), Value: kv.Value, Revision: kv.ModRevision}
}

// Get implements cloud.Store.
func (d *DB) Get(ctx context.Context, key string) (cloud.Entry, error) {
	if hot(key) {
		return d.cached(ctx, key)
	}
	e, _, err := d.read(ctx, key)
	return e, err
}

// read asks etcd for a record, and returns as of which of etcd's revisions.
func (d *DB) read(ctx context.Context, key string) (e cloud.Entry, at int64, err error) {
	e.Key = key
	err = d.ask(ctx, func(ctx context.Context) error {
		r, err := d.client.Get(ctx, d.recordKey(key))
		if err != nil {
			return err
		}
		at = r.Header.Revision
		if len(r.Kvs) > 0 {
			e = d.entryOf(r.Kvs[0])
		}
		return nil
	})
	return e, at, err
}

// List implements cloud.Store. Pages are as large as asked for, but each is read
// at its own moment.
func (d *DB) List(ctx context.Context, prefix, after string, limit int) (out []cloud.Entry, err error) {
	end := clientv3.GetPrefixRangeEnd(d.recordKey(prefix))
	from := d.recordKey(prefix)
	if after != "" && after >= prefix {
		from = d.recordKey(after) + "\x00"
	}
	if from >= end {
		return nil, nil // all that begin with prefix are before after
	}
	for len(out) < limit {
		page := min(limit-len(out), maxPage)
		var r *clientv3.GetResponse
		err := d.ask(ctx, func(ctx context.Context) (err error) {
			r, err = d.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(int64(page)))
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, kv := range r.Kvs {
			out = append(out, d.entryOf(kv))
			from = string(kv.Key) + "\x00"
		}
		if !r.More {
			break
		}
	}
	return out, nil
}

// Commit implements cloud.Store.
func (d *DB) Commit(ctx context.Context, t cloud.Transaction) error {
	if err := errors.Join(ctx.Err(), t.Check()); err != nil {
		return err
	}
	var conditions []clientv3.Cmp
	for _, e := range t.If {
		conditions = append(conditions, clientv3.Compare(clientv3.ModRevision(d.recordKey(e.Key)), "=", e.Revision))
	}
	var changes []clientv3.Op
	for _, e := range t.Put {
		changes = append(changes, clientv3.OpPut(d.recordKey(e.Key), string(e.Value)))
	}
	for _, key := range t.Delete {
		changes = append(changes, clientv3.OpDelete(d.recordKey(key)))
	}
	var r *clientv3.TxnResponse
	err := d.change(ctx, func(ctx context.Context) (err error) {
		r, err = d.client.Txn(ctx).If(conditions...).Then(changes...).Commit()
		return err
	})
	if err == nil && !r.Succeeded {
		err = cloud.ErrConflict
	}
	d.remember(t, r, err)
	return err
}

// remember makes the memory know what has become of a transaction.
func (d *DB) remember(t cloud.Transaction, r *clientv3.TxnResponse, err error) {
	if err == nil {
		at := r.Header.Revision
		for _, e := range t.Put {
			e.Revision = at
			d.cache.wrote(e, at)
		}
		for _, key := range t.Delete {
			d.cache.wrote(cloud.Entry{Key: key}, at)
		}
		return
	}
	// What the conditions were made of may have been out of date, and what was to
	// be written may have been: whoever tries again must not read it from here.
	for _, e := range slices.Concat(t.If, t.Put) {
		d.cache.doubt(e.Key)
	}
	for _, key := range t.Delete {
		d.cache.doubt(key)
	}
}

package etcd

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/cloudtest"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd/etcdtest"
)

// lab is an etcd for all tests, each of which has keys of its own.
type lab struct {
	*etcdtest.Cluster
	n atomic.Int64
}

// prefix returns one that nobody has used.
func (l *lab) prefix() string { return fmt.Sprintf("test%d/", l.n.Add(1)) }

// open opens records of their own, unless cfg says which.
func (l *lab) open(t *testing.T, cfg Config) *DB {
	t.Helper()
	if cfg.Endpoints == nil {
		cfg.Endpoints = l.Endpoints()
	}
	if cfg.Prefix == "" {
		cfg.Prefix = l.prefix()
	}
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	d, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// join makes a relay join over records of its own, as one on another machine has.
func (l *lab) join(t *testing.T, cfg Config, id string) *Registry {
	t.Helper()
	r, err := l.open(t, cfg).Join(t.Context(), cloud.Node{ID: id, Peer: id + ".test:9000"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return r.(*Registry)
}

func (l *lab) relays(t *testing.T) cloudtest.Relays {
	d := l.open(t, Config{})
	return cloudtest.Relays{Store: d, Join: func(t *testing.T, id string) cloud.Registry {
		return l.join(t, Config{Prefix: d.cfg.Prefix}, id)
	}}
}

// TestEtcd has everything that needs an etcd, so that there is one for all.
func TestEtcd(t *testing.T) {
	l := &lab{Cluster: etcdtest.Start(t, etcdtest.Options{})}
	t.Run("contract", func(t *testing.T) {
		t.Run("store", func(t *testing.T) {
			t.Parallel()
			cloudtest.TestStore(t, func(t *testing.T) cloud.Store { return l.open(t, Config{}) })
		})
		t.Run("registry", func(t *testing.T) {
			t.Parallel()
			cloudtest.TestRegistry(t, l.relays)
		})
		t.Run("pages", func(t *testing.T) {
			t.Parallel()
			testPages(t, l)
		})
	})
}

// testPages: a list that is longer than one answer of etcd.
func testPages(t *testing.T, l *lab) {
	d := l.open(t, Config{})
	const n = maxPage + 10
	for i := 0; i < n; i += 30 {
		var tx cloud.Transaction
		for k := i; k < min(n, i+30); k++ {
			tx.Put = append(tx.Put, cloud.Entry{Key: fmt.Sprintf("p/%04d", k)})
		}
		if err := d.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	for _, limit := range []int{0, 1, maxPage, n - 1, n, n + 1} {
		list, err := d.List(t.Context(), "p/", "", limit)
		if err != nil || len(list) != min(limit, n) {
			t.Errorf("limit %d: %d, %v", limit, len(list), err)
		}
	}
	list, err := d.List(t.Context(), "p/", "p/0499", n)
	if err != nil || len(list) != 10 || list[0].Key != "p/0500" {
		t.Errorf("%d %v", len(list), err)
	}
	for _, after := range []string{"q", "p0", strings.Repeat("z", 10)} {
		if list, err := d.List(t.Context(), "p/", after, 10); err != nil || len(list) != 0 {
			t.Errorf("after %s: %d %v", after, len(list), err)
		}
	}
	if list, err := d.List(t.Context(), "p/", "a", 10); err != nil || len(list) != 10 {
		t.Errorf("%d %v", len(list), err)
	}
}

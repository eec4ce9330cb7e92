package etcd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

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

// open opens records of their own, unless cfg says which. What it does not bound is
// not bounded, so that a slow machine does not run into it.
func (l *lab) open(t *testing.T, cfg Config) *DB {
	t.Helper()
	cfg.Timeout, cfg.TTL = cmp.Or(cfg.Timeout, soon), cmp.Or(cfg.TTL, soon)
	if cfg.Endpoints == nil {
		cfg.Endpoints = l.Endpoints()
	}
	if cfg.Prefix == "" {
		cfg.Prefix = l.prefix()
	}
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	var d *DB
	in(t, "records are open", func() (err error) {
		d, err = Open(t.Context(), cfg)
		return err
	})
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
	d := l.open(t, cfg)
	var r cloud.Registry
	in(t, id+" has joined", func() (err error) {
		r, err = d.Join(t.Context(), cloud.Node{ID: id, Peer: id + ".test:9000"})
		if errors.Is(err, ErrTaken) { // by itself, and the answer was lost
			_, err = d.client.Delete(t.Context(), d.cfg.Prefix+nodePart+id)
			err = errors.Join(cloud.ErrUncertain, err)
		}
		return err
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := r.Close(ctx); err != nil && !errors.Is(err, cloud.ErrUncertain) {
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

// fault is a test that does something to an etcd.
type fault struct {
	name string
	do   func(*testing.T, *lab)
}

// TestEtcd has what leaves etcd as it is, and then what does not.
func TestEtcd(t *testing.T) {
	t.Parallel()
	l := &lab{Cluster: etcdtest.Start(t, etcdtest.Options{})}
	t.Run("well", func(t *testing.T) {
		t.Run("store", func(t *testing.T) {
			t.Parallel()
			cloudtest.TestStore(t, func(t *testing.T) cloud.Store { return l.open(t, Config{}) })
		})
		t.Run("registry", func(t *testing.T) {
			t.Parallel()
			cloudtest.TestRegistry(t, l.relays)
		})
		for _, test := range []fault{
			{"pages", testPages}, {"cache", testCache}, {"TLS", testTLS}, {"a relay dies", testDeath}, {"routers of a dead relay are removed", testSweep},
			{"a relay is cut off", testCutOff},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				test.do(t, l)
			})
		}
	})
	// Whoever happens to watch anew at that moment would miss something, too.
	l.ill(t, []fault{{"compaction while cut off", testCompaction}, {"what is held up steals nothing", testHeldUp}, {"leader killed", testLeaderKilled}})
}

// TestOutage is beside TestEtcd, with an etcd of its own: most of the time goes by
// with waiting.
func TestOutage(t *testing.T) {
	t.Parallel()
	l := &lab{Cluster: etcdtest.Start(t, etcdtest.Options{})}
	l.ill(t, []fault{{"minority cut off", testMinority}, {"all down", testAllDown}, {"a member is frozen", testFrozen}, {"put back to a backup", testBackup}})
}

// ill does things to an etcd, one after the other.
func (l *lab) ill(t *testing.T, faults []fault) {
	for _, test := range faults {
		t.Run(test.name, func(t *testing.T) {
			defer l.Heal() // before the relays take their leave
			test.do(t, l)
		})
	}
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

// testCache: what one relay remembers is what another has written last.
func testCache(t *testing.T, l *lab) {
	a := l.open(t, Config{})
	b := l.open(t, Config{Prefix: a.cfg.Prefix})
	has := func(d *DB, want string) {
		t.Helper()
		etcdtest.Until(t, soon, "the record is "+want, func() bool {
			e, err := d.Get(t.Context(), "router/r")
			if err != nil {
				t.Fatal(err)
			}
			return string(e.Value) == want
		})
	}
	has(a, "")
	for i := range 50 {
		writer, other, value := a, b, fmt.Sprint(i)
		if i%2 == 1 {
			writer, other = b, a
		}
		if i%7 == 6 {
			if err := writer.Commit(t.Context(), cloud.Transaction{Delete: []string{"router/r"}}); err != nil {
				t.Fatal(err)
			}
			value = ""
		} else {
			commit(t, writer, "router/r", value)
		}
		if e, err := writer.Get(t.Context(), "router/r"); err != nil || string(e.Value) != value {
			t.Fatalf("does not know what it has written: %+v %v", e, err)
		}
		has(other, value)
	}
	e, err := a.Get(t.Context(), "router/r")
	if err != nil {
		t.Fatal(err)
	}
	if e.Value[0] = 'x'; string(e.Value) == "49" {
		t.Fatal()
	}
	has(a, "49") // what a caller does with a value is its own matter

	// Out of date, a condition fails and is read anew.
	e.Revision--
	tx := cloud.Transaction{If: []cloud.Entry{e}, Put: []cloud.Entry{{Key: "router/r", Value: []byte("last")}}}
	if err := a.Commit(t.Context(), tx); !errors.Is(err, cloud.ErrConflict) {
		t.Fatal(err)
	}
	if _, ok := a.cache.get("router/r"); ok {
		t.Error("a record of a condition that failed is still remembered")
	}
}

package etcd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd/etcdtest"
)

// steady are bounds that relays do not run into that nothing happens to, however
// slow the machine is.
func steady(prefix string) Config { return Config{Prefix: prefix, Resync: 2 * time.Second} }

// brief is a time that makes failures short, where they are what a test is about.
const brief = 3 * time.Second

// by is steady, with endpoints of its own.
func by(prefix string, endpoints ...string) Config {
	cfg := steady(prefix)
	cfg.Endpoints = endpoints
	return cfg
}

// mortal makes a relay count as gone soon after it was heard of last.
func mortal(cfg Config) Config {
	cfg.TTL = brief
	return cfg
}

// hasty makes it give up soon what is not answered.
func hasty(cfg Config) Config {
	cfg.Timeout = brief
	return cfg
}

// in does something until etcd has answered it: on a busy machine its members may
// have to choose their leader anew at any time.
func in(t *testing.T, what string, do func() error) {
	t.Helper()
	etcdtest.Until(t, soon, what, func() bool {
		err := do()
		if err != nil && !errors.Is(err, cloud.ErrUncertain) && !errors.Is(err, cloud.ErrUnreachable) {
			t.Fatalf("%s: %v", what, err)
		}
		return err == nil
	})
}

// soon is when something that is waited for counts as not happening.
const soon = 90 * time.Second

// knows waits until a relay knows where a router is; "": nowhere.
func knows(t *testing.T, r *Registry, router, node string) {
	t.Helper()
	etcdtest.Until(t, soon, fmt.Sprintf("%s knows that %s is at %q", r.self.ID, router, node), func() bool { return where(t, r, router) == node })
}

func where(t *testing.T, r *Registry, router string) string {
	t.Helper()
	n, err := r.Where(t.Context(), router)
	if err != nil && !errors.Is(err, cloud.ErrNowhere) {
		t.Error(err)
	}
	return n.ID
}

// enter notes a router. If that took so long that another relay's note counts as the
// newer one, it is noted again, as relays do for a router that is still there.
func enter(t *testing.T, r *Registry, router string) {
	t.Helper()
	in(t, router+" is noted", func() error {
		err := r.Enter(t.Context(), router)
		if errors.Is(err, cloud.ErrMoved) {
			err = cloud.ErrUncertain
		}
		return err
	})
}

// told counts what a relay is told.
type told struct{ moved, missed atomic.Int64 }

func listen(t *testing.T, r *Registry) *told {
	var n told
	r.Watch(t.Context(), cloud.Watcher{Moved: func(string, cloud.Node) { n.moved.Add(1) }, Missed: func() { n.missed.Add(1) }})
	return &n
}

// testDeath: a relay that is heard of no more is gone within its time, and its
// routers with it.
func testDeath(t *testing.T, l *lab) {
	prefix := l.prefix()
	way := l.Way()
	a, b := l.join(t, steady(prefix), "a"), l.join(t, mortal(by(prefix, way.Endpoints()...)), "b")
	for i := range 200 {
		enter(t, b, fmt.Sprint("r", i))
	}
	knows(t, a, "r199", "b")
	way.Cut()
	began := time.Now()
	knows(t, a, "r199", "")
	t.Logf("noticed after %v", time.Since(began))
	if len(a.Nodes()) != 1 {
		t.Errorf("%+v", a.Nodes())
	}
	enter(t, a, "r0") // it has come here meanwhile
	heard := listen(t, b)
	way.Mend()
	knows(t, a, "r199", "b") // with a new lease
	knows(t, b, "r0", "a")
	etcdtest.Until(t, soon, "b is told that one has moved", func() bool { return heard.moved.Load() > 0 })
	if heard.moved.Load() != 1 {
		t.Errorf("told of %d moves", heard.moved.Load())
	}
}

// testSweep: the routers of a relay that stays away are removed, those that have
// come elsewhere since are not.
func testSweep(t *testing.T, l *lab) {
	prefix := l.prefix()
	cfg := steady(prefix)
	cfg.Forget = 2 * time.Second
	way := l.Way()
	a, b := l.join(t, cfg, "a"), l.join(t, mortal(by(prefix, way.Endpoints()...)), "b")
	for i := range batch + 20 {
		enter(t, b, fmt.Sprint("r", i))
	}
	knows(t, a, fmt.Sprint("r", batch+19), "b")
	way.Cut()
	knows(t, a, "r0", "")
	enter(t, a, "r0")
	etcdtest.Until(t, soon, "only a's is left", func() bool { return a.Routers() == 1 })
	r, err := a.d.client.Get(t.Context(), prefix+atPart, clientv3.WithPrefix())
	if err != nil || len(r.Kvs) != 1 || string(r.Kvs[0].Value) != "a" {
		t.Errorf("%+v %v", r.Kvs, err)
	}
	way.Mend()
	knows(t, a, "r119", "b") // b has them still, and notes them again
	knows(t, b, "r0", "a")
}

// testCompaction: what was compacted while a relay was cut off is found out by
// reading all again.
func testCompaction(t *testing.T, l *lab) {
	prefix := l.prefix()
	way := l.Way()
	cfg := by(prefix, way.Endpoints()...)
	cfg.Resync = time.Hour // nothing but the compaction
	a, b := l.join(t, steady(prefix), "a"), l.join(t, cfg, "b")
	enter(t, a, "stays")
	enter(t, a, "goes")
	enter(t, b, "moves")
	commit(t, a.d, "router/x", "1")
	knows(t, b, "goes", "a")
	if e, err := b.d.Get(t.Context(), "router/x"); err != nil || string(e.Value) != "1" {
		t.Errorf("%+v %v", e, err)
	}
	heard := listen(t, b)
	way.Cut()
	in(t, "one has left", func() error { return a.Leave(t.Context(), "goes") })
	enter(t, a, "comes")
	enter(t, a, "moves")
	commit(t, a.d, "router/x", "2")
	if e, err := b.d.Get(t.Context(), "router/x"); err != nil || string(e.Value) != "1" { // what was known stays in force
		t.Errorf("%+v %v", e, err)
	}
	etcdtest.Until(t, soon, "all that was is compacted", func() bool {
		rev, err := a.d.revision(t.Context())
		if err == nil {
			_, err = a.d.client.Compact(t.Context(), rev, clientv3.WithCompactPhysical())
		}
		return err == nil || errors.Is(err, rpctypes.ErrCompacted) // by what was not answered
	})
	way.Mend()
	knows(t, b, "goes", "")
	knows(t, b, "comes", "a")
	knows(t, b, "moves", "a")
	knows(t, b, "stays", "a")
	etcdtest.Until(t, soon, "the record is up to date", func() bool {
		e, err := b.d.Get(t.Context(), "router/x")
		return err == nil && string(e.Value) == "2"
	})
	etcdtest.Until(t, soon, "b is told that it has missed something", func() bool { return heard.missed.Load() >= 2 && heard.moved.Load() == 1 })
}

func commit(t *testing.T, d *DB, key, value string) {
	t.Helper()
	in(t, key+" is written", func() error {
		return d.Commit(t.Context(), cloud.Transaction{Put: []cloud.Entry{{Key: key, Value: []byte(value)}}})
	})
}

// reads expects a record's value, once etcd answers.
func reads(t *testing.T, d *DB, key, value string) {
	t.Helper()
	in(t, key+" is read", func() error {
		e, err := d.Get(t.Context(), key)
		if err == nil && string(e.Value) != value {
			t.Errorf("%+v, want %s", e, value)
		}
		return err
	})
}

// testCutOff: a relay that reaches etcd no more goes on with what it knows, says
// what it could not do, and does it later.
func testCutOff(t *testing.T, l *lab) {
	prefix := l.prefix()
	way := l.Way()
	cfg := by(prefix, way.Endpoints()...)
	cfg.Timeout = brief / 2 // it passes many times
	a, b := l.join(t, steady(prefix), "a"), l.join(t, cfg, "b")
	enter(t, a, "r1")
	enter(t, b, "r2")
	commit(t, b.d, "prefix/p", "r1")
	knows(t, b, "r1", "a")
	way.Cut()
	etcdtest.Until(t, soon, "the connections have ended", func() bool {
		_, err := b.d.Get(t.Context(), "account/x")
		return errors.Is(err, cloud.ErrUnreachable)
	})
	if e, err := b.d.Get(t.Context(), "prefix/p"); err != nil || string(e.Value) != "r1" {
		t.Errorf("%+v %v", e, err)
	}
	if where(t, b, "r1") != "a" || where(t, b, "r2") != "b" {
		t.Error("what was known is not in force")
	}
	unsent(t, b.d)
	if err := b.Enter(t.Context(), "r3"); !errors.Is(err, cloud.ErrUnreachable) {
		t.Error(err)
	}
	if err := b.Leave(t.Context(), "r2"); !errors.Is(err, cloud.ErrUnreachable) {
		t.Error(err)
	}
	if _, err := Open(t.Context(), Config{Endpoints: way.Endpoints(), Timeout: brief / 2, Log: b.d.log}); !errors.Is(err, cloud.ErrUnreachable) {
		t.Error(err)
	}
	way.Mend()
	knows(t, a, "r3", "b")
	knows(t, a, "r2", "")
}

// unsent waits until it is known of all connections to etcd that they have ended:
// nothing is sent any more, and that is said.
func unsent(t *testing.T, d *DB) {
	t.Helper()
	etcdtest.Until(t, soon, "it is known of all connections that they have ended", func() bool {
		err := d.Commit(t.Context(), cloud.Transaction{Put: []cloud.Entry{{Key: "x"}}})
		if errors.Is(err, cloud.ErrUncertain) == errors.Is(err, cloud.ErrUnreachable) {
			t.Fatal(err)
		}
		return errors.Is(err, cloud.ErrUnreachable)
	})
}

// testHeldUp: what a relay has asked of a member that then stood still is done
// when the member goes on, if at all, and changes nothing that was done since.
func testHeldUp(t *testing.T, l *lab) {
	prefix := l.prefix()
	slow := l.Others(l.Leader())[0]
	var others []string
	for _, m := range l.Others(slow) {
		others = append(others, m.Endpoint())
	}
	a, b := l.join(t, by(prefix, others...), "a"), l.join(t, mortal(hasty(by(prefix, slow.Endpoint()))), "b")
	enter(t, a, "r1")
	enter(t, b, "r2")
	commit(t, b.d, "account/x", "1")
	knows(t, b, "r1", "a")
	knows(t, a, "r2", "b")
	var before cloud.Entry
	in(t, "the record is read", func() (err error) {
		before, err = b.d.Get(t.Context(), "account/x")
		return err
	})
	heard := listen(t, b)
	slow.Freeze()
	heldUp(t, map[string]func() error{
		"entered": func() error { return b.Enter(t.Context(), "r1") },
		"left":    func() error { return b.Leave(t.Context(), "r2") },
		"committed": func() error {
			return b.d.Commit(t.Context(), cloud.Transaction{If: []cloud.Entry{before}, Put: []cloud.Entry{{Key: "account/x", Value: []byte("late")}}})
		},
	})
	enter(t, a, "r1") // its newest tunnel is to a again
	enter(t, a, "r2")
	commit(t, a.d, "account/x", "2")
	slow.Thaw()
	knows(t, b, "r1", "a")
	knows(t, b, "r2", "a")
	etcdtest.Until(t, soon, "b is told that it does not have the router", func() bool { return heard.moved.Load() >= 1 })
	enter(t, b, "r3") // all that b had to say has been said
	knows(t, a, "r3", "b")
	if where(t, a, "r1") != "a" || where(t, a, "r2") != "a" {
		t.Error("a router was stolen")
	}
	reads(t, a.d, "account/x", "2")
}

// heldUp does things at a member that stands still, all at once. What was not even
// sent before its time was over is done again.
func heldUp(t *testing.T, all map[string]func() error) {
	t.Helper()
	var wg sync.WaitGroup
	for what, do := range all {
		wg.Go(func() {
			err := cloud.ErrUnreachable
			for n := 0; n < 20 && errors.Is(err, cloud.ErrUnreachable) && !errors.Is(err, cloud.ErrUncertain); n++ {
				err = do()
			}
			if !errors.Is(err, cloud.ErrUncertain) {
				t.Errorf("%s at a member that stands still: %v", what, err)
			}
		})
	}
	wg.Wait()
}

// load is transactions that are made one after the other by some at a time.
type load struct {
	d                   *DB
	answered, uncertain atomic.Int64
	done                atomic.Int64 // answered, or found to have taken place
}

// work makes transactions until ctx ends: worker w's i-th, and then the next one.
func (l *load) work(ctx context.Context, t *testing.T, w int) {
	for i := 0; ctx.Err() == nil; {
		key := fmt.Sprintf("done/%d/%06d", w, i)
		switch err := step(t, l.d, key); {
		case err == nil:
			l.answered.Add(1)
			l.done.Add(1)
			i++
		case errors.Is(err, cloud.ErrUncertain): // look what has become of it
			l.uncertain.Add(1)
			etcdtest.Until(t, soon, "etcd answers", func() bool {
				e, err := l.d.Get(t.Context(), key)
				if err == nil && e.Revision != 0 {
					l.done.Add(1)
					i++
				}
				return err == nil
			})
		case !errors.Is(err, cloud.ErrConflict) && !errors.Is(err, cloud.ErrUnreachable):
			t.Error(err)
			return
		}
	}
}

// testLeaderKilled: of many transactions, none that was answered is lost and none
// is there twice, whatever leader dies.
func testLeaderKilled(t *testing.T, l *lab) {
	at := &load{d: l.open(t, hasty(steady(l.prefix())))}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() { at.work(ctx, t, w) })
	}
	for range 2 {
		n := at.answered.Load()
		etcdtest.Until(t, soon, "transactions are made", func() bool { return at.answered.Load() > n+200 })
		leader := l.Leader()
		leader.Kill()
		n = at.answered.Load()
		began := time.Now()
		etcdtest.Until(t, soon, "transactions are made again", func() bool { return at.answered.Load() > n+20 })
		t.Logf("without the leader: 20 more transactions after %v", time.Since(began))
		leader.Start()
		l.Ready()
	}
	stop()
	wg.Wait()
	var list []cloud.Entry
	in(t, "the records are read", func() (err error) {
		list, err = at.d.List(t.Context(), "done/", "", 100_000)
		return err
	})
	n, sum := int64(len(list)), int64(0)
	for w := range 4 {
		in(t, "a counter is read", func() error {
			counter, err := at.d.Get(t.Context(), fmt.Sprint("counter/", w))
			if err == nil {
				k, _ := strconv.Atoi(string(counter.Value)) // nothing is 0
				sum += int64(k)
			}
			return err
		})
	}
	answered, uncertain := at.answered.Load(), at.uncertain.Load()
	t.Logf("%d answered, %d uncertain, %d records, counted %d", answered, uncertain, n, sum)
	if n != sum || n < at.done.Load() || n > answered+uncertain {
		t.Error("something is lost or doubled")
	}
}

// step makes one record, and counts it in the same transaction.
func step(t *testing.T, d *DB, key string) error {
	counter, err := d.Get(t.Context(), fmt.Sprint("counter/", int(key[5]-'0')%4))
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(counter.Value)) // nothing is 0
	return d.Commit(t.Context(), cloud.Transaction{If: []cloud.Entry{counter, {Key: key}},
		Put: []cloud.Entry{{Key: counter.Key, Value: []byte(strconv.Itoa(n + 1))}, {Key: key}}})
}

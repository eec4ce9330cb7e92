package etcd

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd/etcdtest"
)

// testMinority: a relay whose connections lead to a member that is cut off from
// the others uses the others.
func testMinority(t *testing.T, l *lab) {
	prefix := l.prefix()
	a, b := l.join(t, hasty(steady(prefix)), "a"), l.join(t, hasty(steady(prefix)), "b")
	enter(t, a, "r1")
	knows(t, b, "r1", "a")
	leader := l.Leader()
	lonely := l.join(t, hasty(by(prefix, leader.Endpoint())), "lonely") // it knows no other
	knows(t, lonely, "r1", "a")
	leader.Isolate()
	began := time.Now()
	enter(t, a, "r2")
	knows(t, b, "r2", "a")
	t.Logf("noted without the leader after %v", time.Since(began))
	for i := range 20 { // whichever member is asked
		commit(t, a.d, fmt.Sprint("account/", i), "1")
		reads(t, b.d, fmt.Sprint("account/", i), "1")
	}
	if err := lonely.Enter(t.Context(), "r1"); err == nil {
		t.Error("noted by a minority")
	}
	if where(t, lonely, "r1") != "a" {
		t.Error("what was known is not in force")
	}
	enter(t, b, "r1")
	heard := listen(t, lonely)
	leader.Rejoin()
	// It came later than lonely's, whose attempts have failed since.
	knows(t, lonely, "r1", "b")
	etcdtest.Until(t, soon, "lonely is told", func() bool { return heard.moved.Load() > 0 })
	knows(t, a, "r1", "b")
	if where(t, b, "r1") != "b" {
		t.Error("a router was stolen")
	}
}

// testFrozen: a member that stands still, with its connections, is a nuisance and
// nothing more.
func testFrozen(t *testing.T, l *lab) {
	prefix := l.prefix()
	cfg := hasty(steady(prefix))
	cfg.TTL = 5 * time.Second
	a, b := l.join(t, cfg, "a"), l.join(t, cfg, "b")
	enter(t, a, "r1")
	knows(t, b, "r1", "a")
	// Where the machine stands still for as long as relays may be silent, they are
	// lost for that: it must go well without that once.
	lost := true
	for n := 0; n < 6 && lost; n++ {
		etcdtest.Until(t, soon, "both live", func() bool { return len(a.Nodes()) == 2 && len(b.Nodes()) == 2 })
		frozen := l.Others(l.Leader())[0]
		frozen.Freeze()
		for i := range 2 {
			router := fmt.Sprintf("frozen-%d-%d", n, i)
			_ = a.Enter(t.Context(), router) // if that is not answered, it is tried again
			knows(t, b, router, "a")
		}
		lost = len(b.Nodes()) != 2 || len(a.Nodes()) != 2
		frozen.Thaw()
	}
	if lost {
		t.Error("a relay was lost")
	}
}

// testAllDown: with all of etcd dead, what is known stays in force; all goes on by
// itself afterwards.
func testAllDown(t *testing.T, l *lab) {
	prefix := l.prefix()
	cfg := steady(prefix)
	cfg.Timeout, cfg.TTL = brief/2, 2*brief
	a, b := l.join(t, cfg, "a"), l.join(t, cfg, "b")
	enter(t, a, "r1")
	enter(t, a, "r2")
	enter(t, b, "r3")
	commit(t, a.d, "router/r1", "1")
	commit(t, a.d, "token/t", "1")
	knows(t, b, "r2", "a")
	knows(t, a, "r3", "b")
	for _, d := range []*DB{a.d, b.d} {
		reads(t, d, "token/t", "1")
	}
	heard := listen(t, b)
	knows(t, b, "r1", "a") // at the moment of its death, too, as far as can be seen
	knows(t, a, "r3", "b")
	for _, m := range l.Members {
		m.Kill()
	}
	down := time.Now()
	withoutEtcd(t, a, b)
	away := etcdtest.Outage(t, cfg.TTL+time.Second)
	etcdtest.Until(t, away+soon, "the leases would have ended", func() bool {
		if where(t, b, "r1") != "a" || where(t, a, "r3") != "b" || len(a.Nodes()) != 2 {
			t.Fatal("what was known is not in force")
		}
		if e, err := b.d.Get(t.Context(), "token/t"); err != nil || string(e.Value) != "1" {
			t.Fatalf("%+v %v", e, err)
		}
		return time.Since(down) > away
	})
	for _, m := range l.Members {
		m.Start()
	}
	l.Ready()
	began := time.Now()
	knows(t, a, "r4", "b")
	knows(t, b, "r2", "")
	knows(t, b, "r1", "a")
	knows(t, a, "r3", "b")
	t.Logf("all is right again %v after etcd, which was away for %v", time.Since(began), began.Sub(down))
	etcdtest.Until(t, soon, "all is looked at again", func() bool { return heard.missed.Load() >= 2 })
	etcdtest.Until(t, soon, "records are written again", func() bool {
		return b.d.Commit(t.Context(), cloud.Transaction{Put: []cloud.Entry{{Key: "token/t", Value: []byte("2")}}}) == nil
	})
	etcdtest.Until(t, soon, "and are told", func() bool {
		e, err := a.d.Get(t.Context(), "token/t")
		return err == nil && string(e.Value) == "2"
	})
	if heard.moved.Load() != 0 {
		t.Error("nothing has moved")
	}
}

// withoutEtcd: what cannot be done is said.
func withoutEtcd(t *testing.T, a, b *Registry) {
	t.Helper()
	if err := a.Leave(t.Context(), "r2"); err == nil {
		t.Error("left without etcd")
	}
	if err := b.Enter(t.Context(), "r4"); err == nil {
		t.Error("entered without etcd")
	}
	if _, err := b.d.Get(t.Context(), "account/a"); !errors.Is(err, cloud.ErrUnreachable) {
		t.Error(err)
	}
	unsent(t, b.d)
}

// testBackup: an etcd that has been put back to what it was, here to nothing, is
// told again where routers are.
func testBackup(t *testing.T, l *lab) {
	prefix := l.prefix()
	a, b := l.join(t, mortal(steady(prefix)), "a"), l.join(t, mortal(steady(prefix)), "b")
	enter(t, a, "r1")
	enter(t, b, "r2")
	commit(t, a.d, "router/r1", "1")
	knows(t, b, "r1", "a")
	heard := listen(t, b)
	for _, m := range l.Members {
		m.Kill()
	}
	for _, m := range l.Members {
		m.Wipe()
	}
	for _, m := range l.Members {
		m.Start()
	}
	l.Ready()
	etcdtest.Until(t, soon, "b looks at all again", func() bool { return heard.missed.Load() >= 2 })
	knows(t, b, "r1", "a")
	knows(t, a, "r2", "b")
	etcdtest.Until(t, soon, "what is not on record is not remembered", func() bool {
		e, err := b.d.Get(t.Context(), "router/r1")
		return err == nil && e.Revision == 0
	})
	late := l.join(t, steady(prefix), "late")
	knows(t, late, "r1", "a")
	knows(t, late, "r2", "b")
}

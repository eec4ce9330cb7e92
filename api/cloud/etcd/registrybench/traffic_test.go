package registrybench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd/etcdtest"
)

// size is how much traffic there is. What `make test` plays is enough to see that
// it works.
type size struct {
	relays, routers, moves int
	churn                  time.Duration
	durable                bool
}

func flags() *size {
	var s size
	flag.IntVar(&s.relays, "relays", 4, "relays")
	flag.IntVar(&s.routers, "routers", few, "routers, on all relays")
	flag.IntVar(&s.moves, "moves", 100, "routers that move to another relay in a second of steady churn")
	flag.DurationVar(&s.churn, "churn", time.Second, "how long the steady churn lasts")
	flag.BoolVar(&s.durable, "durable", false, "etcd waits for the disk, as in real use")
	return &s
}

var traffic = flags() // read by the one test, once go test has parsed them

// few routers are not to measure with: nothing may depend on how fast the machine is.
const (
	few      = 2000
	patience = 90 * time.Second
)

// lab is the relays and their etcd.
type lab struct {
	*size
	t       *testing.T
	etcd    *etcdtest.Cluster
	relays  []*relay
	started int
	way     *etcdtest.Way // of the relay that dies
	base    int64         // memory in use before there were relays
}

// relay is one.
type relay struct {
	cloud.Registry
	db *etcd.DB
}

// TestTraffic plays what happens in the life of a registry.
func TestTraffic(t *testing.T) {
	l := &lab{size: traffic, t: t, etcd: etcdtest.Start(t, etcdtest.Options{Durable: traffic.durable, Direct: true})}
	fmt.Printf("%d relays, %d routers, etcd of 3 members that wait for the disk: %v, GOMAXPROCS %d, %s\n\n", l.size.relays, l.routers, l.durable, runtime.GOMAXPROCS(0), runtime.Version())
	fmt.Println("| what | number | took | a second | p50 | p90 | p99 | most | processor time of etcd | of the relays |")
	fmt.Println("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	l.base = heap()
	l.phase("relays join", l.join)
	l.phase("routers connect: all at once", l.enterAll)
	l.phase("… until every relay knows", l.allKnow)
	l.state("after that")
	l.phase(fmt.Sprintf("steady churn, %d moves a second", l.moves), l.steady)
	l.phase("a relay dies: until the others know", l.death)
	l.phase("… its routers connect elsewhere: all at once", l.elsewhere)
	l.phase("… until every relay knows", l.allKnow)
	l.phase("another relay joins and reads all", l.another)
	l.phase("records read, none from memory", l.reads)
	l.phase("transactions on three records each", l.commits)
	l.state("at the end")
	for _, r := range l.relays {
		if n := len(r.Nodes()); n != l.size.relays {
			t.Errorf("%s knows %d relays", r.Self().ID, n)
		}
	}
}

// phase measures how long each of what do does takes.
func (l *lab) phase(name string, do func(*times)) {
	cpu, own := l.cpu(), processor(l.t)
	began := time.Now()
	var all times
	do(&all)
	took := time.Since(began)
	if all.span > 0 {
		took = all.span
	}
	n := all.count()
	fmt.Printf("| %s | %d | %s | %.0f | %s | %s | %s | %s | %.1f s | %.1f s |\n", name, n, brief(took), float64(n)/took.Seconds(),
		brief(all.at(0.5)), brief(all.at(0.9)), brief(all.at(0.99)), brief(all.at(1)),
		(l.cpu() - cpu).Seconds(), (processor(l.t) - own).Seconds())
}

func (l *lab) cpu() (sum time.Duration) {
	for _, m := range l.etcd.Members {
		sum += m.CPU()
	}
	return sum
}

// state prints what etcd and the relays take.
func (l *lab) state(when string) {
	var rss, size []string
	for _, m := range l.etcd.Members {
		rss = append(rss, fmt.Sprintf("%.0f", float64(m.RSS())/1e6))
		size = append(size, fmt.Sprintf("%.1f", float64(m.Size())/1e6))
	}
	// Each relay knows all routers.
	each := float64(heap()-l.base) / float64(l.routers) / float64(len(l.relays))
	defer fmt.Printf("| %s: etcd has %v MB of memory and %v MB on disk; a router takes %.0f bytes of a relay | | | | | | | | | |\n", when, rss, size, each)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// times are how long things took.
type times struct {
	mu   sync.Mutex
	each []time.Duration
	span time.Duration // of all, if it is not that of the phase
}

func (s *times) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each = append(s.each, d)
}

func (s *times) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.each)
}

// at returns a quantile.
func (s *times) at(q float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.each) == 0 {
		return 0
	}
	slices.Sort(s.each)
	return s.each[int(q*float64(len(s.each)-1))]
}

func brief(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

func router(i int) string { return fmt.Sprintf("abcdefgh%08d", i) }

// start makes one more relay.
func (l *lab) start(endpoints []string) *relay {
	t := l.t
	cfg := etcd.Config{Endpoints: endpoints, Log: slog.New(slog.DiscardHandler)}
	if l.routers <= few {
		cfg.Timeout = patience
		if l.started > 0 { // the first one dies
			cfg.TTL = patience
		}
	}
	db, err := etcd.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l.started++
	id := fmt.Sprint("relay", l.started)
	r, err := db.Join(t.Context(), cloud.Node{ID: id, Peer: id + ".test:9000"})
	if err != nil {
		t.Fatal(err)
	}
	return &relay{r, db}
}

func (l *lab) endpoints() (out []string) {
	for _, m := range l.etcd.Members {
		out = append(out, m.Direct())
	}
	return out
}

func (l *lab) join(all *times) {
	l.way = l.etcd.Way()
	for i := range l.size.relays {
		endpoints := l.endpoints()
		if i == 0 {
			endpoints = l.way.Endpoints()
		}
		began := time.Now()
		l.relays = append(l.relays, l.start(endpoints))
		all.add(time.Since(began))
	}
}

// enter has routers connect, as fast as 250 at a time on each relay go.
func (l *lab) enter(all *times, relays []*relay, routers []int) {
	var wg sync.WaitGroup
	for k, r := range relays {
		var next atomic.Int64
		for range 250 {
			wg.Go(func() {
				for {
					i := int(next.Add(1)-1)*len(relays) + k
					if i >= len(routers) {
						return
					}
					began := time.Now()
					if err := r.Enter(l.t.Context(), router(routers[i])); err != nil {
						l.t.Error(err)
						return
					}
					all.add(time.Since(began))
				}
			})
		}
	}
	wg.Wait()
}

// enterAll: router i connects to relay i modulo their number.
func (l *lab) enterAll(all *times) {
	every := make([]int, l.routers)
	for i := range every {
		every[i] = i
	}
	l.enter(all, l.relays, every)
}

// allKnow waits until every relay knows where all routers are.
func (l *lab) allKnow(all *times) {
	began := time.Now()
	for _, r := range l.relays {
		i := 0
		etcdtest.Until(l.t, patience, r.Self().ID+" knows all", func() bool {
			for ; i < l.routers; i++ {
				if _, err := r.Where(l.t.Context(), router(i)); err != nil {
					return false
				}
			}
			return true
		})
		all.add(time.Since(began))
	}
}

// steady has routers move, one after the other at an even pace, to whichever
// relay: each enters there and leaves where it was. What counts is until the relay
// that it was on is told.
func (l *lab) steady(all *times) {
	ctx, stop := context.WithCancel(l.t.Context())
	defer stop()
	var mu sync.Mutex
	moving := map[string]time.Time{}
	for _, r := range l.relays {
		r.Watch(ctx, cloud.Watcher{Moved: func(id string, to cloud.Node) {
			mu.Lock()
			began, ok := moving[r.Self().ID+id]
			delete(moving, r.Self().ID+id)
			mu.Unlock()
			if ok {
				all.add(time.Since(began))
			}
		}})
	}
	tick := time.NewTicker(time.Second / time.Duration(l.moves))
	defer tick.Stop()
	end := time.NewTimer(l.churn)
	defer end.Stop()
	var wg sync.WaitGroup
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-end.C:
			wg.Wait()
			return
		}
		id := router((n * 7919) % l.routers)
		from, err := l.relays[1].Where(l.t.Context(), id)
		to := l.relays[1+rand.IntN(len(l.relays)-1)]
		if err != nil || from.ID == to.Self().ID {
			continue
		}
		mu.Lock()
		moving[from.ID+id] = time.Now()
		mu.Unlock()
		wg.Go(func() {
			if err := to.Enter(l.t.Context(), id); err != nil && !errors.Is(err, cloud.ErrMoved) {
				l.t.Error(err)
			}
		})
	}
}

// death cuts the first relay off.
func (l *lab) death(all *times) {
	began := time.Now()
	l.way.Cut()
	l.relays = l.relays[1:]
	for _, r := range l.relays {
		etcdtest.Until(l.t, patience, r.Self().ID+" knows", func() bool { return len(r.Nodes()) == len(l.relays) })
		all.add(time.Since(began))
	}
}

// elsewhere has the routers of the dead relay connect to the others.
func (l *lab) elsewhere(all *times) {
	var lost []int
	for i := range l.routers {
		if _, err := l.relays[0].Where(l.t.Context(), router(i)); err != nil {
			lost = append(lost, i)
		}
	}
	began := time.Now()
	l.enter(all, l.relays, lost)
	all.span = time.Since(began)
}

// every does something n times, with 16 at a time on each relay.
func (l *lab) every(n int, all *times, do func(r *relay, i int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, r := range l.relays {
		for range 16 {
			wg.Go(func() {
				for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
					began := time.Now()
					if err := do(r, i); err != nil {
						l.t.Error(err)
						return
					}
					all.add(time.Since(began))
				}
			})
		}
	}
	wg.Wait()
}

// reads asks for records that relays do not remember.
func (l *lab) reads(all *times) {
	l.every(l.routers/5, all, func(r *relay, i int) error {
		_, err := r.db.Get(l.t.Context(), fmt.Sprint("account/", i))
		return err
	})
}

// commits makes records as enrolments do.
func (l *lab) commits(all *times) {
	l.every(l.routers/20, all, func(r *relay, i int) error {
		owned, record, prefix := fmt.Sprint("owned/a/", i), fmt.Sprint("router/", i), fmt.Sprint("prefix/", i)
		return r.db.Commit(l.t.Context(), cloud.Transaction{If: []cloud.Entry{{Key: owned}, {Key: record}, {Key: prefix}},
			Put: []cloud.Entry{{Key: owned}, {Key: record, Value: make([]byte, 300)}, {Key: prefix, Value: make([]byte, 18)}}})
	})
}

// another relay joins.
func (l *lab) another(all *times) {
	began := time.Now()
	r := l.start(l.endpoints())
	all.add(time.Since(began))
	l.relays = append(l.relays, r)
	i := 0
	for ; i < l.routers; i++ {
		if _, err := r.Where(l.t.Context(), router(i)); err != nil {
			l.t.Fatal(err)
		}
	}
}

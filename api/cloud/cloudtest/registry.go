package cloudtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Relays are some that share one registry, which is empty at the beginning.
type Relays struct {
	// Join makes another relay join, which the test closes.
	Join func(t *testing.T, id string) cloud.Registry
	// Store has the records whose changes the registry tells.
	Store cloud.Store
}

// TestRegistry plays through what a registry promises.
func TestRegistry(t *testing.T, open func(t *testing.T) Relays) {
	for name, test := range map[string]func(*testing.T, Relays){
		"places": testPlaces, "newest wins": testNewest, "told": testTold, "nodes": testNodes, "ids": testIDs, "many at once": testMany,
		"in and out": testInAndOut,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// within is how soon relays hear of one another.
const within = 90 * time.Second

// until polls until something is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	limit := time.NewTimer(within)
	defer limit.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// at waits until a relay knows where a router is; "": nowhere.
func at(t *testing.T, r cloud.Registry, router, node string) {
	t.Helper()
	until(t, fmt.Sprintf("%s knows that %s is at %q", r.Self().ID, router, node), func() bool {
		n, err := r.Where(t.Context(), router)
		switch {
		case errors.Is(err, cloud.ErrNowhere):
			return node == ""
		case err != nil:
			t.Fatal(err)
		}
		return n.ID == node
	})
}

// enter notes routers. Where that took so long that another relay's note counts as
// the newer one, it is done again, as relays do for a router that is still there.
func enter(t *testing.T, r cloud.Registry, routers ...string) {
	t.Helper()
	for _, router := range routers {
		err := cloud.ErrMoved
		for n := 0; n < 20 && errors.Is(err, cloud.ErrMoved); n++ {
			err = r.Enter(t.Context(), router)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func leave(t *testing.T, r cloud.Registry, router string) {
	t.Helper()
	if err := r.Leave(t.Context(), router); err != nil {
		t.Error(err)
	}
}

func testPlaces(t *testing.T, s Relays) {
	a, b := s.Join(t, "a"), s.Join(t, "b")
	at(t, a, "r1", "")
	enter(t, a, "r1")
	if n, err := a.Where(t.Context(), "r1"); err != nil || n != a.Self() {
		t.Errorf("%+v %v", n, err)
	}
	at(t, b, "r1", "a")
	if n, _ := b.Where(t.Context(), "r1"); n != a.Self() {
		t.Errorf("%+v", n)
	}
	enter(t, b, "r2")
	at(t, a, "r2", "b")
	c := s.Join(t, "c") // who comes later knows what was before
	if n, err := c.Where(t.Context(), "r1"); err != nil || n != a.Self() {
		t.Errorf("%+v %v", n, err)
	}
	leave(t, a, "r1")
	if _, err := a.Where(t.Context(), "r1"); !errors.Is(err, cloud.ErrNowhere) {
		t.Error(err)
	}
	at(t, b, "r1", "")
	leave(t, a, "r1")
	leave(t, a, "never")
	at(t, a, "r2", "b")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Enter(ctx, "r3"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func testNewest(t *testing.T, s Relays) {
	a, b := s.Join(t, "a"), s.Join(t, "b")
	enter(t, a, "r")
	enter(t, b, "r") // b may not even have heard of a's
	at(t, a, "r", "b")
	at(t, b, "r", "b")
	leave(t, a, "r") // not a's any more
	at(t, a, "r", "b")
	at(t, b, "r", "b")
	for range 5 {
		enter(t, a, "r")
		enter(t, b, "r")
	}
	at(t, a, "r", "b")
	enter(t, b, "r") // again, by a newer tunnel
	at(t, a, "r", "b")
	leave(t, b, "r")
	at(t, a, "r", "")
	at(t, b, "r", "")
}

// heard notes what a registry tells.
type heard struct {
	mu     sync.Mutex
	moved  []string
	keys   map[string]int
	missed int
}

func listen(t *testing.T, r cloud.Registry) *heard {
	h := &heard{keys: map[string]int{}}
	r.Watch(t.Context(), cloud.Watcher{
		Moved: func(router string, to cloud.Node) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.moved = append(h.moved, router+" to "+to.ID)
		},
		Changed: func(key string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.keys[key]++
		},
		Missed: func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.missed++
		},
	})
	return h
}

func (h *heard) moves() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.moved)
}

func (h *heard) of(key string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keys[key]
}

func testTold(t *testing.T, s Relays) {
	a, b := s.Join(t, "a"), s.Join(t, "b")
	atA, atB := listen(t, a), listen(t, b)
	enter(t, a, "r")
	at(t, b, "r", "a")
	enter(t, b, "r")
	at(t, a, "r", "b")
	until(t, "a is told that the router has moved", func() bool { return slices.Contains(atA.moves(), "r to b") })
	enter(t, a, "r")
	at(t, b, "r", "a")
	until(t, "b is told, too", func() bool {
		m := atB.moves()
		return len(m) > 0 && m[len(m)-1] == "r to a"
	})
	// Each is told only of what it has not overtaken itself.
	if diff := cmp.Diff([]string{"r to b"}, atA.moves()); diff != "" {
		t.Error(diff)
	}
	commit(t, s.Store, put("some/record", "1"), nil)
	until(t, "both are told of a record", func() bool { return atA.of("some/record") > 0 && atB.of("some/record") > 0 })
	n := atA.of("some/record")
	commit(t, s.Store, cloud.Transaction{Delete: []string{"some/record"}}, nil)
	until(t, "a is told that it is gone", func() bool { return atA.of("some/record") > n })
	if atA.missed+atB.missed != 0 {
		t.Error("nothing was missed")
	}
}

func testNodes(t *testing.T, s Relays) {
	nodes := func(r cloud.Registry) (out []string) {
		for _, n := range r.Nodes() {
			out = append(out, n.ID)
		}
		slices.Sort(out)
		return out
	}
	a := s.Join(t, "a")
	if diff := cmp.Diff([]string{"a"}, nodes(a)); diff != "" {
		t.Error(diff)
	}
	b := s.Join(t, "b")
	until(t, "both know both", func() bool {
		return cmp.Equal(nodes(a), []string{"a", "b"}) && cmp.Equal(nodes(b), []string{"a", "b"})
	})
	for i := range 250 {
		enter(t, b, fmt.Sprint("r", i))
	}
	at(t, a, "r249", "b")
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	until(t, "a is alone", func() bool { return cmp.Equal(nodes(a), []string{"a"}) })
	at(t, a, "r0", "")
	at(t, a, "r249", "")
	if err := b.Enter(t.Context(), "r0"); err == nil {
		t.Error("a relay that has gone has noted a router")
	}
	enter(t, a, "r0")
	at(t, a, "r0", "a")
	again := s.Join(t, "b2")
	at(t, again, "r249", "")
	at(t, again, "r0", "a")
}

func testIDs(t *testing.T, s Relays) {
	a := s.Join(t, "a")
	for _, id := range []string{"", "a/b", "a b", "ä", string(make([]byte, 200))} {
		if err := a.Enter(t.Context(), id); err == nil {
			t.Errorf("%q is no router", id)
		}
		if _, err := a.Where(t.Context(), id); !errors.Is(err, cloud.ErrNowhere) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// testMany: whoever enters the same routers at the same time, all agree in the
// end, and who has a router is not told otherwise.
func testMany(t *testing.T, s Relays) {
	relays := []cloud.Registry{s.Join(t, "a"), s.Join(t, "b"), s.Join(t, "c")}
	const routers = 60
	var wg sync.WaitGroup
	for _, r := range relays {
		for i := range routers {
			wg.Go(func() {
				if err := r.Enter(t.Context(), fmt.Sprint("r", i)); err != nil && !errors.Is(err, cloud.ErrMoved) {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for i := range routers {
		router := fmt.Sprint("r", i)
		until(t, "all agree on "+router, func() bool {
			seen := map[string]bool{}
			for _, r := range relays {
				n, err := r.Where(t.Context(), router)
				if err != nil {
					return false
				}
				seen[n.ID] = true
			}
			return len(seen) == 1
		})
	}
}

// testInAndOut: what one relay does last counts, however fast it changes its
// mind.
func testInAndOut(t *testing.T, s Relays) {
	a, b := s.Join(t, "a"), s.Join(t, "b")
	want := map[string]string{}
	var wg sync.WaitGroup
	for i := range 40 {
		router := fmt.Sprint("r", i)
		if want[router] = ""; i%2 == 0 {
			want[router] = "a"
		}
		wg.Go(func() {
			for k := range 8 {
				if (k+i)%2 == 1 { // the last one is k = 7
					enter(t, a, router)
				} else {
					leave(t, a, router)
				}
			}
		})
	}
	wg.Wait()
	for _, router := range slices.Sorted(maps.Keys(want)) {
		at(t, a, router, want[router])
		at(t, b, router, want[router])
	}
}

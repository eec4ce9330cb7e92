package etcd

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// fact is what a plain map knows of a router.
type fact struct {
	id  string
	rev int64
}

// TestPlaces plays through random changes beside plain maps.
func TestPlaces(t *testing.T) {
	now := time.Unix(1e9, 0)
	p, at, alive := newPlaces(), map[string]fact{}, map[string]bool{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for rev := int64(1); rev < 20_000; rev++ {
		router, id := fmt.Sprint("r", rnd.IntN(300)), fmt.Sprint("n", rnd.IntN(9))
		old := rev
		if rnd.IntN(10) == 0 {
			old -= rnd.Int64N(rev) // late news
		}
		switch rnd.IntN(8) {
		case 0:
			alive[id] = true
			p.lives(cloud.Node{ID: id, Peer: id + ":1"}, now)
		case 1:
			alive[id] = false
			p.dies(id, now)
		case 2:
			p.remove(router, old)
			if old > at[router].rev {
				delete(at, router)
			}
		default:
			news := p.set(router, id, old, now)
			if f, had := at[router]; !had || old > f.rev {
				at[router] = fact{id, old}
				if !news {
					t.Fatal("news were not taken for news")
				}
			} else if news {
				t.Fatal("what is old was taken for news")
			}
		}
	}
	compare(t, p, at, alive, now)
}

func compare(t *testing.T, p *places, at map[string]fact, alive map[string]bool, now time.Time) {
	t.Helper()
	if p.count() != len(at) {
		t.Errorf("%d routers, want %d", p.count(), len(at))
	}
	for router, f := range at {
		node, lives, rev := p.of(router)
		if node.ID != f.id || rev != f.rev || lives != alive[f.id] || lives && node.Peer != f.id+":1" {
			t.Errorf("%s: %+v %v %d, want %+v %v", router, node, lives, rev, f, alive[f.id])
		}
	}
	for id := range alive {
		want := 0
		for _, f := range at {
			if f.id == id {
				want++
			}
		}
		got := 0
		p.on(id, func(string, int64) bool { got++; return true })
		if got != want {
			t.Errorf("%d routers on %s, want %d", got, id, want)
		}
		dead := slices.Contains(p.dead(now.Add(time.Second)), id)
		if dead != (!alive[id] && want > 0) {
			t.Errorf("%s: dead %v", id, dead)
		}
	}
}

// TestRelaysAreForgotten: ids of relays that come and go cost nothing in the end,
// and too many at a time do no harm.
func TestRelaysAreForgotten(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := newPlaces()
	for i := range 2 * maxRelays {
		id := fmt.Sprint(i)
		p.lives(cloud.Node{ID: id}, now)
		p.set("r", id, int64(i+1), now)
		p.dies(id, now)
	}
	if len(p.byID) != 1 || len(p.relays) > 3 {
		t.Errorf("%d relays in %d places", len(p.byID), len(p.relays))
	}
	for i := range maxRelays + 10 {
		p.set(fmt.Sprint("x", i), fmt.Sprint("n", i), 1, now)
	}
	if len(p.byID) > maxRelays || p.count() > maxRelays {
		t.Errorf("%d relays, %d routers", len(p.byID), p.count())
	}
	if _, _, rev := p.of(fmt.Sprint("x", maxRelays+5)); rev != 0 {
		t.Error("one too many is known")
	}
}

// TestSince: a relay that was dead before all was read again has not died just
// now.
func TestSince(t *testing.T) {
	then, now := time.Unix(1e9, 0), time.Unix(2e9, 0)
	before, p := newPlaces(), newPlaces()
	for _, id := range []string{"a", "b"} {
		before.set("r"+id, id, 1, then)
		p.set("r"+id, id, 1, now)
	}
	p.set("rc", "c", 2, now)
	p.lives(cloud.Node{ID: "b"}, now)
	p.since(before)
	if diff := cmp.Diff([]string{"a"}, p.dead(then.Add(time.Second))); diff != "" {
		t.Error(diff)
	}
}

// TestPlacesAreSmall measures what a router costs.
func TestPlacesAreSmall(t *testing.T) {
	const n = 100_000
	before := heap()
	p := fill(n)
	each := float64(heap()-before) / n
	t.Logf("%.0f bytes a router", each)
	if each > 100 {
		t.Errorf("%.0f bytes a router", each)
	}
	if p.count() != n {
		t.Error("they are not all there")
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// fill makes places of n routers on 20 relays, with ids as relays make them.
func fill(n int) *places {
	p, now := newPlaces(), time.Unix(1e9, 0)
	for i := range n {
		p.set(fmt.Sprintf("abcdefgh%08d", i), fmt.Sprint("node", i%20), int64(i+1), now)
	}
	return p
}

func BenchmarkWhere(b *testing.B) {
	const n = 1_000_000
	before := heap()
	p := fill(n)
	each := float64(heap()-before) / n
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("abcdefgh%08d", i*997)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p.of(keys[i%len(keys)])
		i++
	}
	b.ReportMetric(each, "B/router")
}

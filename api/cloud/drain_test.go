package cloud_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// size is how many routers a test of many has: so many, or as the environment
// says for a longer run.
func size(t *testing.T, short int) int {
	t.Helper()
	text := os.Getenv("VOUCHSAFE_CLOUD_ROUTERS")
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < short || n > 10_000 {
		t.Fatalf("VOUCHSAFE_CLOUD_ROUTERS=%q: a number from %d to 10000", text, short)
	}
	return n
}

// boxes makes routers that are up, at relays as it happens.
func (f *fleet) boxes(n int, backoff time.Duration) []*box {
	return f.boxesAt(n, backoff, func(int) *post { return nil })
}

// boxesAt makes routers that are up where they are said to be.
func (f *fleet) boxesAt(n int, backoff time.Duration, at func(i int) *post) []*box {
	f.t.Helper()
	all := make([]*box, n)
	began := time.Now()
	for i := range all {
		all[i] = f.run(f.enrol(), at(i), backoff, nil)
		// A few at a time: the handshakes of all of them would keep a slow machine from
		// answering the pings of those that are up.
		if i >= 8 {
			until(f.t, "a router is up", up(all[i-8].tun))
		}
	}
	f.t.Cleanup(func() { // at once: each takes a second
		var wg sync.WaitGroup
		for _, b := range all {
			wg.Go(b.stop)
		}
		wg.Wait()
	})
	for _, b := range all {
		until(f.t, "all routers are up", up(b.tun))
	}
	f.took += time.Since(began)
	return all
}

// some are a part of many routers: each client has a connection for each of them.
func some(boxes []*box) []*box {
	most := 60
	if long() {
		most = 200
	}
	if len(boxes) <= most {
		return boxes
	}
	out := make([]*box, most)
	for i := range out {
		out[i] = boxes[i*len(boxes)/most]
	}
	return out
}

// pace is how often a worker asks: requests shall flow all the time, and leave the
// processor to those that are tested.
const pace = 15 * time.Millisecond

// traffic asks routers all the time.
type traffic struct {
	f      *fleet
	boxes  []*box
	stop   func()
	asked  atomic.Int64
	mu     sync.Mutex // guards what follows
	answer map[string]int
	wrong  []string // answers of another router than the one that was asked
}

// flow begins to ask, with so many workers for each client.
func (f *fleet) flow(boxes []*box, workers int, clients ...*http.Client) *traffic {
	tr := &traffic{f: f, boxes: boxes, answer: map[string]int{}}
	end := make(chan struct{})
	var wg sync.WaitGroup
	for ci, c := range clients {
		for wi := range workers {
			wg.Go(func() {
				tick := time.NewTicker(pace)
				defer tick.Stop()
				for i := wi; ; i += workers {
					select {
					case <-end:
						return
					case <-tick.C:
					}
					tr.one(c, ci, boxes[(i*7+ci)%len(boxes)], fmt.Sprintf("%p-%d-%d", c, wi, i))
				}
			})
		}
	}
	tr.stop = sync.OnceFunc(func() {
		close(end)
		wg.Wait()
	})
	f.t.Cleanup(tr.stop)
	return tr
}

func (tr *traffic) one(c *http.Client, by int, b *box, body string) {
	resp, text, err := tr.f.ask(c, b.id.Host, body)
	tr.asked.Add(1)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	switch {
	case err != nil:
		tr.answer[fmt.Sprintf("by %d: %v", by, err)]++
	case resp.StatusCode != http.StatusOK:
		tr.answer[fmt.Sprintf("by %d: %d %s", by, resp.StatusCode, strings.TrimSpace(text))]++
	case text != b.prefix+" 127.0.0.1:0 "+body:
		tr.wrong = append(tr.wrong, text)
	default:
		tr.answer["well"]++
	}
}

// answers are how often what was answered.
func (tr *traffic) answers() map[string]int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return maps.Clone(tr.answer)
}

// twice are requests that a router got more than once.
func (f *fleet) twice(boxes []*box) (out []string) {
	for _, b := range boxes {
		b.mu.Lock()
		for body, n := range b.got {
			if n > 1 && strings.Contains(body, "-") {
				out = append(out, fmt.Sprintf("%s got %s %d times", b.prefix, body, n))
			}
		}
		b.mu.Unlock()
	}
	return out
}

// health is what a relay's health says.
func (p *post) health() int {
	w := httptest.NewRecorder()
	p.relay.Operations().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	return w.Code
}

// figure is one of a relay's figures.
func (p *post) figure(name string) string {
	w := httptest.NewRecorder()
	p.relay.Operations().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.SplitSeq(w.Body.String(), "\n") {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			return text
		}
	}
	return ""
}

// TestLeaving: requests flow without a pause through two relays while one of them
// stops. None fails, and its routers are at the other one.
func TestLeaving(t *testing.T) {
	const notice = 3 * time.Second
	f := newFleet(t, 2, func(c *cloud.Config) { c.Notice = notice })
	boxes := f.boxes(size(t, 200), 50*time.Millisecond)
	leaves, stays := f.posts[0], f.posts[1]
	f.reachAll(some(boxes))
	// As behind a balancer that knows of a relay by its health.
	balanced := func(ctx context.Context, network, address string) (net.Conn, error) {
		for looked := time.Now(); leaves.health() == http.StatusOK; looked = time.Now() {
			// Who was held up for as long as there is notice has to look again.
			if conn, err := leaves.dial(ctx, network, address); err == nil || time.Since(looked) < notice/2 {
				return conn, err
			}
		}
		return stays.dial(ctx, network, address)
	}
	tr := f.flow(some(boxes), 4, f.client(balanced), f.client(stays.dial))
	// A connection of HTTP/1.1 that nobody uses is closed in the end, and a request may
	// be on its way there at this moment. Those of these clients are in use: each of
	// them often while the relay gives notice.
	old := f.flow(boxes[:4], 2, f.old(balanced), f.old(stays.dial))
	until(t, "requests flow", func() bool { return tr.asked.Load() > 150 })
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		leaves.stop()
	}()
	until(t, "health says so", func() bool { return leaves.health() == http.StatusServiceUnavailable })
	next(t, "the relay's end", stopped)
	asked := tr.asked.Load()
	until(t, "requests flow on", func() bool { return tr.asked.Load() > asked+150 })
	for _, tr := range []*traffic{tr, old} {
		tr.stop()
		tr.clean(t, "^$")
	}
	if twice := f.twice(boxes); len(twice) > 0 {
		t.Error(twice)
	}
	if n := stays.figure("vouchsafe_cloud_routers"); n != strconv.Itoa(len(boxes)) {
		t.Errorf("%s routers are at the one that stays", n)
	}
}

// old is a client of HTTP/1.1, whose connections stay.
func (f *fleet) old(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	c := f.client(dial)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	c.Transport.(*http.Transport).Protocols = &protocols
	c.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	c.Transport.(*http.Transport).MaxIdleConnsPerHost = 1
	return c
}

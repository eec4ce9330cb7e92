package cloud_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// TestAnyRelay: whichever relay is asked, it is the right router that answers,
// and it hears who asks.
func TestAnyRelay(t *testing.T) {
	f := newFleet(t, 3, nil)
	boxes := f.boxesAt(12, 20*time.Millisecond, func(i int) *post { return f.posts[i%3] })
	gone := f.enrol()
	f.reachAll(boxes)
	for _, b := range boxes {
		b.asked.Store(0)
	}
	var wg sync.WaitGroup
	for _, p := range f.posts {
		c := f.client(p.dial)
		for _, b := range boxes {
			wg.Go(func() {
				resp, text, err := f.ask(c, b.id.Host, p.id)
				if want := b.prefix + " 127.0.0.1:0 " + p.id; err != nil || resp.StatusCode != 200 || text != want || resp.Header.Get("Content-Type") != "text/plain" {
					t.Errorf("%v %q %v, want %q", resp, text, err, want)
				}
			})
		}
	}
	wg.Wait()
	for _, b := range boxes {
		if n := b.asked.Load(); n != 3 {
			t.Errorf("%s was asked %d times", b.prefix, n)
		}
	}
	c := f.client(f.posts[1].dial)
	for host, want := range map[string]int{gone.Host: 503, "0000000000.cloud.test": 404} {
		if got := f.status(c, host, "{}"); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
	if got := f.status(c, boxes[0].id.Host, strings.Repeat("a", 65<<10)); got != 413 {
		t.Errorf("too large: %d", got)
	}
	for _, p := range f.posts {
		p.stop()
	}
	for i, p := range f.posts {
		log := p.log.String()
		own, others := 0, 0
		for line := range strings.SplitSeq(log, "\n") {
			switch {
			case !strings.Contains(line, "msg=request ") || !strings.Contains(line, "status=200") || !strings.Contains(line, "bytes=25 ") || strings.Contains(line, "enrol"):
			case strings.Contains(line, "node="):
				others++
			default:
				own++
			}
		}
		if own != 4 || others != 8 {
			t.Errorf("relay %d wrote %d and %d lines:\n%s", i, own, others, log)
		}
	}
}

// TestPassedOnFailures: what becomes of a request at another relay is told as at
// the router's own, and nothing is sent twice.
func TestPassedOnFailures(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}, 200), make(chan struct{})
	var busy atomic.Int32
	handler := func(b *box) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body) // what arrived is what counts
			b.mu.Lock()
			b.got[string(body)]++
			b.mu.Unlock()
			switch string(body) {
			case "die":
				begun <- struct{}{}
				<-r.Context().Done()
			case "busy":
				busy.Add(1)
				begun <- struct{}{}
				<-end
			case "cut":
				panic(http.ErrAbortHandler)
			case "odd":
				w.WriteHeader(700)
			case "no content":
				w.WriteHeader(http.StatusNoContent)
			case "teapot":
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Vouchsafe-Outcome", "not-here")
				w.Header().Set("Set-Cookie", "a=b")
				w.WriteHeader(http.StatusTeapot)
			case "half":
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, "half")
			case "large":
				for range 64 {
					_, _ = io.WriteString(w, strings.Repeat("a", 32<<10))
				}
			default:
				if strings.HasPrefix(string(body), "slow") {
					<-r.Context().Done()
				}
			}
		}
	}
	hasty := newFleet(t, 2, func(c *cloud.Config) { c.Limits.Answer = time.Second })
	waits, waiting := hasty.box(hasty.posts[0], handler), hasty.client(hasty.posts[1].dial)
	hasty.reach(waiting, waits.id.Host)
	late(t, waits.count, func(body string) int { return hasty.status(waiting, waits.id.Host, body) })
	f := newFleet(t, 2, nil)
	b, c := f.box(f.posts[0], handler), f.client(f.posts[1].dial)
	f.reach(c, b.id.Host)
	for body, want := range map[string]int{"cut": 502, "odd": 502, "no content": 204, "teapot": 418} {
		resp, _, err := f.ask(c, b.id.Host, body)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s: %v %v, want %d", body, resp, err, want)
			continue
		}
		if body == "teapot" && (resp.Header.Get("Retry-After") != "7" || resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Vouchsafe-Outcome") != "") {
			t.Errorf("%s", resp.Header)
		}
	}
	if resp, text, err := f.ask(c, b.id.Host, "half"); err == nil && resp.StatusCode != http.StatusBadGateway {
		t.Errorf("%d %q passed for a whole answer", resp.StatusCode, text)
	}
	if _, text, err := f.ask(c, b.id.Host, "large"); err != nil || len(text) != 2<<20 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	const room = 100
	answers := make(chan int, room)
	for range room {
		go func() {
			got := f.status(c, b.id.Host, "busy")
			// As long as there is room: what was before may take up some for a moment
			// after its answer.
			for got == http.StatusServiceUnavailable && busy.Load() < room {
				got = f.status(c, b.id.Host, "busy")
			}
			answers <- got
		}()
	}
	for range room {
		next(t, "a request at the router", begun)
	}
	for range 20 {
		if got := f.status(c, b.id.Host, "busy"); got != http.StatusServiceUnavailable {
			t.Errorf("beyond what the router takes: %d", got)
		}
	}
	close(end)
	for range room {
		if got := next(t, "an answer", answers); got != http.StatusOK {
			t.Errorf("%d", got)
		}
	}
	go func() { answers <- f.status(c, b.id.Host, "die") }()
	next(t, "the last request at the router", begun)
	b.cut()
	if got := next(t, "its answer", answers); got != http.StatusBadGateway {
		t.Errorf("the router's connection ended: %d", got)
	}
	for _, b := range []*box{b, waits} {
		b.mu.Lock()
		for body, n := range b.got {
			if n != 1 && (body != "busy" || n != room) && body != "reach" {
				t.Errorf("%q arrived %d times", body, n)
			}
		}
		b.mu.Unlock()
	}
}

// TestKeptAlive: a client whose connection stays finds the router wherever it
// goes.
func TestKeptAlive(t *testing.T) {
	f := newFleet(t, 3, nil)
	b := f.box(f.posts[0], nil)
	clients := []*http.Client{f.client(f.posts[0].dial), f.client(f.posts[1].dial), f.client(f.posts[2].dial)}
	for round := range 6 {
		to := (round + 1) % 3
		for _, c := range clients {
			f.reach(c, b.id.Host)
			if got := f.status(c, b.id.Host, "{}"); got != 200 {
				t.Errorf("round %d: %d", round, got)
			}
		}
		b.to(f.posts[to])
		tunnels := b.tun.State().Since // before the cut, since it may be back at once
		b.cut()
		until(t, "the router is back", func() bool { s := b.tun.State(); return s.Phase == tunnel.Up && s.Since.After(tunnels) })
	}
}

// call asks the account API at one relay.
func (f *fleet) call(c *http.Client, method, path string) (int, map[string]any) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, "https://api.cloud.test"+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("x-api-key", f.token)
	resp, err := c.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		f.t.Fatal(err)
	}
	return resp.StatusCode, v
}

// online is what a relay's account API says of a router.
func (f *fleet) online(c *http.Client, prefix string) (online, listed bool) {
	_, v := f.call(c, "GET", "/v1/account/routers")
	for _, x := range v["routers"].([]any) {
		if x := x.(map[string]any); x["prefix"] == prefix {
			return x["online"].(bool), true
		}
	}
	return false, false
}

// TestChangedElsewhere: what is changed at one relay is so at the one that has the
// router.
func TestChangedElsewhere(t *testing.T) {
	f := newFleet(t, 3, nil)
	b := f.box(f.posts[0], nil)
	at, other, third := f.client(f.posts[0].dial), f.client(f.posts[1].dial), f.client(f.posts[2].dial)
	for _, c := range []*http.Client{at, other, third} {
		until(t, "it is online everywhere", func() bool { online, _ := f.online(c, b.prefix); return online })
	}
	status, v := f.call(other, "POST", "/v1/account/routers/"+b.prefix+"/rotate")
	if status != 200 {
		t.Fatalf("%d %v", status, v)
	}
	fresh := v["router"].(map[string]any)["host"].(string)
	for i, c := range []*http.Client{other, third, at} {
		if got := f.status(c, fresh, "{}"); got != 200 {
			t.Errorf("the new name at %d: %d", i, got)
		}
		until(t, "the old name is gone", func() bool { return f.status(c, b.id.Host, "{}") == 404 })
	}
	until(t, "the router knows its new name", func() bool { return b.tun.State().Host == fresh })
	if status, _ := f.call(third, "DELETE", "/v1/account/routers/"+fresh[:10]); status != 200 {
		t.Errorf("%d", status)
	}
	until(t, "the removed router is out", func() bool { return b.tun.State().Phase != tunnel.Up && b.tun.State().Failure != nil })
	for i, c := range []*http.Client{at, other, third} {
		if got := f.status(c, fresh, "{}"); got != 404 {
			t.Errorf("the removed router at %d: %d", i, got)
		}
		if _, listed := f.online(c, fresh[:10]); listed {
			t.Errorf("it is listed at %d", i)
		}
	}
}

// TestMissed: a relay that has heard nothing for a while makes up for it.
func TestMissed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, nil)
	renamed, removed, moved, stays := f.box(f.posts[0], nil), f.box(f.posts[0], nil), f.box(f.posts[0], nil), f.box(f.posts[0], nil)
	f.posts[0].member.Deafen(true)
	x, err := f.accounts.Rotate(t.Context(), f.account.ID, renamed.prefix)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.accounts.RemoveRouter(t.Context(), f.account.ID, removed.prefix); err != nil {
		t.Fatal(err)
	}
	// Somebody else notes the router without a word to the relay that has it.
	router, err := f.accounts.Router(t.Context(), moved.prefix)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.posts[1].member.Enter(t.Context(), router.ID); err != nil {
		t.Fatal(err)
	}
	c := f.client(f.posts[0].dial)
	if got := f.status(c, removed.id.Host, "{}"); got != 200 {
		t.Errorf("the test is wrong: %d", got)
	}
	f.posts[0].member.Deafen(false)
	until(t, "the removed router is out", func() bool { return removed.tun.State().Phase != tunnel.Up })
	until(t, "the renamed router knows it", func() bool { return renamed.tun.State().Host == x.Prefix+".cloud.test" })
	until(t, "the one that has moved is back", func() bool { return f.status(c, moved.id.Host, "{}") == 200 })
	if got := f.status(c, removed.id.Host, "{}"); got != 404 {
		t.Errorf("the removed one: %d", got)
	}
	if got := f.status(c, renamed.id.Host, "{}"); got != 404 {
		t.Errorf("the old name: %d", got)
	}
	for _, host := range []string{x.Prefix + ".cloud.test", stays.id.Host} {
		if got := f.status(c, host, "{}"); got != 200 {
			t.Errorf("%s: %d", host, got)
		}
	}
}

// TestSeenElsewhere: when a router was last seen is known at all relays.
func TestSeenElsewhere(t *testing.T) {
	f := newFleet(t, 2, nil)
	b := f.box(f.posts[0], nil)
	f.posts[0].stop() // notes it at once
	c := f.client(f.posts[1].dial)
	_, v := f.call(c, "GET", "/v1/account/routers")
	x := v["routers"].([]any)[0].(map[string]any)
	if ago := time.Now().Unix() - int64(x["lastSeen"].(float64)); ago < 0 || ago > 60 || x["version"] != "1.2.3" {
		t.Errorf("%v", x)
	}
	b.to(f.posts[1])
	until(t, "it is online", func() bool { online, _ := f.online(c, b.prefix); return online })
	if err := f.posts[0].member.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

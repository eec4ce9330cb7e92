package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a connection that can go dead without a word: what is written
// disappears, and nothing arrives.
type wire struct {
	router, relay net.Conn
	dead          atomic.Bool
	passed        atomic.Int64 // bytes
}

func newWire() *wire {
	a, b := net.Pipe()
	c, d := net.Pipe()
	w := &wire{router: a, relay: d}
	carry := func(to, from net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				if !w.dead.Load() {
					to.Close()
				}
				return
			}
			if w.dead.Load() {
				continue
			}
			w.passed.Add(int64(n))
			if _, err := to.Write(buf[:n]); err != nil {
				from.Close()
				return
			}
		}
	}
	go carry(c, b)
	go carry(b, c)
	return w
}

// bubble is a router and a relay with wires between them, on a clock of their
// own.
type bubble struct {
	t     *testing.T
	relay *relay
	tun   *Tunnel
	wires chan *wire
	links chan *Link
	stop  func()
}

func newBubble(t *testing.T, r *relay, h http.Handler) *bubble {
	b := &bubble{t: t, relay: r, wires: make(chan *wire, 100), links: make(chan *Link, 100)}
	cfg := r.config()
	cfg.Handler, cfg.Wait, cfg.PingWait, cfg.Log = h, nil, 0, slog.New(slog.DiscardHandler)
	cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
		w := newWire()
		b.wires <- w
		go b.take(w)
		return w.router, nil
	}
	b.tun = New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { b.tun.Run(ctx) })
	b.stop = func() {
		cancel()
		wg.Wait()
	}
	return b
}

func (b *bubble) take(w *wire) {
	conn := tls.Server(w.relay, &tls.Config{Certificates: []tls.Certificate{b.relay.key}, NextProtos: []string{Protocol}, ClientAuth: tls.RequireAnyClientCert})
	if conn.HandshakeContext(b.t.Context()) != nil {
		w.relay.Close()
		return
	}
	l, err := NewLinks(0).Take(b.t.Context(), conn)
	if err != nil {
		return
	}
	if _, _, err := l.Say(b.t.Context(), Hello{Host: "0123456789.cloud.test"}); err != nil {
		return
	}
	b.links <- l
}

// within is how long f took, on the bubble's clock.
func within(t *testing.T, what string, limit time.Duration, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > limit {
		t.Errorf("%s took %v, more than %v", what, took, limit)
	}
}

// inBubble runs a test on a clock of its own.
func inBubble(t *testing.T, test func(t *testing.T, r *relay)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		key, roots := relayKey(t, time.Now().Unix()-60, time.Now().Unix()+100_000)
		test(t, &relay{t: t, roots: roots, key: key, ln: noListener{}})
	})
}

// noListener has an address only.
type noListener struct{ net.Listener }

func (noListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

// TestIdleForHours: a tunnel that nobody uses stays.
func TestIdleForHours(t *testing.T) {
	inBubble(t, func(t *testing.T, r *relay) {
		b := newBubble(t, r, http.HandlerFunc(echo))
		l := <-b.links
		w := <-b.wires
		before := w.passed.Load()
		<-time.After(3 * time.Hour) // the bubble's clock: no waiting
		if status, _, err := post(t, l, "/api/", "192.0.2.7", "x"); status != 200 || err != nil {
			t.Errorf("%d %v", status, err)
		}
		if n := len(b.wires); n > 0 {
			t.Errorf("the router connected %d times more", n)
		}
		// A ping of 17 bytes and its answer every 11.5 s, and TLS's 22 each.
		used := w.passed.Load() - before
		t.Logf("%d bytes in three hours of idling", used)
		if used > 3*3600/11*2*(17+22) {
			t.Errorf("%d bytes for nothing", used)
		}
		b.stop()
		l.Close()
	})
}

// TestSilence: a link that dies without a word is noticed by both ends within 16
// seconds, and the router is back within 20.
func TestSilence(t *testing.T) {
	inBubble(t, func(t *testing.T, r *relay) {
		b := newBubble(t, r, http.HandlerFunc(echo))
		l, w := <-b.links, <-b.wires
		<-time.After(time.Minute + 3*time.Second)
		w.dead.Store(true)
		within(t, "back", 20*time.Second, func() {
			within(t, "noticing", 16*time.Second, func() { <-l.Done() })
			l = <-b.links
		})
		if status, _, err := post(t, l, "/api/", "192.0.2.7", "x"); status != 200 || err != nil {
			t.Errorf("%d %v", status, err)
		}
		if _, _, err := post(t, l, "/api/", "192.0.2.7", ""); err != nil {
			t.Error(err)
		}
		b.stop()
		l.Close()
	})
}

// TestSilenceMidRequest: a request on a link that dies fails within 16 seconds
// and is not sent again, though the router has another link by then.
func TestSilenceMidRequest(t *testing.T) {
	for name, reset := range map[string]bool{"silently": false, "with a reset": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *relay) {
				var got atomic.Int32
				begun := make(chan struct{}, 10)
				b := newBubble(t, r, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					got.Add(1)
					begun <- struct{}{}
					<-r.Context().Done()
				}))
				l, w := <-b.links, <-b.wires
				failed := make(chan error)
				go func() {
					_, _, err := post(t, l, "/api/", "192.0.2.7", "make a voucher")
					failed <- err
				}()
				<-begun
				limit := 16 * time.Second
				if reset {
					limit = 0
					w.router.Close()
					w.relay.Close()
				} else {
					w.dead.Store(true)
				}
				within(t, "the failure", limit, func() {
					if err := <-failed; err == nil || errors.Is(err, ErrNotSent) {
						t.Errorf("%v: it was sent", err)
					}
				})
				l = <-b.links
				<-time.After(time.Minute)
				if n := got.Load(); n != 1 {
					t.Errorf("the router got it %d times", n)
				}
				b.stop()
				l.Close()
			})
		})
	}
}

// TestSentAway: a relay that asks for another connection all the time is not
// obeyed without end.
func TestSentAway(t *testing.T) {
	inBubble(t, func(t *testing.T, r *relay) {
		b := newBubble(t, r, http.HandlerFunc(echo))
		began := time.Now()
		var last *Link
		for range 50 {
			last = <-b.links
			if _, _, err := last.Say(t.Context(), Hello{Move: true}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < time.Minute {
			t.Errorf("50 connections in %v", took)
		}
		b.stop()
		last.Close()
		for len(b.links) > 0 {
			(<-b.links).Close()
		}
	})
}

// TestNames: what is not a name is not kept, and neither are names without end.
func TestNames(t *testing.T) {
	r := newRelay(t)
	var mu sync.Mutex
	named := 0
	cfg := r.config()
	cfg.Named = func(string) {
		mu.Lock()
		defer mu.Unlock()
		named++
	}
	tun, _ := run(t, cfg)
	l := r.link()
	for _, host := range []string{"a b.test", "<script>.test", "../x.test", "Ä.test", "one", "a..test", "-a.test"} {
		if _, _, err := l.Say(t.Context(), Hello{Host: host}); err == nil {
			t.Errorf("%q was taken", host)
		}
	}
	for range 100 {
		_, _, _ = l.Say(t.Context(), Hello{Host: "other.cloud.test"}) // refused at last
	}
	if mu.Lock(); named > maxNames {
		t.Errorf("named %d times", named)
	}
	mu.Unlock()
	if s := tun.State(); s.Host != "other.cloud.test" {
		t.Errorf("%+v", s)
	}
	resp, err := l.RoundTrip(mustRequest(t, ControlPath, io.LimitReader(zeros{}, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a megabyte of control: %s", resp.Status)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func mustRequest(t *testing.T, path string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://router"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

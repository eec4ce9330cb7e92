package cloud_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// wires remembers the connections that a router makes.
type wires struct {
	mu   sync.Mutex
	all  []net.Conn
	addr atomic.Pointer[string]
}

func (w *wires) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, *w.addr.Load())
	if err == nil {
		w.mu.Lock()
		w.all = append(w.all, conn)
		w.mu.Unlock()
	}
	return conn, err
}

// cut ends the last connection.
func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all[len(w.all)-1].Close()
}

// wired runs a router whose connections are remembered.
func (h *house) wired(id tunnel.Identity, serve http.HandlerFunc) (*tunnel.Tunnel, *wires) {
	h.t.Helper()
	w := &wires{}
	w.addr.Store(&h.addr)
	tun := tunnel.New(tunnel.Config{Relay: "relay.test:443", Dial: w.dial, Version: "1.2.3", Handler: serve, Log: discard(), Backoff: time.Millisecond, Most: 20 * time.Millisecond, PingWait: patience,
		TLS: func() (*tls.Config, error) { return id.TLS(h.roots) }})
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { tun.Run(ctx) })
	h.t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	until(h.t, "the router is up", up(tun))
	return tun, w
}

// TestDeath: a router whose connection ends while it works is answered for at
// once; nothing is sent twice, nobody else is harmed, and it is back.
func TestDeath(t *testing.T) {
	h := newHouse(t, nil)
	other, _ := h.online(echo)
	_, token := h.account("other")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	var got atomic.Int32
	begun := make(chan struct{}, 10)
	_, w := h.wired(id, func(w http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); string(b) == "die" {
			got.Add(1)
			begun <- struct{}{}
			<-r.Context().Done()
		}
	})
	for range 3 {
		answered := make(chan int, 1)
		go func() {
			status, _ := h.post(id.Host, "die")
			answered <- status
		}()
		next(t, "a request at the router", begun)
		w.cut()
		// Nothing else would answer before the test's patience is at its end.
		if status := next(t, "its answer", answered); status != http.StatusBadGateway {
			t.Errorf("%d", status)
		}
		if status, _ := h.post(other.Host, "{}"); status != 200 {
			t.Errorf("another router: %d", status)
		}
		until(t, "it is back", func() bool { status, _ := h.post(id.Host, "{}"); return status == 200 })
	}
	if n := got.Load(); n != 3 {
		t.Errorf("three requests arrived %d times", n)
	}
}

// TestStalledReader: a client that stops reading is hung up on, by HTTP/1.1 and
// HTTP/2, and the router hears of it.
func TestStalledReader(t *testing.T) {
	h := newHouse(t, func(c *cloud.Config) { c.Limits.Stall = time.Second })
	ended := make(chan struct{}, 1000)
	id, _ := h.online(func(w http.ResponseWriter, r *http.Request) {
		defer func() { ended <- struct{}{} }()
		for part := strings.Repeat("a", 32<<10); ; {
			if _, err := io.WriteString(w, part); err != nil {
				return
			}
		}
	})
	for _, protocol := range []string{"http/1.1", "h2"} {
		asked := 1
		var conn net.Conn = tls.Client(h.from("127.0.0.1"), &tls.Config{ServerName: id.Host, RootCAs: h.roots, NextProtos: []string{protocol}})
		if protocol == "h2" {
			conn.Close()
			asked = 0
			until(t, "an answer has begun", func() bool { // before the relay took a slow machine for a slow client
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+id.Host+"/api/", strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				asked++
				resp, err := h.client().Do(r)
				if err == nil {
					t.Cleanup(func() { resp.Body.Close() }) // its windows fill: nobody reads
				}
				return err == nil
			})
		} else if _, err := fmt.Fprintf(conn, "POST /api/ HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n\r\n{}", id.Host); err != nil {
			t.Fatal(err)
		}
		for range asked {
			next(t, protocol+": the router does not go on for nobody", ended)
		}
	}
}

// TestCrowd: of several clients of one router that stall, those that are too many
// are hung up on sooner, so that the router can answer others.
func TestCrowd(t *testing.T) {
	h := newHouse(t, func(c *cloud.Config) { c.Limits.Crowded = 2 * time.Second })
	ended := make(chan struct{}, 10)
	id, _ := h.online(func(w http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); string(b) != "all" {
			return
		}
		defer func() { ended <- struct{}{} }()
		for part := strings.Repeat("a", 32<<10); ; {
			if _, err := io.WriteString(w, part); err != nil {
				return
			}
		}
	})
	for range 5 {
		conn := tls.Client(h.from("127.0.0.1"), &tls.Config{ServerName: id.Host, RootCAs: h.roots})
		if _, err := fmt.Fprintf(conn, "POST /api/ HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\n\r\nall", id.Host); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		next(t, "one that is too many is hung up on", ended)
	}
	if status, _ := h.post(id.Host, "{}"); status != http.StatusOK {
		t.Errorf("another client: %d", status)
	}
	if len(ended) > 0 {
		t.Error("more than those were hung up on")
	}
}

// TestMoved: a relay that stops while another one stands sends its routers
// there; what is under way is finished.
func TestMoved(t *testing.T) {
	h := newHouse(t, func(c *cloud.Config) { c.Elsewhere = true })
	_, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	cert, roots := certificate(t)
	h.roots.AddCert(leafOf(t, cert))
	second, err := cloud.NewRelay(t.Context(), cloud.Config{Accounts: h.accounts, Domain: "cloud.test", Log: discard(), Limits: patient(),
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- second.Serve(ctx, ln) }()
	begun, end := make(chan struct{}), make(chan struct{})
	tun, w := h.wired(id, func(w http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); string(b) == "slow" {
			close(begun)
			<-end
		}
	})
	answered := make(chan int, 1)
	go func() {
		status, _ := h.post(id.Host, "slow")
		answered <- status
	}()
	next(t, "a request at the router", begun)
	addr := ln.Addr().String()
	w.addr.Store(&addr)
	stopped := make(chan struct{})
	go func() {
		h.stop()
		close(stopped)
	}()
	there := &house{t: t, roots: roots, addr: addr}
	until(t, "it is at the other one", func() bool { status, _ := there.post(id.Host, "{}"); return status == 200 })
	if tun.State().Phase != tunnel.Up {
		t.Errorf("%+v", tun.State())
	}
	close(end)
	if status := next(t, "the answer of what was under way", answered); status != 200 {
		t.Errorf("what was under way: %d", status)
	}
	next(t, "the relay's end", stopped)
	if status, _ := there.post(id.Host, "{}"); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
	cancel()
	if err := next(t, "the other relay's end", done); err != nil {
		t.Error(err)
	}
}

// TestBusyRouter: what a router has no room for is refused at once, not queued.
func TestBusyRouter(t *testing.T) {
	h := newHouse(t, nil)
	const room, beyond = 100, 20
	end, begun := make(chan struct{}), make(chan struct{}, room+beyond)
	var arrived atomic.Int32
	id, _ := h.online(func(_ http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); string(b) == "slow" {
			arrived.Add(1)
			begun <- struct{}{}
			<-end
		}
	})
	release := sync.OnceFunc(func() { close(end) })
	t.Cleanup(release) // a handler would hold up the house's end
	posts := func(n int, body string) <-chan int {
		client := h.client()
		post := func(body string) int {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+id.Host+"/api/", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return 0
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Error(err)
				return 0
			}
			resp.Body.Close()
			return resp.StatusCode
		}
		// Two connections for all: a handshake of each of a hundred would keep a
		// slow machine from answering the tunnel's pings.
		_ = post("{}") // whatever its answer
		answers := make(chan int, n)
		for range n {
			go func() {
				status := post(body)
				// As long as there is room: what was before may take up some for a moment
				// after its answer.
				for status == http.StatusServiceUnavailable && arrived.Load() < room {
					status = post(body)
				}
				answers <- status
			}()
		}
		return answers
	}
	within(t, posts(1, "{}"), 1, "an answer before", func(status int) bool { return status == 200 })
	served := posts(room, "slow")
	within(t, begun, room, "a request at the router", func(struct{}) bool { return true })
	within(t, posts(beyond, "slow"), beyond, "a refusal", func(status int) bool { return status == http.StatusServiceUnavailable })
	release()
	within(t, served, room, "an answer", func(status int) bool { return status == 200 })
	within(t, posts(1, "{}"), 1, "an answer afterwards", func(status int) bool { return status == 200 })
}

// within receives n values, each of which must be as it should be.
func within[T any](t *testing.T, c <-chan T, n int, what string, good func(T) bool) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for i := range n {
		select {
		case v := <-c:
			if !good(v) {
				t.Errorf("%s: %v", what, v)
			}
		case <-limit.C:
			t.Fatalf("%s: the last %d of %d never came", what, n-i, n)
		}
	}
}

package cloud_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// from connects from an address of this machine.
func (h *house) from(address string) net.Conn {
	h.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
	conn, err := d.DialContext(h.t.Context(), "tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	return conn
}

// closed reports whether the other end hangs up before the connection's deadline.
func closed(conn net.Conn) bool {
	_, err := conn.Read(make([]byte, 1))
	ne := net.Error(nil)
	return err != nil && (!errors.As(err, &ne) || !ne.Timeout())
}

// TestSilentHandshakes: those who connect and say nothing keep nobody out.
func TestSilentHandshakes(t *testing.T) {
	h := newHouse(t, func(c *cloud.Config) { c.Limits.Handshakes, c.Limits.Handshake = 8, time.Minute })
	_, token := h.account("acme")
	var first net.Conn
	for i := range 8 {
		if conn := h.from(fmt.Sprintf("127.0.0.%d", 2+i/2)); i == 0 {
			first = conn
		}
	}
	// From an address with as many as it may have: at once.
	if !closed(h.from("127.0.0.2")) {
		t.Error("one address holds more than a quarter of all")
	}
	if status, _ := h.ask("GET", "/v1/account", token, ""); status != 200 {
		t.Errorf("%d", status)
	}
	if !closed(first) {
		t.Error("the oldest handshake goes on")
	}
}

// TestManyConnections: a client that has too many loses those that it does not
// use.
func TestManyConnections(t *testing.T) {
	h := newHouse(t, func(c *cloud.Config) { c.Limits.Connections, c.Limits.ConnectionsPerClient = 6, 3 })
	_, token := h.account("acme")
	dial := func(address string) *tls.Conn {
		conn := tls.Client(h.from(address), &tls.Config{ServerName: "api.cloud.test", RootCAs: h.roots, NextProtos: []string{"http/1.1"}})
		if err := conn.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	ask := func(conn *tls.Conn) error {
		if _, err := fmt.Fprintf(conn, "GET /v1/account HTTP/1.1\r\nHost: api.cloud.test\r\nX-Api-Key: %s\r\n\r\n", token); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return errors.Join(err, resp.Body.Close())
	}
	oldest := dial("127.0.0.2")
	if err := ask(oldest); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		dial("127.0.0.3")
	}
	// The relay may take in those of before later than this one, but only once.
	getsIn := func(address string) {
		t.Helper()
		until(t, address+" gets in", func() bool { return ask(dial(address)) == nil })
	}
	getsIn("127.0.0.3")
	if err := ask(oldest); err != nil {
		t.Errorf("that of another client: %v", err)
	}
	for i := range 10 {
		getsIn(fmt.Sprintf("127.0.0.%d", 10+i))
	}
	if !closed(oldest) {
		t.Error("the oldest is still there, though there were too many")
	}
}

// TestSlowClients: slow headers and slow bodies are hung up on, and a router
// never hears of them.
func TestSlowClients(t *testing.T) {
	// The router joins at a relay that gives it time.
	joined := newHouse(t, nil)
	_, token := joined.account("acme")
	id, err := joined.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(c *cloud.Config) { c.Accounts, c.Limits.Read = joined.accounts, 2*time.Second })
	var reached atomic.Int32
	tun, _ := h.router(id, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	until(t, "the router is up", up(tun))
	conns := map[string]net.Conn{}
	for name, text := range map[string]string{
		"nothing":     "",
		"half a line": "POST /api/ HT",
		"a header":    "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nX-A: ",
		"a body":      "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nContent-Length: 1000\r\n\r\nabc",
		"a chunk":     "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
	} {
		conn := tls.Client(h.from("127.0.0.1"), &tls.Config{ServerName: id.Host, RootCAs: h.roots, NextProtos: []string{"http/1.1"}})
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		conns[name] = conn
	}
	for name, conn := range conns { // all of them are slow at the same time
		b, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: nobody hangs up, %q", name, b)
		}
		if strings.HasPrefix(string(b), "HTTP/1.1 2") {
			t.Errorf("%s: %s", name, b)
		}
	}
	// The same over HTTP/2: the body never ends.
	body, end := io.Pipe()
	defer end.Close()
	go func() { _, _ = end.Write([]byte("abc")) }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+id.Host+"/api/", body)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := h.client().Do(r); err == nil {
		if resp.Body.Close(); resp.StatusCode < 400 {
			t.Errorf("a slow body over HTTP/2: %s", resp.Status)
		}
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("the router got %d", n)
	}
}

// TestResumption: clients resume sessions; routers show their certificate each
// time, whatever tickets there are.
func TestResumption(t *testing.T) {
	h := newHouse(t, nil)
	id, token := h.online(echo)
	cache := tls.NewLRUClientSessionCache(10)
	resumed := func(cfg *tls.Config, name, request string) bool {
		t.Helper()
		cfg.ServerName, cfg.ClientSessionCache = name, sameKey{cache}
		cfg.NextProtos = []string{"http/1.1"}
		conn := tls.Client(h.from("127.0.0.1"), cfg)
		defer conn.Close()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // tickets come before it
			t.Fatal(err)
		}
		return conn.ConnectionState().DidResume
	}
	client := func() *tls.Config { return &tls.Config{RootCAs: h.roots} }
	account := "GET /v1/account HTTP/1.1\r\nHost: api.cloud.test\r\nX-Api-Key: " + token + "\r\n\r\n"
	if resumed(client(), "api.cloud.test", account) || !resumed(client(), "api.cloud.test", account) {
		t.Error("a client does not resume its session")
	}
	for range 2 {
		cfg, err := id.TLS(h.roots)
		if err != nil {
			t.Fatal(err)
		}
		if resumed(cfg, "router.cloud.test", "GET /x HTTP/1.1\r\nHost: router.cloud.test\r\n\r\n") {
			t.Error("a router did not show its certificate")
		}
	}
}

// sameKey offers whatever ticket there is, for any name.
type sameKey struct{ tls.ClientSessionCache }

func (s sameKey) Get(string) (*tls.ClientSessionState, bool) { return s.ClientSessionCache.Get("") }
func (s sameKey) Put(_ string, st *tls.ClientSessionState)   { s.ClientSessionCache.Put("", st) }

// lame is a listener that fails some times.
type lame struct {
	net.Listener
	fails atomic.Int32
}

// Accept implements net.Listener.
func (l *lame) Accept() (net.Conn, error) {
	if l.fails.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// TestTooManyFiles: a relay that is out of files for a moment goes on.
func TestTooManyFiles(t *testing.T) {
	h := newHouse(t, nil)
	_, token := h.account("acme")
	cert, roots := certificate(t)
	h.roots = roots
	relay, err := cloud.NewRelay(t.Context(), cloud.Config{Accounts: h.accounts, Domain: "cloud.test", Log: slog.New(slog.DiscardHandler), Limits: patient(),
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	l := &lame{Listener: ln}
	l.fails.Store(3)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- relay.Serve(ctx, l) }()
	if status, _ := h.ask("GET", "/v1/account", token, ""); status != 200 {
		t.Errorf("%d", status)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDrain: what is under way when the relay stops is finished.
func TestDrain(t *testing.T) {
	h := newHouse(t, func(c *cloud.Config) { c.Elsewhere = false })
	begun, end := make(chan struct{}), make(chan struct{})
	id, _ := h.online(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-end
		echo(w, r)
	})
	answered := make(chan int, 1)
	go func() {
		status, _ := h.post(id.Host, "{}")
		answered <- status
	}()
	next(t, "a request at the router", begun)
	stopped := make(chan struct{})
	go func() {
		h.stop()
		close(stopped)
	}()
	until(t, "no more connections", func() bool {
		conn, err := net.Dial("tcp", h.addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case <-stopped:
		t.Error("the relay did not wait")
	default:
	}
	close(end)
	if status := next(t, "the answer of what was under way", answered); status != 200 {
		t.Errorf("%d", status)
	}
	next(t, "the relay's end", stopped)
	all, err := h.accounts.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	routers, err := h.accounts.Routers(t.Context(), all[0].ID)
	if err != nil || len(routers) != 1 || time.Since(routers[0].LastSeen) > time.Minute {
		t.Errorf("%+v %v", routers, err)
	}
}

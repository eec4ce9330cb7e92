package tunnel

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long is waited for what comes soon, and for what a slow machine
// has to answer.
const patience = 90 * time.Second

// soon waits for what comes soon.
func soon[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case v = <-c:
	case <-limit.C:
		t.Fatalf("not within %v: %s", patience, what)
	}
	return v
}

// relay is the other end: a listener that makes links of connections.
type relay struct {
	t     *testing.T
	ln    net.Listener
	roots *x509.CertPool
	key   tls.Certificate
	links chan *Link
	mute  atomic.Bool // new links are not greeted
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	key, roots := relayKey(t, time.Now().Unix()-3600, time.Now().Unix()+86400)
	r := &relay{t: t, roots: roots, key: key, links: make(chan *Link, 10)}
	var err error
	if r.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.ln.Close() })
	go r.accept()
	return r
}

// relayKey makes a certificate for the relay's name, good from one second to
// another.
func relayKey(t *testing.T, from, until int64) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return relayKeyPair(t, from, until, key)
}

func relayKeyPair(t testing.TB, from, until int64, key *ecdsa.PrivateKey) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	draft := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay"}, DNSNames: []string{"tunnel.cloud.test"},
		NotBefore: time.Unix(from, 0), NotAfter: time.Unix(until, 0), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func (r *relay) accept() {
	for {
		raw, err := r.ln.Accept()
		if err != nil {
			return
		}
		go r.take(raw)
	}
}

func (r *relay) take(raw net.Conn) {
	conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{r.key}, NextProtos: []string{Protocol}, ClientAuth: tls.RequireAnyClientCert})
	if err := conn.HandshakeContext(r.t.Context()); err != nil {
		raw.Close()
		return
	}
	l, err := NewLinks(patience).Take(r.t.Context(), conn)
	if err != nil {
		return
	}
	if !r.mute.Load() {
		if a, _, err := l.Say(r.t.Context(), Hello{Host: "0123456789.cloud.test", Latency: 1500}); err != nil || a.Version != "1.2.3" {
			r.t.Errorf("%+v %v", a, err)
		}
	}
	r.links <- l
}

// link waits for the next link.
func (r *relay) link() *Link {
	r.t.Helper()
	select {
	case l := <-r.links:
		r.t.Cleanup(func() { l.Close() })
		return l
	case <-time.After(patience):
		r.t.Fatal("the router did not come")
		return nil
	}
}

func (r *relay) config() Config {
	return Config{Relay: r.ln.Addr().String(), Version: "1.2.3", PingWait: patience, Log: slog.New(slog.NewTextHandler(r.t.Output(), nil)),
		TLS: func() (*tls.Config, error) {
			return &tls.Config{ServerName: "tunnel.cloud.test", RootCAs: r.roots, Certificates: []tls.Certificate{r.key}}, nil
		},
		Handler: http.HandlerFunc(echo),
		Wait:    func(ctx context.Context, d time.Duration) { wait(ctx, min(d, time.Millisecond)) },
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "%s %s %s %q from %s", r.Method, r.URL.Path, r.Header.Get(ClientHeader), b, r.RemoteAddr)
}

// run keeps a tunnel until the test ends.
func run(t *testing.T, cfg Config) (tun *Tunnel, stop func()) {
	t.Helper()
	tun = New(cfg)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { tun.Run(ctx) })
	stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(stop)
	return tun, stop
}

func post(t *testing.T, l *Link, path, client, body string) (int, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://router"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if client != "" {
		r.Header.Set(ClientHeader, client)
	}
	resp, err := l.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// until waits for a state.
func until(t *testing.T, tun *Tunnel, is func(State) bool) State {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if s := tun.State(); is(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("it stays %+v", tun.State())
		}
	}
}

func TestRequests(t *testing.T) {
	r := newRelay(t)
	tun, stop := run(t, r.config())
	l := r.link()
	if s := until(t, tun, func(s State) bool { return s.Phase == Up }); s.Host != "0123456789.cloud.test" || s.Latency != 1500*time.Microsecond || s.Failure != nil {
		t.Errorf("%+v", s)
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			status, body, err := post(t, l, "/api/", "192.0.2.7", fmt.Sprint("a", i))
			if want := fmt.Sprintf("POST /api/  %q from 192.0.2.7:0", fmt.Sprint("a", i)); status != 200 || err != nil || body != want {
				t.Errorf("%d %q %v", status, body, err)
			}
		})
	}
	wg.Wait()
	for _, client := range []string{"", "not an address", "192.0.2.7:80"} {
		if status, _, err := post(t, l, "/api/", client, ""); status != 400 || err != nil {
			t.Errorf("client %q: %d %v", client, status, err)
		}
	}
	stop()
	if s := tun.State(); s.Phase != Off {
		t.Errorf("%+v", s)
	}
	soon(t, "the link's end", l.Done())
	if _, _, err := post(t, l, "/api/", "192.0.2.7", ""); !errors.Is(err, ErrNotSent) {
		t.Errorf("on a link that is closed: %v", err)
	}
}

func TestComesBack(t *testing.T) {
	r := newRelay(t)
	tun, _ := run(t, r.config())
	for range 5 {
		l := r.link()
		if _, _, err := post(t, l, "/api/", "192.0.2.7", ""); err != nil {
			t.Error(err)
		}
		l.Close()
	}
	r.link()
	until(t, tun, func(s State) bool { return s.Phase == Up })
}

// TestMove: the new connection is there before the old one ends, and what is
// under way on the old one is finished.
func TestMove(t *testing.T) {
	r := newRelay(t)
	cfg := r.config()
	begun, end := make(chan struct{}), make(chan struct{})
	cfg.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(begun)
			<-end
		}
		echo(w, r)
	})
	tun, _ := run(t, cfg)
	old := r.link()
	answered := make(chan error, 1)
	go func() {
		_, _, err := post(t, old, "/slow", "192.0.2.7", "")
		answered <- err
	}()
	soon(t, "a request at the router", begun)
	if _, _, err := old.Say(t.Context(), Hello{Move: true}); err != nil {
		t.Fatal(err)
	}
	fresh := r.link()
	if _, _, err := post(t, fresh, "/api/", "192.0.2.7", ""); err != nil {
		t.Error(err)
	}
	if s := tun.State(); s.Phase != Up {
		t.Errorf("%+v", s)
	}
	close(end)
	if err := soon(t, "the answer on the old connection", answered); err != nil {
		t.Errorf("a request on the old connection: %v", err)
	}
	soon(t, "the old link's end", old.Done())
}

func TestRefusals(t *testing.T) {
	r := newRelay(t)
	for name, change := range map[string]func(*Config){
		"nobody trusts the relay": func(c *Config) {
			c.TLS = func() (*tls.Config, error) { return &tls.Config{ServerName: "tunnel.cloud.test"}, nil }
		},
		"another name": func(c *Config) {
			c.TLS = func() (*tls.Config, error) { return &tls.Config{ServerName: "evil.test", RootCAs: r.roots}, nil }
		},
		"no identity":   func(c *Config) { c.TLS = func() (*tls.Config, error) { return nil, errors.New("no key") } },
		"nobody there":  func(c *Config) { c.Relay = "127.0.0.1:1" },
		"another proxy": func(c *Config) { c.Proxy = func() *url.URL { return &url.URL{Host: "127.0.0.1:1"} } },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := r.config()
			cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
			change(&cfg)
			tun, _ := run(t, cfg)
			if s := until(t, tun, func(s State) bool { return s.Failure != nil }); s.Phase == Up {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestProxy goes through an HTTP proxy, with and without its password.
func TestProxy(t *testing.T) {
	r := newRelay(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodConnect || req.Header.Get("Proxy-Authorization") != "Basic YTpi" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		to, err := net.Dial("tcp", req.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, to)
		}()
		_, _ = io.Copy(to, conn)
		to.Close()
	}))
	t.Cleanup(proxy.CloseClientConnections)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg := r.config()
	cfg.Proxy = func() *url.URL { return at }
	tun, stop := run(t, cfg)
	if s := until(t, tun, func(s State) bool { return s.Failure != nil }); !strings.Contains(s.Failure.Error(), "407") {
		t.Errorf("%+v", s)
	}
	stop()
	at.User = url.UserPassword("a", "b")
	run(t, cfg)
	if status, _, err := post(t, r.link(), "/api/", netip.IPv6Loopback().String(), ""); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
}

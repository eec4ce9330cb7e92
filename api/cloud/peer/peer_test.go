package peer

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
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// authority signs relays' certificates, or others'.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	draft := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{t, cert, key}
}

func (a authority) identity(node string) *Identity {
	a.t.Helper()
	i, err := NewIdentity(node, a.cert, a.key, time.Now)
	if err != nil {
		a.t.Fatal(err)
	}
	return i
}

// certificate signs one as it is drafted.
func (a authority) certificate(draft x509.Certificate) *tls.Certificate {
	a.t.Helper()
	draft.SerialNumber, draft.NotBefore = big.NewInt(2), time.Now().Add(-24*time.Hour)
	if draft.NotAfter.IsZero() {
		draft.NotAfter = time.Now().Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, &draft, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// conns is a listener that remembers what it has accepted.
type conns struct {
	net.Listener
	mu  sync.Mutex // guards what follows
	all []net.Conn
}

func (c *conns) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.mu.Lock()
		c.all = append(c.all, conn)
		c.mu.Unlock()
	}
	return conn, err
}

func (c *conns) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// cut ends what it has accepted.
func (c *conns) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		conn.Close()
	}
}

// port runs a relay's peer port until the test or stop ends it.
func port(t *testing.T, id *Identity, forward func(http.ResponseWriter, *http.Request, Call)) (to Node, ln *conns, stop func()) {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln = &conns{Listener: raw}
	s := NewServer(ServerConfig{Self: id.node, Identity: id, Log: discard(), Forward: forward, PingWait: 90 * time.Second, Moved: func(context.Context, string, string) {}})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		s.Shutdown(ctx)
		wg.Wait()
	})
	t.Cleanup(stop)
	return Node{id.node, raw.Addr().String()}, ln, stop
}

func newPool(t *testing.T, id *Identity) *Pool {
	p := NewPool(PoolConfig{Identity: id, Log: discard(), DialWithin: 90 * time.Second, PingWait: 90 * time.Second})
	t.Cleanup(p.Close)
	return p
}

var client = netip.MustParseAddr("192.0.2.7")

// forward passes a request on and returns the answer's body.
func forward(p *Pool, to Node, body string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	resp, err := p.Forward(ctx, to, Call{Router: "abcd", Client: client}, "/api/", http.Header{"X-Api-Key": {"secret"}}, []byte(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

// TestPool: a few connections carry many requests, and come back after they have
// ended; a relay that is not there is told from one that may have been asked.
func TestPool(t *testing.T) {
	a := newAuthority(t)
	var at, most atomic.Int32
	release := make(chan struct{})
	echo := func(w http.ResponseWriter, r *http.Request, c Call) {
		if n := at.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer at.Add(-1)
		b, _ := io.ReadAll(r.Body) // what is missing is seen
		switch string(b) {
		case "wait":
			<-release
		case "die":
			panic(http.ErrAbortHandler)
		}
		Answer(w)
		fmt.Fprintf(w, "%s %s %s %s %s %q", c.From, c.Router, c.Client, r.Header.Get("X-Api-Key"), b, r.Header.Get(routerHeader))
	}
	to, ln, stop := port(t, a.identity("two"), echo)
	// Where the relay is, whatever port it gets when it is back.
	var where atomic.Pointer[string]
	where.Store(&to.Addr)
	p := newPool(t, a.identity("one"))
	p.cfg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, *where.Load())
	}
	if got, err := forward(p, to, "a"); err != nil || got != `one abcd 192.0.2.7 secret a ""` {
		t.Errorf("%q %v", got, err)
	}
	if err := p.Moved(t.Context(), to, "abcd"); err != nil {
		t.Error(err)
	}
	if _, err := forward(p, to, "die"); err == nil || errors.Is(err, tunnel.ErrNotSent) {
		t.Errorf("what was cut off: %v", err)
	}
	var wg sync.WaitGroup
	for range 600 {
		wg.Go(func() {
			if _, err := forward(p, to, "wait"); err != nil {
				t.Error(err)
			}
		})
	}
	for at.Load() < 600 && !t.Failed() {
		<-time.After(time.Millisecond)
	}
	close(release)
	wg.Wait()
	if n := ln.count(); n < 2 || n > 4 {
		t.Errorf("%d connections for 600 requests at a time", n)
	}
	ln.cut()
	again := func() error {
		_, err := forward(p, to, "b")
		return err
	}
	for deadline := time.Now().Add(90 * time.Second); again() != nil; {
		if time.Now().After(deadline) {
			t.Fatal("it does not connect again")
		}
	}
	stop()
	var err error
	for range 10 { // what was there is noticed first
		if _, err = forward(p, to, "c"); errors.Is(err, tunnel.ErrNotSent) {
			break
		}
	}
	if !errors.Is(err, ErrUnreachable) || !errors.Is(err, tunnel.ErrNotSent) {
		t.Errorf("nobody is there: %v", err)
	}
	back, _, _ := port(t, a.identity("two"), echo)
	where.Store(&back.Addr)
	for deadline := time.Now().Add(90 * time.Second); again() != nil; {
		if time.Now().After(deadline) {
			t.Fatal("it does not find the relay that is back")
		}
		<-time.After(10 * time.Millisecond)
	}
	p.Close()
	if _, err := forward(p, to, "d"); !errors.Is(err, tunnel.ErrNotSent) {
		t.Errorf("after the end: %v", err)
	}
}

// TestStrangers: who has no certificate of the authority of relays gets nowhere,
// and neither is one believed that takes a relay's place.
func TestStrangers(t *testing.T) {
	relays, routers := newAuthority(t), newAuthority(t)
	to, _, _ := port(t, relays.identity("two"), func(http.ResponseWriter, *http.Request, Call) { t.Error("a stranger was served") })
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	good := x509.Certificate{Subject: pkix.Name{CommonName: "one"}, DNSNames: []string{nodeName}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: both}
	router, nameless, odd, ended, serves := good, good, good, good, good
	router.DNSNames, router.Subject.CommonName = nil, "abcdefgh"
	nameless.DNSNames = nil
	odd.Subject.CommonName = "A relay"
	ended.NotAfter = time.Now().Add(-time.Minute)
	serves.ExtKeyUsage = both[1:]
	for name, cert := range map[string]*tls.Certificate{
		"none": nil, "a router's": routers.certificate(router), "a router's with a relay's name": routers.certificate(good),
		"of the authority, without its name": relays.certificate(nameless), "with an odd id": relays.certificate(odd),
		"that has ended": relays.certificate(ended), "for servers": relays.certificate(serves),
	} {
		cfg := relays.identity("one").client("two")
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if cert == nil {
				return new(tls.Certificate), nil
			}
			return cert, nil
		}
		c := &http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true, DialContext: func(ctx context.Context, n, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, n, to.Addr)
		}}}
		if resp, err := c.Post("https://"+nodeName+"/api/", "", strings.NewReader("{}")); err == nil {
			t.Errorf("%s: %s", name, resp.Status)
			resp.Body.Close()
		}
	}
	for name, p := range map[string]struct {
		pool *Pool
		to   Node
	}{
		"another relay than was looked for": {newPool(t, relays.identity("one")), Node{"three", to.Addr}},
		"a relay of another authority":      {newPool(t, routers.identity("one")), to},
	} {
		if _, err := forward(p.pool, p.to, "{}"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCalls sends what relays do not.
func TestCalls(t *testing.T) {
	a := newAuthority(t)
	var served atomic.Int32
	to, _, _ := port(t, a.identity("two"), func(w http.ResponseWriter, r *http.Request, _ Call) {
		served.Add(1)
		if r.Header.Get("X-Odd") == "" {
			Answer(w)
		}
	})
	c := &http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{TLSClientConfig: a.identity("one").client("two"), ForceAttemptHTTP2: true, DialContext: func(ctx context.Context, n, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, n, to.Addr)
	}}}
	type change func(r *http.Request)
	for name, tc := range map[string]struct {
		change change
		status int
	}{
		"fine":            {func(*http.Request) {}, 200},
		"GET":             {func(r *http.Request) { r.Method = http.MethodGet }, 400},
		"another path":    {func(r *http.Request) { r.URL.Path = "/api/v1/" }, 400},
		"control":         {func(r *http.Request) { r.URL.Path = tunnel.ControlPath }, 400},
		"a query":         {func(r *http.Request) { r.URL.RawQuery = "a=b" }, 400},
		"no router":       {func(r *http.Request) { r.Header.Del(routerHeader) }, 400},
		"two routers":     {func(r *http.Request) { r.Header.Add(routerHeader, "efgh") }, 400},
		"an odd router":   {func(r *http.Request) { r.Header.Set(routerHeader, "../abcd") }, 400},
		"no client":       {func(r *http.Request) { r.Header.Del(tunnel.ClientHeader) }, 400},
		"an odd client":   {func(r *http.Request) { r.Header.Set(tunnel.ClientHeader, "1.2.3.4, 5.6.7.8") }, 400},
		"another relay's": {func(r *http.Request) { r.Header.Set(toHeader, "three") }, 400},
		"nobody's":        {func(r *http.Request) { r.Header.Del(toHeader) }, 400},
		"GET of a move":   {func(r *http.Request) { r.URL.Path, r.Method = movedPath, http.MethodGet }, 400},
		"move of no router": {func(r *http.Request) {
			r.URL.Path = movedPath
			r.Header.Del(routerHeader)
		}, 400},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+nodeName+"/api/", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		Call{Router: "abcd", Client: client}.set(r.Header, "two")
		tc.change(r)
		resp, err := c.Do(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != tc.status || tc.status != 200 && resp.Header.Get(outcomeHeader) != "" {
			t.Errorf("%s: %s %s", name, resp.Status, resp.Header)
		}
	}
	if n := served.Load(); n != 1 {
		t.Errorf("%d were served", n)
	}
	// Without an outcome, what was asked may have been done.
	_, err := newPool(t, a.identity("one")).Forward(t.Context(), to, Call{Router: "abcd", Client: client}, "/api/", http.Header{"X-Odd": {"1"}}, nil)
	if err == nil || errors.Is(err, tunnel.ErrNotSent) {
		t.Errorf("%v", err)
	}
}

// TestBounds: who connects too often is hung up on; others get in.
func TestBounds(t *testing.T) {
	a := newAuthority(t)
	to, _, _ := port(t, a.identity("two"), func(w http.ResponseWriter, _ *http.Request, _ Call) { Answer(w) })
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	var last net.Conn
	for range maxConnsFromOne + 1 {
		c, err := from.Dial("tcp", to.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		last = c
	}
	if err := last.SetReadDeadline(time.Now().Add(90 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := last.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "reset") {
		t.Errorf("one too many: %v", err)
	}
	if _, err := forward(newPool(t, a.identity("one")), to, "{}"); err != nil {
		t.Errorf("another relay: %v", err)
	}
}

// TestRenewal: a relay's certificate is made anew before it ends.
func TestRenewal(t *testing.T) {
	a := newAuthority(t)
	at := time.Now()
	i, err := NewIdentity("one", a.cert, a.key, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	first, err := i.certificate()
	if err != nil {
		t.Fatal(err)
	}
	at = at.Add(time.Hour)
	if same, err := i.certificate(); err != nil || same != first {
		t.Errorf("after an hour: %v", err)
	}
	at = at.Add(renewAfter)
	if other, err := i.certificate(); err != nil || other == first {
		t.Errorf("in time: %v", err)
	}
	if _, err := NewIdentity("A relay", a.cert, a.key, time.Now); err == nil {
		t.Error("an odd id")
	}
}

package cloud_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/cloudtest"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// post is a relay of several, behind wires.
type post struct {
	id          string
	relay       *cloud.Relay
	member      *cloudtest.Member
	front, peer *wire
	log         *bytes.Buffer
	stop        func()
	shut        atomic.Bool // it takes no connections
}

// shutting is a listener that tells when it has been closed.
type shutting struct {
	net.Listener
	shut *atomic.Bool
}

// Close implements net.Listener.
func (s shutting) Close() error {
	s.shut.Store(true)
	return s.Listener.Close()
}

// fleet are several relays of one domain.
type fleet struct {
	t        *testing.T
	store    *cloudtest.Memory
	hub      *cloudtest.Hub
	accounts *cloud.Accounts
	account  cloud.Account
	token    string
	roots    *x509.CertPool
	cert     *tls.Certificate
	posts    []*post

	pingWait             time.Duration     // of routers
	took                 time.Duration     // for all routers to come up, as busy as the machine is
	slow                 atomic.Int64      // how much longer routers wait for that
	issuer               *x509.Certificate // of routers
	issuerKey, routerKey *ecdsa.PrivateKey
}

// newFleet runs so many relays, with an account that may have as many routers as
// it likes.
func newFleet(t *testing.T, n int, change func(*cloud.Config)) *fleet {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, store: cloudtest.NewMemory(), pingWait: pingWait()}
	f.hub = cloudtest.NewHub(f.store, 20*time.Millisecond)
	f.accounts = cloud.NewAccounts(cloud.AccountsConfig{Store: f.store, LicenseKey: public})
	f.cert, f.roots = certificate(t)
	if f.account, f.token, err = f.accounts.Create(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	license, err := cloud.IssueLicense(private, 100_000, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.accounts.SetLicense(t.Context(), f.account.ID, license); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		f.add(fmt.Sprintf("n%d", i), change)
	}
	return f
}

// add runs one more relay.
func (f *fleet) add(id string, change func(*cloud.Config)) *post {
	t := f.t
	t.Helper()
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	front, peers := listen(), listen()
	p := &post{id: id, front: newWire(t, front.Addr().String()), peer: newWire(t, peers.Addr().String()), log: new(bytes.Buffer)}
	p.member = f.hub.Join(t, cloud.Node{ID: id, Peer: p.peer.addr()})
	cfg := cloud.Config{Accounts: f.accounts, Domain: "cloud.test", Log: slog.New(slog.NewTextHandler(&lockedBuffer{b: p.log}, nil)), Registry: p.member,
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.cert, nil },
		Limits: cloud.Limits{PerClient: 1e6, PerPrefix: 1e6, Handshakes: 1 << 14, Handshake: patience, Read: 2 * patience, Answer: patience, PingWait: pingWait(), Connections: 1 << 14, ConnectionsPerClient: 1 << 14,
			Requests: 1 << 14, RequestsPerClient: 1 << 14},
		Peer: cloud.PeerConfig{Listener: peers, DialWithin: patience, PingAfter: 2 * time.Second, PingWait: max(pingWait(), 10*time.Second)}}
	if change != nil {
		change(&cfg)
	}
	var err error
	if p.relay, err = cloud.NewRelay(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- p.relay.Serve(ctx, shutting{front, &p.shut}) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = p.member.Close(context.Background()) // a hub's never fails
	})
	t.Cleanup(p.stop)
	f.posts = append(f.posts, p)
	return p
}

// dial connects to one of the relays, whichever takes connections, beginning
// anywhere: as where a name has many addresses.
func (f *fleet) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var errs error
	for _, i := range mathrand.Perm(len(f.posts)) {
		conn, err := f.posts[i].dial(ctx, network, "")
		if err == nil {
			return conn, nil
		}
		errs = errors.Join(errs, err)
	}
	return nil, errs
}

// dial connects to this relay. A listener that is closed behind the wire refuses.
func (p *post) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	if p.shut.Load() {
		return nil, errors.New("connection refused")
	}
	return new(net.Dialer).DialContext(ctx, network, p.front.addr())
}

// client is an HTTP client that finds every name where it dials.
func (f *fleet) client(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	tr := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: f.roots}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4}
	f.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// authority reads an authority of the relays from their records.
func (f *fleet) authority(key string) (*x509.Certificate, *ecdsa.PrivateKey) {
	f.t.Helper()
	e, err := f.store.Get(f.t.Context(), key)
	if err != nil {
		f.t.Fatal(err)
	}
	var rec struct{ Cert, Key []byte }
	if err := json.Unmarshal(e.Value, &rec); err != nil {
		f.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(rec.Cert)
	if err != nil {
		f.t.Fatal(err)
	}
	private, err := x509.ParseECPrivateKey(rec.Key)
	if err != nil {
		f.t.Fatal(err)
	}
	return cert, private
}

// enrol makes a router, without the way over the wire. All of them have one key.
func (f *fleet) enrol() tunnel.Identity {
	t := f.t
	t.Helper()
	code, _, err := f.accounts.NewClaim(t.Context(), f.account.ID)
	if err != nil {
		t.Fatal(err)
	}
	if f.issuer == nil {
		f.issuer, f.issuerKey = f.authority("authority")
		if f.routerKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	var id tunnel.Identity
	if id.Key, err = x509.MarshalECPrivateKey(f.routerKey); err != nil {
		t.Fatal(err)
	}
	x, err := f.accounts.Enrol(t.Context(), cloud.Enrollment{Code: code, Name: "Lobby", Version: "1.2.3"}, func(router string) (string, error) {
		draft := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: router}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		id.Certificate, err = x509.CreateCertificate(rand.Reader, draft, f.issuer, &f.routerKey.PublicKey, f.issuerKey)
		sum := sha256.Sum256(id.Certificate)
		return hex.EncodeToString(sum[:]), err
	})
	if err != nil {
		t.Fatal(err)
	}
	id.Host, id.Tunnel = x.Prefix+".cloud.test", "tunnel.cloud.test"
	return id
}

// box is a router of a fleet. It answers with its prefix, what it was asked and
// who asked.
type box struct {
	id     tunnel.Identity
	prefix string
	tun    *tunnel.Tunnel
	stop   func()
	asked  atomic.Int64
	mu     sync.Mutex // guards what follows
	conn   net.Conn   // its last connection
	got    map[string]int
	fleet  *fleet
	at     *post // where it shall connect; nil: anywhere
}

// to lets the router connect to a relay from now on, and to any other one if that
// takes no connections.
func (b *box) to(p *post) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = p
}

// count is how often a request has arrived.
func (b *box) count(body string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got[body]
}

// cut ends the router's connection.
func (b *box) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn.Close()
}

func (b *box) connect(ctx context.Context, network, address string) (net.Conn, error) {
	b.mu.Lock()
	at := b.at
	b.mu.Unlock()
	var conn net.Conn
	err := errors.New("nowhere in particular")
	if at != nil {
		conn, err = at.dial(ctx, network, address)
	}
	if err != nil {
		conn, err = b.fleet.dial(ctx, network, address)
	}
	if err == nil {
		b.mu.Lock()
		b.conn = conn
		b.mu.Unlock()
	}
	return conn, err
}

func (b *box) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.asked.Add(1)
	b.mu.Lock()
	b.got[string(body)]++
	b.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s %s", b.prefix, r.RemoteAddr, body)
}

// run runs a router until the test ends. backoff is its longest first wait.
func (f *fleet) run(id tunnel.Identity, p *post, backoff time.Duration, handler func(b *box) http.HandlerFunc) *box {
	f.t.Helper()
	b := &box{id: id, prefix: id.Host[:10], got: map[string]int{}, fleet: f, at: p}
	serve := b.serve
	if handler != nil {
		serve = handler(b)
	}
	b.tun = tunnel.New(tunnel.Config{Relay: "tunnel.test:443", Version: "1.2.3", Handler: http.HandlerFunc(serve), Log: discard(), Backoff: backoff, Most: 4 * backoff, PingWait: f.pingWait, Wait: f.wait,
		Dial: b.connect, TLS: func() (*tls.Config, error) { return id.TLS(f.roots) }})
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { b.tun.Run(ctx) })
	b.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	f.t.Cleanup(b.stop)
	return b
}

// wait waits as a router does before it connects again.
func (f *fleet) wait(ctx context.Context, d time.Duration) {
	limit := time.NewTimer(d * time.Duration(max(1, f.slow.Load())))
	defer limit.Stop()
	select {
	case <-limit.C:
	case <-ctx.Done():
	}
}

// box makes a router that is up at a relay; nil: at any.
func (f *fleet) box(p *post, handler func(b *box) http.HandlerFunc) *box {
	f.t.Helper()
	b := f.run(f.enrol(), p, 20*time.Millisecond, handler)
	until(f.t, "the router is up", up(b.tun))
	return b
}

// ask sends a POST to a router.
func (f *fleet) ask(c *http.Client, host, body string) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, "https://"+host+"/api/", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	resp, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

// status is the status of the answer to a POST.
func (f *fleet) status(c *http.Client, host, body string) int {
	f.t.Helper()
	resp, _, err := f.ask(c, host, body)
	if err != nil {
		f.t.Errorf("%s: %v", host, err)
		return 0
	}
	return resp.StatusCode
}

// reach waits until a relay knows where a router is.
func (f *fleet) reach(c *http.Client, host string) {
	f.t.Helper()
	until(f.t, "the router can be reached", func() bool { return f.status(c, host, "reach") == 200 })
}

// reachAll waits until all relays know where routers are.
func (f *fleet) reachAll(boxes []*box) {
	f.t.Helper()
	for _, p := range f.posts {
		c := f.client(p.dial)
		for _, b := range boxes {
			f.reach(c, b.id.Host)
		}
	}
}

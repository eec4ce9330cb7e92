package cloud_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// house is a relay with its records, as clients and routers meet it.
type house struct {
	t        *testing.T
	store    cloud.Store
	accounts *cloud.Accounts
	licenses ed25519.PrivateKey
	roots    *x509.CertPool
	addr     string
	log      *bytes.Buffer
	now      func() time.Time
	relay    *cloud.Relay
	stop     func()
}

// patience is how long a test waits for what should be there at once: much longer
// than a slow and busy machine takes, and short enough that what never comes does
// not use up the time of the whole package.
const patience = 90 * time.Second

// patient are limits that a slow machine does not run into either.
func patient() cloud.Limits {
	return cloud.Limits{PerClient: 1000, PerPrefix: 1000, Handshake: patience, Read: 2 * patience, Answer: patience, PingWait: patience, Stall: patience, Crowded: patience}
}

// lockedBuffer takes a log from many at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func newHouse(t *testing.T, change func(*cloud.Config)) *house {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := bolt.Open(filepath.Join(t.TempDir(), "relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{t: t, store: s, licenses: private, log: new(bytes.Buffer), now: time.Now}
	h.accounts = cloud.NewAccounts(cloud.AccountsConfig{Store: s, LicenseKey: public, Now: func() time.Time { return h.now() }})
	cert, roots := certificate(t)
	h.roots = roots
	cfg := cloud.Config{Accounts: h.accounts, Domain: "cloud.test", Log: slog.New(slog.NewTextHandler(&lockedBuffer{b: h.log}, nil)),
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil },
		Limits:      patient()}
	if change != nil {
		change(&cfg)
	}
	relay, err := cloud.NewRelay(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.relay = relay
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- relay.Serve(ctx, ln) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.stop)
	return h
}

// certificate is one for *.cloud.test.
func certificate(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	draft := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"*.cloud.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func (h *house) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, h.addr)
}

// client is an HTTP client that finds every name at the relay.
func (h *house) client() *http.Client {
	tr := &http.Transport{DialContext: h.dial, TLSClientConfig: &tls.Config{RootCAs: h.roots}, ForceAttemptHTTP2: true}
	h.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// account makes an account and returns it with its token.
func (h *house) account(name string) (cloud.Account, string) {
	h.t.Helper()
	acc, token, err := h.accounts.Create(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return acc, token
}

// ask calls the account API.
func (h *house) ask(method, path, token, body string) (int, map[string]any) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, "https://api.cloud.test"+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("x-api-key", token)
	}
	resp, err := h.client().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
		h.t.Fatalf("%s %s: %s: %v", method, path, resp.Status, err)
	}
	return resp.StatusCode, v
}

// enrol makes a router of an account.
func (h *house) enrol(token string) (tunnel.Identity, error) {
	h.t.Helper()
	status, v := h.ask("POST", "/v1/account/claims", token, "")
	if status != 200 {
		h.t.Fatalf("%d %v", status, v)
	}
	return h.enrolWith(v["claim"].(map[string]any)["code"].(string))
}

func (h *house) enrolWith(code string) (tunnel.Identity, error) {
	return tunnel.Enrol(h.t.Context(), tunnel.Enrolment{API: "https://api.cloud.test", Code: code, Name: "Lobby", Version: "1.2.3", Roots: h.roots, Dial: h.dial})
}

// router runs a router's end until the test ends, and waits until it is up.
func (h *house) router(id tunnel.Identity, serve http.HandlerFunc) (tun *tunnel.Tunnel, stop func()) {
	h.t.Helper()
	tun = tunnel.New(tunnel.Config{Relay: h.addr, Version: "1.2.3", Handler: serve, Log: slog.New(slog.DiscardHandler), Backoff: time.Millisecond, Most: 20 * time.Millisecond, PingWait: patience,
		TLS: func() (*tls.Config, error) { return id.TLS(h.roots) }})
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { tun.Run(ctx) })
	stop = func() {
		cancel()
		wg.Wait()
	}
	h.t.Cleanup(stop)
	return tun, stop
}

// until waits for something to become true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit, tick := time.NewTimer(patience), time.NewTicker(2*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// next receives what should come at once.
func next[T any](t *testing.T, what string, c <-chan T) (v T) {
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

func up(tun *tunnel.Tunnel) func() bool {
	return func() bool { return tun.State().Phase == tunnel.Up }
}

// online makes an account with a router that is up, and returns both.
func (h *house) online(serve http.HandlerFunc) (tunnel.Identity, string) {
	h.t.Helper()
	_, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		h.t.Fatal(err)
	}
	tun, _ := h.router(id, serve)
	until(h.t, "the router is up", up(tun))
	return id, token
}

// post sends a POST to a router's host, on a connection of its own.
func (h *house) post(host, body string, header ...string) (int, string) {
	h.t.Helper()
	return h.postBy(h.client(), host, body, header...)
}

// postBy is post by a client that may have a connection already.
func (h *house) postBy(c *http.Client, host, body string, header ...string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, "https://"+host+"/api/", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func leafOf(t *testing.T, cert *tls.Certificate) *x509.Certificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

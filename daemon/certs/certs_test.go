package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// bench is a keeper whose clock and names a test sets.
type bench struct {
	*Keeper
	t    *testing.T
	file string
	mu   sync.Mutex // guards what follows
	now  time.Time
	sure bool
	want Names
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, file: filepath.Join(t.TempDir(), OwnFile), now: noon, sure: true,
		want: Names{[]string{"router.lan"}, []netip.Addr{netip.MustParseAddr("192.168.10.1"), netip.MustParseAddr("fd00::1")}}}
	b.Keeper = b.keeper()
	return b
}

// keeper is another run on the same directory.
func (b *bench) keeper() *Keeper {
	return NewKeeper(Config{File: b.file, Log: slog.New(slog.DiscardHandler),
		Names: func() Names { b.mu.Lock(); defer b.mu.Unlock(); return b.want },
		Now:   func() (time.Time, bool) { b.mu.Lock(); defer b.mu.Unlock(); return b.now, b.sure }})
}

func (b *bench) set(f func()) { b.mu.Lock(); f(); b.mu.Unlock() }

// shake makes a handshake and returns the certificate that was shown.
func (b *bench) shake(k *Keeper, name string, now time.Time) (*x509.Certificate, error) {
	b.t.Helper()
	p := k.Serving()
	roots := x509.NewCertPool()
	if p != nil {
		roots.AddCert(p.Leaf)
	}
	return handshake(b.t, k.TLS(), &tls.Config{ServerName: name, RootCAs: roots, Time: func() time.Time { return now }})
}

func handshake(t *testing.T, server, client *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a pipe would hold up alerts
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s, err := ln.Accept()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	done := make(chan error, 1)
	go func() { done <- tls.Server(s, server).HandshakeContext(ctx) }()
	conn := tls.Client(c, client)
	if err := conn.HandshakeContext(ctx); err != nil {
		c.Close()
		<-done
		return nil, err
	}
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestOwn(t *testing.T) {
	b := newBench(t)
	b.Configure(true, nil, nil)
	b.look()
	for _, name := range []string{"router.lan", "192.168.10.1", "fd00::1"} {
		if _, err := b.shake(b.Keeper, name, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.shake(b.Keeper, "evil.example", noon); err == nil {
		t.Error("the certificate is for any name")
	}
	info, err := os.Stat(b.file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	first := b.Serving()
	if first.Leaf.IsCA || first.Leaf.SerialNumber.BitLen() < 64 || len(first.Fingerprint()) != 95 {
		t.Errorf("%v %v %s", first.Leaf.IsCA, first.Leaf.SerialNumber, first.Fingerprint())
	}
	// Nothing changes while nothing has to, or in the next run.
	b.look()
	next := b.keeper()
	next.Configure(true, nil, nil)
	next.look()
	if b.Serving() != first || next.Serving().Fingerprint() != first.Fingerprint() {
		t.Error("another certificate for no reason")
	}
	// A new address: the same key. An address that went away: nothing.
	b.set(func() { b.want.Addrs = []netip.Addr{netip.MustParseAddr("10.0.0.1")} })
	b.look()
	second := b.Serving()
	if second == first || !second.key.Equal(first.key) || second.Leaf.VerifyHostname("10.0.0.1") != nil {
		t.Error("a new address is not in the certificate, or has a new key")
	}
	b.set(func() { b.want.Addrs = nil })
	b.look()
	if b.Serving() != second {
		t.Error("another certificate for an address less")
	}
	// Near its end: a new key.
	b.set(func() { b.now = second.Leaf.NotAfter.Add(-renewBefore + time.Hour) })
	b.look()
	if third := b.Serving(); third == second || third.key.Equal(second.key) || third.Leaf.NotAfter.Before(b.now.Add(lifetime-time.Hour)) {
		t.Error("not renewed in time")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(b.file), ".https-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestClockAt1970 is the first boot of a router without a battery.
func TestClockAt1970(t *testing.T) {
	b := newBench(t)
	b.now, b.sure = time.Unix(30, 0), false
	b.Configure(true, nil, nil)
	b.look()
	first := b.Serving()
	for _, now := range []time.Time{begin.Add(time.Hour), noon, begin.AddDate(9, 11, 0)} {
		if _, err := b.shake(b.Keeper, "router.lan", now); err != nil {
			t.Errorf("at %v: %v", now, err)
		}
	}
	b.set(func() { b.now, b.sure = noon, true })
	if b.look(); b.Serving() != first {
		t.Error("the right time makes another certificate")
	}
}

func TestDamagedOwnIsReplaced(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "garbage": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		b := newBench(t)
		if err := os.WriteFile(b.file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		b.Configure(true, nil, nil)
		b.look()
		if _, err := b.shake(b.Keeper, "router.lan", noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := os.Stat(b.file); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestOthersMayNotRead repairs what a copy has left.
func TestOthersMayNotRead(t *testing.T) {
	b := newBench(t)
	b.Configure(true, nil, nil)
	b.look()
	if err := os.Chmod(b.file, 0o644); err != nil {
		t.Fatal(err)
	}
	next := b.keeper()
	next.Configure(true, nil, nil)
	next.look()
	if info, err := os.Stat(b.file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestNowhereToStore serves from memory, says so, and stores as soon as it can.
func TestNowhereToStore(t *testing.T) {
	b := newBench(t)
	dir := filepath.Join(filepath.Dir(b.file), "later")
	b.file = filepath.Join(dir, OwnFile)
	b.Keeper = b.keeper()
	b.Configure(true, nil, nil)
	b.look()
	first := b.Serving()
	if _, err := b.shake(b.Keeper, "router.lan", noon); err != nil {
		t.Fatal(err)
	}
	if p := strings.Join(b.Problems().Strings(), " "); !strings.Contains(p, "could not be stored") {
		t.Errorf("problems: %s", p)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b.look()
	kept, err := Load(b.file, b.file)
	if err != nil || kept.Fingerprint() != first.Fingerprint() || len(b.Problems()) > 0 {
		t.Errorf("%v, %v", err, b.Problems())
	}
}

func TestOff(t *testing.T) {
	b := newBench(t)
	b.Configure(false, nil, nil)
	b.look()
	if _, err := os.Stat(b.file); !errors.Is(err, os.ErrNotExist) || b.Serving() != nil {
		t.Errorf("a certificate that nobody needs: %v", err)
	}
}

// TestFirstStart has many handshakes wait for the one certificate.
func TestFirstStart(t *testing.T) {
	b := newBench(t)
	var seen sync.Map
	var all sync.WaitGroup
	var failed atomic.Int32
	for range 20 {
		all.Go(func() {
			c, err := handshake(t, b.TLS(), &tls.Config{InsecureSkipVerify: true, ServerName: "router.lan"})
			if err != nil {
				failed.Add(1)
				return
			}
			seen.Store(c.SerialNumber.String(), true)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	for range 5 {
		b.Configure(true, nil, nil)
	}
	all.Wait()
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	if n != 1 || failed.Load() != 0 {
		t.Errorf("%d certificates, %d failures", n, failed.Load())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestNoCertificateYet gives up when the client does.
func TestNoCertificateYet(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, c := net.Pipe()
	done, gone := make(chan error, 1), make(chan error, 1)
	go func() { done <- tls.Server(s, b.TLS()).HandshakeContext(ctx) }()
	// The client stays: if it hung up, either might be the reason.
	go func() { gone <- tls.Client(c, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(t.Context()) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c.Close()
	<-gone
}

// TestRunLooksAgain renews without anybody asking.
func TestRunLooksAgain(t *testing.T) {
	b := newBench(t)
	synctest.Test(t, func(t *testing.T) {
		b.Keeper = b.keeper() // its channels belong to this bubble
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = b.Run(ctx) }()
		b.Configure(true, nil, nil)
		b.look()
		first := b.Serving()
		b.set(func() { b.want.DNS = []string{"other.lan"} })
		<-time.After(again + time.Second)
		synctest.Wait()
		if b.Serving() == first {
			t.Error("a new name is not taken up")
		}
		cancel()
		synctest.Wait()
	})
}

// issue makes a certificate as an operator has one: signed by another.
func issue(t *testing.T, change func(*x509.Certificate)) (chain, key string, root *x509.Certificate) {
	t.Helper()
	make := func(c, parent *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *x509.Certificate, *ecdsa.PrivateKey) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil {
			parent, signer = c, k
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &k.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), out, k
	}
	ca := func() *x509.Certificate {
		return &x509.Certificate{NotBefore: begin, NotAfter: begin.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	}
	leaf := &x509.Certificate{NotBefore: begin, NotAfter: begin.AddDate(1, 0, 0), DNSNames: []string{"hotspot.example.org"}}
	if change != nil {
		change(leaf)
	}
	_, root, rootKey := make(ca(), nil, nil)
	middlePEM, middle, middleKey := make(ca(), root, rootKey)
	leafPEM, _, leafKey := make(leaf, middle, middleKey)
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(leafPEM) + string(middlePEM), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), root
}

func put(t *testing.T, content string) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "*.pem")
	if err == nil {
		_, err = f.WriteString(content)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestSupplied(t *testing.T) {
	chain, key, root := issue(t, nil)
	p, err := Load(put(t, chain), put(t, key))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.Configure(true, nil, nil)
	b.look()
	b.Configure(true, p, nil)
	roots := x509.NewCertPool()
	roots.AddCert(root)
	client := &tls.Config{ServerName: "hotspot.example.org", RootCAs: roots, Time: func() time.Time { return noon }}
	if _, err := handshake(t, b.TLS(), client); err != nil {
		t.Error(err)
	}
	if !b.Vouches("hotspot.example.org") || b.Vouches("router.lan") {
		t.Error("names")
	}
	if b.Configure(true, nil, errors.New("gone")); b.Serving() == p || len(b.Problems()) != 1 || b.Vouches("hotspot.example.org") {
		t.Errorf("%v", b.Problems())
	}
	b.Configure(true, p, nil)
	for _, tc := range []struct {
		now  time.Time
		sure bool
		want string
	}{
		{noon, true, ""}, {p.Leaf.NotAfter.Add(-warnBefore + time.Hour), true, "expires on 2027-01-01"},
		{p.Leaf.NotAfter.Add(time.Hour), true, "has expired"}, {p.Leaf.NotAfter.Add(time.Hour), false, ""},
		{time.Unix(0, 0), false, ""}, {begin.Add(-time.Hour), true, "holds from"},
	} {
		b.set(func() { b.now, b.sure = tc.now, tc.sure })
		if got := strings.Join(b.Problems().Strings(), " "); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("at %v, %v: %q", tc.now, tc.sure, got)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	chain, key, _ := issue(t, nil)
	other, otherKey, _ := issue(t, nil)
	client, clientKey, _ := issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(r)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	first, second, _ := strings.Cut(chain, "-----END CERTIFICATE-----\n")
	first += "-----END CERTIFICATE-----\n"
	for name, tc := range map[string]struct{ cert, key, want string }{
		"no certificate": {"hello", key, "no certificate in it"},
		"no key":         {chain, chain, "no private key"},
		"another's key":  {chain, otherKey, "does not go with"},
		"wrong order":    {second + first, key, "did not sign"},
		"wrong issuer":   {first + other, key, "did not sign"},
		"for clients":    {client, clientKey, "not for servers"},
		"encrypted":      {chain, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "openssl pkey"},
		"RSA":            {chain, rsaKey, "ECDSA"},
		"damaged":        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key, "damaged"},
		"damaged key":    {chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be used"},
		"huge":           {strings.Repeat("x", maxFile+1), key, "longer than"},
		"many":           {strings.Repeat(first, maxChain+1), key, "more than 8"},
	} {
		_, err := Load(put(t, tc.cert), put(t, tc.key))
		if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, file := range []string{"/nonexistent/cert.pem", t.TempDir(), "/dev/zero"} {
		if _, err := Load(file, file); !errors.Is(err, ErrUnusable) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if _, err := Load(put(t, chain), put(t, key)); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// FuzzLoad reads whatever is in a file.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"))
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	text, err := encodeKey(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseChain("f", b)
		k, err := parseKey(b)
		if (k == nil) == (err == nil) {
			t.Fatalf("%v, %v", k, err)
		}
	})
}

package cloud_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud/peer"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// knock connects with a certificate and sends a request, and returns what came of
// it.
func knock(t *testing.T, address, name string, cfg *tls.Config) (string, error) {
	t.Helper()
	cfg.ServerName, cfg.NextProtos = name, []string{"h2"}
	c := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, n, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, n, address)
		}}}
	resp, err := c.Post("https://"+name+"/api/", "", strings.NewReader("{}"))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	return resp.Status, nil
}

// TestPeerPort: routers' certificates open nothing at the peer port, and relays'
// nothing that routers' do. A relay asks for routers that are here, and gets
// nobody else's answer.
func TestPeerPort(t *testing.T) {
	f := newFleet(t, 2, nil)
	b, other := f.box(f.posts[0], nil), f.box(f.posts[1], nil)
	nodes, nodesKey := f.authority("authority-of-relays")
	routers, _ := f.authority("authority")
	if nodes.Equal(routers) || nodes.CheckSignatureFrom(routers) == nil || routers.CheckSignatureFrom(nodes) == nil {
		t.Error("one authority vouches for the other")
	}
	roots := x509.NewCertPool()
	roots.AddCert(nodes)
	device, err := b.id.TLS(roots)
	if err != nil {
		t.Fatal(err)
	}
	port := f.posts[0].peer.addr()
	if got, err := knock(t, port, "relay.vouchsafe.invalid", device); err == nil {
		t.Errorf("a router's certificate at the peer port: %s", got)
	}
	if got, err := knock(t, port, "relay.vouchsafe.invalid", &tls.Config{RootCAs: roots}); err == nil {
		t.Errorf("no certificate: %s", got)
	}
	if got, err := knock(t, port, "relay.vouchsafe.invalid", &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{*f.cert}}); err == nil {
		t.Errorf("anybody's certificate: %s", got)
	}
	// Whoever has the records can be a relay.
	id, err := peer.NewIdentity("n9", nodes, nodesKey, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	pool := peer.NewPool(peer.PoolConfig{Identity: id, Log: discard(), DialWithin: patience})
	t.Cleanup(pool.Close)
	to := peer.Node{ID: "n0", Addr: port}
	ask := func(router, body string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		resp, err := pool.Forward(ctx, to, peer.Call{Router: router, Client: netip.MustParseAddr("192.0.2.7")}, "/api/", http.Header{}, []byte(body))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		return string(got), err
	}
	routerOf := func(b *box) string {
		x, err := f.accounts.Router(t.Context(), b.prefix)
		if err != nil {
			t.Fatal(err)
		}
		return x.ID
	}
	if got, err := ask(routerOf(b), "hello"); err != nil || got != b.prefix+" 192.0.2.7:0 hello" {
		t.Errorf("%q %v", got, err)
	}
	for name, router := range map[string]string{"another relay's router": routerOf(other), "no router": "abcdefghabcdefgh", "a prefix": b.prefix} {
		var not *peer.NotHereError
		if got, err := ask(router, "{}"); !errors.As(err, &not) || !errors.Is(err, tunnel.ErrNotSent) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if got, err := ask(routerOf(b), strings.Repeat("a", 1<<20)); err == nil || errors.Is(err, tunnel.ErrNotSent) {
		t.Errorf("a large body: %q %v", got, err)
	}
	// A relay that has not joined takes nobody's routers away.
	if err := pool.Moved(t.Context(), to, routerOf(b)); err != nil {
		t.Error(err)
	}
	if got, err := ask(routerOf(b), "still here"); err != nil || got != b.prefix+" 192.0.2.7:0 still here" {
		t.Errorf("%q %v", got, err)
	}
	if n := other.asked.Load(); n != 0 {
		t.Errorf("the other router was asked %d times", n)
	}
}

// TestHandover: a relay that is told where a router has gone tells others, who
// remember it.
func TestHandover(t *testing.T) {
	f := newFleet(t, 3, nil)
	b := f.box(f.posts[0], nil)
	c := f.client(f.posts[2].dial)
	f.reach(c, b.id.Host)
	f.posts[2].member.Deafen(true) // it goes on believing that the router is at the first one
	b.to(f.posts[1])
	second := f.run(b.id, f.posts[1], 20*time.Millisecond, nil)
	until(t, "the router is at the second", up(second.tun))
	b.stop()
	f.reach(f.client(f.posts[1].dial), b.id.Host) // the first may have been there, too, for a moment
	x, err := f.accounts.Router(t.Context(), b.prefix)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := f.posts[2].member.Where(t.Context(), x.ID); err != nil || at.ID != "n0" {
		t.Fatalf("the test is wrong: %v %v", at, err)
	}
	for range 3 {
		if status := f.status(c, b.id.Host, "{}"); status != 200 {
			t.Errorf("%d", status)
		}
	}
	if n := f.posts[0].figure("vouchsafe_cloud_passed_in_vain_total"); n != "1" {
		t.Errorf("the first was asked %s times in vain; what it said is to be remembered", n)
	}
}

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd/etcdtest"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// several are relays that share an etcd.
type several struct {
	t     *testing.T
	etcd  string
	roots *x509.CertPool
	pem   []byte
}

// running is one of them.
type running struct {
	data, addr string
	stop       func()
}

func (s *several) run(name string) running {
	s.t.Helper()
	return s.serve(place{filepath.Join(s.t.TempDir(), name), etcdOptions{endpoints: []string{s.etcd}}},
		peerOptions{address: "127.0.0.1:0", name: name, notice: time.Millisecond})
}

func (s *several) serve(at place, peer peerOptions) running {
	t := s.t
	t.Helper()
	r := running{data: at.data}
	if s.pem != nil { // they have one certificate
		if err := os.MkdirAll(r.data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.data, selfSignedFile), s.pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	up, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, at, serveOptions{domain: "cloud.test", listen: "127.0.0.1:0", tls: "selfsigned", perRouter: 1000, perClient: 1000, peer: peer},
			slog.New(slog.NewTextHandler(t.Output(), nil)), func(a net.Addr) { up <- a })
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-up:
		r.addr = a.String()
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	if s.pem == nil {
		var err error
		if s.pem, err = os.ReadFile(filepath.Join(r.data, selfSignedFile)); err != nil {
			t.Fatal(err)
		}
		s.roots = x509.NewCertPool()
		s.roots.AppendCertsFromPEM(s.pem)
	}
	return r
}

// patience is how long is waited for what comes soon.
const patience = 90 * time.Second

// post asks a router by a relay.
func (s *several) post(r running, host string) (int, string) {
	c := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, n, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, n, r.addr)
		}}}
	resp, err := c.Post("https://"+host+"/api/", "application/json", strings.NewReader("{}"))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body) // what is missing is seen
	return resp.StatusCode, string(b)
}

// answered checks that a router answers at once. Relays wait for one another for a
// few seconds: one that was held up for longer is asked again.
func (s *several) answered(r running, host string) {
	s.t.Helper()
	for first := time.Now(); ; {
		began := time.Now()
		status, body := s.post(r, host)
		if status == 200 && body == "it is me" {
			return
		}
		if time.Since(began) < 2*time.Second || time.Since(first) > patience {
			s.t.Errorf("%v: %d %s", time.Since(first), status, body)
			return
		}
	}
}

// enrol makes a router join at a relay.
func (s *several) enrol(r running, code, name string) tunnel.Identity {
	s.t.Helper()
	id, err := tunnel.Enrol(s.t.Context(), tunnel.Enrolment{API: "https://api.cloud.test", Code: code, Name: name, Version: "1.2.3", Roots: s.roots,
		Dial: func(ctx context.Context, n, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, n, r.addr)
		}})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// TestSeveral: two relays over a real etcd are one for accounts, routers and
// clients, and one of them can go.
func TestSeveral(t *testing.T) {
	t.Parallel() // it mostly waits
	etcd := etcdtest.Start(t, etcdtest.Options{Members: 1}).Members[0]
	s := &several{t: t, etcd: etcd.Endpoint()}
	data := t.TempDir()
	at := func(args ...string) string {
		t.Helper()
		var out string
		etcdtest.Until(t, patience, "etcd answers", func() bool {
			var err error
			out, err = run(t, append(args, "--data", data, "--etcd", s.etcd)...)
			if err != nil && !errors.Is(err, cloud.ErrUnreachable) {
				t.Fatalf("%q: %s %v", args, out, err)
			}
			return err == nil
		})
		return strings.TrimSpace(out)
	}
	// The router, the other records and the key of licences are those of a single
	// relay before them.
	account, license, id := s.movedIn(data)
	one, two := s.run("one"), s.run("two")
	if out, err := run(t, "records", "copy", "--data", data, "--etcd", s.etcd); err == nil || !strings.Contains(err.Error(), "etcdctl del --prefix vouchsafe/") {
		t.Errorf("while relays run: %s %v", out, err)
	}
	if out, err := run(t, "license", "set", "--data", two.data, "--account", account, "--license", license); err != nil || !strings.Contains(out, "5 routers") {
		t.Errorf("through the other relay: %s %v", out, err)
	}
	var to atomic.Pointer[string]
	to.Store(&one.addr)
	dial := func(ctx context.Context, n, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, n, *to.Load())
	}
	s.enrol(one, at("router", "claim", "--account", account), "Attic")
	tun := tunnel.New(tunnel.Config{Relay: "tunnel.test:443", Version: "1.2.3", Log: slog.New(slog.DiscardHandler), Backoff: 10 * time.Millisecond, Most: 100 * time.Millisecond, PingWait: patience, Dial: dial,
		TLS: func() (*tls.Config, error) { return id.TLS(s.roots) }, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "it is me") // a client that is gone is seen
		})})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wg sync.WaitGroup
	wg.Go(func() { tun.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	reached := func(r running) func() bool {
		return func() bool { status, body := s.post(r, id.Host); return status == 200 && body == "it is me" }
	}
	for _, r := range []running{one, two} {
		etcdtest.Until(t, patience, "the router is reached by "+r.addr, reached(r))
	}
	// What is known stays known while all of etcd is gone.
	etcd.Kill()
	down, away, asked := time.Now(), etcdtest.Outage(t, 0), 0
	etcdtest.Until(t, away+patience, "etcd has been away", func() bool {
		for _, r := range []running{one, two} {
			s.answered(r, id.Host)
		}
		asked++
		return asked >= 5 && time.Since(down) >= away
	})
	t.Logf("%d requests to each relay in %v without etcd", asked, time.Since(down))
	etcd.Start()
	etcdtest.Until(t, patience, "the records are back", func() bool {
		for _, r := range []running{one, two} {
			if _, err := run(t, "account", "token", "--account", account, "--name", "again", "--data", r.data); err != nil && !strings.Contains(err.Error(), "is taken") {
				return false
			}
		}
		return true
	})
	to.Store(&two.addr)
	one.stop()
	etcdtest.Until(t, patience, "the router has moved", reached(two))
	if list := at("router", "list", "--account", account); !strings.Contains(list, "Lobby") || !strings.Contains(list, "Attic") {
		t.Error(list)
	}
	at("router", "remove", id.Host[:10], "--account", account)
	etcdtest.Until(t, patience, "the router is out", func() bool {
		status, _ := s.post(two, id.Host)
		return status == 404 && tun.State().Phase != tunnel.Up
	})
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"its own --data", []string{"serve", "--domain", "cloud.test", "--tls", "selfsigned", "--listen", "127.0.0.1:0", "--data", two.data, "--etcd", s.etcd, "--peer", "127.0.0.1:0"}},
		{"--peer", []string{"serve", "--domain", "cloud.test", "--tls", "selfsigned", "--data", data, "--etcd", s.etcd}},
		{"--peer", []string{"serve", "--domain", "cloud.test", "--tls", "selfsigned", "--data", data, "--etcd", s.etcd, "--peer", "0.0.0.0:7443"}},
		{"--node", []string{"serve", "--domain", "cloud.test", "--tls", "selfsigned", "--data", data, "--etcd", s.etcd, "--peer", "127.0.0.1:0", "--node", "A B"}},
		{"add --etcd", []string{"serve", "--domain", "cloud.test", "--tls", "selfsigned", "--data", data, "--peer", "127.0.0.1:0"}},
		{"belong to --etcd", []string{"account", "list", "--data", data, "--etcd-ca", "ca.pem"}},
		{"--etcd-ca", []string{"account", "list", "--data", data, "--etcd", "https://127.0.0.1:1", "--etcd-ca", "nowhere.pem"}},
		{"belong together", []string{"account", "list", "--data", data, "--etcd", "https://127.0.0.1:1", "--etcd-cert", "a.pem"}},
		{"no endpoint", []string{"account", "list", "--data", data, "--etcd", "ftp://127.0.0.1:1"}},
	} {
		if out, err := run(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %s %v", tc.args, out, err)
		}
	}
}

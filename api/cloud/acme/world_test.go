package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/acme/acmetest"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
)

const domain = "cloud.test"

func records(t *testing.T) cloud.Store {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// journal takes a log from many at once.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// patience is how long is waited for what comes soon.
const patience = 3 * time.Minute

// until waits for something to become true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit, tick := time.NewTimer(patience), time.NewTicker(5*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("never: %s", what)
		}
	}
}

// world is an authority, a name server and the records of relays.
type world struct {
	t         *testing.T
	dns       *acmetest.NameServer
	authority *acmetest.Authority
	store     cloud.Store
}

func newWorld(t *testing.T, life time.Duration) *world {
	t.Helper()
	ns := acmetest.NewNameServer(t, domain+".", "delegated.test.")
	return &world{t, ns, acmetest.NewAuthority(t, ns.Addr, life), records(t)}
}

func (w *world) config(change func(*Config)) (Config, *journal) {
	w.t.Helper()
	update, err := NewUpdate(w.dns.Addr, acmetest.KeyName, Algorithms[0], acmetest.KeySecret)
	if err != nil {
		w.t.Fatal(err)
	}
	j := new(journal)
	c := Config{Store: w.store, Domain: domain, Email: "admin@example.com", Agreed: true, Directory: w.authority.URL, Roots: pool(w.authority.TLS),
		DNS:  DNS{Provider: update, Resolvers: []string{w.dns.Addr}, Servers: []string{w.dns.Addr}},
		Look: 50 * time.Millisecond, Pause: 50 * time.Millisecond, Log: slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&c)
	}
	return c, j
}

// manager runs one until the test ends or stop.
func (w *world) manager(change func(*Config)) (m *Manager, log *journal, stop func()) {
	w.t.Helper()
	return w.managerAt(time.Now, change)
}

// managerAt runs one with a clock of its own.
func (w *world) managerAt(now func() time.Time, change func(*Config)) (m *Manager, log *journal, stop func()) {
	w.t.Helper()
	c, j := w.config(change)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	m, err := New(ctx, c)
	if err != nil {
		w.t.Fatal(err)
	}
	m.now = now
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		if w.t.Failed() {
			w.t.Log(j.String())
		}
	})
	w.t.Cleanup(stop)
	return m, j, stop
}

// once checks that the zone was changed for so many certificates and no more: a proof
// was put in and taken out for each, and for each attempt that failed, which a slow
// machine can do.
func (w *world) once(certificates int, logs ...*journal) {
	w.t.Helper()
	most := certificates
	for _, log := range logs {
		most += strings.Count(log.String(), "it is tried again")
	}
	if n := len(w.dns.Changes()); n < 2*certificates || n > 2*most {
		w.t.Errorf("%d changes of the zone for %d certificates", n, certificates)
	}
}

// relay serves a certificate as a relay does.
func (w *world) relay(m *Manager) (addr string) {
	w.t.Helper()
	accounts := cloud.NewAccounts(cloud.AccountsConfig{Store: w.store})
	r, err := cloud.NewRelay(w.t.Context(), cloud.Config{Accounts: accounts, Domain: m.cfg.Domain, Certificate: m.Certificate, Limits: cloud.Limits{Handshake: patience}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- r.Serve(ctx, ln) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	return ln.Addr().String()
}

// shake does one handshake and returns the certificate that it met.
func (w *world) shake(addr, name string) (*x509.Certificate, error) {
	d := &tls.Dialer{Config: &tls.Config{ServerName: name, RootCAs: pool(w.authority.Root)}, NetDialer: &net.Dialer{Timeout: patience}}
	conn, err := d.DialContext(w.t.Context(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

func pool(c *x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c)
	return p
}

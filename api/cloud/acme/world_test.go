package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
)

const (
	domain    = "cloud.test"
	keyName   = "relay-key."
	keySecret = "c2l4dGVlbiBieXRlcyBhdCBsZWFzdCwgYmFzZTY0"
)

// nameServer is a primary for a few zones, which takes signed updates.
type nameServer struct {
	addr string
	mu   sync.Mutex // guards what follows
	rrs  map[string][]dns.RR
	past []string // what was changed
	deaf bool     // takes updates, and then knows of none
}

func newNameServer(t *testing.T, zones ...string) *nameServer {
	t.Helper()
	s := &nameServer{rrs: map[string][]dns.RR{}}
	for _, zone := range zones {
		s.add(t, zone+" 60 IN SOA ns."+zone+" admin."+zone+" 1 60 60 60 60")
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = tcp.Addr().String()
	udp, err := net.ListenPacket("udp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, srv := range []*dns.Server{{Listener: tcp}, {PacketConn: udp}} {
		srv.Handler, srv.TsigSecret = s, map[string]string{keyName: keySecret}
		srv.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
		up := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(up) }
		wg.Go(func() { _ = srv.ActivateAndServe() }) // ends with the shutdown
		<-up
		t.Cleanup(func() { _ = srv.Shutdown() })
	}
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _, _ = tcp.Close(), udp.Close() })
	return s
}

func (s *nameServer) add(t *testing.T, text string) {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rrs[rr.Header().Name] = append(s.rrs[rr.Header().Name], rr)
}

// ServeDNS implements dns.Handler.
func (s *nameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(q)
	if q.Opcode == dns.OpcodeUpdate {
		s.update(w, q, m)
	} else {
		s.answer(q.Question[0], m)
	}
	_ = w.WriteMsg(m) // whoever asked asks again
}

func (s *nameServer) answer(q dns.Question, m *dns.Msg) {
	for _, rr := range s.rrs[strings.ToLower(q.Name)] {
		if c, ok := rr.(*dns.CNAME); ok {
			m.Answer = append(m.Answer, rr)
			s.answer(dns.Question{Name: c.Target, Qtype: q.Qtype}, m)
		} else if rr.Header().Rrtype == q.Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
}

func (s *nameServer) update(w dns.ResponseWriter, q, m *dns.Msg) {
	zone := q.Question[0].Name
	if t := q.IsTsig(); t == nil || w.TsigStatus() != nil {
		m.Rcode = dns.RcodeNotAuth
		if t != nil {
			refusal := &dns.TSIG{Hdr: t.Hdr, Algorithm: t.Algorithm, TimeSigned: t.TimeSigned, Fudge: t.Fudge, OrigId: q.Id, Error: dns.RcodeBadSig}
			if t.Hdr.Name != keyName {
				refusal.Error = dns.RcodeBadKey
			}
			m.Extra = append(m.Extra, refusal)
		}
		return
	}
	m.SetTsig(keyName, q.IsTsig().Algorithm, 300, time.Now().Unix())
	if len(s.rrs[zone]) == 0 {
		m.Rcode = dns.RcodeNotAuth
		return
	}
	for _, rr := range q.Ns {
		h := rr.Header()
		if !strings.HasPrefix(h.Name, "_acme-challenge.") && !strings.HasPrefix(h.Name, "proof.") {
			m.Rcode = dns.RcodeRefused
			return
		}
		name := h.Name
		if h.Class == dns.ClassNONE {
			s.past = append(s.past, "- "+name)
			var rest []dns.RR
			for _, is := range s.rrs[name] {
				if txt, ok := is.(*dns.TXT); !ok || txt.Txt[0] != rr.(*dns.TXT).Txt[0] {
					rest = append(rest, is)
				}
			}
			s.rrs[name] = rest
			continue
		}
		s.past = append(s.past, "+ "+name)
		if !s.deaf {
			s.rrs[name] = append(s.rrs[name], rr)
		}
	}
}

// changes are what was put in and taken out, in order.
func (s *nameServer) changes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.past...)
}

// authority is a certificate authority that checks DNS.
type authority struct {
	url   string
	trust *x509.CertPool // for the directory
	roots *x509.CertPool // for what it issues
	mu    sync.Mutex     // guards orders
	order [][]string     // the names of each
}

// newAuthority starts one whose certificates last for life.
func newAuthority(t *testing.T, resolver string, life time.Duration) *authority {
	t.Helper()
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_AUTHZREUSE": "0"} {
		t.Setenv(name, value)
	}
	log, store := slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), db.NewMemoryStore()
	issuer := ca.New(log, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(life.Seconds())}})
	front := wfe.New(log, store, va.New(log, 1, 1, true, resolver, store), issuer, []string{"pebble.test"}, true, false, 1, 1)
	a := &authority{trust: x509.NewCertPool(), roots: x509.NewCertPool()}
	handler := front.Handler()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/order-plz" && r.Method == http.MethodPost {
			a.note(t, r)
		}
		handler.ServeHTTP(w, r)
	}))
	srv.Config.ErrorLog = log
	t.Cleanup(srv.Close)
	a.url = srv.URL + wfe.DirectoryPath
	a.trust.AddCert(srv.Certificate())
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

func (a *authority) note(t *testing.T, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	var signed struct{ Payload string }
	var order struct {
		Identifiers []struct{ Type, Value string }
	}
	if err := json.Unmarshal(b, &signed); err != nil {
		t.Error(err)
	}
	if b, err = base64.RawURLEncoding.DecodeString(signed.Payload); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(b, &order); err != nil {
		t.Error(err)
	}
	var names []string
	for _, x := range order.Identifiers {
		names = append(names, x.Type+" "+x.Value)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.order = append(a.order, names)
}

// orders are the names that were ordered. One whose nonce was refused is sent
// again, and counts each time.
func (a *authority) orders() [][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([][]string(nil), a.order...)
}

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

// until waits for something to become true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit, tick := time.NewTimer(3*time.Minute), time.NewTicker(5*time.Millisecond)
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
	dns       *nameServer
	authority *authority
	store     cloud.Store
}

func newWorld(t *testing.T, life time.Duration) *world {
	t.Helper()
	ns := newNameServer(t, domain+".", "delegated.test.")
	return &world{t, ns, newAuthority(t, ns.addr, life), records(t)}
}

func (w *world) config(change func(*Config)) (Config, *journal) {
	w.t.Helper()
	update, err := NewUpdate(w.dns.addr, keyName, Algorithms[0], keySecret)
	if err != nil {
		w.t.Fatal(err)
	}
	j := new(journal)
	c := Config{Store: w.store, Domain: domain, Email: "admin@example.com", Agreed: true, Directory: w.authority.url, Roots: w.authority.trust,
		DNS:  DNS{Provider: update, Resolvers: []string{w.dns.addr}, Servers: []string{w.dns.addr}},
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

// relay serves a certificate as a relay does.
func (w *world) relay(m *Manager) (addr string) {
	w.t.Helper()
	accounts := cloud.NewAccounts(cloud.AccountsConfig{Store: w.store})
	r, err := cloud.NewRelay(w.t.Context(), cloud.Config{Accounts: accounts, Domain: m.cfg.Domain, Certificate: m.Certificate, Log: slog.New(slog.DiscardHandler)})
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
	d := &tls.Dialer{Config: &tls.Config{ServerName: name, RootCAs: w.authority.roots}, NetDialer: &net.Dialer{Timeout: 5 * time.Second}}
	conn, err := d.DialContext(w.t.Context(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// Package endpoint keeps this router reachable from the internet: its identity at
// a relay, whether the operator wants it, and the tunnel.
//
// The identity is one record among the store's secrets, sealed with the device
// secret, so that backups carry it and are of no use without the router. Its key
// was made here and is told to nobody.
package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Sealer keeps secrets from those who have the store alone.
type Sealer interface {
	Seal(plain []byte) []byte
	Open(sealed []byte) ([]byte, error)
}

// Config is what an Endpoint is made of.
type Config struct {
	Store  hotspot.Store // must not be nil
	Sealer Sealer        // must not be nil
	// Handler is what integrations reach; must not be nil. It gets POSTs to /api/
	// only.
	Handler http.Handler
	// Now tells the house's time and whether it is believed. Must not be nil.
	Now     func() (t time.Time, believed bool)
	Log     *slog.Logger // must not be nil
	Version string
	// Proxy is the HTTP proxy to go through; nil, or what returns nil: none.
	Proxy func() *url.URL
	// Roots are the authorities that the relay's certificate may be from; nil, or
	// what returns nil: the system's. Like Proxy, it is asked whenever it is needed.
	Roots func() (*x509.CertPool, error)
	// Dial connects by TCP; nil: a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// record is what is kept.
type record struct {
	Identity tunnel.Identity `json:"identity"`
	Domain   string          `json:"domain"`
	On       bool            `json:"on"`
}

// secretName is the record's among the store's secrets.
const secretName = "cloud.endpoint"

// Endpoint is an [api.CloudEndpoint]. It is safe for concurrent use.
type Endpoint struct {
	cfg     Config
	log     *slog.Logger
	changed chan struct{} // a record that Run has not taken up yet

	mu     sync.Mutex
	now    *record // nil: not enrolled
	tunnel *tunnel.Tunnel
	moves  uint64     // how often this router got itself another address
	writes sync.Mutex // one change at a time
}

// word is what a relay said of where the router is reached, and how often the
// router had moved by then.
type word struct {
	host  string
	moves uint64
}

var _ api.CloudEndpoint = (*Endpoint)(nil)

// New takes up what is kept. An identity that cannot be read is said aloud: the
// router can enrol again.
func New(ctx context.Context, cfg Config) (*Endpoint, error) {
	e := &Endpoint{cfg: cfg, log: cfg.Log.With("component", "cloud"), changed: make(chan struct{}, 1)}
	var sealed []byte
	err := cfg.Store.View(ctx, func(tx hotspot.Reader) error {
		var err error
		sealed, err = tx.Secret(secretName)
		return err
	})
	var none *hotspot.Error
	if errors.As(err, &none) && none.Code == hotspot.CodeNotFound || err == nil && sealed == nil {
		return e, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cloud endpoint: %w", err)
	}
	var r record
	plain, err := cfg.Sealer.Open(sealed)
	if err == nil {
		err = json.Unmarshal(plain, &r)
	}
	if err != nil {
		e.log.Error("the identity for the cloud endpoint cannot be read; enrol again", "error", err)
		return e, nil
	}
	e.now = &r
	return e, nil
}

// Run keeps the tunnel, while it is wanted, until ctx ends.
func (e *Endpoint) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		e.hold(ctx)
	}
	return nil
}

// hold does what the record says until it changes or ctx ends.
func (e *Endpoint) hold(ctx context.Context) {
	r := e.record()
	if r == nil || !r.On {
		select {
		case <-e.changed:
		case <-ctx.Done():
		}
		return
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	named := make(chan word, 4)
	t := tunnel.New(tunnel.Config{
		Relay: net.JoinHostPort(r.Identity.Tunnel, "443"), Handler: gate(e.cfg.Handler), Version: e.cfg.Version, Log: e.log,
		TLS: func() (*tls.Config, error) {
			roots, err := e.roots()
			if err != nil {
				return nil, err
			}
			return r.Identity.TLS(roots)
		},
		Proxy: e.cfg.Proxy, Dial: e.cfg.Dial,
		Named: func(host string) {
			select {
			case named <- word{host, e.moved(0)}:
			default: // the relay says it again when the router connects
			}
		},
	})
	e.setTunnel(t)
	defer e.setTunnel(nil)
	var wg sync.WaitGroup
	wg.Go(func() { e.takeNames(within, named) })
	wg.Go(func() { t.Run(within) })
	select {
	case <-e.changed:
	case <-ctx.Done():
	}
	cancel()
	wg.Wait()
}

// takeNames keeps what the relay says of where the router is reached: the
// account's owner may have given it another address.
func (e *Endpoint) takeNames(ctx context.Context, named <-chan word) {
	for {
		select {
		case said := <-named:
			if err := e.rename(ctx, said); err != nil && ctx.Err() == nil {
				e.log.Warn("the router's new address in the cloud cannot be stored", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// rename takes up an address. What the relay said before the router got itself
// another one is out of date.
func (e *Endpoint) rename(ctx context.Context, said word) error {
	e.writes.Lock()
	defer e.writes.Unlock()
	r := e.record()
	if r == nil || r.Identity.Host == said.host || said.moves != e.moved(0) {
		return nil
	}
	next := *r
	next.Identity.Host = said.host
	return e.store(ctx, &next, hotspot.AuditCloudRotated, said.host, hotspot.Change{Field: "host", Old: r.Identity.Host, New: said.host})
}

// moved counts n more moves and returns how many there were.
func (e *Endpoint) moved(n uint64) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.moves += n
	return e.moves
}

func (e *Endpoint) roots() (*x509.CertPool, error) {
	if e.cfg.Roots == nil {
		return nil, nil
	}
	return e.cfg.Roots()
}

func (e *Endpoint) proxy() *url.URL {
	if e.cfg.Proxy == nil {
		return nil
	}
	return e.cfg.Proxy()
}

// gate lets through what a relay may ask for. The relay checks the same; the
// router does not rely on it.
func gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/api/" && r.URL.Path != "/api":
			api.WriteFailure(w, http.StatusNotFound, "An error occurred", "the API is at /api/")
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			api.WriteFailure(w, http.StatusMethodNotAllowed, "method not allowed", "use POST")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (e *Endpoint) record() *record {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

func (e *Endpoint) setTunnel(t *tunnel.Tunnel) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tunnel = t
}

// Status implements [api.CloudEndpoint].
func (e *Endpoint) Status() api.CloudStatus {
	e.mu.Lock()
	r, t := e.now, e.tunnel
	e.mu.Unlock()
	st := api.CloudStatus{Phase: string(tunnel.Off)}
	if r == nil {
		return st
	}
	st.Enrolled, st.On, st.Domain, st.Host = true, r.On, r.Domain, r.Identity.Host
	if t != nil {
		s := t.State()
		st.Phase, st.Since, st.Latency = string(s.Phase), s.Since, s.Latency
		if s.Failure != nil {
			st.Failure = hotspot.Because(s.Failure)
		}
	}
	if r.On && st.Phase == string(tunnel.Off) {
		st.Phase = string(tunnel.Connecting) // it has just been turned on
	}
	return st
}

// store keeps a record, nil for none, with a row of the audit log.
func (e *Endpoint) store(ctx context.Context, r *record, action hotspot.Action, subject string, changes ...hotspot.Change) error {
	at, believed := e.cfg.Now()
	row := hotspot.NewAudit(ctx, at, believed, action, subject, changes...)
	var sealed []byte
	if r != nil {
		plain, err := json.Marshal(r)
		if err != nil {
			return err
		}
		sealed = e.cfg.Sealer.Seal(plain)
	}
	err := e.cfg.Store.Update(ctx, func(tx hotspot.Tx) error {
		row.ID = 0
		if err := tx.PutAudit(&row); err != nil {
			return err
		}
		if r == nil {
			return tx.DeleteSecret(secretName)
		}
		return tx.PutSecret(secretName, sealed)
	})
	if err != nil {
		return fmt.Errorf("cloud endpoint: %w", err)
	}
	e.mu.Lock()
	before := e.now
	e.now = r
	e.mu.Unlock()
	if before != nil && r != nil && before.On == r.On {
		return nil // the tunnel is as good as it was
	}
	select {
	case e.changed <- struct{}{}:
	default: // Run has not taken up the last change yet: it takes up both
	}
	return nil
}

// domain reads the name of a relay's domain, as somebody typed it.
func domain(s string) (string, error) {
	s = strings.ToLower(strings.Trim(strings.TrimSpace(s), "."))
	s = strings.TrimPrefix(strings.TrimPrefix(s, "https://"), "api.")
	u, err := url.Parse("https://api." + s)
	if err != nil || len(s) > 200 || !strings.Contains(s, ".") || u.Host != "api."+s || u.Port() != "" || strings.ContainsAny(s, " _") {
		return "", hotspot.Invalid("domain", "write the cloud's name, such as cloud.example.com")
	}
	return s, nil
}

// Enrol implements [api.CloudEndpoint].
func (e *Endpoint) Enrol(ctx context.Context, n api.NewEnrolment) error {
	name, err := domain(n.Domain)
	if err != nil {
		return err
	}
	if strings.TrimSpace(n.Code) == "" {
		return hotspot.Invalid("code", "make a claim code in the cloud account, and type it here within 15 minutes")
	}
	if n.Name = strings.TrimSpace(n.Name); n.Name == "" {
		n.Name = "Vouchsafe"
	}
	e.writes.Lock()
	defer e.writes.Unlock()
	if e.record() != nil {
		return &hotspot.Error{Code: hotspot.CodeNameTaken, Text: "this router is enrolled already; leave that account first"}
	}
	roots, err := e.roots()
	if err != nil {
		return refusal(err)
	}
	id, err := tunnel.Enrol(ctx, tunnel.Enrolment{API: "https://api." + name, Code: n.Code, Name: n.Name, Version: e.cfg.Version,
		Roots: roots, Proxy: e.proxy(), Dial: e.cfg.Dial})
	if err != nil {
		return refusal(err)
	}
	return e.store(ctx, &record{Identity: id, Domain: name, On: true}, hotspot.AuditCloudEnrolled, id.Host)
}

// refusal tells what a relay said no with, and what kept it from being asked.
func refusal(err error) error {
	var no *tunnel.RefusedError
	if errors.As(err, &no) {
		return refused(no)
	}
	return hotspot.Refuse(hotspot.CodeUnavailable, "", "%s; look at the uplink, the name of the cloud and the router's clock", err).
		Meaning("the connection failed; look at the uplink, the name of the cloud and the router's clock")
}

// refused tells what a relay said, which is in English. Other languages tell
// what its status means.
func refused(no *tunnel.RefusedError) *hotspot.Error {
	e := hotspot.Invalid("code", "%s", no.Message)
	switch {
	case no.Status == http.StatusTooManyRequests:
		return hotspot.Refuse(hotspot.CodeUnavailable, "", "%s", no).Meaning("it was asked too often; wait a minute, then try again")
	case no.Status >= http.StatusInternalServerError:
		return hotspot.Refuse(hotspot.CodeUnavailable, "", "%s", no).Meaning("it cannot answer now; try again in a few minutes")
	case no.Status == http.StatusForbidden:
		return e.Meaning("the claim code is wrong, was used, or is older than 15 minutes; make a new one")
	case no.Status == http.StatusConflict:
		return e.Meaning("the account has no room for another router; remove one there, or add a licence for more")
	}
	return e.Meaning("the cloud did not accept it; look at the claim code and the name of this router")
}

var errNotEnrolled = errors.New("the router is not enrolled")

func notEnrolled() error {
	return &hotspot.Error{Code: hotspot.CodeNotFound, Text: "this router is not enrolled at a cloud", Err: errNotEnrolled}
}

// Switch implements [api.CloudEndpoint].
func (e *Endpoint) Switch(ctx context.Context, on bool) error {
	e.writes.Lock()
	defer e.writes.Unlock()
	r := e.record()
	if r == nil {
		return notEnrolled()
	}
	if r.On == on {
		return nil
	}
	next := *r
	next.On = on
	return e.store(ctx, &next, hotspot.AuditCloudSwitched, r.Identity.Host, hotspot.Change{Field: "on", Old: onOff(r.On), New: onOff(on)})
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Rotate implements [api.CloudEndpoint].
func (e *Endpoint) Rotate(ctx context.Context) error {
	e.writes.Lock()
	defer e.writes.Unlock()
	r := e.record()
	if r == nil {
		return notEnrolled()
	}
	m, err := e.membership(r)
	if err != nil {
		return refusal(err)
	}
	host, err := tunnel.Rotate(ctx, m)
	if err != nil {
		return refusal(err)
	}
	e.moved(1)
	next := *r
	next.Identity.Host = host
	return e.store(ctx, &next, hotspot.AuditCloudRotated, host, hotspot.Change{Field: "host", Old: r.Identity.Host, New: host})
}

// Leave implements [api.CloudEndpoint].
func (e *Endpoint) Leave(ctx context.Context) (told bool, err error) {
	e.writes.Lock()
	defer e.writes.Unlock()
	r := e.record()
	if r == nil {
		return false, notEnrolled()
	}
	var no *tunnel.RefusedError
	m, err := e.membership(r)
	if err == nil {
		err = tunnel.Leave(ctx, m)
	}
	told = err == nil || errors.As(err, &no) && no.Status == http.StatusUnauthorized // it does not know this router any more
	if !told {
		e.log.Warn("the relay could not be told that this router leaves; remove it in the cloud account", "error", err)
	}
	return told, e.store(ctx, nil, hotspot.AuditCloudLeft, r.Identity.Host)
}

func (e *Endpoint) membership(r *record) (tunnel.Membership, error) {
	roots, err := e.roots()
	return tunnel.Membership{Identity: r.Identity, Address: "https://router." + r.Domain, Roots: roots, Proxy: e.proxy(), Dial: e.cfg.Dial}, err
}

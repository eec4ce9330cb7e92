package cloud

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// Config is what a relay is made of.
type Config struct {
	Accounts *Accounts // must not be nil
	Domain   string    // routers are at <prefix>.<domain>; must not be empty
	// Certificate is that of *.<domain>; asked for each connection, so that
	// another one takes its place at once. Must not be nil.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Log         *slog.Logger // must not be nil
	// Elsewhere says that other relays serve the same routers: when this one
	// stops, it sends them there first.
	Elsewhere bool
	// Limits bound what the relay takes on; zero fields take their defaults.
	Limits Limits
	Now    func() time.Time // nil: time.Now
}

// Limits of a relay.
type Limits struct {
	Handshakes int           // at a time: 512
	Handshake  time.Duration // for one: 10 s
	// Answer is how long a router may take until its answer begins: 30 s.
	Answer time.Duration
	// PerPrefix and PerClient are requests in a second, with bursts of ten times
	// as many: 20 and 10.
	PerPrefix, PerClient float64
}

func (l *Limits) complete() {
	def := func(at *time.Duration, d time.Duration) {
		if *at == 0 {
			*at = d
		}
	}
	def(&l.Handshake, 10*time.Second)
	def(&l.Answer, 30*time.Second)
	if l.Handshakes == 0 {
		l.Handshakes = 512
	}
	if l.PerPrefix == 0 {
		l.PerPrefix = 20
	}
	if l.PerClient == 0 {
		l.PerClient = 10
	}
}

// Relay takes connections of routers and of clients.
type Relay struct {
	cfg       Config
	log       *slog.Logger
	authority *authority
	links     links
	prefixes  *rates
	clients   *rates
	missing   *missing
	api       http.Handler
}

// NewRelay returns a relay that does not listen yet.
func NewRelay(ctx context.Context, cfg Config) (*Relay, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Limits.complete()
	cfg.Domain = strings.ToLower(cfg.Domain)
	r := &Relay{cfg: cfg, log: cfg.Log.With("component", "relay"),
		prefixes: newRates(cfg.Limits.PerPrefix, cfg.Now), clients: newRates(cfg.Limits.PerClient, cfg.Now), missing: newMissing(cfg.Now)}
	var err error
	if r.authority, err = loadAuthority(ctx, cfg.Accounts); err != nil {
		return nil, err
	}
	r.api = r.accountAPI()
	return r, nil
}

// drainWithin bounds how long requests in flight may take at the end.
const drainWithin = 20 * time.Second

// Serve takes connections until ctx ends. Then it asks routers to connect
// elsewhere, lets requests in flight finish, and returns nil.
func (r *Relay) Serve(ctx context.Context, ln net.Listener) error {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	srv := &http.Server{
		Handler: r, Protocols: &protocols,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerStream: maxBody, MaxReceiveBufferPerConnection: 1 << 20,
			SendPingTimeout: time.Minute, PingTimeout: 15 * time.Second, WriteByteTimeout: 20 * time.Second},
	}
	clients := &handed{addr: ln.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(clients) }) // ends with the listener
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	err := r.accept(ctx, ln, clients, &wg)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainWithin)
	defer cancel()
	if r.cfg.Elsewhere {
		r.links.move(end)
	}
	if srv.Shutdown(end) != nil {
		_ = srv.Close() // it is the end either way
	}
	r.links.close()
	wg.Wait()
	return err
}

// accept takes connections until the listener is closed.
func (r *Relay) accept(ctx context.Context, ln net.Listener, clients *handed, wg *sync.WaitGroup) error {
	room := make(chan struct{}, r.cfg.Limits.Handshakes)
	for {
		raw, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
			continue
		}
		if err != nil {
			return fmt.Errorf("relay: %w", err)
		}
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			r.shake(ctx, raw, clients)
		})
	}
}

// shake does the handshake, and hands the connection to those whose it is.
func (r *Relay) shake(ctx context.Context, raw net.Conn, clients *handed) {
	within, cancel := context.WithTimeout(ctx, r.cfg.Limits.Handshake)
	defer cancel()
	conn := tls.Server(raw, &tls.Config{GetConfigForClient: r.configFor})
	if err := conn.HandshakeContext(within); err != nil {
		raw.Close()
		r.log.Debug("handshake failed", "peer", raw.RemoteAddr(), "error", err)
		return
	}
	if conn.ConnectionState().ServerName == r.tunnelName() {
		r.welcome(within, conn)
		return
	}
	clients.give(conn)
}

func (r *Relay) tunnelName() string { return "tunnel." + r.cfg.Domain }
func (r *Relay) apiName() string    { return "api." + r.cfg.Domain }
func (r *Relay) routerName() string { return "router." + r.cfg.Domain }

// configFor chooses by the name that a connection asks for.
func (r *Relay) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	name := strings.ToLower(hello.ServerName)
	if name != r.cfg.Domain && !strings.HasSuffix(name, "."+r.cfg.Domain) {
		return nil, errors.New("the name is not one of this relay's")
	}
	cfg := &tls.Config{GetCertificate: r.cfg.Certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if name == r.tunnelName() || name == r.routerName() {
		cfg.MinVersion, cfg.ClientAuth = tls.VersionTLS13, tls.RequireAnyClientCert
		// Resumed sessions would not show their certificate again.
		cfg.SessionTicketsDisabled = true
	}
	if name == r.tunnelName() {
		cfg.NextProtos = []string{tunnel.Protocol}
	}
	return cfg, nil
}

// welcome makes a link of a router's connection.
func (r *Relay) welcome(ctx context.Context, conn *tls.Conn) {
	state := conn.ConnectionState()
	router, err := r.whose(ctx, &state)
	if err == nil && state.NegotiatedProtocol != tunnel.Protocol {
		err = errors.New("another protocol")
	}
	if err != nil {
		r.log.Info("router refused", "peer", conn.RemoteAddr(), "error", err)
		conn.Close()
		return
	}
	link, err := tunnel.NewLink(ctx, conn)
	if err != nil {
		r.log.Info("tunnel failed", "router", router.ID, "error", err)
		return
	}
	// Before the router hears that it can be reached, it can be.
	r.links.put(router, link)
	r.missing.forget(router.Prefix)
	go func() {
		<-link.Done()
		r.links.drop(router.ID, link)
		r.log.Info("router is gone", "router", router.ID)
	}()
	answer, took, err := link.Say(ctx, tunnel.Hello{Host: router.Prefix + "." + r.cfg.Domain})
	if err != nil {
		link.Close()
		r.log.Info("tunnel failed", "router", router.ID, "error", err)
		return
	}
	r.log.Info("router is here", "router", router.ID, "version", answer.Version, "latency", took.Round(time.Microsecond))
	if err := r.cfg.Accounts.Seen(ctx, router.ID, answer.Version); err != nil {
		r.log.Warn("cannot note that a router was here", "router", router.ID, "error", err)
	}
}

// whose finds out whose connection it is. The fingerprint on record decides, at
// every handshake.
func (r *Relay) whose(ctx context.Context, state *tls.ConnectionState) (Router, error) {
	certs := state.PeerCertificates
	if len(certs) == 0 {
		return Router{}, errors.New("no certificate")
	}
	id, err := r.authority.identify(certs[0])
	if err != nil {
		return Router{}, err
	}
	router, err := r.cfg.Accounts.RouterByID(ctx, id)
	if err != nil {
		return Router{}, err
	}
	if subtle.ConstantTimeCompare([]byte(router.Fingerprint), []byte(fingerprintOf(certs[0].Raw))) != 1 {
		return Router{}, errors.New("the certificate is not the one on record")
	}
	return router, nil
}

// handed is a listener for connections that somebody else has accepted.
type handed struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handed) Addr() net.Addr { return h.addr }

func (h *handed) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		c.Close()
	}
}

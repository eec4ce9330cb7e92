package cloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
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
	// stops, it sends them there first. Where there is a registry, it knows.
	Elsewhere bool
	// Registry says at which relay a router is; nil: there is only this one.
	Registry Registry
	Peer     PeerConfig // if there is a registry
	// Notice is how long clients can still connect when the relay is about to stop
	// and others live: whatever sends them here has to notice; 0: not at all.
	Notice time.Duration
	// Limits bound what the relay takes on; zero fields take their defaults.
	Limits Limits
	Now    func() time.Time // nil: time.Now
	// Pages are served on api.<domain> beside the API; nil: there are none.
	Pages http.Handler
	// Products tells what accounts may install on their routers; nil: nothing.
	Products func() Products
}

// Limits of a relay.
type Limits struct {
	// Handshakes at a time: 2048; a quarter of them for one client.
	Handshakes int
	Handshake  time.Duration // for one: 10 s
	// Connections of clients, in all and for each: 8192 and 128.
	Connections, ConnectionsPerClient int
	// Requests under way, in all and for each client: 4096 and 128.
	Requests, RequestsPerClient int
	// Read is how long a client may take for a whole request: 20 s; half of it for
	// the header.
	Read time.Duration
	// Answer is how long a router may take until its answer begins: 30 s.
	Answer time.Duration
	// PingWait is how long a router that has been silent may take to answer: 2.5 s.
	PingWait time.Duration
	// Stall is how long a client may take for the next part of an answer: 20 s.
	Stall time.Duration
	// Crowded is the same if three others of the router's clients stall, too: 5 s.
	Crowded time.Duration
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
	def(&l.Read, 20*time.Second)
	def(&l.Stall, 20*time.Second)
	def(&l.Crowded, 5*time.Second)
	count := func(at *int, n int) {
		if *at == 0 {
			*at = n
		}
	}
	count(&l.Handshakes, 2048)
	count(&l.Connections, 8192)
	count(&l.ConnectionsPerClient, 128)
	count(&l.Requests, 4096)
	count(&l.RequestsPerClient, 128)
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
	tunnels   *tunnel.Links
	prefixes  *rates
	clients   *rates
	arrivals  *rates // by router
	guesses   *api.FailureLimiter
	missing   *missing
	lobby     *lobby
	guests    *guests
	requests  *counts
	crowds    crowds
	sightings sightings
	figures   figures
	tending   sync.WaitGroup // of links
	others    *others        // nil: there is only this relay
	draining  atomic.Bool    // it takes no more tunnels
	leaving   atomic.Bool    // it takes no more connections
	api       http.Handler
	tls       struct{ shared, client, member, tunnel *tls.Config }
}

// NewRelay returns a relay that does not listen yet.
func NewRelay(ctx context.Context, cfg Config) (*Relay, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Limits.complete()
	cfg.Domain = strings.ToLower(cfg.Domain)
	r := &Relay{cfg: cfg, log: cfg.Log.With("component", "relay"), tunnels: tunnel.NewLinks(cfg.Limits.PingWait),
		prefixes: newRates(cfg.Limits.PerPrefix, cfg.Now), clients: newRates(cfg.Limits.PerClient, cfg.Now), arrivals: newRates(1, cfg.Now),
		guesses: api.NewFailureLimiter(api.LimiterConfig{Now: cfg.Now}), missing: newMissing(cfg.Now),
		lobby: newLobby(cfg.Limits), guests: newGuests(cfg.Limits), requests: newCounts(cfg.Limits.RequestsPerClient, cfg.Limits.Requests)}
	r.configure()
	var err error
	if r.authority, err = loadAuthority(ctx, cfg.Accounts, authorityKey); err != nil {
		return nil, err
	}
	if cfg.Registry != nil {
		if r.others, err = r.withOthers(ctx); err != nil {
			return nil, err
		}
	}
	r.api = r.accountAPI()
	return r, nil
}

// drainWithin bounds how long requests in flight may take at the end, and
// moveWithin how long routers may take to connect elsewhere before that.
const (
	drainWithin = 20 * time.Second
	moveWithin  = 30 * time.Second
)

// server serves clients whose handshake is done.
func (r *Relay) server(ctx context.Context) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler: r, Protocols: &protocols, ConnState: r.guests.changed,
		ReadHeaderTimeout: r.cfg.Limits.Read / 2, ReadTimeout: r.cfg.Limits.Read, WriteTimeout: 2 * time.Minute, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerStream: maxBody, MaxReceiveBufferPerConnection: 1 << 20,
			MaxDecoderHeaderTableSize: 4 << 10, MaxEncoderHeaderTableSize: 4 << 10,
			SendPingTimeout: time.Minute, PingTimeout: 15 * time.Second, WriteByteTimeout: 20 * time.Second},
	}
}

// Serve takes connections until ctx ends. Then it asks routers to connect
// elsewhere, lets requests in flight finish, and returns nil.
func (r *Relay) Serve(ctx context.Context, ln net.Listener) error {
	srv := r.server(ctx)
	clients := &handed{addr: ln.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(clients) }) // ends with the listener
	noted, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(noted)
		r.noteSightings(over)
	}()
	stopOthers := func() {}
	if r.others != nil {
		stopOthers = r.start()
	}
	stop := context.AfterFunc(ctx, func() {
		r.notice()
		ln.Close()
	})
	defer stop()
	// Handshakes that are under way when the listener is closed go on.
	shaking, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	err := r.accept(shaking, ln, clients, &wg)
	ln.Close()
	r.drain(context.WithoutCancel(ctx), srv)
	end()
	for _, h := range r.links.all() {
		r.sightings.note(h.router.ID, "", r.cfg.Now())
	}
	if r.others != nil {
		r.others.presence.close()
	}
	r.links.close()
	wg.Wait()
	r.tending.Wait()
	stopOthers()
	close(over)
	<-noted
	return err
}

// notice lets everybody notice that the relay is about to stop.
func (r *Relay) notice() {
	r.draining.Store(true)
	if r.cfg.Notice <= 0 || r.alone() {
		return
	}
	r.log.Info("about to stop: health says so, and routers are refused", "for", r.cfg.Notice)
	t := time.NewTimer(r.cfg.Notice)
	defer t.Stop()
	<-t.C
}

// drain sends routers elsewhere and lets requests in flight finish.
func (r *Relay) drain(ctx context.Context, srv *http.Server) {
	r.draining.Store(true)
	if !r.alone() {
		r.leaving.Store(true)
		within, cancel := context.WithTimeout(ctx, moveWithin)
		r.links.move(within)
		cancel()
	}
	within, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	var wg sync.WaitGroup
	if r.others != nil {
		wg.Go(func() { r.others.server.Shutdown(within) })
	}
	if srv.Shutdown(within) != nil {
		_ = srv.Close() // it is the end either way
	}
	wg.Wait()
}

// noteEvery is how often sightings are put on record.
const noteEvery = 5 * time.Second

// noteSightings puts on record who was here, until over, and then all the rest.
func (r *Relay) noteSightings(over <-chan struct{}) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-tick.C:
		case <-over:
			last = true
		}
		ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
		if err := r.cfg.Accounts.saw(ctx, r.sightings.take()); err != nil {
			r.log.Warn("cannot note which routers were here", "error", err)
		}
		cancel()
	}
}

// accept takes connections until the listener is closed. What is wrong for a
// moment, such as too many open files, ends nothing.
func (r *Relay) accept(ctx context.Context, ln net.Listener, clients *handed, wg *sync.WaitGroup) error {
	pause := time.Duration(0)
	for {
		raw, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			if r.draining.Load() {
				return nil
			}
			return fmt.Errorf("relay: %w", err)
		}
		if err != nil {
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			r.log.Warn("cannot take a connection; it is tried again", "error", err)
			t := time.NewTimer(pause)
			select {
			case <-t.C:
			case <-ctx.Done():
			}
			t.Stop()
			continue
		}
		pause = 0
		leave := r.lobby.enter(ctx, raw)
		if leave == nil {
			r.figures.turnedAway.Add(1)
			raw.Close()
			continue
		}
		wg.Go(func() {
			defer leave()
			r.shake(ctx, raw, clients, leave)
		})
	}
}

// shake does the handshake, and hands the connection to those whose it is.
func (r *Relay) shake(ctx context.Context, raw net.Conn, clients *handed, leave func()) {
	within, cancel := context.WithTimeout(ctx, r.cfg.Limits.Handshake)
	defer cancel()
	conn := tls.Server(raw, r.tls.shared)
	if err := conn.HandshakeContext(within); err != nil {
		raw.Close()
		if !errors.Is(err, errStopping) {
			r.figures.handshakesFailed.Add(1)
		}
		r.log.Debug("handshake failed", "peer", raw.RemoteAddr(), "error", err)
		return
	}
	leave()
	switch {
	case conn.ConnectionState().ServerName == r.tunnelName():
		r.welcome(within, conn)
	case !r.guests.enter(conn):
		r.figures.turnedAway.Add(1)
		raw.Close()
	case !clients.give(conn):
		r.guests.leave(conn)
	}
}

func (r *Relay) tunnelName() string { return "tunnel." + r.cfg.Domain }
func (r *Relay) apiName() string    { return "api." + r.cfg.Domain }
func (r *Relay) routerName() string { return "router." + r.cfg.Domain }

// configure prepares the configurations by name. There is one of each kind, so
// that clients can resume sessions and ten thousand tunnels share theirs.
func (r *Relay) configure() {
	base := func() *tls.Config {
		return &tls.Config{GetCertificate: r.cfg.Certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	r.tls.client, r.tls.member = base(), base()
	r.tls.member.MinVersion, r.tls.member.ClientAuth = tls.VersionTLS13, tls.RequireAnyClientCert
	// Resumed sessions would not show their certificate again.
	r.tls.member.SessionTicketsDisabled = true
	r.tls.tunnel = r.tls.member.Clone()
	r.tls.tunnel.NextProtos = []string{tunnel.Protocol}
	r.tls.shared = &tls.Config{GetConfigForClient: r.configFor}
}

// errStopping sends routers elsewhere.
var errStopping = errors.New("this relay is about to stop")

// configFor chooses by the name that a connection asks for.
func (r *Relay) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	switch name := strings.ToLower(hello.ServerName); {
	case name == r.tunnelName() && r.draining.Load() && !r.alone():
		return nil, errStopping
	case name == r.tunnelName():
		return r.tls.tunnel, nil
	case name == r.routerName():
		return r.tls.member, nil
	case name == r.cfg.Domain || strings.HasSuffix(name, "."+r.cfg.Domain):
		return r.tls.client, nil
	}
	return nil, errors.New("the name is not one of this relay's")
}

package tunnel

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// Config is what the router's end is made of.
type Config struct {
	Relay string // host:port; must not be empty
	// TLS is the identity to show, and whom to trust; asked for each connection.
	// Must not be nil.
	TLS func() (*tls.Config, error)
	// Handler serves what the relay asks for; must not be nil.
	Handler http.Handler
	// Proxy is the HTTP proxy to go through: http://[user:password@]host:port. It is
	// asked for each connection; nil, or what returns nil: none.
	Proxy func() *url.URL
	// Named is told where the router is reached whenever the relay says so. It must
	// not block. Nil: nobody is told.
	Named func(host string)
	// Version is what the relay is told of this program.
	Version string
	Log     *slog.Logger // must not be nil
	// Dial connects by TCP; nil: a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Backoff is the longest wait before the first new attempt after the relay hung
	// up, and Most that of later ones; 0: 10 s and 2 min. Each wait is anything
	// between nothing and its longest, so that the routers of a relay do not all
	// come back at once. After a link that died silently, which a router finds out
	// on its own, the first wait is shorter.
	Backoff, Most time.Duration
	// PingWait is how long the relay may take to answer a ping; 0: 4 s.
	PingWait time.Duration
	// Wait waits, or returns earlier if ctx ends; nil: on a timer.
	Wait func(ctx context.Context, d time.Duration)
}

// Phase is what the router's end is doing.
type Phase string

// The phases.
const (
	Off        Phase = "off"
	Connecting Phase = "connecting"
	Up         Phase = "up"
	Waiting    Phase = "waiting" // for the next attempt
)

// State tells how the tunnel is, for people.
type State struct {
	Phase   Phase
	Since   time.Time // when the phase began
	Host    string    // where the router is reached, once the relay has said so
	Latency time.Duration
	Failure error // why the last attempt or connection ended; nil: no failure yet
}

// Tunnel is the router's end.
type Tunnel struct {
	cfg   Config
	mu    sync.Mutex
	state State
}

// New returns a router's end that does nothing yet.
func New(cfg Config) *Tunnel {
	cfg.Backoff, cfg.Most = cmp.Or(cfg.Backoff, 10*time.Second), cmp.Or(cfg.Most, 2*time.Minute)
	if cfg.Dial == nil {
		d := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: -1} // the pings of HTTP/2 do that
		cfg.Dial = d.DialContext
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	return &Tunnel{cfg: cfg, state: State{Phase: Off}}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// State returns how the tunnel is.
func (t *Tunnel) State() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

func (t *Tunnel) set(change func(*State)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.state.Phase
	change(&t.state)
	if t.state.Phase != was {
		t.state.Since = time.Now()
	}
}

// errMoved ends a connection after another one took its place.
var errMoved = errors.New("moved to another connection")

// Run keeps a connection to the relay until ctx ends, and then lets requests in
// flight finish.
func (t *Tunnel) Run(ctx context.Context) {
	defer t.set(func(s *State) { *s = State{Phase: Off, Failure: s.Failure} })
	var moved []*connection // that another one has taken the place of
	defer func() {
		for _, c := range moved {
			c.drain()
		}
	}()
	longest := t.cfg.Backoff
	for ctx.Err() == nil {
		began := time.Now()
		c, err := t.connect(ctx)
		if err == nil {
			longest = t.cfg.Backoff
			for _, old := range moved {
				old.drain()
			}
			moved = moved[:0]
			err = c.wait(ctx)
			if errors.Is(err, errMoved) {
				moved = append(moved, c)
				if time.Since(began) < t.cfg.Backoff { // a relay that sends everybody away all the time
					t.cfg.Wait(ctx, rand.N(t.cfg.Backoff)+1)
				}
				continue // at once: the relay spreads whom it sends away
			}
			if !c.raw.hungUp.Load() {
				longest = min(longest, silentBackoff)
			}
		}
		if ctx.Err() != nil {
			break
		}
		t.failed(err)
		t.cfg.Wait(ctx, rand.N(longest)+1)
		longest = min(max(2*longest, t.cfg.Backoff), t.cfg.Most)
	}
}

// silentBackoff is the longest wait after a link that died silently: nobody else
// comes back at the same moment.
const silentBackoff = 3500 * time.Millisecond

func (t *Tunnel) failed(err error) {
	t.set(func(s *State) { s.Phase, s.Failure, s.Latency = Waiting, err, 0 })
	t.cfg.Log.Info("the tunnel is down; it will be tried again", "relay", t.cfg.Relay, "error", err)
}

// connection is one connection to a relay.
type connection struct {
	t      *Tunnel
	raw    *witness
	names  int // that the relay has given on this connection; guarded by t.mu
	srv    *http.Server
	hello  chan struct{} // closed by the first word of the relay
	move   chan struct{} // closed when the relay asks for another one
	closed chan struct{}
	heard  sync.Once
	asked  sync.Once
}

// helloWithin is how long a relay may take for its first word.
const helloWithin = 15 * time.Second

// connect makes a connection and waits until the relay uses it.
func (t *Tunnel) connect(ctx context.Context) (*connection, error) {
	t.set(func(s *State) {
		if s.Phase != Up {
			s.Phase = Connecting
		}
	})
	within, cancel := context.WithTimeout(ctx, helloWithin)
	defer cancel()
	conn, raw, err := t.dial(within)
	if err != nil {
		return nil, err
	}
	c := &connection{t: t, raw: raw, hello: make(chan struct{}), move: make(chan struct{}), closed: make(chan struct{})}
	c.serve(context.WithoutCancel(ctx), conn)
	select {
	case <-c.hello:
		t.set(func(s *State) { s.Phase, s.Failure = Up, nil })
		return c, nil
	case <-c.closed:
		return nil, errors.New("the relay hung up; it may not know this router any more")
	case <-within.Done():
		conn.Close()
		<-c.closed
		return nil, fmt.Errorf("the relay said nothing: %w", within.Err())
	}
}

// wait returns when the connection is of no use any more, or ctx ends: then it
// is drained first.
func (c *connection) wait(ctx context.Context) error {
	select {
	case <-c.closed:
		return errors.New("the connection ended")
	case <-c.move:
		return errMoved
	case <-ctx.Done():
		c.drain()
		return ctx.Err()
	}
}

// drainWithin bounds how long requests in flight may take at the end.
const drainWithin = 10 * time.Second

// drain lets requests in flight finish and ends the connection.
func (c *connection) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	if c.srv.Shutdown(ctx) != nil {
		_ = c.srv.Close() // it is ended either way
	}
	<-c.closed
}

// serve begins to serve HTTP/2 on a connection.
func (c *connection) serve(base context.Context, conn *tls.Conn) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true) // gathered is not known to be TLS, which it is
	settings := http2(maxRequest, maxRequests, pingAfter, c.t.cfg.PingWait)
	settings.MaxConcurrentStreams = maxStreams
	c.srv = &http.Server{
		Handler: c, Protocols: &protocols, HTTP2: settings, MaxHeaderBytes: 16 << 10,
		ReadTimeout: requestWithin, WriteTimeout: answerWithin, IdleTimeout: -1, // 0 would be ReadTimeout's: nobody may ask for hours
		ErrorLog:    slog.NewLogLogger(c.t.cfg.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return base },
	}
	ln := &single{conn: gather(conn), closed: c.closed}
	c.srv.ConnState = ln.changed
	go func() {
		// What ends it is told by the connection's state.
		_ = c.srv.Serve(ln)
	}()
}

// Bounds of what the relay may ask for at a time. How long an answer may take is
// for the relay to say: it knows whether the client still reads.
const (
	maxRequest    = 64 << 10  // bytes of a body that wait to be read
	maxRequests   = 512 << 10 // the same of all bodies together
	maxStreams    = 100
	requestWithin = 30 * time.Second
	answerWithin  = 20 * time.Minute
)

// ServeHTTP implements http.Handler.
func (c *connection) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == ControlPath {
		c.control(w, r)
		return
	}
	client, err := netip.ParseAddr(r.Header.Get(ClientHeader))
	if err != nil {
		http.Error(w, "the relay did not say who asks", http.StatusBadRequest)
		return
	}
	r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
	r.Header.Del(ClientHeader)
	c.t.cfg.Handler.ServeHTTP(w, r)
}

// control takes in what the relay says.
func (c *connection) control(w http.ResponseWriter, r *http.Request) {
	var h Hello
	b, err := io.ReadAll(io.LimitReader(r.Body, maxControl))
	if err != nil || r.Method != http.MethodPost || json.Unmarshal(b, &h) != nil {
		http.Error(w, "not understood", http.StatusBadRequest)
		return
	}
	if !c.mayName(h.Host) {
		http.Error(w, "the host is not a name, or the last of too many", http.StatusBadRequest)
		return
	}
	c.t.set(func(s *State) {
		s.Host = cmp.Or(h.Host, s.Host)
		if h.Latency > 0 && h.Latency < int64(time.Hour/time.Microsecond) {
			s.Latency = time.Duration(h.Latency) * time.Microsecond
		}
	})
	if h.Host != "" && c.t.cfg.Named != nil {
		c.t.cfg.Named(h.Host)
	}
	c.heard.Do(func() { close(c.hello) })
	if h.Move {
		c.asked.Do(func() { close(c.move) })
	}
	w.Header().Set("Content-Type", "application/json")
	// The relay is gone if this fails.
	_ = json.NewEncoder(w).Encode(Answer{Version: c.t.cfg.Version})
}

// maxNames bounds how often the relay may name the router on one connection:
// names are kept on flash.
const maxNames = 20

// mayName reports whether the relay may say this name, or none.
func (c *connection) mayName(host string) bool {
	if host == "" {
		return true
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	c.names++
	return c.names <= maxNames && isHost(host)
}

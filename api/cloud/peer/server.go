package peer

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// ServerConfig is how a relay is reached by the others.
type ServerConfig struct {
	Self     string       // this relay's id; must not be empty
	Identity *Identity    // must not be nil
	Log      *slog.Logger // must not be nil
	// Forward serves a request for a router. It answers with [Answer] or [Refuse]; must
	// not be nil.
	Forward func(w http.ResponseWriter, r *http.Request, c Call)
	// Moved is told that a router is at another relay, and returns when this one has
	// let go of it; must not be nil.
	Moved func(ctx context.Context, router, to string)
	// Within is how long a relay may take for a handshake, and for a whole request:
	// 10 s.
	Within time.Duration
	// PingAfter and PingWait are as those of a [Pool].
	PingAfter, PingWait time.Duration
}

// Bounds of connections to the peer port, in all and from one address, and of
// requests on each. Relays make four at most.
const (
	maxConns        = 1024
	maxConnsFromOne = 32
	maxStreams      = 1024
)

// Server is a relay's peer port.
type Server struct {
	cfg ServerConfig
	srv *http.Server
}

// NewServer returns a server that does not listen yet.
func NewServer(cfg ServerConfig) *Server {
	cfg.Within = cmp.Or(cfg.Within, 10*time.Second)
	cfg.PingAfter, cfg.PingWait = cmp.Or(cfg.PingAfter, 5*time.Second), cmp.Or(cfg.PingWait, 5*time.Second)
	s := &Server{cfg: cfg}
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	s.srv = &http.Server{
		Handler: s, Protocols: &protocols, TLSConfig: cfg.Identity.server(), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: cfg.Within, ReadTimeout: cfg.Within, WriteTimeout: 20 * time.Minute, IdleTimeout: -1, // whoever connects decides; 0 would be ReadTimeout's
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 2 << 20,
			MaxDecoderHeaderTableSize: 4 << 10, MaxEncoderHeaderTableSize: 4 << 10,
			SendPingTimeout: cfg.PingAfter, PingTimeout: cfg.PingWait, WriteByteTimeout: cfg.PingAfter + cfg.PingWait},
	}
	return s
}

// Serve takes connections until the server is shut down.
func (s *Server) Serve(ln net.Listener) error {
	return s.srv.ServeTLS(&bounded{Listener: ln, from: map[netip.Addr]int{}}, "", "")
}

// Shutdown takes no more connections, and lets requests finish until ctx ends.
func (s *Server) Shutdown(ctx context.Context) {
	if s.srv.Shutdown(ctx) != nil {
		_ = s.srv.Close() // it is the end either way
	}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if fault := recover(); fault != nil {
			if fault != http.ErrAbortHandler {
				s.cfg.Log.Error("panic while serving another relay", "panic", fault, "stack", string(debug.Stack()))
			}
			panic(http.ErrAbortHandler) // no outcome: what was asked may have been done
		}
	}()
	from, err := caller(r.TLS)
	if err != nil { // the handshake would have failed
		http.Error(w, "not a relay", http.StatusForbidden)
		return
	}
	if r.URL.Path == helloPath {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	moved := r.URL.Path == movedPath
	c, err := readCall(r.Header, s.cfg.Self, moved)
	if err != nil || r.Method != http.MethodPost || !moved && r.URL.Path != "/api/" && r.URL.Path != "/api" || r.URL.RawQuery != "" {
		http.Error(w, errCall.Error(), http.StatusBadRequest)
		return
	}
	c.From = from
	if moved {
		s.cfg.Moved(r.Context(), c.Router, from)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	for _, name := range [...]string{routerHeader, toHeader, outcomeHeader, elsewhereHeader} {
		r.Header.Del(name)
	}
	s.cfg.Forward(w, r, c)
}

// bounded is a listener that hangs up on connections that are too many.
type bounded struct {
	net.Listener
	mu   sync.Mutex // guards what follows
	all  int
	from map[netip.Addr]int
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at, err := netip.ParseAddrPort(c.RemoteAddr().String())
		if err == nil && b.enter(at.Addr()) {
			return &counted{Conn: c, leave: sync.OnceFunc(func() { b.leave(at.Addr()) })}, nil
		}
		c.Close()
	}
}

func (b *bounded) enter(from netip.Addr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all >= maxConns || b.from[from] >= maxConnsFromOne {
		return false
	}
	b.all++
	b.from[from]++
	return true
}

func (b *bounded) leave(from netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all--
	if b.from[from]--; b.from[from] == 0 {
		delete(b.from, from)
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

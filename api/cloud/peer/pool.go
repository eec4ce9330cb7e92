package peer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// PoolConfig is how a relay reaches the others.
type PoolConfig struct {
	Identity *Identity    // must not be nil
	Log      *slog.Logger // must not be nil
	// Dial connects by TCP; nil: a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Connections to one relay at a time: 4.
	Connections int
	// DialWithin bounds how long a connection may take to be made: 3 s.
	DialWithin time.Duration
	// PingAfter is after how much silence a relay is pinged, and PingWait how long it
	// may take for the answer before all that is under way there has failed: 5 s each.
	PingAfter, PingWait time.Duration
}

// Node is a relay.
type Node struct {
	ID   string
	Addr string // host:port of its peer port
}

// spread is how many requests may be under way on a connection before there is
// another one, as long as there may be.
const spread = 64

// After a failure a relay is not tried again for a while, at first and at most.
const (
	firstPause = 100 * time.Millisecond
	mostPause  = 2 * time.Second
)

// unusedFor is after how long without a request connections are closed.
const unusedFor = 5 * time.Minute

// Pool passes requests on to other relays. It is safe for concurrent use.
type Pool struct {
	cfg PoolConfig

	mu     sync.Mutex // guards what follows
	groups map[string]*group
	swept  time.Time
	closed bool
}

// group are the connections to one relay.
type group struct {
	conns   []*http.ClientConn
	dialing chan struct{} // closed when the attempt that is under way is over; nil: none is
	err     error         // of the last attempt
	pause   time.Duration // after it
	until   time.Time     // the end of the pause
	used    time.Time
}

// NewPool returns a pool without connections.
func NewPool(cfg PoolConfig) *Pool {
	cfg.Connections = cmp.Or(cfg.Connections, 4)
	cfg.DialWithin = cmp.Or(cfg.DialWithin, 3*time.Second)
	cfg.PingAfter, cfg.PingWait = cmp.Or(cfg.PingAfter, 5*time.Second), cmp.Or(cfg.PingWait, 5*time.Second)
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{KeepAlive: -1}).DialContext // the pings of HTTP/2 do that
	}
	return &Pool{cfg: cfg, groups: map[string]*group{}, swept: time.Now()}
}

// Forward passes a request on to a router at another relay. head are the headers
// for the router. A failure that is [tunnel.ErrNotSent] says that the router did
// not get it. The answer is the router's; its body must be closed.
func (p *Pool) Forward(ctx context.Context, to Node, c Call, path string, head http.Header, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+nodeName+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = head.Clone()
	c.set(r.Header, to.ID)
	resp, err := p.roundTrip(to, r)
	if err != nil {
		return nil, err
	}
	if err := readOutcome(resp.Header); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// Moved tells a relay that a router is here from now on, and returns when it has
// let go of it.
func (p *Pool) Moved(ctx context.Context, to Node, router string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+nodeName+movedPath, nil)
	if err != nil {
		return err
	}
	Call{Router: router}.set(r.Header, to.ID)
	resp, err := p.roundTrip(to, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<10)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the relay answered %d", resp.StatusCode)
	}
	return nil
}

func (p *Pool) roundTrip(to Node, r *http.Request) (*http.Response, error) {
	cc, err := p.reserve(r.Context(), to)
	if err != nil {
		return nil, err
	}
	return cc.RoundTrip(r)
}

// reserve returns a connection with room for one request, which must follow.
func (p *Pool) reserve(ctx context.Context, to Node) (*http.ClientConn, error) {
	for {
		cc, wait, err := p.choose(to)
		if cc != nil || err != nil {
			return cc, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, ctx.Err())
		}
	}
}

// choose reserves a connection to a relay, that which has the least to do; or
// returns what to wait for until there is one.
func (p *Pool) choose(to Node) (cc *http.ClientConn, wait <-chan struct{}, err error) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, fmt.Errorf("%w: this relay stops", ErrUnreachable)
	}
	p.sweep(now)
	g := p.groups[to.ID]
	if g == nil {
		g = &group{}
		p.groups[to.ID] = g
	}
	g.used = now
	cc, least := g.reserve()
	room := len(g.conns) < p.cfg.Connections && (cc == nil || least >= spread)
	if room && g.dialing == nil && !now.Before(g.until) {
		g.dialing = make(chan struct{})
		go p.dial(to, g, g.dialing)
	}
	switch {
	case cc != nil || g.dialing != nil:
		return cc, g.dialing, nil
	case len(g.conns) > 0:
		return nil, nil, ErrBusy
	}
	return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, g.err)
}

// reserve takes the connection that has the least to do, and how much that was;
// nil: none has room. Those that have ended are forgotten.
func (g *group) reserve() (cc *http.ClientConn, least int) {
	g.conns = slices.DeleteFunc(g.conns, func(c *http.ClientConn) bool { return c.Err() != nil })
	slices.SortStableFunc(g.conns, func(a, b *http.ClientConn) int { return cmp.Compare(a.InFlight(), b.InFlight()) })
	for i := 0; i < len(g.conns); {
		c := g.conns[i]
		n := c.InFlight()
		switch {
		case c.Reserve() == nil:
			return c, n
		case n < spread: // it is not full, so it is about to end
			g.conns = slices.Delete(g.conns, i, i+1)
		default:
			i++
		}
	}
	return nil, 0
}

// dial adds a connection to a group.
func (p *Pool) dial(to Node, g *group, over chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), p.cfg.DialWithin)
	defer cancel()
	cc, err := p.connect(ctx, to)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(over)
	g.dialing = nil
	if err != nil {
		g.err, g.pause = err, min(max(2*g.pause, firstPause), mostPause)
		g.until = time.Now().Add(g.pause)
		p.cfg.Log.Debug("another relay cannot be reached", "node", to.ID, "address", to.Addr, "error", err)
		return
	}
	g.err, g.pause = nil, 0
	if p.closed || p.groups[to.ID] != g {
		go cc.Close() // nobody would any more
		return
	}
	g.conns = append(g.conns, cc)
}

// connect makes a connection to a relay.
func (p *Pool) connect(ctx context.Context, to Node) (*http.ClientConn, error) {
	raw, err := p.cfg.Dial(ctx, "tcp", to.Addr)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, p.cfg.Identity.client(to.ID))
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		conn.Close()
		return nil, errors.New("it does not speak HTTP/2")
	}
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	t := &http.Transport{
		Protocols: &protocols, DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		// Clients that read slowly share a connection with those that do not, so all of
		// them together have no bound here: that of requests is theirs.
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 256 << 10, MaxDecoderHeaderTableSize: 4 << 10, MaxEncoderHeaderTableSize: 4 << 10,
			SendPingTimeout: p.cfg.PingAfter, PingTimeout: p.cfg.PingWait, WriteByteTimeout: p.cfg.PingAfter + p.cfg.PingWait},
	}
	cc, err := t.NewClientConn(ctx, "https", nodeName+":443")
	if err != nil {
		conn.Close()
		return nil, err
	}
	if err := greet(ctx, cc); err != nil {
		return nil, errors.Join(err, cc.Close())
	}
	return cc, nil
}

// greet waits for a first answer: how many requests there may be at a time comes
// before it.
func greet(ctx context.Context, cc *http.ClientConn) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+nodeName+helloPath, nil)
	if err != nil {
		return err
	}
	resp, err := cc.RoundTrip(r)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it answered %d", resp.StatusCode)
	}
	return nil
}

// sweep forgets relays that nothing was sent to for long. mu is held.
func (p *Pool) sweep(now time.Time) {
	if now.Sub(p.swept) < unusedFor/5 {
		return
	}
	p.swept = now
	for id, g := range p.groups {
		if now.Sub(g.used) < unusedFor {
			continue
		}
		busy := false
		for _, c := range g.conns {
			busy = busy || c.InFlight() > 0
		}
		if busy || g.dialing != nil {
			continue
		}
		delete(p.groups, id)
		for _, c := range g.conns {
			go c.Close() // without the lock
		}
	}
}

// Connections is how many there are to other relays.
func (p *Pool) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, g := range p.groups {
		for _, c := range g.conns {
			if c.Err() == nil {
				n++
			}
		}
	}
	return n
}

// Close ends all connections and what is under way on them.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	var all []*http.ClientConn
	for _, g := range p.groups {
		all = append(all, g.conns...)
	}
	clear(p.groups)
	p.mu.Unlock()
	for _, c := range all {
		_ = c.Close() // it is the end either way
	}
}

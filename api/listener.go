package api

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// stalled is how long a client may keep an answer from going out before it
// counts as silent.
const stalled = 3 * time.Second

// LimitListener lets at most total connections be open at a time, and at most
// perPeer from one peer, so that no client and no crowd of forged ones can keep
// the others out.
//
// A connection beyond the peer's share takes the place of that peer's oldest
// one that waits for its client: first of those that are kept for another
// request, then of those whose request has not come, or not all of it. At the
// total, it takes the place of such a connection of the peer that has
// the most, and where several have as many, of the one that has not been
// answered for longest. So a newcomer always gets in, and a client that
// is silent on many connections loses its own. What srv is answering is not cut
// off, unless the client has stopped taking the answer: when a peer's whole
// share is being answered, its newcomer is hung up on, and when the total is,
// newcomers wait.
//
// The listener hooks into srv, which must serve it and have its handler set.
// peer names whom an address belongs to; nil: itself, or for IPv6 its /64, as
// one machine may use all of it.
func LimitListener(srv *http.Server, l net.Listener, total, perPeer int, peer func(netip.Addr) string) net.Listener {
	if peer == nil {
		peer = func(a netip.Addr) string { return source(a).String() }
	}
	ll := &limitListener{
		Listener: l, peer: peer, total: total, perPeer: perPeer,
		peers: make(map[string]*limitPeer), byCount: make([]list.List, perPeer+1),
	}
	ll.room.L = &ll.mu
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, limitKey{}, below(c))
	}
	srv.ConnState = func(c net.Conn, s http.ConnState) {
		if c, ok := below(c).(*limitConn); ok {
			c.state(s)
		}
	}
	srv.Handler = watch(srv.Handler)
	return ll
}

type limitKey struct{}

// below returns the connection that another speaks TLS over, or that itself.
func below(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c
}

type limitListener struct {
	net.Listener
	peer           func(netip.Addr) string
	total, perPeer int

	mu     sync.Mutex // guards what follows, and the state of peers and connections
	room   sync.Cond  // a connection has ended or begun to wait, or the listener was closed
	closed bool
	open   int
	peers  map[string]*limitPeer
	// byCount holds the peers by how many connections they have; within one
	// count, those that were not answered for longest come first.
	byCount []list.List
}

// limitPeer is a peer with connections.
type limitPeer struct {
	name  string
	place *list.Element // in byCount
	conns list.List     // of *limitConn; those that were not answered for longest first
}

// limitConn is a connection that counts.
type limitConn struct {
	net.Conn
	l     *limitListener
	peer  *limitPeer
	place *list.Element // in peer.conns; nil: it counts no more
	busy  bool          // a whole request has come, and its answer is not out
	idle  bool          // answers are out, and nothing of another request has come
	write time.Time     // since when bytes wait to be taken; zero: none do
}

// Accept implements net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		// Asking whose it is may take a look into the kernel: before the lock.
		name := l.peer(connAddr(inner))
		c, victim, err := l.admit(inner, name)
		if victim != nil {
			victim.cut()
		}
		if c == nil {
			_ = inner.Close() // nothing was said yet, so nothing is lost
		}
		switch {
		case err != nil:
			return nil, err
		case c != nil:
			return c, nil
		}
	}
}

// Close implements net.Listener. Only the first call does anything: the server
// closes its listener, too, once that accepts no more.
func (l *limitListener) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if !first {
		return nil
	}
	// Before those who wait are told: the server would close it, too.
	err := l.Listener.Close()
	l.room.Broadcast()
	return err
}

// admit counts a connection in. Its place may be that of a victim, which the
// caller hangs up on. No connection and no error: the peer has its share.
func (l *limitListener) admit(inner net.Conn, name string) (c, victim *limitConn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.closed {
			return nil, nil, net.ErrClosed
		}
		p := l.peers[name]
		if p != nil && p.conns.Len() >= l.perPeer {
			if victim = p.waiting(); victim == nil {
				return nil, nil, nil
			}
			break
		}
		if l.open < l.total {
			break
		}
		if victim = l.greediest(); victim != nil {
			break
		}
		l.wait()
	}
	if victim != nil {
		l.remove(victim)
	}
	return l.insert(inner, name), victim, nil
}

// wait waits until there may be room, if only because an answer has stalled.
func (l *limitListener) wait() {
	again := time.AfterFunc(stalled, l.room.Broadcast)
	defer again.Stop()
	l.room.Wait()
}

// greediest returns the connection that is the first to go, or nil if all are
// being answered.
func (l *limitListener) greediest() *limitConn {
	for n := len(l.byCount) - 1; n > 0; n-- {
		for e := l.byCount[n].Front(); e != nil; e = e.Next() {
			if c := e.Value.(*limitPeer).waiting(); c != nil {
				return c
			}
		}
	}
	return nil
}

// waiting returns the connection that the peer can best do without, of those
// that wait for it.
func (p *limitPeer) waiting() (oldest *limitConn) {
	for e := p.conns.Front(); e != nil; e = e.Next() {
		c := e.Value.(*limitConn)
		if c.idle {
			return c
		}
		if oldest == nil && (!c.busy || !c.write.IsZero() && time.Since(c.write) >= stalled) {
			oldest = c
		}
	}
	return oldest
}

func (l *limitListener) insert(inner net.Conn, name string) *limitConn {
	p := l.peers[name]
	if p == nil {
		p = &limitPeer{name: name}
		l.peers[name] = p
	}
	c := &limitConn{Conn: inner, l: l, peer: p}
	c.place = p.conns.PushBack(c)
	l.open++
	l.rank(p, p.conns.Len()-1)
	return c
}

func (l *limitListener) remove(c *limitConn) {
	p := c.peer
	p.conns.Remove(c.place)
	c.place = nil
	l.open--
	l.rank(p, p.conns.Len()+1)
	if p.conns.Len() == 0 {
		delete(l.peers, p.name)
	}
}

// rank puts a peer at the end of those that have as many connections.
func (l *limitListener) rank(p *limitPeer, before int) {
	if p.place != nil {
		l.byCount[before].Remove(p.place)
		p.place = nil
	}
	if n := p.conns.Len(); n > 0 {
		p.place = l.byCount[n].PushBack(p)
	}
}

// watch notes which connections have sent a whole request: until its last byte
// a client may take its time.
func watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(limitKey{}).(*limitConn); ok {
			if r.ContentLength == 0 {
				c.answering()
			} else {
				r.Body = &watchedBody{r.Body, c}
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (c *limitConn) answering() {
	c.l.mu.Lock()
	c.busy = true
	c.l.mu.Unlock()
}

// state follows what the server does with the connection. Once an answer is
// out, the client has shown that it is alive, so it goes last.
func (c *limitConn) state(s http.ConnState) {
	l := c.l
	l.mu.Lock()
	c.idle = s == http.StateIdle
	if c.idle {
		c.busy = false
		if c.place != nil {
			c.peer.conns.MoveToBack(c.place)
			l.byCount[c.peer.conns.Len()].MoveToBack(c.peer.place)
		}
	}
	l.mu.Unlock()
	l.room.Signal()
}

// Write implements net.Conn.
func (c *limitConn) Write(b []byte) (int, error) {
	c.writing(time.Now())
	defer c.writing(time.Time{})
	return c.Conn.Write(b)
}

func (c *limitConn) writing(since time.Time) {
	c.l.mu.Lock()
	c.write = since
	c.l.mu.Unlock()
}

// Close implements net.Conn.
func (c *limitConn) Close() error {
	err := c.Conn.Close()
	l := c.l
	l.mu.Lock()
	if c.place != nil {
		l.remove(c)
	}
	l.mu.Unlock()
	l.room.Signal()
	return err
}

// cut hangs up without a farewell: a client that has stopped answering would
// make the kernel keep the connection for minutes.
func (c *limitConn) cut() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Conn.Close()
}

// watchedBody tells when the last byte of a request has come.
type watchedBody struct {
	io.ReadCloser
	c *limitConn
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.c.answering()
	}
	return n, err
}

func connAddr(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

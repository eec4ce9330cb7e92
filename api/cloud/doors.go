package cloud

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// counts bounds how much of a kind there is at a time, in all and for each name.
type counts struct {
	each, all int
	mu        sync.Mutex
	by        map[string]int
	total     int
}

func newCounts(each, all int) *counts { return &counts{each: each, all: all, by: map[string]int{}} }

// take reports whether there is room for one more of a name. If not, full says
// whether it is for others' sake.
func (c *counts) take(name string) (ok, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[name] >= c.each {
		return false, false
	}
	if c.total >= c.all {
		return false, true
	}
	c.by[name]++
	c.total++
	return true, false
}

func (c *counts) release(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.by[name]--; c.by[name] <= 0 {
		delete(c.by, name)
	}
}

func (c *counts) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// peerKey is whom a connection is counted for.
func peerKey(conn net.Conn) string {
	a, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return ""
	}
	return clientKey(a.Addr().Unmap().WithZone(""))
}

// slowAfter is how old a handshake must be to make room for another one. A
// handshake takes two ways there and back.
const slowAfter = 2 * time.Second

// lobby holds connections until their handshake is done. When it is full, the
// slowest has to go: whoever makes connections and says nothing keeps nobody
// else out.
type lobby struct {
	*counts
	mu    sync.Mutex
	slow  *list.List // of *waiting, the oldest first
	moved chan struct{}
}

type waiting struct {
	conn net.Conn
	key  string
	at   time.Time
}

func newLobby(l Limits) *lobby {
	return &lobby{counts: newCounts(max(1, l.Handshakes/4), l.Handshakes), slow: list.New(), moved: make(chan struct{}, 1)}
}

// enter waits until there is room for a connection. leave must be called. nil:
// there is none for its peer, or ctx has ended.
func (l *lobby) enter(ctx context.Context, conn net.Conn) (leave func()) {
	key := peerKey(conn)
	for {
		ok, full := l.take(key)
		if ok {
			return l.seat(conn, key)
		}
		if !full || ctx.Err() != nil {
			return nil
		}
		l.evict()
		tick := time.NewTimer(100 * time.Millisecond)
		select {
		case <-l.moved:
		case <-tick.C:
		case <-ctx.Done():
		}
		tick.Stop()
	}
}

func (l *lobby) seat(conn net.Conn, key string) (leave func()) {
	l.mu.Lock()
	e := l.slow.PushBack(&waiting{conn, key, time.Now()})
	l.mu.Unlock()
	return sync.OnceFunc(func() {
		l.mu.Lock()
		l.slow.Remove(e)
		l.mu.Unlock()
		l.release(key)
		select {
		case l.moved <- struct{}{}:
		default:
		}
	})
}

// evict ends the oldest handshake, if it is slow. Its own goroutine leaves.
func (l *lobby) evict() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.slow.Front(); e != nil && time.Since(e.Value.(*waiting).at) > slowAfter {
		e.Value.(*waiting).conn.Close()
		l.slow.Remove(e)
	}
}

// guests are the connections of clients. When there are too many, the one that
// has been idle for longest has to go.
type guests struct {
	*counts
	mu   sync.Mutex
	idle *list.List // of net.Conn, the longest first
	all  map[net.Conn]*guest
}

type guest struct {
	key  string
	idle *list.Element // nil: it is busy
}

func newGuests(l Limits) *guests {
	return &guests{counts: newCounts(l.ConnectionsPerClient, l.Connections), idle: list.New(), all: map[net.Conn]*guest{}}
}

// enter takes in a connection, unless its peer has too many that are busy, or
// all have.
func (g *guests) enter(conn net.Conn) bool {
	key := peerKey(conn)
	ok, full := g.take(key)
	if !ok && g.evict(key, full) {
		ok, _ = g.take(key)
	}
	if !ok {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all[conn] = &guest{key, g.idle.PushBack(conn)} // it has asked for nothing yet
	return true
}

// evict ends the connection that has been idle for longest, of a peer or of
// anybody.
func (g *guests) evict(key string, anybody bool) bool {
	g.mu.Lock()
	e := g.idle.Front()
	for e != nil && !anybody && g.all[e.Value.(net.Conn)].key != key {
		e = e.Next()
	}
	g.mu.Unlock()
	if e == nil {
		return false
	}
	conn := e.Value.(net.Conn)
	g.leave(conn)
	conn.Close()
	return true
}

func (g *guests) leave(conn net.Conn) {
	g.mu.Lock()
	x := g.all[conn]
	if x == nil {
		g.mu.Unlock()
		return
	}
	delete(g.all, conn)
	if x.idle != nil {
		g.idle.Remove(x.idle)
	}
	g.mu.Unlock()
	g.release(x.key)
}

// changed hears of a connection's state from the server.
func (g *guests) changed(conn net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		g.leave(conn)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	x := g.all[conn]
	switch {
	case x == nil:
	case state == http.StateActive && x.idle != nil:
		g.idle.Remove(x.idle)
		x.idle = nil
	case state == http.StateIdle && x.idle == nil:
		x.idle = g.idle.PushBack(conn)
	}
}

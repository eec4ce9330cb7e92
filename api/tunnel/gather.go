package tunnel

import (
	"net"
	"runtime"
	"sync"
	"time"
)

// gathered is a connection whose writes are gathered while one is under way.
// HTTP/2 writes the header and the body of each message by themselves, and each
// would be a record of TLS, a system call and a packet of its own.
//
// A write returns before its bytes are sent; that they could not be, the next
// ones tell. A peer that takes nothing for writeWait is given up.
//
// Whoever sends is there while there is something to send: most connections are
// idle most of the time, and there may be ten thousand. All that they do then is
// to ping, so that is made cheap: a ping is sent by who writes it, and no timer
// runs for it. That it cannot be sent is noticed by who waits for its answer.
type gathered struct {
	net.Conn

	mu      sync.Mutex // guards what follows
	change  sync.Cond  // of it
	buf     []byte     // to be sent
	spare   []byte
	err     error
	sending bool
	closed  bool
}

// gatherMost bounds what waits to be sent, in bytes.
const gatherMost = 64 << 10

// lastWords is how long closing may take for what was written before.
const lastWords = time.Second

// gather takes over a connection.
func gather(c net.Conn) *gathered {
	g := &gathered{Conn: c}
	g.change.L = &g.mu
	return g
}

// Write implements net.Conn.
func (g *gathered) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.buf) > 0 && len(g.buf)+len(p) > gatherMost && g.err == nil && !g.closed {
		g.change.Wait()
	}
	switch {
	case g.err != nil:
		return 0, g.err
	case g.closed:
		return 0, net.ErrClosed
	}
	if g.sending {
		g.buf = append(g.buf, p...)
		return len(p), nil
	}
	g.sending = true
	if len(p) != pingSize || p[3] != pingType {
		g.buf = append(g.buf, p...)
		go g.send()
		return len(p), nil
	}
	g.mu.Unlock()
	g.pass(p, time.Time{})
	g.mu.Lock()
	if len(g.buf) > 0 { // others have written meanwhile
		go g.send()
	} else {
		g.sending = false
		g.change.Broadcast()
	}
	return len(p), nil
}

// What pings and their answers look like: frames of HTTP/2 whose fourth byte is
// their type (RFC 9113, section 6.7). Whatever else does, too, is sent as well.
const (
	pingSize = 9 + 8
	pingType = 6
)

// send sends what was gathered until nothing is left, or the connection fails.
func (g *gathered) send() {
	for {
		b := g.take()
		if b == nil {
			return
		}
		g.pass(b, time.Now().Add(writeWait))
		g.mu.Lock()
		g.spare = b[:0]
		g.mu.Unlock()
	}
}

// pass sends bytes until then; the zero time: without a limit. Those who wait hear
// that there is room, or that none will be.
func (g *gathered) pass(b []byte, until time.Time) {
	err := g.Conn.SetWriteDeadline(until)
	if err == nil {
		_, err = g.Conn.Write(b)
	}
	if err != nil {
		g.Conn.Close() // whoever reads shall notice
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = err
	}
	g.change.Broadcast()
}

// take returns what there is to send; nil: nothing, and whoever sends is done.
func (g *gathered) take() []byte {
	// Whoever is writing a message has the rest of it ready in a moment.
	runtime.Gosched()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil || len(g.buf) == 0 {
		g.sending, g.buf, g.spare = false, nil, nil // an idle connection holds nothing
		g.change.Broadcast()
		return nil
	}
	b := g.buf
	g.buf, g.spare = g.spare, nil
	return b
}

// Close implements net.Conn. What was written before is sent first, if the peer
// takes it.
func (g *gathered) Close() error {
	g.mu.Lock()
	g.closed = true
	g.change.Broadcast()
	if g.sending {
		limit := time.AfterFunc(lastWords, func() { g.Conn.Close() })
		for g.sending {
			g.change.Wait()
		}
		limit.Stop()
	}
	g.mu.Unlock()
	return g.Conn.Close()
}

// SetDeadline implements net.Conn, for reading.
func (g *gathered) SetDeadline(t time.Time) error { return g.Conn.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn. Writes have a deadline of their own.
func (g *gathered) SetWriteDeadline(time.Time) error { return nil }

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
type gathered struct {
	net.Conn
	ended chan struct{} // closed when nothing is written any more

	mu     sync.Mutex // guards what follows
	change sync.Cond  // of it
	buf    []byte     // to be sent
	spare  []byte
	err    error
	closed bool
}

// Bounds of what waits to be sent, and of what an idle connection holds, in
// bytes.
const (
	gatherMost = 64 << 10
	spareMost  = 4 << 10
)

// lastWords is how long closing may take for what was written before.
const lastWords = time.Second

// gather takes over a connection.
func gather(c net.Conn) *gathered {
	g := &gathered{Conn: c, ended: make(chan struct{})}
	g.change.L = &g.mu
	go g.send()
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
	if len(g.buf) == 0 {
		g.change.Broadcast()
	}
	g.buf = append(g.buf, p...)
	return len(p), nil
}

// send sends what was gathered, until the connection fails or is closed.
func (g *gathered) send() {
	defer close(g.ended)
	for {
		b, ok := g.take()
		if !ok {
			return
		}
		err := g.Conn.SetWriteDeadline(time.Now().Add(writeWait))
		if err == nil {
			_, err = g.Conn.Write(b)
		}
		g.mu.Lock()
		if cap(b) <= spareMost {
			g.spare = b[:0]
		}
		if g.err == nil {
			g.err = err
		}
		g.change.Broadcast() // there is room, or none will be
		g.mu.Unlock()
		if err != nil {
			g.Conn.Close() // whoever reads shall notice
		}
	}
}

// take waits for something to send. Not ok: nothing will come any more.
func (g *gathered) take() (b []byte, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.buf) == 0 && !g.closed && g.err == nil {
		g.change.Wait()
	}
	if g.err != nil || len(g.buf) == 0 {
		return nil, false
	}
	// Whoever is writing a message has the rest of it ready in a moment.
	g.mu.Unlock()
	runtime.Gosched()
	g.mu.Lock()
	b = g.buf
	g.buf, g.spare = g.spare, nil
	return b, true
}

// Close implements net.Conn. What was written before is sent first, if the peer
// takes it.
func (g *gathered) Close() error {
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	g.change.Broadcast()
	g.mu.Unlock()
	if first {
		limit := time.AfterFunc(lastWords, func() { g.Conn.Close() })
		<-g.ended
		limit.Stop()
	}
	return g.Conn.Close()
}

// SetDeadline implements net.Conn, for reading.
func (g *gathered) SetDeadline(t time.Time) error { return g.Conn.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn. Writes have a deadline of their own.
func (g *gathered) SetWriteDeadline(time.Time) error { return nil }

package api

import (
	"net"
	"net/netip"
	"sync"
)

// LimitListener lets at most total connections be open at a time, and at most
// perPeer from one address, so that one client cannot keep all others out. At
// the total, clients wait in the kernel's queue; a client that has its share
// is hung up on.
func LimitListener(l net.Listener, total, perPeer int) net.Listener {
	return &limitListener{
		Listener: l,
		slots:    make(chan struct{}, total),
		done:     make(chan struct{}),
		perPeer:  perPeer,
		open:     make(map[netip.Addr]int),
	}
}

type limitListener struct {
	net.Listener
	slots   chan struct{}
	done    chan struct{}
	stop    sync.Once
	perPeer int

	mu   sync.Mutex // guards open
	open map[netip.Addr]int
}

// Accept implements net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		peer := connPeer(c)
		if !l.enter(peer) {
			_ = c.Close() // nothing was said yet, so nothing is lost
			continue
		}
		return &limitConn{Conn: c, leave: func() { l.exit(peer) }}, nil
	}
}

// Close implements net.Listener.
func (l *limitListener) Close() error {
	l.stop.Do(func() { close(l.done) })
	return l.Listener.Close()
}

func (l *limitListener) enter(peer netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[peer] >= l.perPeer {
		return false
	}
	l.open[peer]++
	return true
}

func (l *limitListener) exit(peer netip.Addr) {
	l.mu.Lock()
	if l.open[peer]--; l.open[peer] == 0 {
		delete(l.open, peer)
	}
	l.mu.Unlock()
	<-l.slots
}

func connPeer(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return source(ap.Addr())
}

type limitConn struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close implements net.Conn.
func (c *limitConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}

package api

import (
	"net"
	"net/netip"
	"sync"
)

// LimitListener lets at most total connections be open at a time, and at most
// perPeer from one peer, so that one client cannot keep all others out. At the
// total, clients wait in the kernel's queue; a client that has its share is
// hung up on. peer names whom an address belongs to; nil: itself, or for IPv6
// its /64, as one machine may use all of it.
func LimitListener(l net.Listener, total, perPeer int, peer func(netip.Addr) string) net.Listener {
	if peer == nil {
		peer = func(a netip.Addr) string { return source(a).String() }
	}
	return &limitListener{
		peer:     peer,
		Listener: l,
		slots:    make(chan struct{}, total),
		done:     make(chan struct{}),
		perPeer:  perPeer,
		open:     make(map[string]int),
	}
}

type limitListener struct {
	net.Listener
	slots   chan struct{}
	done    chan struct{}
	stop    sync.Once
	perPeer int
	peer    func(netip.Addr) string

	mu   sync.Mutex // guards open
	open map[string]int
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
		peer := l.peer(connAddr(c))
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

func (l *limitListener) enter(peer string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[peer] >= l.perPeer {
		return false
	}
	l.open[peer]++
	return true
}

func (l *limitListener) exit(peer string) {
	l.mu.Lock()
	if l.open[peer]--; l.open[peer] == 0 {
		delete(l.open, peer)
	}
	l.mu.Unlock()
	<-l.slots
}

func connAddr(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
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

// Package apitest connects clients and servers in memory, for tests that run in a
// bubble of testing/synctest: time passes there only once nobody has anything to do,
// so no time-out runs out because the machine is slow.
package apitest

import (
	"context"
	"net"
	"sync"
)

// Wire is a listener whose connections are made by [Wire.Dial]. It is safe for
// concurrent use. It belongs to the bubble that it was made in.
type Wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

var _ net.Listener = (*Wire)(nil)

// NewWire returns a listener that listens.
func NewWire() *Wire {
	return &Wire{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (w *Wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (w *Wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// Addr implements net.Listener with an address that certificates of
// net/http/httptest are for.
func (w *Wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

// Dial connects to the listener, whatever the address.
func (w *Wire) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	mine, its := net.Pipe()
	select {
	case w.conns <- its:
		return mine, nil
	case <-w.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

package tunnel

import (
	"net"
	"net/http"
	"sync"
)

// single is a listener with one connection, which is there already.
type single struct {
	conn   net.Conn
	mu     sync.Mutex
	given  bool
	ended  bool
	closed chan struct{}
}

// Accept implements net.Listener.
func (s *single) Accept() (net.Conn, error) {
	s.mu.Lock()
	first := !s.given
	s.given = true
	s.mu.Unlock()
	if first {
		return s.conn, nil
	}
	<-s.closed
	return nil, net.ErrClosed
}

// changed hears of the connection's state.
func (s *single) changed(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		s.end()
	}
}

// Close implements net.Listener. The connection goes on until it is idle.
func (s *single) Close() error { return nil }

// Addr implements net.Listener.
func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }

func (s *single) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		close(s.closed)
	}
}

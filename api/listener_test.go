package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/api"
)

// crowd is a server behind a LimitListener whose clients are told apart by the
// loopback address that they come from.
type crowd struct {
	t     *testing.T
	to    string
	inner *countingListener
	work  chan struct{} // a request of /slow ends when it can be sent to
	begun chan struct{} // and tells that it has begun
	idle  chan struct{} // gets one for each connection that has become idle
}

func newCrowd(t *testing.T, total, perPeer int) *crowd {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t, ln.Addr().String(), &countingListener{Listener: ln}, make(chan struct{}), make(chan struct{}, 100), make(chan struct{}, 1000)}
	srv := &http.Server{Handler: http.HandlerFunc(c.serve)}
	done := make(chan error, 1)
	l := api.LimitListener(srv, c.inner, total, perPeer, nil)
	hooked := srv.ConnState
	srv.ConnState = func(conn net.Conn, s http.ConnState) {
		hooked(conn, s)
		if s == http.StateIdle {
			c.idle <- struct{}{}
		}
	}
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		close(c.work)
		srv.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
		// What was accepted at the last moment ends when it is seen that its client
		// has gone: the clients were closed before.
		deadline, tick := time.NewTimer(90*time.Second), time.NewTicker(time.Millisecond)
		defer deadline.Stop()
		defer tick.Stop()
		for c.inner.open.Load() != 0 {
			select {
			case <-tick.C:
			case <-deadline.C:
				t.Fatalf("%d connections stay open", c.inner.open.Load())
			}
		}
	})
	return c
}

// rest waits until n more connections have become idle, which is a moment after
// their answers are out.
func (c *crowd) rest(n int) {
	c.t.Helper()
	for range n {
		select {
		case <-c.idle:
		case <-time.After(90 * time.Second):
			c.t.Fatal("a connection that was answered does not become idle")
		}
	}
}

func (c *crowd) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/slow":
		c.begun <- struct{}{}
		<-c.work
	case "/flood":
		c.begun <- struct{}{}
		for range 1000 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "fine")
}

// countingListener counts what is open.
type countingListener struct {
	net.Listener
	open, most atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	n := l.open.Add(1)
	for m := l.most.Load(); n > m && !l.most.CompareAndSwap(m, n); m = l.most.Load() {
	}
	return &countedConn{Conn: c, l: l}, nil
}

type countedConn struct {
	net.Conn
	l      *countingListener
	closed atomic.Bool
}

func (c *countedConn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.l.open.Add(-1)
	}
	return c.Conn.Close()
}

// dial connects as client n and sends text.
func (c *crowd) dial(n int, text string) net.Conn {
	c.t.Helper()
	from := netip.AddrFrom4([4]byte{127, 1, byte(n >> 8), byte(n)})
	d := net.Dialer{Timeout: 90 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := d.DialContext(c.t.Context(), "tcp", c.to)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		c.t.Fatal(err)
	}
	return conn
}

// answered reports whether a connection gets its answer.
func answered(conn net.Conn) error {
	_ = conn.SetReadDeadline(time.Now().Add(90 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && string(b) != "fine" {
		err = fmt.Errorf("answer %q", b)
	}
	return err
}

// hungUp reports whether the other side closes a connection.
func hungUp(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(90 * time.Second))
	_, err := conn.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) || err != nil && strings.Contains(err.Error(), "reset")
}

const (
	get  = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	half = "GET / HTT"
	slow = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
	cut  = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"
)

// TestLimitListenerShare: what a client opens beyond its share takes the place
// of its own oldest silent connection, and of nobody else's.
func TestLimitListenerShare(t *testing.T) {
	c := newCrowd(t, 10, 3)
	other := c.dial(9, "")
	silent, halfway, body := c.dial(1, ""), c.dial(1, half), c.dial(1, cut)
	var late []net.Conn
	for i, old := range []net.Conn{silent, halfway, body} {
		late = append(late, c.dial(1, half))
		if !hungUp(old) {
			t.Errorf("silent connection %d keeps its place", i+1)
		}
	}
	for i, conn := range late {
		if err := c.finish(conn); err != nil {
			t.Errorf("newcomer %d: %v", i+1, err)
		}
	}
	if _, err := io.WriteString(other, get); err != nil {
		t.Fatal(err)
	}
	if err := answered(other); err != nil {
		t.Errorf("another client: %v", err)
	}
	if n := c.inner.most.Load(); n > 5 {
		t.Errorf("%d connections open at once", n)
	}
	// Those that were answered already are kept for nothing, and go first.
	c.rest(len(late) + 1)
	idle, kept := c.dial(2, get), c.dial(2, half)
	if err := answered(idle); err != nil {
		t.Error(err)
	}
	c.rest(1)
	other = c.dial(2, half)
	if err := answered(c.dial(2, get)); err != nil {
		t.Error(err)
	}
	if !hungUp(idle) {
		t.Error("an idle connection was kept")
	}
	for _, conn := range []net.Conn{kept, other} {
		if err := c.finish(conn); err != nil {
			t.Errorf("half a request lost its place to an idle connection: %v", err)
		}
	}
}

// busy waits until a request is being answered.
func (c *crowd) busy() {
	c.t.Helper()
	select {
	case <-c.begun:
	case <-time.After(90 * time.Second):
		c.t.Fatal("a request does not begin")
	}
}

// finish sends the rest of half a request and waits for the answer.
func (c *crowd) finish(conn net.Conn) error {
	if _, err := io.WriteString(conn, strings.TrimPrefix(get, half)); err != nil {
		return err
	}
	return answered(conn)
}

// TestLimitListenerBusy: requests that are being answered are not cut off, by
// nobody; the newcomer of a client whose whole share is busy is hung up on, and
// with everything busy others wait.
func TestLimitListenerBusy(t *testing.T) {
	c := newCrowd(t, 3, 2)
	busy := []net.Conn{c.dial(1, slow), c.dial(1, slow)}
	c.busy()
	c.busy()
	if !hungUp(c.dial(1, get)) {
		t.Error("a third connection of one client came in")
	}
	busy = append(busy, c.dial(2, slow))
	c.busy()
	late := make(chan error, 1)
	conn := c.dial(3, get)
	go func() { late <- answered(conn) }()
	select {
	case err := <-late:
		t.Errorf("the newcomer did not wait: %v", err)
	default:
	}
	for range busy {
		select {
		case c.work <- struct{}{}:
		case <-time.After(90 * time.Second):
			t.Fatal("nobody works any more")
		}
	}
	for i, conn := range busy {
		if err := answered(conn); err != nil {
			t.Errorf("busy connection %d: %v", i+1, err)
		}
	}
	if err := <-late; err != nil {
		t.Errorf("the newcomer, once there was room: %v", err)
	}
}

// TestLimitListenerStalled: a client that does not take its answer counts as
// silent after a while, so that a crowd of such cannot keep others waiting.
func TestLimitListenerStalled(t *testing.T) {
	c := newCrowd(t, 2, 2)
	for n := range 2 {
		c.dial(n, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
		c.busy()
	}
	if err := answered(c.dial(5, get)); err != nil {
		t.Errorf("a newcomer: %v", err)
	}
}

// TestLimitListenerCrowd: ten thousand silent connections of hundreds of forged
// clients do not keep a guest out, nor off the connection it has just used.
func TestLimitListenerCrowd(t *testing.T) {
	const total, perPeer = 64, 8
	c := newCrowd(t, total, perPeer)
	attack, stop := errgroup.Group{}, t.Context()
	attack.SetLimit(4)
	begun, crowd := time.Now(), 10_000
	if testing.Short() {
		crowd = 1000 // an emulated processor is slow
	}
	for n := range crowd {
		attack.Go(func() error {
			from := netip.AddrFrom4([4]byte{127, 2, byte(n / 4 >> 8), byte(n / 4)})
			d := net.Dialer{Timeout: 90 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
			conn, err := d.DialContext(stop, "tcp", c.to)
			if errors.Is(err, syscall.ECONNRESET) {
				return nil // it lost its place before it knew that it had one
			}
			if err != nil {
				return err
			}
			_, _ = io.WriteString(conn, half)
			t.Cleanup(func() { conn.Close() })
			return nil
		})
		if n%500 == 499 {
			if err := answered(c.dial(1, get)); err != nil {
				t.Errorf("after %d: %v", n+1, err)
			}
		}
	}
	if err := attack.Wait(); err != nil {
		t.Error(err)
	}
	// One is accepted before its victim is hung up on.
	if n := c.inner.most.Load(); n > total+1 {
		t.Errorf("%d connections open at once, want at most %d", n, total+1)
	}
	t.Logf("%d connections in %v", crowd, time.Since(begun).Round(time.Millisecond))
}

// TestLimitListenerClosed: closing ends an Accept that waits for room.
func TestLimitListenerClosed(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun, end := make(chan struct{}), make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-end
	})}
	l := api.LimitListener(srv, inner, 1, 1, nil)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	c := &crowd{t: t, to: inner.Addr().String()}
	conn := c.dial(1, get)
	<-begun
	c.dial(2, get)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve: %v", err)
	}
	close(end)
	conn.Close()
	srv.Close()
}

package cloud_test

import (
	"net"
	"sync"
	"testing"
)

// wire is a TCP proxy that can be frozen and cut.
type wire struct {
	ln     net.Listener
	to     string
	wg     sync.WaitGroup
	mu     sync.Mutex // guards what follows
	all    map[net.Conn]bool
	thaw   chan struct{} // nil: nothing is frozen
	closed bool
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ln: ln, to: to, all: map[net.Conn]bool{}}
	w.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.pass(c) })
		}
	})
	t.Cleanup(func() {
		w.cut()
		w.wg.Wait()
	})
	return w
}

func (w *wire) addr() string { return w.ln.Addr().String() }

// keep remembers a connection, unless there are none any more.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		c.Close()
		return false
	}
	w.all[c] = true
	return true
}

func (w *wire) pass(in net.Conn) {
	if !w.keep(in) || !w.frozen() {
		in.Close()
		return
	}
	out, err := net.Dial("tcp", w.to)
	if err != nil || !w.keep(out) {
		in.Close()
		return
	}
	// Each direction ends by itself, as in the kernel: what one end has said before it
	// hung up arrives, whatever the other end says to it meanwhile.
	copying := func(to, from net.Conn) {
		buf := make([]byte, 8<<10)
		for {
			n, err := from.Read(buf)
			if !w.frozen() {
				return
			}
			if n > 0 {
				if _, err := to.Write(buf[:n]); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		if tcp, ok := to.(*net.TCPConn); ok {
			_ = tcp.CloseWrite() // if it is not there any more, that is well, too
		}
	}
	var back sync.WaitGroup
	back.Go(func() { copying(in, out) })
	copying(out, in)
	back.Wait()
	in.Close()
	out.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, in)
	delete(w.all, out)
}

// frozen waits as long as nothing gets through, and reports whether it does again.
func (w *wire) frozen() bool {
	w.mu.Lock()
	thaw := w.thaw
	w.mu.Unlock()
	if thaw != nil {
		<-thaw
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.closed
}

// freeze lets nothing through any more, and nobody notice.
func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.thaw = make(chan struct{})
}

// cut resets all connections and refuses new ones, as the kernel does when a
// process has died.
func (w *wire) cut() {
	w.ln.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	if w.thaw != nil {
		close(w.thaw)
	}
	for c := range w.all {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // the reset is what is wanted; closing is well, too
		}
		c.Close()
	}
}

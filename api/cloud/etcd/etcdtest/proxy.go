package etcdtest

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy passes connections on, as long as it may.
type proxy struct {
	ln     net.Listener
	target string // a socket's path
	// allowed, if not nil, is asked for each connection, with what the other side
	// says it is.
	allowed func(from string, to *proxy) bool

	mu    sync.Mutex // guards what follows
	shut  bool
	conns map[*passing]bool
}

// passing is a connection that is passed on.
type passing struct {
	from    string
	in, out net.Conn
}

func (c *passing) close() {
	c.in.Close()
	c.out.Close()
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, target: target, conns: map[*passing]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.pass(in) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		p.cut()
		wg.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.ln.Addr().String() }

// pass passes one connection on until an end closes it.
func (p *proxy) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("unix", p.target)
	if err != nil {
		return
	}
	defer out.Close()
	c := &passing{in: in, out: out}
	p.mu.Lock()
	if p.shut {
		p.mu.Unlock()
		return
	}
	p.conns[c] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
	}()
	if p.allowed != nil {
		head, from := greeting(in)
		p.mu.Lock()
		c.from = from
		p.mu.Unlock()
		if !p.allowed(from, p) {
			return
		}
		if _, err := out.Write(head); err != nil {
			return
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(out, in) // an end is an end
		c.close()
	})
	_, _ = io.Copy(in, out) // likewise
	c.close()
	wg.Wait()
}

// greeting reads the head of the first request of a member to another, and which
// member it says it is.
func greeting(in net.Conn) (head []byte, from string) {
	buf := make([]byte, 8<<10)
	n := 0
	for n < len(buf) && !bytes.Contains(buf[:n], []byte("\r\n\r\n")) {
		k, err := in.Read(buf[n:])
		n += k
		if err != nil {
			break
		}
	}
	_, rest, ok := bytes.Cut(buf[:n], []byte("\r\nX-Server-From: "))
	if ok {
		id, _, _ := bytes.Cut(rest, []byte("\r\n"))
		from = string(id)
	}
	return buf[:n], from
}

// check ends the connections that may no longer be.
func (p *proxy) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if !p.allowed(c.from, p) {
			c.close()
		}
	}
}

// cut ends all connections and lets nobody in.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	for c := range p.conns {
		c.close()
	}
}

// open undoes cut.
func (p *proxy) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = false
}

// Way is one client's way to an etcd, which can be cut without harm to others.
type Way struct{ proxies []*proxy }

// Way makes a way to the cluster.
func (c *Cluster) Way() *Way {
	c.t.Helper()
	w := &Way{}
	for _, m := range c.Members {
		w.proxies = append(w.proxies, newProxy(c.t, m.socket(clientSocket)))
	}
	return w
}

// Endpoints are the members by this way.
func (w *Way) Endpoints() (out []string) {
	for _, p := range w.proxies {
		out = append(out, "http://"+p.address())
	}
	return out
}

// Cut lets nothing through.
func (w *Way) Cut() {
	for _, p := range w.proxies {
		p.cut()
	}
}

// Mend undoes Cut.
func (w *Way) Mend() {
	for _, p := range w.proxies {
		p.open()
	}
}

package tunnel

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Link is the relay's end of a tunnel: a client of one router.
type Link struct {
	cc    *http.ClientConn
	ear   *ear
	links *Links
	done  chan struct{}
	mu    sync.Mutex // guards what follows
	ended bool
	after []func()
}

// ErrNotSent says that a request did not leave: it may be made again elsewhere.
// Any other failure of a request leaves open what the router has done.
var ErrNotSent = errors.New("the request was not sent")

// Links makes links, which share what they can: there may be ten thousand.
type Links struct {
	transport *http.Transport
	watch     watch
	ignored   error // what a request fails with that is [ErrIgnored]; nil: not known
}

// connKey is the key of a connection in the context of those who dial for it.
type connKey struct{}

// NewLinks returns what makes links. wait is how long a router that has been silent
// may take to answer; 0: 2.5 s.
func NewLinks(wait time.Duration) *Links {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true) // gathered is not known to be TLS, which it is
	ls := &Links{watch: watch{wait: cmp.Or(wait, askWait)}, transport: &http.Transport{
		Protocols: &protocols, HTTP2: http2(streamWindow, connectionWindow, 0, 0), DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, ok := ctx.Value(connKey{}).(net.Conn)
			if !ok {
				return nil, errors.New("a link has one connection only")
			}
			return conn, nil
		},
	}}
	ls.ignored = ignoring(ls.transport)
	return ls
}

// Take takes over a connection that a router has made. The handshake must be
// complete, with [Protocol] and a certificate that the relay has checked. The
// connection is closed if it cannot be used.
func (ls *Links) Take(ctx context.Context, conn *tls.Conn) (*Link, error) {
	l := &Link{links: ls, done: make(chan struct{}), ear: &ear{gathered: gather(conn), began: time.Now()}}
	cc, err := ls.transport.NewClientConn(context.WithValue(ctx, connKey{}, net.Conn(l.ear)), "http", "router:443")
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	l.cc = cc
	cc.SetStateHook(func(cc *http.ClientConn) {
		if cc.Err() != nil {
			l.end()
		}
	})
	if cc.Err() != nil { // before there was a hook
		l.end()
	}
	ls.watch.add(l)
	return l, nil
}

// end says that the link takes no more requests.
func (l *Link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	l.ended = true
	close(l.done)
	for _, f := range l.after {
		go f()
	}
	l.after = nil
}

// AfterEnd calls f in a goroutine of its own once the link takes no more
// requests.
func (l *Link) AfterEnd(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		go f()
		return
	}
	l.after = append(l.after, f)
}

// Done is closed when the link takes no more requests.
func (l *Link) Done() <-chan struct{} { return l.done }

// Close ends the link and what is under way on it.
func (l *Link) Close() error {
	err := l.cc.Close()
	l.end()
	return err
}

// Busy is how many requests are under way.
func (l *Link) Busy() int { return l.cc.InFlight() }

// RoundTrip sends a request to the router. One that was not sent fails with
// [ErrNotSent], and one that the router did not look at with [ErrIgnored].
func (l *Link) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := l.cc.Reserve(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	out := *r // what is not changed is shared
	to := *r.URL
	out.URL = &to
	to.Scheme, to.Host = "http", "router"
	resp, err := l.cc.RoundTrip(&out)
	if err != nil && l.links.ignored != nil && errors.Is(err, l.links.ignored) {
		err = ErrIgnored
	}
	return resp, err
}

// Say tells the router's end something, and how long that took.
func (l *Link) Say(ctx context.Context, h Hello) (Answer, time.Duration, error) {
	body, err := json.Marshal(h)
	if err != nil {
		return Answer{}, 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://router"+ControlPath, bytes.NewReader(body))
	if err != nil {
		return Answer{}, 0, err
	}
	begin := time.Now()
	resp, err := l.RoundTrip(r)
	if err != nil {
		return Answer{}, 0, fmt.Errorf("tunnel: %w", err)
	}
	took := time.Since(begin)
	defer resp.Body.Close()
	a, err := readAnswer(resp.StatusCode, resp.Body)
	return a, took, err
}

// readAnswer reads what a router's end says to a [Hello].
func readAnswer(status int, body io.Reader) (Answer, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxControl))
	if err != nil {
		return Answer{}, fmt.Errorf("tunnel: %w", err)
	}
	var a Answer
	if status != http.StatusOK || json.Unmarshal(b, &a) != nil {
		return Answer{}, fmt.Errorf("tunnel: the router answered %d, or not in JSON", status)
	}
	return a, nil
}

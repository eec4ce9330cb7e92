package tunnel

import (
	"bytes"
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
	cc   *http.ClientConn
	conn *tls.Conn
	done chan struct{}
	once sync.Once
}

// ErrNotSent says that a request did not leave: it may be made again elsewhere.
// Any other failure of a request leaves open what the router has done.
var ErrNotSent = errors.New("the request was not sent")

// NewLink takes over a connection that a router has made. The handshake must be
// complete, with [Protocol] and a certificate that the relay has checked. The
// connection is closed if it cannot be used.
func NewLink(ctx context.Context, conn *tls.Conn) (*Link, error) {
	l := &Link{conn: conn, done: make(chan struct{})}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true) // gathered is not known to be TLS, which it is
	t := &http.Transport{
		Protocols: &protocols, HTTP2: http2(streamWindow, connectionWindow, relayPingAfter), DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return gather(conn), nil },
	}
	cc, err := t.NewClientConn(ctx, "http", "router:443")
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	l.cc = cc
	cc.SetStateHook(func(cc *http.ClientConn) {
		if cc.Err() != nil {
			l.once.Do(func() { close(l.done) })
		}
	})
	if cc.Err() != nil { // before there was a hook
		l.once.Do(func() { close(l.done) })
	}
	return l, nil
}

// Done is closed when the link takes no more requests.
func (l *Link) Done() <-chan struct{} { return l.done }

// Close ends the link and what is under way on it.
func (l *Link) Close() error {
	err := l.cc.Close()
	l.once.Do(func() { close(l.done) })
	return err
}

// Busy is how many requests are under way.
func (l *Link) Busy() int { return l.cc.InFlight() }

// RoundTrip sends a request to the router. One that was not sent fails with
// [ErrNotSent].
func (l *Link) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := l.cc.Reserve(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	out := *r // what is not changed is shared
	to := *r.URL
	out.URL = &to
	to.Scheme, to.Host = "http", "router"
	return l.cc.RoundTrip(&out)
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

package tunnel

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// witness remembers whether the other end hung up. If not, we gave it up.
type witness struct {
	net.Conn
	hungUp atomic.Bool
}

// Read implements net.Conn.
func (w *witness) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		w.hungUp.Store(true)
	}
	return n, err
}

// dial connects to the relay and shows who this is.
func (t *Tunnel) dial(ctx context.Context) (*tls.Conn, *witness, error) {
	cfg, err := t.cfg.TLS()
	if err != nil {
		return nil, nil, fmt.Errorf("identity for the tunnel: %w", err)
	}
	cfg = cfg.Clone()
	cfg.NextProtos, cfg.MinVersion = []string{Protocol}, tls.VersionTLS13
	below, err := t.reach(ctx)
	if err != nil {
		return nil, nil, err
	}
	raw := &witness{Conn: below}
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, nil, fmt.Errorf("relay: %w", err)
	}
	if conn.ConnectionState().NegotiatedProtocol != Protocol {
		conn.Close()
		return nil, nil, errors.New("the relay does not speak HTTP/2 on this connection")
	}
	return conn, raw, nil
}

// reach connects by TCP, through the proxy if there is one.
func (t *Tunnel) reach(ctx context.Context) (net.Conn, error) {
	var proxy *url.URL
	if t.cfg.Proxy != nil {
		proxy = t.cfg.Proxy()
	}
	if proxy == nil {
		conn, err := t.cfg.Dial(ctx, "tcp", t.cfg.Relay)
		if err != nil {
			return nil, fmt.Errorf("relay: %w", err)
		}
		return conn, nil
	}
	conn, err := t.cfg.Dial(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), "80")))
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if err := through(ctx, conn, proxy, t.cfg.Relay); err != nil {
		conn.Close()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return conn, nil
}

// maxProxyAnswer bounds the header of a proxy's answer.
const maxProxyAnswer = 8 << 10

// through asks a proxy for a way to an address.
func through(ctx context.Context, conn net.Conn, proxy *url.URL, address string) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // the read then fails
	defer stop()
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		r.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if err := r.Write(conn); err != nil {
		return err
	}
	// The proxy says nothing after its answer until we do, so the reader takes
	// nothing that belongs to the tunnel.
	return readProxyAnswer(conn, r)
}

// readProxyAnswer reads what a proxy says to a request for a way.
func readProxyAnswer(from io.Reader, r *http.Request) error {
	br := bufio.NewReaderSize(io.LimitReader(from, maxProxyAnswer), 512)
	resp, err := http.ReadResponse(br, r)
	if err != nil {
		return fmt.Errorf("its answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it refused: %.100q", resp.Status)
	}
	if br.Buffered() > 0 {
		return errors.New("it said more than its answer")
	}
	return nil
}

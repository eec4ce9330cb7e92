package ways

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// The ways that are compared.
const (
	wayDirect = "direct HTTPS"
	wayTunnel = "this tunnel"
	wayYamux  = "yamux + HTTP/1.1"
)

// way is a way to the handler.
type way struct {
	name    string
	address string
	roots   *x509.CertPool
}

// ways are all, with what keeps them open.
type ways struct {
	list    []*way
	closers []func()
}

func (w *ways) close() {
	for _, c := range slices.Backward(w.closers) {
		c()
	}
}

const answer = `{"message":"User added successfully","error":false,"user":{"username":"K7MPQ2","passcode":"R2XW9Q","valid_for":"1 day"}}`

// handler is what a router's API costs at least.
func handler(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, answer) // a client that is gone is gone
}

// newWays opens all ways.
func newWays(ctx context.Context) (_ *ways, err error) {
	w := &ways{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	cert, roots, err := certificate()
	if err != nil {
		return nil, err
	}
	direct, err := w.serve(cert, http.HandlerFunc(handler))
	if err != nil {
		return nil, err
	}
	link, err := w.link(ctx, cert, roots)
	if err != nil {
		return nil, err
	}
	reverse, err := w.serve(cert, front(link))
	if err != nil {
		return nil, err
	}
	mux, err := w.yamux(ctx, cert, roots)
	if err != nil {
		return nil, err
	}
	other, err := w.serve(cert, front(mux))
	if err != nil {
		return nil, err
	}
	w.list = []*way{{wayDirect, direct, roots}, {wayTunnel, reverse, roots}, {wayYamux, other, roots}}
	return w, nil
}

// serve serves HTTPS, and returns where.
func (w *ways) serve(cert tls.Certificate, h http.Handler) (string, error) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	w.closers = append(w.closers, func() { srv.Close() })
	return ln.Addr().String(), nil
}

// front is the least that a relay does: it passes a request on, and its answer
// back.
func front(to http.RoundTripper) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		out, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "https://router/api/", bytes.NewReader(body))
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		out.Header.Set("Content-Type", r.Header.Get("Content-Type"))
		out.Header.Set(tunnel.ClientHeader, "192.0.2.7")
		resp, err := to.RoundTrip(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // a client that is gone is gone
	})
}

// accept takes one connection of a router, and the router makes it by dial.
func (w *ways) accept(ctx context.Context, cert tls.Certificate, protocol string, dial func(address string)) (*tls.Conn, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	stop := context.AfterFunc(ctx, func() { ln.Close() }) // nobody would come any more
	defer stop()
	go dial(ln.Addr().String())
	raw, err := ln.Accept()
	if err != nil {
		return nil, err
	}
	conn := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{protocol}, ClientAuth: tls.RequireAnyClientCert})
	return conn, conn.HandshakeContext(ctx)
}

func identity(cert tls.Certificate, roots *x509.CertPool) *tls.Config {
	return &tls.Config{ServerName: "bench.test", RootCAs: roots, Certificates: []tls.Certificate{cert}}
}

// link is the tunnel.
func (w *ways) link(ctx context.Context, cert tls.Certificate, roots *x509.CertPool) (http.RoundTripper, error) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Add(1)
	conn, err := w.accept(ctx, cert, tunnel.Protocol, func(address string) {
		defer wg.Done()
		tunnel.New(tunnel.Config{Relay: address, Handler: http.HandlerFunc(handler), Log: slog.New(slog.DiscardHandler),
			TLS: func() (*tls.Config, error) { return identity(cert, roots), nil }}).Run(ctx)
	})
	w.closers = append(w.closers, func() { cancel(); wg.Wait() })
	if err != nil {
		return nil, err
	}
	l, err := tunnel.NewLinks(0).Take(ctx, conn)
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, func() { l.Close() })
	_, _, err = l.Say(ctx, tunnel.Hello{Host: "bench.test"})
	return l, err
}

// yamux is the yardstick: each of the relay's connections is a stream.
func (w *ways) yamux(ctx context.Context, cert tls.Certificate, roots *x509.CertPool) (http.RoundTripper, error) {
	quiet := func() *yamux.Config {
		c := yamux.DefaultConfig()
		c.LogOutput = io.Discard
		return c
	}
	conn, err := w.accept(ctx, cert, "yamux", func(address string) {
		cfg := identity(cert, roots)
		cfg.NextProtos = []string{"yamux"}
		out, err := tls.Dial("tcp", address, cfg)
		if err != nil {
			return
		}
		session, err := yamux.Server(out, quiet())
		if err != nil {
			return
		}
		srv := &http.Server{Handler: http.HandlerFunc(handler), ReadHeaderTimeout: time.Minute}
		stop := context.AfterFunc(ctx, func() { srv.Close() })
		defer stop()
		_ = srv.Serve(session) // ends with the session
	})
	if err != nil {
		return nil, err
	}
	session, err := yamux.Client(conn, quiet())
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, func() { session.Close() })
	t := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return session.Open() }}
	return t, nil
}

const question = `{"action":"create_voucher","api-key":"3f2a0c6b5d4e47f6a1b2c3d4e5f60718293a4b5c","valid_for":"1 day"}`

// run asks over some connections for a while, and returns the requests a second
// and the median of how long one takes.
func (w *way) run(ctx context.Context, conns int, each time.Duration) (float64, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, each+time.Minute)
	defer cancel()
	took := make([][]time.Duration, conns)
	errs := make([]error, conns)
	var ready, wg sync.WaitGroup
	ready.Add(conns)
	begin := make(chan time.Time)
	for i := range conns {
		wg.Go(func() { took[i], errs[i] = w.client(ctx, &ready, begin, each) })
	}
	ready.Wait()
	close(begin)
	began := time.Now()
	wg.Wait()
	spent := time.Since(began)
	all := slices.Concat(took...)
	if err := errors.Join(errs...); err != nil {
		return 0, 0, err
	}
	return float64(len(all)) / spent.Seconds(), middle(all), nil
}

// client asks over one connection.
func (w *way) client(ctx context.Context, ready *sync.WaitGroup, begin <-chan time.Time, each time.Duration) ([]time.Duration, error) {
	t := &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{RootCAs: w.roots, ServerName: "bench.test"}, DisableCompression: true}
	defer t.CloseIdleConnections()
	ask := func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+w.address+"/api/", bytes.NewReader([]byte(question)))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := t.RoundTrip(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err == nil && (resp.StatusCode != http.StatusOK || string(b) != answer) {
			err = fmt.Errorf("answered %s", resp.Status)
		}
		return err
	}
	err := ask() // the handshake is not measured
	ready.Done()
	<-begin
	var took []time.Duration
	for end := time.Now().Add(each); err == nil && (len(took) == 0 || time.Now().Before(end)); {
		at := time.Now()
		err = ask()
		took = append(took, time.Since(at))
	}
	return took, err
}

// certificate is one for bench.test, for both ends of everything.
func certificate() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	draft := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"bench.test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots, nil
}

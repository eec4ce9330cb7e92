package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// The yardstick: the least that a relay of yamux and HTTP/1.1 does. It has no
// records and checks nobody's certificate.

// yamuxTunnels is the name that the yardstick's routers ask for, below their own.
const yamuxTunnels = ".tunnels." + domain

func quietYamux() *yamux.Config {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	return c
}

// yamuxRelay is the relay of the yardstick.
type yamuxRelay struct {
	transport *http.Transport
	clients   chan net.Conn
	addr      net.Addr

	mu       sync.Mutex // guards what follows
	sessions map[string]*yamux.Session
}

// runYamux is the process of the yardstick's relay. It reads its certificate and
// key, and ends with its input.
func runYamux(ctx context.Context, from io.Reader) error {
	in := json.NewDecoder(from)
	var pem []byte
	if err := in.Decode(&pem); err != nil {
		return err
	}
	cert, err := tls.X509KeyPair(pem, pem)
	if err != nil {
		return err
	}
	ln, err := tls.Listen("tcp", "0.0.0.0:"+relayPort, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})
	if err != nil {
		return err
	}
	r := &yamuxRelay{clients: make(chan net.Conn), addr: ln.Addr(), sessions: map[string]*yamux.Session{}}
	r.transport = &http.Transport{DisableCompression: true, DialContext: r.dial}
	srv := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(r) }() // it ends with the process
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go r.take(ctx, conn.(*tls.Conn))
		}
	}()
	var end string
	_ = in.Decode(&end) // there is none: the input ends
	return nil
}

// take makes a session of a router's connection and hands others to the server.
func (r *yamuxRelay) take(ctx context.Context, conn *tls.Conn) {
	if conn.HandshakeContext(ctx) != nil {
		conn.Close()
		return
	}
	name, ok := strings.CutSuffix(conn.ConnectionState().ServerName, yamuxTunnels)
	if !ok {
		r.clients <- conn
		return
	}
	session, err := yamux.Client(conn, quietYamux())
	if err != nil {
		conn.Close()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[name] = session
}

func (r *yamuxRelay) dial(_ context.Context, _, address string) (net.Conn, error) {
	name, _, _ := strings.Cut(address, ".")
	r.mu.Lock()
	session := r.sessions[name]
	r.mu.Unlock()
	if session == nil {
		return nil, errors.New("the router is not here")
	}
	return session.Open()
}

// Accept implements net.Listener.
func (r *yamuxRelay) Accept() (net.Conn, error) { return <-r.clients, nil }

// Close implements net.Listener.
func (r *yamuxRelay) Close() error { return nil }

// Addr implements net.Listener.
func (r *yamuxRelay) Addr() net.Addr { return r.addr }

// ServeHTTP passes a request on.
func (r *yamuxRelay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, 64<<10))
	if err != nil {
		return
	}
	out, err := http.NewRequestWithContext(req.Context(), http.MethodPost, "http://"+req.Host+req.URL.Path, bytes.NewReader(body))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	resp, err := r.transport.RoundTrip(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // a client that is gone is gone
}

// yamuxHost is where a router of the yardstick is reached.
func yamuxHost(i int) string { return fmt.Sprintf("r%d.%s", i, domain) }

// openYamux opens the tunnels of the yardstick's routers.
func (r *routers) openYamux(ctx context.Context, roots *x509.CertPool) error {
	r.mu.Lock()
	r.yamuxUp = make([]bool, r.task.Yamux)
	r.mu.Unlock()
	srv := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	for i := range r.task.Yamux {
		name := fmt.Sprintf("r%d%s", i, yamuxTunnels)
		conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: name, MinVersion: tls.VersionTLS13, InsecureSkipVerify: true,
			// The certificate is for *.domain; the routers' names are a level below.
			VerifyConnection: func(s tls.ConnectionState) error {
				_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: "r." + domain})
				return err
			}}}).DialContext(ctx, "tcp", r.task.Relay)
		if err != nil {
			return err
		}
		session, err := yamux.Server(conn, quietYamux())
		if err != nil {
			return err
		}
		go func() { _ = srv.Serve(session) }() // it ends with the session
		r.mu.Lock()
		r.yamuxUp[i] = true
		r.mu.Unlock()
	}
	return nil
}

package etcd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/etcd/etcdtest"
)

// testTLS: etcd is spoken to with certificates, and with nobody else.
func testTLS(t *testing.T, l *lab) {
	authority, stranger := issue(t, nil, "authority"), issue(t, nil, "stranger")
	server, elsewhere, client := issue(t, &authority, "127.0.0.1"), issue(t, &authority, "127.0.0.2"), issue(t, &authority, "relay")
	known := x509.NewCertPool()
	known.AddCert(authority.Leaf)
	front := func(c tls.Certificate) string {
		return behindTLS(t, l.Members[0].Endpoint(), &tls.Config{Certificates: []tls.Certificate{c}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: known, NextProtos: []string{"h2"}})
	}
	addr, wrong := front(server), front(elsewhere)
	good := &tls.Config{RootCAs: known, Certificates: []tls.Certificate{client}}
	d := l.open(t, Config{Endpoints: []string{addr}, TLS: good})
	commit(t, d, "router/r", "1")
	if e, err := d.Get(t.Context(), "router/r"); err != nil || string(e.Value) != "1" {
		t.Errorf("%+v %v", e, err)
	}
	others := x509.NewCertPool()
	others.AddCert(stranger.Leaf)
	for name, test := range map[string]struct {
		addr, says string // of what the other end does not like, it may only be known that it hangs up
		cfg        *tls.Config
	}{
		"an etcd of a stranger": {addr, "unknown authority", &tls.Config{RootCAs: others, Certificates: []tls.Certificate{client}}},
		"another name":          {wrong, "127.0.0.2", good},
		"no certificate":        {addr, "", &tls.Config{RootCAs: known}},
		"a stranger's":          {addr, "", &tls.Config{RootCAs: known, Certificates: []tls.Certificate{stranger}}},
	} {
		etcdtest.Until(t, soon, name+" is refused for a reason", func() bool { // unless there was no time for it
			_, err := Open(t.Context(), Config{Endpoints: []string{test.addr}, TLS: test.cfg, Log: d.log, Timeout: 600 * time.Millisecond})
			if !errors.Is(err, cloud.ErrUnreachable) {
				t.Fatalf("%s: %v", name, err)
			}
			return strings.Contains(err.Error(), test.says)
		})
	}
	if _, err := Open(t.Context(), Config{Endpoints: []string{"http://" + addr}, Log: d.log, Timeout: 600 * time.Millisecond}); !errors.Is(err, cloud.ErrUnreachable) {
		t.Errorf("plain text: %v", err)
	}
}

// behindTLS puts TLS before an endpoint, and returns its address.
func behindTLS(t *testing.T, endpoint string, cfg *tls.Config) string {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer in.Close()
				out, err := net.Dial("tcp", u.Host)
				if err != nil {
					return
				}
				var back sync.WaitGroup
				back.Go(func() {
					_, _ = io.Copy(in, out) // an end is an end
					in.Close()
				})
				_, _ = io.Copy(out, in) // likewise
				out.Close()
				back.Wait()
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

// issue makes a certificate, by another one; nil: by itself.
func issue(t *testing.T, by *tls.Certificate, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: by == nil, BasicConstraintsValid: true}
	if ip := net.ParseIP(name); ip != nil {
		c.IPAddresses = []net.IP{ip}
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

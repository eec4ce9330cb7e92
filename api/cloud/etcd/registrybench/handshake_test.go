package registrybench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"syscall"
	"testing"
	"time"
)

// BenchmarkHandshake makes a router's TLS handshake, both ends of it, with the
// kinds of keys that routers and relays have: what a relay that is lost costs the
// others.
func BenchmarkHandshake(b *testing.B) {
	relay, router := certificate(b, "tunnel.cloud.test"), certificate(b, "router")
	roots, routers := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(relay.Leaf)
	routers.AddCert(router.Leaf)
	server := &tls.Config{Certificates: []tls.Certificate{relay}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: routers, SessionTicketsDisabled: true}
	client := &tls.Config{Certificates: []tls.Certificate{router}, RootCAs: roots, ServerName: "tunnel.cloud.test", MinVersion: tls.VersionTLS13}
	n, before := 0, processor(b)
	for b.Loop() {
		n++
		near, far := net.Pipe()
		done := make(chan error, 1)
		go func() { done <- tls.Server(far, server).HandshakeContext(b.Context()) }()
		if err := tls.Client(near, client).HandshakeContext(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		near.Close()
		far.Close()
	}
	b.ReportMetric(float64((processor(b)-before).Microseconds())/float64(n), "cpu-µs/op")
}

// processor is how long this process has kept processors busy, which other
// programs do not change.
func processor(b testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// certificate makes one that vouches for itself.
func certificate(b *testing.B, name string) tls.Certificate {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

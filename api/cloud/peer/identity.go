package peer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// nodeName is in the certificate of every relay, beside the id that tells them
// apart. It is in no zone of the domain name system.
const nodeName = "relay.vouchsafe.invalid"

// How long a relay's certificate is good, and when it is made anew.
const (
	goodFor    = 8 * 24 * time.Hour
	renewAfter = 2 * 24 * time.Hour
)

// Identity is who a relay is to the others. Its key is in memory only.
type Identity struct {
	node  string
	cert  *x509.Certificate // of the authority
	key   crypto.Signer
	roots *x509.CertPool
	now   func() time.Time

	mu   sync.Mutex // guards what follows
	made time.Time
	have *tls.Certificate
}

// NewIdentity makes the identity of a relay of the authority of nodes.
func NewIdentity(node string, authority *x509.Certificate, key crypto.Signer, now func() time.Time) (*Identity, error) {
	if !IsNode(node) {
		return nil, fmt.Errorf("%q cannot be a relay's id", node)
	}
	i := &Identity{node: node, cert: authority, key: key, roots: x509.NewCertPool(), now: now}
	i.roots.AddCert(authority)
	_, err := i.certificate()
	return i, err
}

// certificate returns the relay's certificate, and makes it anew in time.
func (i *Identity) certificate() (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	if ago := now.Sub(i.made); i.have != nil && ago >= 0 && ago < renewAfter {
		return i.have, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	number := make([]byte, 16)
	_, _ = rand.Read(number) // never fails
	draft := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(number), Subject: pkix.Name{CommonName: i.node}, DNSNames: []string{nodeName},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(goodFor), BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, draft, i.cert, &key.PublicKey, i.key)
	if err != nil {
		return nil, fmt.Errorf("the relay's certificate for other relays: %w", err)
	}
	i.have, i.made = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, now
	return i.have, nil
}

// server is how others are received.
func (i *Identity) server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{tunnel.Protocol}, Time: i.now,
		// A session that is resumed would not be checked again.
		SessionTicketsDisabled: true,
		ClientAuth:             tls.RequireAndVerifyClientCert, ClientCAs: i.roots,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.certificate() },
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := caller(&s)
			return err
		},
	}
}

// client is how a relay is met.
func (i *Identity) client(node string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{tunnel.Protocol}, Time: i.now, RootCAs: i.roots, ServerName: nodeName,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return i.certificate() },
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || s.PeerCertificates[0].Subject.CommonName != node {
				return errors.New("it is another relay than the one that was looked for")
			}
			return nil
		},
	}
}

// caller is the relay at the other end.
func caller(s *tls.ConnectionState) (string, error) {
	if s == nil || len(s.VerifiedChains) == 0 || len(s.PeerCertificates) == 0 {
		return "", errors.New("no certificate of a relay")
	}
	cert := s.PeerCertificates[0]
	if cert.VerifyHostname(nodeName) != nil || !IsNode(cert.Subject.CommonName) {
		return "", errors.New("the certificate is not one of a relay")
	}
	return cert.Subject.CommonName, nil
}

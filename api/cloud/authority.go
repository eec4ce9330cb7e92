package cloud

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"
)

// authority signs the certificates of routers. A certificate alone opens nothing:
// its fingerprint must be on record.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// authorityRecord is the authority as it is kept.
type authorityRecord struct {
	Cert []byte `json:"cert"`
	Key  []byte `json:"key"` // SEC 1
}

// Keys of the authorities: of routers, and of relays among themselves. Neither
// vouches for the other's.
const (
	authorityKey      = "authority"
	nodesAuthorityKey = "authority-of-relays"
)

// loadAuthority reads an authority of the relay, and makes it if there is none.
func loadAuthority(ctx context.Context, a *Accounts, key string) (*authority, error) {
	for range tries {
		var rec authorityRecord
		e, ok, err := a.record(ctx, key, &rec)
		if err != nil {
			return nil, err
		}
		if ok {
			return readAuthority(rec)
		}
		made, err := newAuthority(authorityName(key), a.cfg.Now())
		if err != nil {
			return nil, err
		}
		err = a.cfg.Store.Commit(ctx, Transaction{If: []Entry{e}, Put: []Entry{entry(key, made)}})
		if err != nil && !errors.Is(err, ErrConflict) {
			return nil, fmt.Errorf("relay's records: %w", err)
		}
	}
	return nil, errors.New("the relay's authority could not be made")
}

func authorityName(key string) string {
	if key == nodesAuthorityKey {
		return "Vouchsafe relay, relays' identities"
	}
	return "Vouchsafe relay, routers' identities"
}

// newAuthority makes an authority, whose name people may see.
func newAuthority(name string, now time.Time) (authorityRecord, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authorityRecord{}, err
	}
	draft := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(50, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		return authorityRecord{}, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	return authorityRecord{Cert: cert, Key: der}, err
}

func readAuthority(rec authorityRecord) (*authority, error) {
	cert, err := x509.ParseCertificate(rec.Cert)
	if err != nil {
		return nil, fmt.Errorf("relay's authority: %w", err)
	}
	key, err := x509.ParseECPrivateKey(rec.Key)
	if err != nil {
		return nil, fmt.Errorf("relay's authority: %w", err)
	}
	return &authority{cert, key}, nil
}

func serial() *big.Int { return new(big.Int).SetBytes(random(16)) }

// maxRequestPEM bounds a signing request.
const maxRequestPEM = 8 << 10

// readRequest reads a router's signing request. Nothing of it is taken over but
// the key.
func readRequest(text string) (*x509.CertificateRequest, error) {
	bad := refuse(http.StatusUnprocessableEntity, "csr: a PKCS #10 request (RFC 2986) in PEM, signed by a P-256 or Ed25519 key")
	if len(text) > maxRequestPEM {
		return nil, bad
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, bad
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || csr.CheckSignature() != nil {
		return nil, bad
	}
	switch key := csr.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, bad
		}
	case ed25519.PublicKey:
	default:
		return nil, bad
	}
	return csr, nil
}

// sign makes a router's certificate, and returns it in PEM with its fingerprint.
// It does not end: what is on record decides. A router's clock may be off by
// years before it has asked anybody, so it begins long ago.
func (a *authority) sign(csr *x509.CertificateRequest, id string) (text, fingerprint string, err error) {
	draft := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: id},
		NotBefore: time.Unix(0, 0), NotAfter: a.cert.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, draft, a.cert, csr.PublicKey, a.key)
	if err != nil {
		return "", "", fmt.Errorf("sign a router's certificate: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), fingerprintOf(der), nil
}

// fingerprintOf is the SHA-256 of a certificate, hexadecimal.
func fingerprintOf(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// identify returns the id that a certificate of the authority's carries.
func (a *authority) identify(cert *x509.Certificate) (id string, err error) {
	if err := cert.CheckSignatureFrom(a.cert); err != nil {
		return "", fmt.Errorf("a certificate of somebody else's: %w", err)
	}
	return cert.Subject.CommonName, nil
}

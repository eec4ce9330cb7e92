package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// OwnFile is the router's own certificate and key in the data directory: one
// file, so that a power cut leaves both or neither.
const OwnFile = "https.pem"

const (
	// lifetime is long, since nothing is gained by a change: nobody but the
	// operator vouches for the certificate, and would have to do so again.
	lifetime = 10 * 365 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is replaced.
	renewBefore = 30 * 24 * time.Hour
)

// begin is when every certificate begins to hold, and the earliest time that
// one is made for. A router without a battery believes that it is 1970 when it
// makes its first: one that held from then until 1980 would never be accepted,
// and one that began now would not be on a computer whose clock is behind.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Names are what a certificate is made for.
type Names struct {
	DNS   []string
	Addrs []netip.Addr
}

// fits reports whether a certificate need not be replaced. It may have more
// names than are wanted.
func (n Names) fits(c *x509.Certificate, now time.Time) bool {
	if now.After(c.NotAfter.Add(-renewBefore)) {
		return false
	}
	for _, name := range n.DNS {
		if !slices.Contains(c.DNSNames, name) {
			return false
		}
	}
	for _, a := range n.Addrs {
		if !slices.ContainsFunc(c.IPAddresses, func(ip net.IP) bool { return ip.Equal(a.AsSlice()) }) {
			return false
		}
	}
	return true
}

// create makes a certificate signed by itself. It keeps the key of an older one
// that has not come to its end; nil: it makes a key, for which the kernel's
// random numbers may take seconds to be ready after a boot.
func create(n Names, older *Pair, now time.Time) (*Pair, error) {
	if now.Before(begin) {
		now = begin
	}
	var key *ecdsa.PrivateKey
	if older != nil && now.Before(older.Leaf.NotAfter.Add(-renewBefore)) {
		key = older.key
	}
	var err error
	if key == nil {
		// P-256: a signature costs a MIPS processor a thirtieth of RSA-2048's.
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	id := sha256.Sum256(public)
	template := &x509.Certificate{ // a random serial number is filled in
		Subject:   pkix.Name{CommonName: "Vouchsafe " + hex.EncodeToString(id[:4])},
		NotBefore: begin, NotAfter: now.Add(lifetime).UTC().Truncate(time.Second),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: n.DNS,
	}
	for _, a := range n.Addrs {
		template.IPAddresses = append(template.IPAddresses, a.AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), crypto.Signer(key))
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return newPair([]*x509.Certificate{leaf}, key), nil
}

// save puts a certificate and its key in place, durably, whole or not at all,
// and readable by the owner only.
func save(file string, p *Pair) (err error) {
	key, err := encodeKey(p.key)
	if err != nil {
		return err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Leaf.Raw}), key...)
	f, err := os.CreateTemp(filepath.Dir(file), ".https-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync()); err != nil {
		return errors.Join(err, f.Close())
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

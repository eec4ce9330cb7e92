// Package certs keeps the certificate with which the LAN is served over HTTPS:
// the operator's own, or one that the router makes and signs by itself.
//
// There is no certificate authority on the router. One that browsers trust
// could sign for any site, and its key would lie on a small machine beside a
// guest network. An operator compares the fingerprint once, or supplies a
// certificate that browsers know already.
package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Pair is a certificate with its private key.
type Pair struct {
	// Leaf is the router's own certificate. Nobody changes it.
	Leaf *x509.Certificate
	key  *ecdsa.PrivateKey
	tls  *tls.Certificate
}

// Fingerprint is the SHA-256 of the certificate, as browsers show it.
func (p *Pair) Fingerprint() string {
	sum := sha256.Sum256(p.Leaf.Raw)
	var b strings.Builder
	for i, c := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(hex.EncodeToString([]byte{c})))
	}
	return b.String()
}

// ErrUnusable is a certificate or a key that nobody can be served with. What
// wraps it says why, and what to do.
var ErrUnusable = errors.New("not usable for HTTPS")

// unusable is an [ErrUnusable] with its reason. err may be nil.
type unusable struct {
	file string
	text hotspot.Text
	err  error
}

// Error implements error.
func (u *unusable) Error() string {
	text := u.text.String()
	if u.err != nil {
		text = strings.Replace(text, "; ", fmt.Sprintf(" (%v); ", u.err), 1)
	}
	return u.file + ": " + text
}

// Message is the error for people, see [hotspot.Text], without what only the log
// can tell.
func (u *unusable) Message() (format string, args []any) {
	return hotspot.Textf("%s: %s", u.file, u.text).Message()
}

// Unwrap makes the reason an [ErrUnusable], and keeps what it came from.
func (u *unusable) Unwrap() []error { return []error{ErrUnusable, u.err} }

// maxFile bounds a file; a chain of three takes 6 kB.
const maxFile = 256 << 10

// Load reads a certificate, with those between it and its issuer, and its key.
// Both may be in one file. That it has expired is no error.
func Load(certFile, keyFile string) (*Pair, error) {
	cert, err := read(certFile)
	if err != nil {
		return nil, err
	}
	chain, err := parseChain(certFile, cert)
	if err != nil {
		return nil, err
	}
	key, err := read(keyFile)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(key, []byte("PRIVATE KEY-----")) {
		return nil, &unusable{keyFile, hotspot.Textf("there is no private key in it; write it in PEM, beginning with -----BEGIN PRIVATE KEY-----"), nil}
	}
	if bytes.Contains(key, []byte("ENCRYPTED")) {
		return nil, &unusable{keyFile, hotspot.Textf("the key is encrypted, and nobody is there to type its password; decrypt it with: openssl pkey -in FILE -out FILE"), nil}
	}
	private, err := parseKey(key)
	if err != nil {
		return nil, &unusable{keyFile, hotspot.Textf("the key cannot be used; have the certificate issued for an ECDSA key, P-256 or P-384: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"), err}
	}
	if !private.PublicKey.Equal(chain[0].PublicKey) {
		return nil, &unusable{keyFile, hotspot.Textf("the key does not go with the certificate; write the key for which it was issued"), nil}
	}
	return newPair(chain, private), nil
}

// newPair makes a Pair of parts that belong together.
func newPair(chain []*x509.Certificate, key *ecdsa.PrivateKey) *Pair {
	t := &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		t.Certificate = append(t.Certificate, c.Raw)
	}
	return &Pair{Leaf: chain[0], key: key, tls: t}
}

// read reads a file of a bounded size. A pipe or a device could keep the daemon
// waiting.
func read(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		return nil, &unusable{file, hotspot.Textf("this is not a regular file; name the file itself"), nil}
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(file)
	}
	if err != nil {
		return nil, &unusable{file, hotspot.Textf("it cannot be read; name a file that is there and that the daemon may read"), err}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &unusable{file, hotspot.Textf("it cannot be read; see whether the disk works"), err}
	}
	if len(b) > maxFile {
		return nil, &unusable{file, hotspot.Textf("it is longer than %d bytes; keep the certificate and its issuers in it only", maxFile), nil}
	}
	return b, nil
}

// maxChain bounds the certificates of a file.
const maxChain = 8

// parseChain reads certificates that are signed each by the next.
func parseChain(file string, b []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &unusable{file, hotspot.Textf("a certificate in it is damaged; put back a whole copy"), err}
		}
		if chain = append(chain, c); len(chain) > maxChain {
			return nil, &unusable{file, hotspot.Textf("it has more than %d certificates; keep the router's own and its issuers", maxChain), nil}
		}
	}
	if len(chain) == 0 {
		return nil, &unusable{file, hotspot.Textf("there is no certificate in it; write it in PEM, beginning with -----BEGIN CERTIFICATE-----"), nil}
	}
	for i, c := range chain[1:] {
		if err := chain[i].CheckSignatureFrom(c); err != nil {
			return nil, &unusable{file, hotspot.Textf("certificate %d did not sign certificate %d; put the router's own first, and after each the one that signed it", i+2, i+1), err}
		}
	}
	if use := chain[0].ExtKeyUsage; len(use) > 0 && !slices.Contains(use, x509.ExtKeyUsageServerAuth) && !slices.Contains(use, x509.ExtKeyUsageAny) {
		return nil, &unusable{file, hotspot.Textf("the certificate is not for servers; have one issued for TLS servers"), nil}
	}
	return chain, nil
}

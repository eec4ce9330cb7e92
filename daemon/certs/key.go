package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
)

// Keys are of elliptic curves, P-256 and P-384: with RSA-2048, the signature of
// each handshake would take a MIPS processor many times as long, and its program
// more flash.
// crypto/x509 reads keys of every kind at once, so the two forms that hold such
// a key are read here.

var errOtherKey = errors.New("a key of another kind")

var (
	oidEC   = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidP384 = asn1.ObjectIdentifier{1, 3, 132, 0, 34}
)

// pkcs8 is a key of any kind (RFC 5958); its attributes are left out.
type pkcs8 struct {
	Version   int
	Algorithm struct {
		ID    asn1.ObjectIdentifier
		Curve asn1.RawValue `asn1:"optional"`
	}
	Key []byte
}

// sec1 is the key of a curve (RFC 5915).
type sec1 struct {
	Version int
	Key     []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// parseKey reads the first private key of a file.
func parseKey(b []byte) (*ecdsa.PrivateKey, error) {
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "PRIVATE KEY":
			return parsePKCS8(block.Bytes)
		case "EC PRIVATE KEY":
			return parseSEC1(block.Bytes, nil)
		case "RSA PRIVATE KEY":
			return nil, errOtherKey
		}
	}
	return nil, errOtherKey
}

func parsePKCS8(der []byte) (*ecdsa.PrivateKey, error) {
	var p pkcs8
	if _, err := asn1.Unmarshal(der, &p); err != nil {
		return nil, err
	}
	if !p.Algorithm.ID.Equal(oidEC) {
		return nil, errOtherKey
	}
	var curve asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(p.Algorithm.Curve.FullBytes, &curve); err != nil {
		return nil, err
	}
	return parseSEC1(p.Key, curve)
}

// parseSEC1 reads a key; curve is nil if the key itself names it.
func parseSEC1(der []byte, curve asn1.ObjectIdentifier) (*ecdsa.PrivateKey, error) {
	var s sec1
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return nil, err
	}
	if curve == nil {
		curve = s.Curve
	}
	switch {
	case curve.Equal(oidP256):
		return ecdsa.ParseRawPrivateKey(elliptic.P256(), s.Key)
	case curve.Equal(oidP384):
		return ecdsa.ParseRawPrivateKey(elliptic.P384(), s.Key)
	}
	return nil, errOtherKey
}

// encodeKey writes a key as [parseKey] reads it.
func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

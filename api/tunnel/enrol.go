package tunnel

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Enrolment is what a router needs to become one of a relay's.
type Enrolment struct {
	// API is the address of the relay's account API: https://api.<domain>.
	API     string
	Code    string // the claim code, as somebody typed it
	Name    string // of this router, for its owner
	Version string
	// Roots are trusted for the relay's certificate; nil: the system's.
	Roots *x509.CertPool
	Proxy *url.URL // as in [Config]; may be nil
	// Dial connects by TCP; nil: a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Identity is what a router has once it has enrolled. The key was made here and
// never leaves the router.
type Identity struct {
	Key         []byte `json:"key"`         // SEC 1
	Certificate []byte `json:"certificate"` // DER
	Host        string `json:"host"`        // <prefix>.<domain>
	Tunnel      string `json:"tunnel"`      // the relay's name for tunnels
}

// TLS is the configuration with which a router shows its identity.
func (id Identity) TLS(roots *x509.CertPool) (*tls.Config, error) {
	key, err := x509.ParseECPrivateKey(id.Key)
	if err != nil {
		return nil, fmt.Errorf("identity for the tunnel: %w", err)
	}
	return &tls.Config{ServerName: id.Tunnel, RootCAs: roots, MinVersion: tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{id.Certificate}, PrivateKey: key}}}, nil
}

// RefusedError is what a relay said no with.
type RefusedError struct {
	Status  int
	Message string // of the relay; hostile text
}

// Error implements error.
func (e *RefusedError) Error() string { return "the relay refused: " + e.Message }

// maxAnswer bounds a relay's answer, in bytes.
const maxAnswer = 64 << 10

// Enrol makes a key, and a relay's router of this one. A claim code is used up
// by it.
func Enrol(ctx context.Context, e Enrolment) (Identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Identity{}, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return Identity{}, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return Identity{}, err
	}
	body, err := json.Marshal(map[string]string{"code": e.Code, "name": e.Name, "version": e.Version,
		"csr": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))})
	if err != nil {
		return Identity{}, err
	}
	answer, err := ask(ctx, http.MethodPost, e.API+"/v1/enrol", bytes.NewReader(body),
		&tls.Config{RootCAs: e.Roots, MinVersion: tls.VersionTLS12}, e.Proxy, e.Dial)
	if err != nil {
		return Identity{}, err
	}
	return readIdentity(answer, der, &key.PublicKey)
}

// readIdentity reads what a relay says to a router that has enrolled.
func readIdentity(answer, key []byte, public *ecdsa.PublicKey) (Identity, error) {
	var a struct{ Certificate, Host, Tunnel string }
	if err := json.Unmarshal(answer, &a); err != nil {
		return Identity{}, fmt.Errorf("the relay's answer: %w", err)
	}
	block, _ := pem.Decode([]byte(a.Certificate))
	if block == nil || !isHost(a.Host) || !isHost(a.Tunnel) {
		return Identity{}, errors.New("the relay's answer is not complete")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return Identity{}, fmt.Errorf("the relay's certificate for this router: %w", err)
	}
	if !public.Equal(cert.PublicKey) {
		return Identity{}, errors.New("the relay's certificate is for another key")
	}
	return Identity{Key: key, Certificate: block.Bytes, Host: a.Host, Tunnel: a.Tunnel}, nil
}

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// selfSignedFile has the certificate that the relay made for itself, and its key.
const selfSignedFile = "selfsigned.pem"

type findCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// certificate is where the relay's certificate comes from.
type certificate struct {
	find findCertificate
	// keep renews it until its context ends, and fails if it never can; nil:
	// there is nothing to do.
	keep func(context.Context) error
	// problem says why clients cannot be served; nil or empty: they can.
	problem func() string
}

// certificates returns where the certificate comes from that the flags ask for.
func certificates(ctx context.Context, data, domain string, o serveOptions, store cloud.Store, log *slog.Logger) (certificate, error) {
	switch o.tls {
	case "selfsigned":
		find, err := selfSigned(data, domain)
		return certificate{find: find}, err
	case "files":
		if o.cert == "" || o.key == "" {
			return certificate{}, errors.New("--tls files needs --cert and --key: the certificate for *." + domain + " and its key")
		}
		return fromFiles(&files{cert: o.cert, key: o.key, domain: domain, now: time.Now, log: log.With("component", "certificate")})
	case "acme":
		return fromACME(ctx, domain, o.acme, store, log)
	}
	return certificate{}, fmt.Errorf("--tls %q: acme, files or selfsigned", o.tls)
}

// start renews the certificate beside what the context that it returns is for;
// that ends when it never can. stop waits for the end, and says why.
func (c certificate) start(ctx context.Context) (within context.Context, stop func() error) {
	within, cancel := context.WithCancel(ctx)
	if c.keep == nil {
		return within, func() error {
			cancel()
			return nil
		}
	}
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- c.keep(within)
	}()
	return within, func() error {
		cancel()
		return <-done
	}
}

// health answers /healthz and /ready with what is wrong with the certificate, if anything
// is, and leaves the rest to another handler.
func (c certificate) health(rest http.Handler) http.Handler {
	if c.problem == nil {
		return rest
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reason := c.problem()
		if reason == "" || r.URL.Path != "/healthz" && r.URL.Path != "/ready" {
			rest.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(struct { // whoever asked is gone if this fails
			Status string `json:"status"`
		}{reason})
	})
}

// selfSigned makes a certificate that nobody trusts, once.
func selfSigned(data, domain string) (findCertificate, error) {
	path := filepath.Join(data, selfSignedFile)
	cert, err := tls.LoadX509KeyPair(path, path)
	if errors.Is(err, os.ErrNotExist) || err == nil && cert.Leaf.VerifyHostname("api."+domain) != nil {
		if err := makeSelfSigned(path, domain); err != nil {
			return nil, err
		}
		cert, err = tls.LoadX509KeyPair(path, path)
	}
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate: %w", err)
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }, nil
}

func makeSelfSigned(path, domain string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	draft := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "*." + domain}, DNSNames: []string{"*." + domain, domain},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("self-signed certificate: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("self-signed certificate: %w", err)
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Files of the data directory.
const (
	recordsFile = "relay.db"
	socketFile  = "control.sock"
	licenseFile = "license.key"
)

// ask asks the relay that runs, or does it here if none does. What is in etcd is
// changed there: all relays hear of it.
func ask(ctx context.Context, at place, method, path string, body, into any) error {
	var b bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&b).Encode(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://relay"+path, &b)
	if err != nil {
		return err
	}
	if at.shared() {
		return here(r, at, into)
	}
	socket := filepath.Join(at.data, socketFile)
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer t.CloseIdleConnections()
	resp, err := t.RoundTrip(r)
	if err == nil {
		return readAnswer(resp, into)
	}
	if op := (*net.OpError)(nil); !errors.As(err, &op) || op.Op != "dial" {
		return fmt.Errorf("the relay that runs: %w", err)
	}
	return here(r, at, into)
}

// here does without a relay what one would.
func here(r *http.Request, at place, into any) error {
	if r.GetBody != nil { // the first attempt may have read it
		body, err := r.GetBody()
		if err != nil {
			return err
		}
		r.Body = body
	}
	s, err := at.open(r.Context(), slog.New(slog.DiscardHandler)) // what fails is told below
	if err != nil {
		return err
	}
	key, err := at.licenseKey(r.Context(), s)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	w := newAnswer()
	cloud.Control(cloud.NewAccounts(cloud.AccountsConfig{Store: s, LicenseKey: publicKey(key)}), nil).ServeHTTP(w, r)
	if err := s.Close(); err != nil {
		return err
	}
	return readAnswer(w.response(), into)
}

// answer takes what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newAnswer() *answer { return &answer{header: http.Header{}, status: http.StatusOK} }

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answer) response() *http.Response {
	return &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Header: a.header, Body: io.NopCloser(&a.body)}
}

// licenseKey reads the key that licences are signed with, and makes it if there
// is none.
func licenseKey(data string) (ed25519.PrivateKey, error) {
	path := filepath.Join(data, licenseFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return newLicenseKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key of the licences: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("key of the licences: %s is not in PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key of the licences: %s: %w", path, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key of the licences: %s is no Ed25519 key", path)
	}
	return private, nil
}

func newLicenseKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("key of the licences: %w", err)
	}
	// Whoever was faster has made it.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return licenseKey(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("key of the licences: %w", err)
	}
	err = errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), f.Sync(), f.Close())
	return key, err
}

package acmetest

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// Authority is a certificate authority that checks DNS.
type Authority struct {
	URL   string            // of the directory
	TLS   *x509.Certificate // vouches for the directory
	Root  *x509.Certificate // vouches for what it issues
	mu    sync.Mutex        // guards orders
	order [][]string        // the names of each
}

// NewAuthority starts one whose certificates last for life. It takes accounts
// from everybody who agrees to its terms.
func NewAuthority(t testing.TB, resolver string, life time.Duration) *Authority {
	t.Helper()
	return newAuthority(t, resolver, life, nil)
}

// NewClosedAuthority starts one that takes accounts of its customers only. key
// is in base64 as for URLs.
func NewClosedAuthority(t testing.TB, resolver string, life time.Duration, id, key string) *Authority {
	t.Helper()
	return newAuthority(t, resolver, life, map[string]string{id: key})
}

func newAuthority(t testing.TB, resolver string, life time.Duration, customers map[string]string) *Authority {
	t.Helper()
	// They are the same for all tests, which may be parallel.
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_AUTHZREUSE": "0"} {
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
	log, store := slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), db.NewMemoryStore()
	issuer := ca.New(log, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(life.Seconds())}})
	for id, key := range customers {
		if err := store.AddExternalAccountKeyByID(id, key); err != nil {
			t.Fatal(err)
		}
	}
	front := wfe.New(log, store, va.New(log, 1, 1, true, resolver, store), issuer, []string{"pebble.test"}, true, len(customers) > 0, 1, 1)
	a := &Authority{Root: issuer.GetRootCert(0).Cert}
	handler := front.Handler()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/order-plz" && r.Method == http.MethodPost {
			a.note(t, r)
		}
		handler.ServeHTTP(w, r)
	}))
	srv.Config.ErrorLog = log
	srv.StartTLS()
	t.Cleanup(srv.Close)
	a.URL, a.TLS = srv.URL+wfe.DirectoryPath, srv.Certificate()
	return a
}

func (a *Authority) note(t testing.TB, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(b))
	var signed struct{ Payload string }
	var order struct {
		Identifiers []struct{ Type, Value string }
	}
	if err := json.Unmarshal(b, &signed); err != nil {
		t.Error(err)
	}
	if b, err = base64.RawURLEncoding.DecodeString(signed.Payload); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(b, &order); err != nil {
		t.Error(err)
	}
	var names []string
	for _, x := range order.Identifiers {
		names = append(names, x.Type+" "+x.Value)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.order = append(a.order, names)
}

// Orders are the names that were ordered. One whose nonce was refused is sent
// again, and counts each time.
func (a *Authority) Orders() [][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([][]string(nil), a.order...)
}

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libdns/cloudflare"
	"github.com/libdns/libdns"

	"github.com/vouchsafe/vouchsafe/api/cloud/acme"
	"github.com/vouchsafe/vouchsafe/api/cloud/acme/acmetest"
)

// town is an authority, a name server and the files that a relay needs for them.
type town struct {
	dns       *acmetest.NameServer
	authority *acmetest.Authority
	options   serveOptions
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newTown(t *testing.T) *town {
	t.Helper()
	dir := t.TempDir()
	ns := acmetest.NewNameServer(t, "cloud.test.")
	a := acmetest.NewAuthority(t, ns.Addr, time.Hour)
	key := "key \"" + acmetest.KeyName + "\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + acmetest.KeySecret + "\";\n};\n"
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.TLS.Raw}))
	return &town{ns, a, serveOptions{domain: "cloud.test", listen: "127.0.0.1:0", tls: "acme", acme: acmeOptions{
		email: "admin@example.com", agree: true, directory: a.URL, ca: write(t, filepath.Join(dir, "ca.pem"), ca),
		dns: "rfc2136", server: ns.Addr, keyFile: write(t, filepath.Join(dir, "tsig.key"), key), servers: []string{ns.Addr}, wait: "90s",
		look: 50 * time.Millisecond, pause: 50 * time.Millisecond}}}
}

// TestACME: a relay that nothing else helps gets its certificate and serves the
// account API with it; the next start has it at once.
func TestACME(t *testing.T) {
	town, data := newTown(t), t.TempDir()
	roots := x509.NewCertPool()
	roots.AddCert(town.authority.Root)
	for _, start := range []string{"first", "second"} {
		ctx, cancel := context.WithCancel(t.Context())
		up, done := make(chan net.Addr, 1), make(chan error, 1)
		go func() {
			done <- serve(ctx, place{data: data}, town.options, slog.New(slog.NewTextHandler(t.Output(), nil)), func(a net.Addr) { up <- a })
		}()
		var addr net.Addr
		select {
		case addr = <-up:
		case err := <-done:
			t.Fatal(err)
		}
		client := &http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots},
			DialContext: func(ctx context.Context, n, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, n, addr.String())
			}}}
		limit, tick := time.NewTimer(90*time.Second), time.NewTicker(10*time.Millisecond)
		for attempt := 1; ; attempt++ {
			resp, err := client.Get("https://api.cloud.test/v1/account")
			if err == nil {
				resp.Body.Close()
				if resp.StatusCode != http.StatusUnauthorized {
					t.Error(resp.Status)
				}
				break
			}
			if start == "second" {
				t.Fatalf("attempt %d: %v", attempt, err)
			}
			select {
			case <-tick.C:
			case <-limit.C:
				t.Fatal(err)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := town.dns.Changes(); len(got) != 2 {
		t.Errorf("%q: it was ordered more than once", got)
	}
}

// TestACMETerms: without consent the relay does not run.
func TestACMETerms(t *testing.T) {
	town := newTown(t)
	town.options.acme.agree = false
	terms := (*acme.TermsError)(nil)
	if err := serve(t.Context(), place{data: t.TempDir()}, town.options, slog.New(slog.DiscardHandler), nil); !errors.As(err, &terms) || !strings.HasPrefix(err.Error(), "--acme-agree") {
		t.Error(err)
	}
}

// TestCertificateHealth: while there is no certificate, the relay is not well.
func TestCertificateHealth(t *testing.T) {
	reason := "there is no certificate yet"
	rest := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "rest") })
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		certificate{problem: func() string { return reason }}.health(rest).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if code, body := get("/healthz"); code != 503 || body != `{"status":"there is no certificate yet"}` {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get("/metrics"); code != 200 || body != "rest" {
		t.Errorf("%d %s", code, body)
	}
	reason = ""
	if code, body := get("/healthz"); code != 200 || body != "rest" {
		t.Errorf("%d %s", code, body)
	}
}

// TestACMEMistakes: each is told by the flag that it is in.
func TestACMEMistakes(t *testing.T) {
	dir := t.TempDir()
	key := write(t, filepath.Join(dir, "key"), acmetest.KeySecret+"\n")
	good := []string{"serve", "--data", filepath.Join(dir, "data"), "--domain", "cloud.test", "--listen", "127.0.0.1:0", "--tls", "acme", "--acme-email", "a@example.com",
		"--acme-directory", "https://127.0.0.1:1/dir", "--dns-server", "127.0.0.1:1", "--dns-key-name", "k", "--dns-key-file", key}
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"e-mail address", []string{"--acme-email", ""}},
		{"directory", []string{"--acme-directory", "http://example.com"}},
		{"--dns-server", []string{"--dns-server", ""}},
		{"--dns-key-file", []string{"--dns-key-file", ""}},
		{"--dns-key-file", []string{"--dns-key-file", filepath.Join(dir, "none")}},
		{"--dns-key-name", []string{"--dns-key-name", ""}},
		{"hmac-sha256, hmac-sha384", []string{"--dns-algorithm", "rot13"}},
		{"rfc2136 or cloudflare", []string{"--dns", "smoke signals"}},
		{"--dns-wait", []string{"--dns-wait", "long"}},
		{"--dns-check", []string{"--dns-check", "ns1"}},
		{"--acme-ca", []string{"--acme-ca", key}},
		{"--acme-eab-id", []string{"--acme-eab-id", "x"}},
		{"acme, files or selfsigned", []string{"--tls", "magic"}},
	} {
		if out, err := run(t, append(append([]string(nil), good...), tc.args...)...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %s %v", tc.args, out, err)
		} else if strings.Contains(err.Error(), acmetest.KeySecret) {
			t.Errorf("%q: the secret is in the error", tc.args)
		}
	}
}

// TestCloudflare: the token of the file and the proof arrive there. This is not
// Cloudflare, only what its description says of it.
func TestCloudflare(t *testing.T) {
	o := acmeOptions{dns: "cloudflare", wait: "1s", keyFile: write(t, filepath.Join(t.TempDir(), "token"), "a-token\n")}
	d, err := o.proof()
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	d.Provider.(*cloudflare.Provider).HTTPClient = doer(func(r *http.Request) string {
		if got := r.Header.Get("Authorization"); got != "Bearer a-token" {
			t.Errorf("%s: %q", r.URL, got)
		}
		if r.Method == http.MethodGet {
			return `[{"id": "zone-id", "name": "example.com"}]`
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		made = append(made, r.Method+" "+r.URL.Path+" "+string(body))
		return `{"id": "record-id", "type": "TXT", "name": "_acme-challenge.cloud.example.com", "content": "\"proof\"", "ttl": 60}`
	})
	proof := libdns.TXT{Name: "_acme-challenge.cloud", TTL: time.Minute, Text: "proof"}
	if _, err := d.Provider.AppendRecords(t.Context(), "example.com.", []libdns.Record{proof}); err != nil {
		t.Fatal(err)
	}
	if len(made) != 1 || !strings.HasPrefix(made[0], "POST /client/v4/zones/zone-id/dns_records ") || !strings.Contains(made[0], "_acme-challenge.cloud") {
		t.Error(made)
	}
}

// doer answers requests with the result that it returns.
type doer func(*http.Request) string

// Do implements cloudflare.HTTPClient.
func (d doer) Do(r *http.Request) (*http.Response, error) {
	body := `{"success": true, "errors": [], "result": ` + d(r) + `}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

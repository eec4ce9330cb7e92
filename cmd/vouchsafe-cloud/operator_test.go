package main

import (
	"context"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// TestOperator: what the operator asks of accounts and routers that there are, and
// that there are not.
func TestOperator(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	out, err := run(t, "account", "create", "--data", data, "--name", "acme")
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Fields(out)[1]
	for _, nobody := range []string{"nobody", "a b", "../accounts", "", ".", "%2e"} {
		for _, args := range [][]string{{"router", "list"}, {"router", "claim"}, {"router", "remove", "../x"}} {
			if out, err := run(t, append(args, "--data", data, "--account", nobody)...); err == nil || !strings.Contains(err.Error(), "there is no") {
				t.Errorf("%q of %q: %s %v", args, nobody, out, err)
			}
		}
	}
	code, err := run(t, "router", "claim", "--data", data, "--account", id)
	if err != nil {
		t.Fatal(err)
	}
	addr := relay(t, data)
	b, err := os.ReadFile(filepath.Join(data, selfSignedFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b)
	router, err := tunnel.Enrol(t.Context(), tunnel.Enrolment{API: "https://api.cloud.test", Code: strings.TrimSpace(code), Name: "Lobby", Version: "1", Roots: roots,
		Dial: func(ctx context.Context, n, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, n, addr)
		}})
	if err != nil {
		t.Fatal(err)
	}
	prefix, _, _ := strings.Cut(router.Host, ".")
	if out, err = run(t, "router", "list", "--data", data, "--account", id); err != nil || !strings.Contains(out, prefix+"  Lobby  1        not connected  never") {
		t.Errorf("%s %v", out, err)
	}
	if out, err = run(t, "router", "list", "--data", data, "--account", "nobody"); err == nil || !strings.Contains(err.Error(), `no account "nobody"`) {
		t.Errorf("%s %v", out, err)
	}
	if out, err = run(t, "router", "remove", prefix, "--data", data, "--account", id); err != nil || out != "removed Lobby\n" {
		t.Errorf("%s %v", out, err)
	}
}

// TestNewKey: whoever signs a licence with a key that no relay has is told so.
func TestNewKey(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	out, err := run(t, "license", "issue", "--data", data, "--limit", "2")
	if err != nil || !strings.Contains(out, "made the key "+filepath.Join(data, licenseFile)) {
		t.Errorf("%s %v", out, err)
	}
	out, err = run(t, "license", "issue", "--data", data, "--limit", "2")
	if err != nil || strings.Contains(out, "made") || strings.Count(out, ".") != 1 {
		t.Errorf("%s %v", out, err)
	}
}

func TestIsDomain(t *testing.T) {
	for name, want := range map[string]bool{"cloud.example.com": true, "a.b": true, "xn--nxasmq6b.example": true,
		"": false, "localhost": false, "*.cloud.test": false, "cloud..test": false, ".test": false, "cloud.test:443": false, "a b.test": false, "ü.test": false} {
		if got := isDomain(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

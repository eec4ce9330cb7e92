package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// run runs a command and returns what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := commands()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func lastWord(s string) string {
	words := strings.Fields(s)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

// relay runs a relay until the test ends.
func relay(t *testing.T, data string) (addr string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	up, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, place{data: data}, serveOptions{domain: "cloud.test", listen: "127.0.0.1:0", tls: "selfsigned"}, slog.New(slog.NewTextHandler(t.Output(), nil)), func(a net.Addr) { up <- a })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-up:
		return a.String()
	case err := <-done:
		done <- err
		t.Fatal(err)
		return ""
	}
}

// TestAccounts makes accounts without a relay and beside one.
func TestAccounts(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	out, err := run(t, "account", "create", "--data", data, "--name", "acme")
	if err != nil {
		t.Fatal(err)
	}
	first := lastWord(out)
	addr := relay(t, data)
	if out, err = run(t, "account", "create", "--data", data, "--name", "other"); err != nil {
		t.Fatal(err)
	}
	second := lastWord(out)
	b, err := os.ReadFile(filepath.Join(data, selfSignedFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b)
	client := &http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, n, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, n, addr)
		}}}
	account := func(token string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "https://api.cloud.test/v1/account", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("x-api-key", token)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var v struct{ Account struct{ Prefix string } }
		if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, v.Account.Prefix
	}
	for _, token := range []string{first, second} {
		if status, id := account(token); status != 200 || len(id) != 8 {
			t.Errorf("%d %q", status, id)
		}
	}
	_, id := account(first)
	page(t, client, first, id)
	license, err := run(t, "license", "issue", "--data", data, "--limit", "7")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, "license", "set", "--data", data, "--account", id, "--license", strings.TrimSpace(license)); err != nil || !strings.Contains(out, "7") {
		t.Errorf("%s %v", out, err)
	}
	if out, err := run(t, "router", "claim", "--data", data, "--account", id); err != nil || len(strings.TrimSpace(out)) != 19 {
		t.Errorf("%q %v", out, err)
	}
	if out, err := run(t, "account", "list", "--data", data); err != nil || !strings.Contains(out, "acme") || !strings.Contains(out, "7") || !strings.Contains(out, "other") {
		t.Errorf("%s %v", out, err)
	}
	if out, err = run(t, "account", "token", "--data", data, "--account", id, "--name", "second"); err != nil {
		t.Error(err)
	}
	if status, same := account(lastWord(out)); status != 200 || same != id {
		t.Errorf("another token: %d %q", status, same)
	}
	if out, err := run(t, "router", "list", "--data", data, "--account", id); err != nil || !strings.Contains(out, "PREFIX") {
		t.Errorf("%s %v", out, err)
	}
}

// page signs in to the account page and looks at it.
func page(t *testing.T, client *http.Client, token, id string) {
	t.Helper()
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	do := func(method, path, cookie string, form url.Values) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "https://api.cloud.test"+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		r.Header.Set("Cookie", cookie)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	resp, _ := do("POST", "/sign-in", "", url.Values{"account_token": {token}})
	if resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 1 {
		t.Fatalf("signing in: %s", resp.Status)
	}
	cookie := resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value
	resp, body := do("GET", "/", cookie, nil)
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, id) || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s\n%s", resp.Status, body)
	}
	_, body, _ = strings.Cut(body, `name="token" value="`)
	form, _, _ := strings.Cut(body, `"`)
	for path, want := range map[string]string{"/claims": `id="claim"`, "/license": "aria-invalid", "/tokens": "aria-invalid"} {
		if resp, body := do("POST", path, cookie, url.Values{"token": {form}, "license": {"x"}, "name": {"X"}, "days": {"30"}}); resp.StatusCode >= 500 || !strings.Contains(body, want) {
			t.Errorf("%s: %s\n%s", path, resp.Status, body)
		}
	}
	if resp, _ := do("POST", "/routers/0123456789/remove", cookie, url.Values{"token": {form}}); resp.Header.Get("Location") != "/?done=gone" {
		t.Errorf("%s %s", resp.Status, resp.Header)
	}
}

// TestMistakes: each is told in words that help.
func TestMistakes(t *testing.T) {
	data := t.TempDir()
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"--domain", []string{"serve", "--domain", "localhost"}},
		{"--cert and --key", []string{"serve", "--domain", "cloud.test"}},
		{"files or selfsigned", []string{"serve", "--domain", "cloud.test", "--tls", "magic"}},
		{"name", []string{"account", "create"}},
		{"1 to 64", []string{"account", "create", "--name", strings.Repeat("a", 65)}},
		{"--days", []string{"license", "issue", "--days", "0"}},
		{"1 to 1000000", []string{"license", "issue", "--limit", "0"}},
		{"no account", []string{"account", "token", "--account", "nobody", "--name", "a"}},
		{"--per-client", []string{"serve", "--domain", "cloud.test", "--tls", "selfsigned", "--per-client", "-1"}},
		{"--catalogue", []string{"serve", "--domain", "cloud.test", "--tls", "selfsigned", "--catalogue", data}},
		{"--metrics", []string{"serve", "--domain", "cloud.test", "--tls", "selfsigned", "--listen", "127.0.0.1:0", "--metrics", "nowhere"}},
		{"no account", []string{"router", "claim", "--account", "nobody"}},
		{"no router", []string{"router", "remove", "0123456789", "--account", "nobody"}},
	} {
		if out, err := run(t, append(tc.args, "--data", data)...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: %s %v", tc.args, out, err)
		}
	}
}

package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// visitor is a browser without script.
type visitor struct {
	t    *testing.T
	base string
	http *http.Client
}

// visit signs in at a daemon's panel.
func visit(t *testing.T, d Ready, email, password string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t, address(d), &http.Client{Jar: jar}}
	if _, page := v.send("/sign-in", "", url.Values{"email": {email}, "password": {password}}); strings.Contains(page, `type="password"`) {
		t.Fatalf("not signed in: %s", page)
	}
	return v
}

// address is where the pages are.
func address(d Ready) string { return strings.TrimSuffix(d.API, "/api/") }

func (v *visitor) do(r *http.Request) (*http.Response, string) {
	v.t.Helper()
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp, string(b)
}

func (v *visitor) open(path string) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.base+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(r)
}

var formToken = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token is that of the forms on a page.
func (v *visitor) token(page string) string {
	v.t.Helper()
	m := formToken.FindStringSubmatch(page)
	if m == nil {
		v.t.Fatalf("no form on %s", page)
	}
	return m[1]
}

func (v *visitor) post(path, contentType string, body io.Reader) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.base+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Origin", v.base)
	return v.do(r)
}

// send sends a form of a page.
func (v *visitor) send(path, token string, form url.Values) (*http.Response, string) {
	v.t.Helper()
	if token != "" {
		form.Set("token", token)
	}
	return v.post(path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// upload sends a file with the form of a page.
func (v *visitor) upload(path, token string, file []byte) (*http.Response, string) {
	v.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	f, err := w.CreateFormField("token")
	if err == nil {
		_, err = io.WriteString(f, token)
	}
	if err == nil {
		f, err = w.CreateFormFile("file", "hotel.vsnap")
	}
	if err == nil {
		_, err = f.Write(file)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		v.t.Fatal(err)
	}
	return v.post(path, w.FormDataContentType(), &b)
}

// An operator takes a backup away by the panel and brings it back: it is shown
// what is in it, and the daemon begins anew on it. Then everybody signs in again.
func TestRestoreByThePanel(t *testing.T) {
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = t.TempDir(), config.BackendMemory
	cfg.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	ctx, cancel := context.WithCancel(t.Context())
	up, done := make(chan Ready, 2), make(chan error, 1)
	go func() {
		done <- Run(ctx, cfg, Options{Version: "1.2.3", Log: slog.New(slog.DiscardHandler), Portal: "127.0.0.1:0", StopWithin: patience, Ready: func(r Ready) { up <- r }})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	var d Ready
	select {
	case d = <-up:
	case err := <-done:
		done <- err // once more, at the end
		t.FailNow()
	}
	c := v1.NewClient(v1.DialUnix(d.Control))
	if _, err := c.CreateOperator(t.Context(), v1.NewOperator{Email: "anna@example.com", Role: "owner", Password: "rain falls on tin roofs"}); err != nil {
		t.Fatal(err)
	}
	makeVoucher(t, c, "kept")
	v := visit(t, d, "anna@example.com", "rain falls on tin roofs")
	_, page := v.open("/settings/backup")
	token := v.token(page)
	resp, backup := v.send("/settings/backup/file", token, url.Values{})
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment; filename=vouchsafe-backup-") {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	makeVoucher(t, c, "lost")
	if resp, page = v.upload("/settings/backup/upload", token, []byte(backup[:len(backup)/2])); resp.StatusCode != 422 || !strings.Contains(page, "Nothing was changed") {
		t.Errorf("half a backup: %s %s", resp.Status, page)
	}
	resp, page = v.upload("/settings/backup/upload", token, []byte(backup))
	if resp.StatusCode != 200 || !strings.Contains(page, "The backup is whole") || !strings.Contains(page, "hotel.vsnap") {
		t.Fatalf("%s %s", resp.Status, page)
	}
	id := resp.Request.URL.Query().Get("id")
	if all := names(t, c); all != "kept lost" {
		t.Errorf("nothing should have changed: %s", all)
	}
	resp, page = v.send("/settings/backup/restore", v.token(page), url.Values{"id": {id}, "word": {"restore"}})
	if resp.StatusCode != 200 || !strings.Contains(page, "The backup is being restored") {
		t.Fatalf("%s %s", resp.Status, page)
	}
	select {
	case again := <-up:
		v.base = address(again) // each run has another port
	case err := <-done:
		done <- err // once more, at the end
		t.Fatalf("the daemon ended instead: %v", err)
	}
	if all := names(t, c); all != "kept" {
		t.Errorf("restored: %s", all)
	}
	if resp, _ = v.open("/settings/backup"); resp.Request.URL.Path != "/sign-in" {
		t.Errorf("still signed in at %s", resp.Request.URL)
	}
	d.API = v.base + "/api/"
	v = visit(t, d, "anna@example.com", "rain falls on tin roofs")
	if _, page = v.open("/settings/backup"); !strings.Contains(page, beforeFile) {
		t.Errorf("what was replaced is not offered: %s", page)
	}
}

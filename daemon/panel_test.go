package daemon

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/operators"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

var updatePanel = flag.Bool("update", false, "write the golden files")

// panelHouse is a daemon's panel with an operator of each role, signed in.
type panelHouse struct {
	t       *testing.T
	d       *hotspotDaemon
	panel   *panel.Panel
	cookies map[string]string // by role; "nobody" has none
}

const panelPassword = "rain falls on tin roofs"

func newPanelHouse(t *testing.T) *panelHouse {
	t.Helper()
	h := &panelHouse{t: t, d: openDaemon(t, slog.New(slog.DiscardHandler)), cookies: map[string]string{"nobody": ""}}
	var err error
	if h.panel, err = h.d.panel(); err != nil {
		t.Fatal(err)
	}
	for _, role := range api.Roles() {
		email := string(role) + "@example.com"
		if _, err := h.d.people.Create(t.Context(), api.Local(), api.NewOperator{Email: email, Role: role, Password: panelPassword}); err != nil {
			t.Fatal(err)
		}
		ticket, err := h.d.people.Open(t.Context(), api.SignIn{Email: email, Password: panelPassword})
		if err != nil {
			t.Fatal(err)
		}
		h.cookies[string(role)] = ticket.Cookie
	}
	return h
}

// roles are those of the callers, in the order of the golden file.
func (h *panelHouse) roles() []string { return []string{"nobody", "viewer", "manager", "owner"} }

// ask sends one request. A form has the token of the session that token names.
func (h *panelHouse) ask(method, path, role, token string, header ...string) *http.Response {
	h.t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		form := url.Values{}
		if token != "" {
			form.Set("token", maskedToken(h.cookies[token]))
		}
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(h.t.Context(), method, "http://router.lan"+path, body)
	r.RemoteAddr = "192.168.10.7:50000"
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie := h.cookies[role]; cookie != "" {
		w := httptest.NewRecorder()
		api.SetSessionCookie(w, r, cookie)
		r.AddCookie(w.Result().Cookies()[0])
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	// A stream of events would go on: once it has begun, its reader is gone.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w := &leaver{httptest.NewRecorder(), cancel}
	h.panel.ServeHTTP(w, r.WithContext(ctx))
	return w.Result()
}

// leaver goes away as soon as something is pushed to it.
type leaver struct {
	*httptest.ResponseRecorder
	leave func()
}

func (l *leaver) Flush() {
	l.ResponseRecorder.Flush()
	l.leave()
}

func (l *leaver) SetWriteDeadline(time.Time) error { return nil }

// maskedToken is a form's hidden field, masked with zeros.
func maskedToken(cookie string) string {
	raw, _ := base64.RawURLEncoding.DecodeString(operators.FormToken(cookie)) // it is just that
	return base64.RawURLEncoding.EncodeToString(append(make([]byte, len(raw)), raw...))
}

var wildcard = regexp.MustCompile(`\{[^}]+\}`)

// filled is a page's path with something in the place of its wildcards.
func filled(path string) string { return wildcard.ReplaceAllString(path, "x1") }

// TestPanelMatrix asks for every page as every role: who may not see it is
// refused before anything happens, and nobody is shown an error of ours.
// The golden file is for people: who may open what.
func TestPanelMatrix(t *testing.T) {
	h := newPanelHouse(t)
	var table strings.Builder
	for _, page := range sortedPages(h.panel) {
		var may []string
		for _, role := range h.roles() {
			// A form without a token goes no further than the question who may.
			resp := h.ask(page.Method, filled(page.Path), role, "", "Accept", "text/html")
			in := h.let(page, role, resp)
			if in {
				may = append(may, role)
			}
			if resp.StatusCode >= 500 {
				t.Errorf("%s %s as %s: %s", page.Method, page.Path, role, resp.Status)
			}
			for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff"} {
				if got := resp.Header.Get(name); got != want && !framed(page) {
					t.Errorf("%s %s: %s is %q", page.Method, page.Path, name, got)
				}
			}
		}
		fmt.Fprintf(&table, "%-4s %-44s %s\n", page.Method, page.Path, strings.Join(may, " "))
	}
	golden(t, "testdata/panel.txt", table.String())
}

// framed reports whether a page is one that another page of ours shows in a
// frame.
func framed(p panel.Page) bool { return strings.HasSuffix(p.Path, "/preview") }

// let reports whether somebody got past the question who may open a page, and
// complains about an answer to those who may not that is none of the usual ones.
func (h *panelHouse) let(page panel.Page, role string, resp *http.Response) bool {
	h.t.Helper()
	to := resp.Header.Get("Location")
	b, _ := io.ReadAll(resp.Body)
	switch {
	case role == "nobody" && resp.StatusCode == http.StatusSeeOther && strings.HasPrefix(to, panel.PathSignIn+"?next="):
		return false
	case role != "nobody" && resp.StatusCode == http.StatusForbidden && strings.Contains(string(b), "not for your role"):
		return false
	}
	if page.Method == http.MethodPost && role != "nobody" && resp.StatusCode != http.StatusForbidden {
		h.t.Errorf("%s %s as %s without a token: %s", page.Method, page.Path, role, resp.Status)
	}
	return true
}

// TestPanelForms sends every form in the ways in which another site, or somebody
// with another session, could make a browser send it. Nothing may happen.
func TestPanelForms(t *testing.T) {
	h := newPanelHouse(t)
	before := h.audits()
	for _, page := range sortedPages(h.panel) {
		if page.Method != http.MethodPost {
			continue
		}
		path := filled(page.Path)
		for name, resp := range map[string]*http.Response{
			"without a token":               h.ask("POST", path, "owner", ""),
			"with the token of another":     h.ask("POST", path, "owner", "viewer"),
			"from another site":             h.ask("POST", path, "owner", "owner", "Origin", "http://evil.example"),
			"from a site that is not named": h.ask("POST", path, "owner", "owner", "Origin", "null"),
			"as the browser says, cross":    h.ask("POST", path, "owner", "owner", "Sec-Fetch-Site", "cross-site"),
			"as JSON":                       h.ask("POST", path, "owner", "owner", "Content-Type", "application/json"),
			"as plain text":                 h.ask("POST", path, "owner", "owner", "Content-Type", "text/plain"),
		} {
			if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: %s", path, name, resp.Status)
			}
		}
		for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} {
			if resp := h.ask(method, path, "owner", "owner"); resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
		}
	}
	if diff := cmp.Diff(before, h.audits()); diff != "" {
		t.Errorf("something happened:\n%s", diff)
	}
}

// TestPanelCookies: a cookie that was stolen opens nothing once its owner has
// signed out, and odd ones open nothing at all.
func TestPanelCookies(t *testing.T) {
	h := newPanelHouse(t)
	stolen := h.cookies["owner"]
	if err := h.d.people.SignOut(t.Context(), stolen); err != nil {
		t.Fatal(err)
	}
	for name, cookie := range map[string]string{"stolen": stolen, "made up": strings.Repeat("A", 43), "short": "A", "long": strings.Repeat("A", 4000), "odd": "../../x"} {
		h.cookies[name] = cookie
		if resp := h.ask("GET", "/account", name, ""); resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(resp.Header.Get("Location"), panel.PathSignIn) {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

// TestPanelIsNotForGuests asks the guests' listener for every page, under the
// names and addresses that operators use.
func TestPanelIsNotForGuests(t *testing.T) {
	h := newPanelHouse(t)
	d := startDaemon(t, filepath.Join(t.TempDir(), "data"))
	defer func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, page := range sortedPages(h.panel) {
		for _, host := range []string{"", "router.lan", "127.0.0.1:8080", "192.168.1.1"} {
			r, err := http.NewRequestWithContext(t.Context(), page.Method, strings.TrimSuffix(d.Portal, "/")+filled(page.Path), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			// The portal hangs up on idle connections, of which the client may not know
			// yet: a POST is sent again like a GET.
			r.Header["Idempotency-Key"] = nil
			r.AddCookie(&http.Cookie{Name: "vouchsafe", Value: h.cookies["owner"]})
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || strings.Contains(string(b), "/assets/panel") || strings.Contains(resp.Header.Get("Location"), panel.PathSignIn) {
				t.Errorf("%s %s as %q: %s %v", page.Method, page.Path, host, resp.Status, err)
			}
		}
	}
}

func (h *panelHouse) audits() []string {
	h.t.Helper()
	rows, err := h.d.service.Audit(h.t.Context(), 0, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r.Action, " ", r.Subject))
	}
	return out
}

func sortedPages(p *panel.Panel) []panel.Page {
	all := slices.Clone(p.Pages())
	slices.SortFunc(all, func(a, b panel.Page) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	return all
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *updatePanel {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what there is (-update writes it):\n%s", name, diff)
	}
}

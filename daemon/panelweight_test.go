package daemon

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// What the panel may weigh over the wire, headers and all.
const (
	maxFirstLoad = 120 << 10
	maxLaterPage = 30 << 10
)

// notPages are addresses that answer with something else than a page: files and
// streams. What a page itself fetches is weighed with it.
var notPages = []string{"/audit/export", "/events", "/guests/events", "/logins/export", "/login-page/preview/{file}", "/print/logo", "/print/pdf",
	"/print/print.css", "/print/print.js", "/settings/logs/events", "/users/export", "/users/{who}/export", "/vouchers/export.csv", "/settings/api/{id}/key"}

// elsewhere are pages that somebody who is signed in is led away from, or that
// are shown only in the midst of something.
var elsewhere = []string{"/setup", "/sign-in", "/sign-in/code", "/account/totp/off", "/settings/backup/restore", "/vouchers/change", "/vouchers/import/check", "/login-page", "/integrations", "/integrations/cloud/leave", "/integrations/cloud/rotate"}

// queries are what pages are asked for in use.
var queries = map[string]string{"/print": "?ids=1-10", "/print/sheet": "?ids=1-10", "/setup/done": "?ids=1-10", "/users": "?method=email"}

// paths are the addresses of all pages of the venue, in their order.
func (v *venue) paths() []string {
	v.t.Helper()
	var all []string
	for _, p := range v.pages {
		if p.Method != http.MethodGet || slices.Contains(notPages, p.Path) || slices.Contains(elsewhere, p.Path) {
			continue
		}
		for _, path := range v.paths1(p) {
			all = append(all, path+queries[path])
		}
	}
	slices.Sort(all)
	return all
}

// paths1 are those of one page: more than one if its address says which part
// of something it shows.
func (v *venue) paths1(p panel.Page) []string {
	v.t.Helper()
	switch p.Path {
	case "/login-page/{part}", "/login-page/reset/{part}":
		var all []string
		for _, part := range []string{"methods", "texts", "questions", "look", "languages", "access"} {
			all = append(all, strings.Replace(p.Path, "{part}", part, 1))
		}
		return all
	}
	name := wildcard.FindString(p.Path)
	if name == "" {
		return []string{p.Path}
	}
	in, ok := v.wildcard[p.Path]
	if before, _, _ := strings.Cut(p.Path, name); !ok {
		in, ok = v.wildcard[before+name]
	}
	if !ok {
		v.t.Fatalf("the venue has nothing that %s could show", p.Path)
	}
	return []string{strings.Replace(p.Path, name, url.PathEscape(in), 1)}
}

// scales are a browser as the wire sees it: it counts what comes in, and keeps
// what may be kept.
type scales struct {
	*venue
	client *http.Client
	came   *atomic.Int64
	kept   map[string]bool
}

type countingConn struct {
	net.Conn
	came *atomic.Int64
}

func (c countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.came.Add(int64(n))
	return n, err
}

func (v *venue) scales() *scales {
	x := &scales{venue: v, came: new(atomic.Int64), kept: map[string]bool{}}
	transport := &http.Transport{DisableCompression: true, MaxConnsPerHost: 1, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return countingConn{c, x.came}, err
	}}
	v.t.Cleanup(transport.CloseIdleConnections)
	x.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return x
}

// fetch asks as a browser does, and returns the answer with its text.
func (x *scales) fetch(method, path string, form url.Values) (*http.Response, string) {
	x.t.Helper()
	if form == nil {
		return x.ask(method, path, "", nil)
	}
	return x.ask(method, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// ask is fetch with a body of any type.
func (x *scales) ask(method, path, contentType string, body io.Reader) (*http.Response, string) {
	x.t.Helper()
	r, err := http.NewRequestWithContext(x.t.Context(), method, x.url+path, body)
	x.fine(err)
	r.Header.Set("Accept-Encoding", "gzip, deflate")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if x.cookie != "" {
		r.AddCookie(x.httpCookie())
	}
	resp, err := x.client.Do(r)
	x.fine(err)
	defer resp.Body.Close()
	from := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		from, err = gzip.NewReader(resp.Body)
		x.fine(err)
	}
	b, err := io.ReadAll(from)
	x.fine(err)
	return resp, string(b)
}

// needs are the files that a page cannot be shown without: styles, scripts,
// icons, pictures and frames.
var needs = regexp.MustCompile(`(?:<link[^>]*? href|<script[^>]*? src|<img[^>]*? src|<iframe[^>]*? src)="([^"]+)"`)

// load opens a page with all that it needs and is not kept yet, and returns
// what came over the wire.
func (x *scales) load(path string) int64 {
	x.t.Helper()
	before := x.came.Load()
	resp, body := x.fetch(http.MethodGet, path, nil)
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		x.t.Fatalf("%s: %s to %q", path, resp.Status, resp.Header.Get("Location"))
	}
	if resp.Header.Get("Content-Encoding") != "gzip" && path != "/login-page/preview" { // a page of the guests'
		x.t.Errorf("%s came as it is, not packed", path)
	}
	x.needed(path, body)
	return x.came.Load() - before
}

// needed fetches what a page needs.
func (x *scales) needed(path, body string) {
	x.t.Helper()
	for _, m := range needs.FindAllStringSubmatch(body, -1) {
		file := strings.ReplaceAll(m[1], "&amp;", "&")
		if x.kept[file] || strings.Contains(m[0], `rel="alternate"`) || strings.Contains(m[0], `rel="canonical"`) {
			continue
		}
		if !strings.HasPrefix(file, "/") || strings.HasPrefix(file, "//") {
			x.t.Errorf("%s needs %s, which is not the router's", path, file)
			continue
		}
		resp, in := x.fetch(http.MethodGet, file, nil)
		if resp.StatusCode != http.StatusOK {
			x.t.Errorf("%s needs %s: %s", path, file, resp.Status)
		}
		x.kept[file] = strings.Contains(resp.Header.Get("Cache-Control"), "immutable")
		if strings.Contains(m[0], "<iframe") {
			x.needed(file, in)
		}
	}
}

// TestPanelWeight signs in over a connection that counts, then opens every
// page of a venue in use. With -v it prints the table.
func TestPanelWeight(t *testing.T) {
	v := newVenue(t, true)
	v.key()
	x := v.scales()
	cookie := x.cookie
	x.cookie = ""
	first := x.load(panel.PathSignIn)
	before := x.came.Load()
	if resp, _ := x.fetch(http.MethodPost, panel.PathSignIn, url.Values{"email": {venueOwner}, "password": {panelPassword}}); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign in: %s", resp.Status)
	}
	x.cookie = cookie
	first += x.came.Load() - before + x.load("/")
	t.Logf("%7d bytes  first load: sign-in page, style, script, icon, signing in, dashboard", first)
	if first > maxFirstLoad {
		t.Errorf("the first load is %d bytes, of %d", first, maxFirstLoad)
	}
	for _, path := range v.paths() {
		n := x.load(path)
		t.Logf("%7d bytes  %s", n, path)
		if n > maxLaterPage {
			t.Errorf("%s is %d bytes, of %d", path, n, maxLaterPage)
		}
	}
}

// TestPanelAssets: what the panel's pages share is packed when the program
// starts, and kept by browsers for as long as its content, whose mark is in
// the address, is the same.
func TestPanelAssets(t *testing.T) {
	v := newVenue(t, false)
	x := v.scales()
	_, page := x.fetch(http.MethodGet, "/", nil)
	var got []string
	for _, m := range needs.FindAllStringSubmatch(page, -1) {
		path, mark, _ := strings.Cut(m[1], "?")
		resp, _ := x.fetch(http.MethodGet, m[1], nil)
		if mark == "" || resp.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: mark %q, packed as %q, kept as %q", path, mark, resp.Header.Get("Content-Encoding"), resp.Header.Get("Cache-Control"))
		}
		if resp, _ := x.fetch(http.MethodGet, path+"?another", nil); strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s under another mark may be kept: %q", path, resp.Header.Get("Cache-Control"))
		}
		got = append(got, path)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"/assets/icon.svg", "/assets/panel.css", "/assets/panel.js"}, slices.Compact(got)); diff != "" {
		t.Errorf("the first page needs:\n%s", diff)
	}
}

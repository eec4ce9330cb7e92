package entry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/operators"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/entry"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"

	"github.com/valyala/quicktemplate"
)

const (
	mail     = "ada@example.com"
	password = "rain falls on tin"
	wrong    = "sun shines on tin"
)

// house is a router with operators, and the panel that they get into.
type house struct {
	*testing.T
	store   *hotspottest.Store
	clock   *hotspottest.Clock
	service *hotspot.Service
	people  *operators.Operators
	url     string

	mu       sync.Mutex // guards what follows
	detected []entry.Fact
	handler  http.Handler
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, store: hotspottest.NewStore(), clock: hotspottest.NewClock(time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC)),
		detected: []entry.Fact{
			{Check: "guest interface", Verdict: "ok", Found: hotspot.Textf("br-guest is up: 192.168.0.1/24")},
			{Check: "uplink", Verdict: "problem", Found: hotspot.Textf("there is no IPv4 default route: the router has no internet"), Remedy: hotspot.Textf("see to the router's own connection first: is the cable in, did the uplink get an address?")},
			{Check: "DHCP", Verdict: "warning", Found: hotspot.Textf("dnsmasq serves DHCP; network.leases is not set"), Remedy: hotspot.Textf("set network.leases to its lease file")},
			{Check: "clock", Verdict: "unknown", Found: hotspot.Textf("whether the clock is kept right: not known")},
			{Check: "a check of tomorrow", Verdict: "of another kind", Found: hotspot.Textf("something")},
		}}
	h.start()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		next := h.handler
		h.mu.Unlock()
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

// start begins a run on the store, as after a cut of power.
func (h *house) start() {
	h.Helper()
	zone := time.FixedZone("Europe/Rome", 2*60*60)
	h.service = hotspot.New(hotspot.Config{Store: h.store, Gate: memory.New(memory.Now(h.clock.Mono)), Hosts: &hotspottest.Hosts{},
		Clock: h.clock, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: zone})
	h.fine(h.service.Start(h.Context()))
	h.people = operators.New(operators.Config{Store: h.store, Sealer: box{}, Now: h.service.Now, Mono: h.clock.Mono,
		Log: slog.New(slog.DiscardHandler), MaxMemory: 4 << 10}) // tests hash a lot
	p, err := panel.New(panel.Config{
		People: h.people, FormToken: operators.FormToken, Log: slog.New(slog.NewTextHandler(h.Output(), nil)),
		Site: func() string { return h.service.Settings().VenueName },
		Now:  func() time.Time { now, _ := h.service.Now(); return now.In(zone) },
		Sections: []panel.Section{home(), entry.New(entry.Config{Operators: h.people, Service: h.service,
			Detected: func(context.Context) []entry.Fact { return h.detected }})},
	})
	h.fine(err)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handler = p
}

// home has pages to get to: the first one, the vouchers' and that to print them.
func home() panel.Section {
	text := func(q *panel.Request) {
		q.Show("Page "+q.URL.Path, func(w *quicktemplate.Writer) {
			parts.StreamEmpty(w, &parts.EmptyView{Title: "You are at " + q.URL.RequestURI()})
		})
	}
	page := func(path string) panel.Page {
		return panel.Page{Method: http.MethodGet, Path: path, Access: panel.SignedIn(), Serve: text}
	}
	return panel.Section{Pages: []panel.Page{page("/"), page("/vouchers"), page("/print")}}
}

func (h *house) fine(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// add makes an operator on the command line.
func (h *house) add(email string, role api.Role) api.Operator {
	h.Helper()
	op, err := h.people.Create(h.Context(), api.Local(), api.NewOperator{Email: email, Role: role, Password: password})
	h.fine(err)
	return op
}

// box is a sealer that seals nothing.
type box struct{}

func (box) Seal(plain []byte) []byte           { return bytes.Clone(plain) }
func (box) Open(sealed []byte) ([]byte, error) { return sealed, nil }

// visitor is a browser, without its looks.
type visitor struct {
	*house
	client *http.Client
	jar    http.CookieJar
	page   answer // the last one
}

type answer struct {
	status int
	header http.Header
	body   string
	path   string // where it was
}

func (h *house) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	h.fine(err)
	return &visitor{house: h, jar: jar, client: &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// in is a visitor who has signed in.
func (h *house) in(email string) *visitor {
	h.Helper()
	v := h.visitor()
	v.get("/sign-in").post("/sign-in", "email", email, "password", password).at("/")
	return v
}

// do sends a request and follows redirects, as a browser does.
func (v *visitor) do(r *http.Request) *visitor {
	v.Helper()
	for range 5 {
		resp, err := v.client.Do(r)
		v.fine(err)
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		v.fine(err)
		v.page = answer{resp.StatusCode, resp.Header, html.UnescapeString(string(b)), r.URL.RequestURI()}
		to := resp.Header.Get("Location")
		if to == "" {
			return v
		}
		if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
			v.Fatalf("%s leads to %q", r.URL, to)
		}
		r = v.request(http.MethodGet, to, nil)
	}
	v.Fatalf("redirects without end: %s", v.page.path)
	return v
}

func (v *visitor) request(method, path string, body io.Reader) *http.Request {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), method, v.url+path, body)
	v.fine(err)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	return r
}

func (v *visitor) get(path string) *visitor {
	v.Helper()
	return v.do(v.request(http.MethodGet, path, nil))
}

// form is a POST with the token of the last page.
func (v *visitor) form(path string, fields ...string) *http.Request {
	v.Helper()
	form := url.Values{}
	if token := v.token(); token != "" {
		form.Set("token", token)
	}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := v.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", v.url)
	r.Header.Set("Referer", v.url+v.page.path)
	return r
}

func (v *visitor) post(path string, fields ...string) *visitor {
	v.Helper()
	return v.do(v.form(path, fields...))
}

var tokens = regexp.MustCompile(`name="token" value="([^"]+)"`)

func (v *visitor) token() string {
	if m := tokens.FindStringSubmatch(v.page.body); m != nil {
		return m[1]
	}
	return ""
}

func (v *visitor) at(path string) *visitor {
	v.Helper()
	if v.page.path != path || v.page.status != http.StatusOK {
		v.Fatalf("at %s with status %d, want %s\n%s", v.page.path, v.page.status, path, said(v.page.body))
	}
	return v
}

// refused checks that a form is shown again, with a text.
func (v *visitor) refused(status int, text string) *visitor {
	v.Helper()
	if v.page.status != status || !strings.Contains(v.page.body, text) {
		v.Fatalf("%s: status %d, want %d and %q\n%s", v.page.path, v.page.status, status, text, said(v.page.body))
	}
	return v
}

func (v *visitor) has(texts ...string) *visitor {
	v.Helper()
	for _, text := range texts {
		if !strings.Contains(v.page.body, text) {
			v.Errorf("%s lacks %q:\n%s", v.page.path, text, said(v.page.body))
		}
	}
	return v
}

func (v *visitor) lacks(texts ...string) *visitor {
	v.Helper()
	for _, text := range texts {
		if strings.Contains(v.page.body, text) {
			v.Errorf("%s has %q:\n%s", v.page.path, text, said(v.page.body))
		}
	}
	return v
}

// hides checks that the page has none of the passwords that were typed.
func (v *visitor) hides() *visitor {
	v.Helper()
	if typed := regexp.MustCompile(`type="password"[^>]* value="[^"]+"`).FindString(v.page.body); typed != "" {
		v.Errorf("%s has a password: %s", v.page.path, typed)
	}
	return v
}

// said is the text of a page's main part.
func said(body string) string {
	_, main, _ := strings.Cut(body, "<main")
	return regexp.MustCompile(`\s*<[^>]*>\s*`).ReplaceAllString("<"+main, " ")
}

// cookie is the session's.
func (v *visitor) cookie() string {
	at, err := url.Parse(v.url)
	v.fine(err)
	for _, c := range v.jar.Cookies(at) {
		if c.Name == "vouchsafe" {
			return c.Value
		}
	}
	return ""
}

// setCookie puts one into the browser.
func (v *visitor) setCookie(value string) {
	at, err := url.Parse(v.url)
	v.fine(err)
	v.jar.SetCookies(at, []*http.Cookie{{Name: "vouchsafe", Value: value, Path: "/"}})
}

// who is whom a cookie opens the panel to; nil: nobody.
func (h *house) who(cookie string) *api.Principal {
	p, err := h.people.Session(h.Context(), cookie, netip.MustParseAddr("127.0.0.1"), true)
	if err != nil {
		return nil
	}
	return p
}

// trail is the audit log, oldest first, as "actor action subject".
func (h *house) trail() (out []string) {
	h.Helper()
	rows, err := h.service.Audit(h.Context(), 0, 1000)
	h.fine(err)
	for _, row := range rows {
		out = append([]string{row.Actor.Name + " " + string(row.Action) + " " + row.Subject}, out...)
	}
	return out
}

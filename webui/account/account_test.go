package account_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/webui/account"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// no is a refusal with its status.
type no int

func (n no) Error() string { return http.StatusText(int(n)) }

// cloud is an account of the test's own.
type cloud struct {
	acc     account.Account
	routers []account.Router
	tokens  []account.Token
	did     []string
	fails   error
}

const theToken = "ABCDEFGH-ABCD-ABCD-ABCD-ABCDEFGH"

func (c *cloud) Open(_ context.Context, token string) (account.Account, error) {
	if token != theToken {
		return account.Account{}, no(401)
	}
	return c.acc, nil
}

func (c *cloud) Routers(_ context.Context, _, after string) ([]account.Router, string, error) {
	i := 0
	if after != "" {
		if i = 1 + slices.IndexFunc(c.routers, func(r account.Router) bool { return r.Prefix == after }); i == 0 {
			return nil, "", no(422)
		}
	}
	page := c.routers[i:min(i+onPage, len(c.routers))]
	if i+onPage < len(c.routers) {
		return page, page[onPage-1].Prefix, c.fails
	}
	return page, "", c.fails
}

// onPage is how many routers the test's cloud has on a page.
const onPage = 3

func (c *cloud) Router(_ context.Context, _, prefix string) (account.Router, error) {
	i := slices.IndexFunc(c.routers, func(r account.Router) bool { return r.Prefix == prefix })
	if i < 0 {
		return account.Router{}, no(404)
	}
	return c.routers[i], c.fails
}
func (c *cloud) NewClaim(context.Context, string) (string, time.Time, error) {
	return "ABCD-EFGH-IJKL-MNOP", now().Add(15 * time.Minute), c.do("claim")
}
func (c *cloud) Rotate(_ context.Context, _, p string) error       { return c.do("rotate " + p) }
func (c *cloud) RemoveRouter(_ context.Context, _, p string) error { return c.do("remove " + p) }
func (c *cloud) Tokens(context.Context, string) ([]account.Token, error) {
	return c.tokens, nil
}

func (c *cloud) CreateToken(_ context.Context, _, name string, days int) (string, error) {
	switch {
	case name == "UPPER":
		return "", no(422)
	case name == "first":
		return "", no(409)
	case days != -1 && days != 30 && days != 365:
		return "", no(422)
	}
	return "ZYXWVUTS-ABCD-ABCD-ABCD-ABCDEFGH", c.do("token " + name)
}

func (c *cloud) RemoveToken(_ context.Context, _, name string) error {
	if name == "gone" {
		return no(404)
	}
	return c.do("remove token " + name)
}

func (c *cloud) SetLicense(_ context.Context, _, text string) error {
	if text != "good.license" {
		return no(422)
	}
	return c.do("license")
}

func (c *cloud) do(what string) error {
	if c.fails == nil {
		c.did = append(c.did, what)
	}
	return c.fails
}

func now() time.Time { return time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC) }

// site is the page, with a browser's cookie.
type site struct {
	t       *testing.T
	cloud   *cloud
	handler http.Handler
	cookie  *http.Cookie
	now     time.Time
}

func newCloud() *cloud {
	return &cloud{
		acc: account.Account{ID: "abcde234", Name: "Hotel Meridian", Token: "first", Usage: 2, Limit: 10, Licensed: true, Expires: now().AddDate(1, 0, 0)},
		routers: []account.Router{
			{Prefix: "0123456789", Host: "0123456789.cloud.example.com", Name: "Lobby", Version: "0.5.0", Online: true, LastSeen: now()},
			{Prefix: "abcdef0123", Host: "abcdef0123.cloud.example.com", Name: "Beach bar", Version: "0.4.2", LastSeen: now().Add(-50 * time.Hour)},
		},
		tokens: []account.Token{{Name: "first"}, {Name: "old", Expires: now().Add(-time.Hour)}, {Name: "pms", Expires: now().AddDate(0, 2, 0)}},
	}
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, cloud: newCloud(), now: now()}
	var err error
	s.handler, err = account.New(account.Config{Service: s.cloud, Site: "cloud.example.com", Secret: make([]byte, 32), Now: func() time.Time { return s.now },
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Status: func(err error) int {
			var n no
			errors.As(err, &n)
			return int(n)
		}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) do(method, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, "https://api.cloud.example.com"+path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://api.cloud.example.com")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if s.cookie != nil {
		r.AddCookie(s.cookie)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if s.cookie = c; c.MaxAge < 0 {
			s.cookie = nil
		}
	}
	return w
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// token is the form token of a page.
func (s *site) token(path string) string {
	s.t.Helper()
	m := tokenField.FindStringSubmatch(s.do("GET", path, nil).Body.String())
	if m == nil {
		s.t.Fatalf("%s has no form", path)
	}
	return m[1]
}

func (s *site) signIn() {
	s.t.Helper()
	if w := s.do("POST", "/sign-in", url.Values{"account_token": {" " + theToken + " "}}); w.Code != http.StatusSeeOther || s.cookie == nil {
		s.t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, account.Files) }

func TestSignIn(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/", "/tokens", "/license", "/tokens/first/remove", "/routers/0123456789/remove"} {
		if w := s.do("GET", path, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sign-in" || strings.Contains(w.Body.String(), "Lobby") {
			t.Errorf("%s: %d %s", path, w.Code, w.Header())
		}
	}
	w := s.do("POST", "/sign-in", url.Values{"account_token": {"wrong<script>"}})
	if w.Code != http.StatusUnprocessableEntity || s.cookie != nil || strings.Contains(w.Body.String(), "wrong&lt;") {
		t.Errorf("%d %v\n%s", w.Code, s.cookie, w.Body)
	}
	s.signIn()
	if c := s.cookie; c.Name != "__Host-account" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || strings.Contains(c.Value, theToken) {
		t.Errorf("%+v", c)
	}
	w = s.do("GET", "/", nil)
	for _, want := range []string{"Hotel Meridian", "abcde234", "Lobby", "abcdef0123.cloud.example.com", "not connected", "2 of 10"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%v", w.Header())
	}
	good := *s.cookie
	for name, value := range map[string]string{"cut": good.Value[:len(good.Value)-2], "other": strings.Repeat("A", len(good.Value)), "empty": "", "long": strings.Repeat("A", 5000)} {
		s.cookie = &http.Cookie{Name: good.Name, Value: value}
		if w := s.do("GET", "/", nil); w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	for _, at := range []time.Time{now().Add(13 * time.Hour), now().Add(-time.Hour)} { // the clock may be put back
		s.cookie, s.now = &good, at
		if w := s.do("GET", "/", nil); w.Code != http.StatusSeeOther {
			t.Errorf("at %v: %d", at, w.Code)
		}
	}
	s.cookie, s.now = &good, now()
	if w := s.do("POST", "/sign-out", url.Values{"token": {s.token("/")}}); w.Code != http.StatusSeeOther || s.cookie != nil {
		t.Errorf("%d %v", w.Code, s.cookie)
	}
}

// TestForms: each does what it says, once, and only for a form of a page of ours.
func TestForms(t *testing.T) {
	s := newSite(t)
	s.signIn()
	token := s.token("/")
	for _, tc := range []struct {
		path   string
		form   url.Values
		status int
		want   string // in the answer or where it leads
		did    string
	}{
		{"/claims", url.Values{}, 200, "ABCD-EFGH-IJKL-MNOP", "claim"},
		{"/routers/0123456789/rotate", url.Values{}, 303, "/?done=rotated", "rotate 0123456789"},
		{"/routers/0123456789/remove", url.Values{}, 303, "/?done=removed", "remove 0123456789"},
		{"/tokens", url.Values{"name": {"pms"}, "days": {"365"}}, 200, "ZYXWVUTS-ABCD-ABCD-ABCD-ABCDEFGH", "token pms"},
		{"/tokens", url.Values{"name": {"pms"}, "days": {"forever"}}, 200, "ZYXWVUTS-ABCD", "token pms"},
		{"/tokens", url.Values{"name": {"UPPER"}, "days": {"30"}}, 422, "UPPER", ""},
		{"/tokens", url.Values{"name": {"first"}, "days": {"30"}}, 422, "taken", ""},
		{"/tokens", url.Values{"name": {"a"}, "days": {"7"}}, 422, "aria-invalid", ""},
		{"/tokens/pms/remove", url.Values{}, 303, "/tokens?done=token_removed", "remove token pms"},
		{"/tokens/gone/remove", url.Values{}, 303, "/tokens?done=gone", ""},
		{"/license", url.Values{"license": {"good.license"}}, 303, "/license?done=license", "license"},
		{"/license", url.Values{"license": {`bad"><script>`}}, 422, "stays", ""},
	} {
		check := func(name string, w *httptest.ResponseRecorder, status int, want, did string) {
			t.Helper()
			got := strings.Join(s.cloud.did, "; ")
			if s.cloud.did = nil; w.Code != status || got != did || !strings.Contains(w.Body.String()+w.Header().Get("Location"), want) {
				t.Errorf("%s %s: %d %q, did %q", name, tc.path, w.Code, w.Header().Get("Location"), got)
			}
		}
		check("without token:", s.do("POST", tc.path, tc.form), 403, "", "")
		tc.form.Set("token", token)
		check("of another site:", s.do("POST", tc.path, tc.form, "Origin", "https://evil.example"), 403, "", "")
		check("of a router's host:", s.do("POST", tc.path, tc.form, "Origin", "https://0123456789.cloud.example.com", "Sec-Fetch-Site", "same-site"), 403, "", "")
		check("", s.do("POST", tc.path, tc.form), tc.status, tc.want, tc.did)
		if w := s.do("GET", tc.path, nil); w.Code == 200 && strings.Contains(w.Body.String(), "ZYXWVUTS") {
			t.Error("a token is shown again")
		}
	}
	s.cookie = nil
	if w := s.do("POST", "/claims", url.Values{"token": {token}}); w.Code != http.StatusSeeOther || s.cloud.did != nil {
		t.Errorf("nobody: %d %v", w.Code, s.cloud.did)
	}
}

// TestFailures: what cannot be done says so.
func TestFailures(t *testing.T) {
	s := newSite(t)
	s.signIn()
	token := s.token("/")
	for _, tc := range []struct {
		fails  error
		path   string
		status int
	}{
		{no(429), "/claims", 429}, {errors.New("disk"), "/claims", 500}, {no(404), "/routers/0123456789/rotate", 303}, {no(503), "/routers/0123456789/remove", 503},
	} {
		s.cloud.fails = tc.fails
		if w := s.do("POST", tc.path, url.Values{"token": {token}}); w.Code != tc.status || strings.Contains(w.Body.String(), "disk") {
			t.Errorf("%v %s: %d", tc.fails, tc.path, w.Code)
		}
	}
	s.cloud.fails = nil
	for path, status := range map[string]int{"/nothing": 404, "/routers/ffffffffff/remove": 303, "/?done=<script>": 200, "/tokens/%3Cscript%3E/remove": 200} {
		if w := s.do("GET", path, nil); w.Code != status || strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := s.do("POST", "/license", url.Values{"token": {token}, "license": {strings.Repeat("a", 20_000)}}); w.Code != 403 {
		t.Errorf("a large form: %d", w.Code)
	}
	if _, err := account.New(account.Config{Secret: []byte("short"), Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a short secret was taken")
	}
}

// TestLicenceEnded: whose licence has expired reads that, and not that there never
// was one.
func TestLicenceEnded(t *testing.T) {
	s := newSite(t)
	s.signIn()
	s.cloud.acc.Licensed, s.cloud.acc.Limit, s.cloud.acc.Expires = false, 1, time.Time{}
	s.cloud.acc.Ended, s.cloud.acc.EndedLimit = now().AddDate(0, -1, 0), 25
	for lang, want := range map[string]string{"en": "for 25 routers has expired: 14 June 2026 at 15:04 UTC", "it": "per 25 router è scaduta"} {
		if body := s.do("GET", "/license?lang="+lang, nil).Body.String(); !strings.Contains(body, want) || strings.Contains(body, "Without a licence") {
			t.Errorf("%s: %q is missing in\n%s", lang, want, body)
		}
	}
	if w := s.do("POST", "/claims", url.Values{"token": {s.token("/license")}}); !strings.Contains(w.Body.String(), "Name of the cloud") {
		t.Errorf("what to type into the router beside the code: %d %s", w.Code, w.Body)
	}
}

// TestPages: an account with more routers than a page has shows them all, page by
// page, and each can be asked about.
func TestPages(t *testing.T) {
	s := newSite(t)
	s.signIn()
	for i := range 2*onPage - 1 {
		s.cloud.routers = append(s.cloud.routers, account.Router{Prefix: fmt.Sprintf("000000000%d", i), Host: "x", Name: fmt.Sprintf("Room %d", i)})
	}
	next := regexp.MustCompile(`href="(/\?after=[0-9a-f]{10})"[^>]*rel="next"|rel="next"[^>]*href="(/\?after=[0-9a-f]{10})"`)
	seen, pages := 0, 0
	for path := "/"; path != ""; pages++ {
		w := s.do("GET", path, nil)
		if w.Code != http.StatusOK || pages == 5 {
			t.Fatalf("%s: %d", path, w.Code)
		}
		body := w.Body.String()
		seen += strings.Count(body, "/rotate\"")
		path = ""
		if m := next.FindStringSubmatch(body); m != nil {
			path = m[1] + m[2]
		}
	}
	if seen != len(s.cloud.routers) || pages != 3 {
		t.Errorf("%d of %d routers on %d pages", seen, len(s.cloud.routers), pages)
	}
	last := s.cloud.routers[len(s.cloud.routers)-1]
	if w := s.do("GET", "/routers/"+last.Prefix+"/remove", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), last.Name) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.do("GET", "/routers/ffffffffff/remove", nil); w.Header().Get("Location") != "/?done=gone" {
		t.Errorf("one that is gone: %d %s", w.Code, w.Header())
	}
	for _, after := range []string{"nowhere", last.Prefix, "%22%3E%3Cscript%3E"} {
		if w := s.do("GET", "/?after="+after, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
			t.Errorf("after %s: %d %s", after, w.Code, w.Header())
		}
	}
}

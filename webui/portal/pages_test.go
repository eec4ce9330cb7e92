package portal

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// TestRoutes asks every path with every method.
func TestRoutes(t *testing.T) {
	const see, ok, no, not = http.StatusSeeOther, http.StatusOK, http.StatusMethodNotAllowed, http.StatusNotFound
	for _, c := range []struct {
		path      string
		get, post int
		to        string // of a GET's redirect
	}{
		{"/", see, no, "/welcome"},
		{"/?code=A+1&passcode=b&u=http%3A%2F%2Fa.example&x=y", see, no, "/welcome?code=A+1&passcode=b&u=http%3A%2F%2Fa.example"},
		{"/welcome", ok, no, ""},
		{"/login", see, see, "/welcome"},
		{"/free", see, see, "/welcome"},
		{"/status", ok, no, ""},
		{"/logout", see, see, "/status"},
		{"/style.css", ok, no, ""},
		{"/icon.svg", ok, no, ""},
		{"/favicon.ico", not, not, ""},
		{"/welcome/", not, not, ""},
		{"/../etc/passwd", not, not, ""},
		{"/WELCOME", not, not, ""},
	} {
		get := newVenue(t).get(c.path)
		if get.Code != c.get || get.Header().Get("Location") != c.to {
			t.Errorf("GET %s: %d to %q, want %d to %q", c.path, get.Code, get.Header().Get("Location"), c.get, c.to)
		}
		head := newVenue(t).send(httptest.NewRequest(http.MethodHead, origin4+c.path, nil))
		if head.Code != c.get {
			t.Errorf("HEAD %s: %d", c.path, head.Code)
		}
		post := newVenue(t).post(c.path, typed)
		if post.Code != c.post {
			t.Errorf("POST %s: %d, want %d", c.path, post.Code, c.post)
		}
		if post.Code == no && post.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: Allow %q", c.path, post.Header().Get("Allow"))
		}
	}
	for _, path := range Paths() {
		if w := newVenue(t, func(v *venue) { v.logo = picture }).get(path); w.Code == not {
			t.Errorf("%s is listed and not there", path)
		}
	}
	r := httptest.NewRequest(http.MethodDelete, origin4+"/login", nil)
	if w := newVenue(t).send(r); w.Code != no || w.Header().Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("DELETE: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestOnlineGuestNeedsNoForm(t *testing.T) {
	v := newVenue(t, func(v *venue) { v.online = true })
	w := v.get("/welcome?u=http%3A%2F%2Fa.example%2F&code=x")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/status?u=http%3A%2F%2Fa.example%2F" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
}

// TestOwnHosts: every spelling of our addresses and names is served, at our
// port; nothing else is.
func TestOwnHosts(t *testing.T) {
	v := newVenue(t, func(v *venue) { v.cfg.Names = []string{"login.example"} })
	for host, want := range map[string]int{
		"192.168.0.1:2050":          http.StatusOK,
		"[fd00:1::1]:2050":          http.StatusOK,
		"[FD00:1:0::1]:2050":        http.StatusOK,
		"[::ffff:192.168.0.1]:2050": http.StatusOK,
		"login.example:2050":        http.StatusOK,
		"LOGIN.example.:2050":       http.StatusOK,
		"192.168.0.1":               http.StatusFound,
		"login.example":             http.StatusFound,
		"192.168.0.1:02050":         http.StatusFound,
		"rebound.example:2050":      http.StatusFound,
		"192.168.0.1.nip.io:2050":   http.StatusFound,
		"":                          http.StatusFound,
	} {
		r := httptest.NewRequest(http.MethodGet, "/welcome", nil)
		r.Host = host
		if w := v.send(r); w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	v := newVenue(t)
	for _, path := range append(Paths(), "/nowhere") {
		h := v.get(path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "same-origin",
			"Cache-Control":           "no-store",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s %s: %q", path, name, got)
			}
		}
	}
	style := between(v.get("/welcome").Body.String(), `rel="stylesheet" href="`, `"`)
	if got := v.get(style).Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("%s: Cache-Control %q", style, got)
	}
}

// TestHostileText puts markup into everything that comes from outside.
func TestHostileText(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'{{.}}`
	pages := map[string]string{}
	v := newVenue(t, func(v *venue) {
		s := &v.settings
		s.VenueName, s.PortalTitle, s.PortalText, s.PortalTerms = evil, evil, evil, evil
		v.guest.Login, v.guest.Name, v.guest.Host.Name = evil, evil, evil
		v.why = &hotspot.Error{Code: hotspot.Code(evil), Text: evil}
		v.refusal = &hotspot.Error{Code: hotspot.CodeUnknownCode, Text: evil, Field: evil}
	})
	link := "?code=" + urlEscape(evil) + "&passcode=" + urlEscape(evil) + "&u=" + urlEscape("http://a.example/"+evil) + "&bye=" + urlEscape(evil)
	pages["welcome"] = v.get("/welcome" + link).Body.String()
	pages["refused"] = v.post("/login", map[string][]string{"code": {evil}, "passcode": {evil}, "u": {"http://a.example/?" + strings.ReplaceAll(evil, " ", "+")}}).Body.String()
	pages["offline"] = v.get("/status" + link).Body.String()
	pages["not found"] = v.get("/" + urlEscape(evil)).Body.String()
	v.online = true
	pages["status"] = v.get("/status?u=" + urlEscape("http://a.example/?"+strings.ReplaceAll(evil, " ", "+"))).Body.String()
	r := httptest.NewRequest(http.MethodGet, "http://a.example/?"+strings.ReplaceAll(evil, " ", "+"), nil)
	r.Header.Set("Accept", "text/html")
	pages["catch"] = v.send(r).Body.String()
	for name, body := range pages {
		if strings.Contains(body, "<script") || strings.Contains(body, "<img src=x") || len(body) < 100 {
			t.Errorf("%s:\n%s", name, body)
		}
	}
	if !strings.Contains(pages["status"], `href="http://a.example/?`) {
		t.Errorf("no link to go on:\n%s", pages["status"])
	}
}

func urlEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

func TestTidyField(t *testing.T) {
	for in, want := range map[string]string{
		" a b ":                 "a b",
		"a\r\nb\x00":            "ab",
		"\xff":                  "",
		strings.Repeat("é", 70): strings.Repeat("é", 64),
		"line\u2028separator":   "line\u2028separator",
		"tab\there":             "tabhere",
		"\u0085next line\u009f": "next line",
	} {
		if got := tidyField(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestTexts: every key that is used has a text, and every text is used.
func TestTexts(t *testing.T) {
	langs, err := webui.NewLanguages(files)
	if err != nil {
		t.Fatal(err)
	}
	l := langs.Default()
	var used []string
	literal := regexp.MustCompile(`"((?:[a-z]+\.)[a-z_.]+)"`)
	for _, pattern := range []string{"*.go", "*.qtpl"} {
		names, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil || len(names) == 0 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".qtpl.go") {
				continue
			}
			for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
				used = append(used, m[1])
			}
		}
	}
	b, err := webui.TextFile(files, "en")
	if err != nil {
		t.Fatal(err)
	}
	families := []string{"refused.", "ended.", "message.", "status.down", "status.up", "status.total", "catch.", "bounce."}
	for _, m := range regexp.MustCompile(`(?m)^    "([^"]+)":`).FindAllStringSubmatch(string(b), -1) {
		composed := slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(m[1], f) })
		if !composed && !slices.Contains(used, m[1]) {
			t.Errorf("the text %q is not used", m[1])
		}
	}
	for _, k := range used {
		if strings.HasSuffix(k, ".") || strings.HasSuffix(k, ".com") || strings.HasSuffix(k, ".org") || strings.Contains(k, ".html") {
			continue
		}
		if first, _, _ := strings.Cut(k, "."); slices.Contains([]string{"site", "welcome", "voucher", "free", "email", "venue", "field", "terms", "status", "refused", "message"}, first) && !l.Has(k) {
			t.Errorf("there is no text %q", k)
		}
	}
	for code := range refusals {
		if !l.Has("refused." + string(code)) {
			t.Errorf("there is no text for the refusal %q", code)
		}
	}
	for _, what := range []string{"unknown_device", "foreign", "not_found", "wrong_method", "bad_form", "internal", "blocked"} {
		if !l.Has("message."+what) || !l.Has("message."+what+".title") {
			t.Errorf("there is no text for the message %q", what)
		}
	}
}

func TestConfig(t *testing.T) {
	_, err := New(Config{Methods: []Method{fakeMethod{name: hotspot.MethodMobile}}})
	for _, want := range []string{"Config.Service", "Config.Log", "Config.Addresses", "Config.Port", `"mobile"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

package portal

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// quiet is for a venue that serves all inputs of a fuzz target: they are many,
// and what is logged would go to a test that is over.
func quiet(v *venue) { v.cfg.Log = slog.New(slog.DiscardHandler) }

// FuzzForm posts arbitrary forms to the login, which is refused and shows what
// was typed again. Whatever it is, the page has no other elements and
// attributes than with a harmless code, and no link that runs a script.
func FuzzForm(f *testing.F) {
	for _, s := range []string{
		"code=K7MPQ2&passcode=x&u=http%3A%2F%2Fexample.com%2F",
		"code=%22%27%3E%3Cscript%3Ealert(1)%3C/script%3E", "code=%00%ff%E2%80%AE&passcode=;", "code=a&code=b&u=javascript:alert(1)",
		"code=" + strings.Repeat("%F0%9F%98%80", 70), "code=%", "u=http%3A%2F%2Fa%22onclick%3D%22b%2F&code=x", "&&=&", "",
	} {
		f.Add([]byte(s))
	}
	const harmless = "code=K7MPQ2&passcode=x&u=http%3A%2F%2Fexample.com%2F"
	v := newVenue(f, quiet, func(v *venue) { v.refusal = hotspot.ErrUnknownCode })
	allowed := parts(postRaw(v, harmless).Body.String(), nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		v.forms = nil
		w := postRaw(v, string(body))
		switch w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		default:
			t.Fatalf("%q: status %d", body, w.Code)
		}
		page := w.Body.String()
		if !utf8.ValidString(page) {
			t.Fatalf("%q: the page is not UTF-8", body)
		}
		if w.Code != http.StatusOK {
			return
		}
		found := parts(page, func(name, value string) {
			if (name == "href" || name == "action") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(value)), "javascript:") {
				t.Fatalf("%q: %s=%q", body, name, value)
			}
		})
		for part := range found {
			if !allowed[part] {
				t.Fatalf("%q puts %s on the page", body, part)
			}
		}
	})
}

func postRaw(v *venue, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, origin4+pathLogin, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin4)
	return v.send(r)
}

// parts lists the elements of a page, with each attribute's name. Attributes
// are shown to see, too, if it is not nil.
func parts(page string, see func(name, value string)) map[string]bool {
	all := map[string]bool{}
	for z := html.NewTokenizer(strings.NewReader(page)); z.Next() != html.ErrorToken; {
		tok := z.Token()
		if tok.Type != html.StartTagToken && tok.Type != html.SelfClosingTagToken && tok.Type != html.CommentToken {
			continue
		}
		if tok.Type == html.CommentToken {
			tok.Data = "a comment"
		}
		all[tok.Data] = true
		for _, a := range tok.Attr {
			all[tok.Data+" "+a.Key] = true
			if see != nil {
				see(a.Key, a.Val)
			}
		}
	}
	return all
}

// FuzzWelcome opens the login page by arbitrary links, as a QR code or a
// forged page may hold them.
func FuzzWelcome(f *testing.F) {
	f.Add("code=K7MPQ2&passcode=x&u=http%3A%2F%2Fexample.com%2F", "de", "curl")
	f.Add("code=%22%3E%3Cimg src=x onerror=alert(1)%3E&u=javascript:alert(1)&bye=1", "en-\x00,*;q=9", "<script>")
	v := newVenue(f, quiet)
	full := v.get("/welcome?code=K7MPQ2&passcode=x&bye=1&u=http%3A%2F%2Fexample.com%2F")
	allowed := parts(full.Body.String(), nil)
	f.Fuzz(func(t *testing.T, query, language, agent string) {
		r := httptest.NewRequest(http.MethodGet, origin4+pathWelcome, nil)
		r.URL = &url.URL{Path: pathWelcome, RawQuery: query}
		r.Header.Set("Accept-Language", language)
		r.Header.Set("User-Agent", agent)
		w := v.send(r)
		if w.Code != http.StatusOK || !utf8.ValidString(w.Body.String()) {
			t.Fatalf("%q: status %d", query, w.Code)
		}
		for part := range parts(w.Body.String(), nil) {
			if !allowed[part] {
				t.Fatalf("%q puts %s on the page", query, part)
			}
		}
	})
}

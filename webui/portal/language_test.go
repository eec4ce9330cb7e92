package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, files) }

// arabicVenue is one whose own texts are in Arabic.
func arabicVenue(v *venue) {
	s := &v.settings
	s.VenueName, s.PortalTitle, s.PortalText, s.PortalTerms = "مقهى الميناء", "", "استمتع", "شروط"
}

// latin finds words that are not Arabic; the name of the radio network is the
// same everywhere.
var latin = regexp.MustCompile(`[A-Za-z]+`)

// TestArabicIsArabic: nothing on a page is left in English but names of
// languages, codes and addresses, which stand in elements of their own.
func TestArabicIsArabic(t *testing.T) {
	for _, s := range scenes() {
		if s.name == "welcome-long" || s.name == "status-long" {
			continue // a venue's German
		}
		body := newVenue(t, append(s.changes(), arabicVenue)...).send(s.in("ar").request(origin4)).Body.String()
		doc, err := xhtml.Parse(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Type != xhtml.TextNode || n.Parent.Data == "bdi" || attribute(n.Parent, "hreflang") != "" {
				continue
			}
			if found := latin.FindString(strings.ReplaceAll(n.Data, "Wi-Fi", "")); found != "" {
				t.Errorf("%s: %q in %q", s.name, found, n.Data)
			}
		}
		root := doc.FirstChild.NextSibling
		if attribute(root, "lang") != "ar" || attribute(root, "dir") != "rtl" {
			t.Errorf("%s: %v", s.name, root.Attr)
		}
	}
}

func attribute(n *xhtml.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// TestTextsSurviveTranslation: every text of a guest's page differs from the
// English one, or is the same word in both languages.
func TestTextsSurviveTranslation(t *testing.T) {
	v := newVenue(t)
	for _, lang := range otherLanguages {
		for _, r := range []hotspot.Code{hotspot.CodeUnknownCode, hotspot.CodeTimeUsed, hotspot.CodeDisabled, hotspot.CodeOtherDevice} {
			v.refusal = &hotspot.Error{Code: r}
			told := between(v.post("/login?lang="+lang, typed).Body.String(), `role="alert"><p>`, "</p>")
			if plain := between(v.post("/login", typed).Body.String(), `role="alert"><p>`, "</p>"); told == "" || told == plain {
				t.Errorf("%s: %s is told as %q", lang, r, told)
			}
		}
	}
}

// TestChoiceIsKept walks all of a guest's way in a chosen language, with a
// browser that wants another one and keeps no cookies.
func TestChoiceIsKept(t *testing.T) {
	v := newVenue(t)
	ask := func(method, path string, form url.Values) *httptest.ResponseRecorder {
		t.Helper()
		s := scene{method: method, path: path, form: form}
		r := s.request(origin4)
		r.Header.Set("Accept-Language", "it-CH, it;q=0.9")
		w := v.send(r)
		if len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: cookies", path)
		}
		return w
	}
	shows := func(w *httptest.ResponseRecorder, lang string) string {
		t.Helper()
		body := w.Body.String()
		if got := between(body, `<html lang="`, `"`); w.Code != http.StatusOK || got != lang {
			t.Errorf("status %d, language %q, want %q", w.Code, got, lang)
		}
		if got := w.Header().Values("Vary"); len(got) != 1 || got[0] != "Accept-Language" {
			t.Errorf("Vary %q", got)
		}
		return body
	}
	leads := func(w *httptest.ResponseRecorder, want string) {
		t.Helper()
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("%d to %q, want %q", w.Code, got, want)
		}
	}
	const target = "u=http%3A%2F%2Fexample.com%2F"
	body := shows(ask("GET", "/welcome?code=A1&"+target, nil), "it")
	if !strings.Contains(body, `href="/welcome?code=A1&amp;lang=ar&amp;`+target+`"`) || !strings.Contains(body, `action="/login"`) {
		t.Errorf("no way to Arabic:\n%s", body)
	}
	body = shows(ask("GET", "/welcome?code=A1&lang=ar&"+target, nil), "ar")
	if !strings.Contains(body, `action="/login?lang=ar"`) || !strings.Contains(body, `action="/free?lang=ar"`) {
		t.Errorf("the forms forget the language:\n%s", body)
	}
	v.refusal = hotspot.ErrUnknownCode
	form := url.Values{"code": {"B2"}, "passcode": {"x"}, "u": {"http://example.com/"}}
	body = shows(ask("POST", "/login?lang=ar", form), "ar")
	if !strings.Contains(body, `href="/welcome?code=B2&amp;lang=en&amp;`+target+`"`) {
		t.Errorf("another language forgets the code:\n%s", body)
	}
	leads(ask("GET", "/login?lang=ar", nil), "/welcome?lang=ar") // a reload
	leads(ask("GET", "/?lang=ar&"+target, nil), "/welcome?lang=ar&"+target)
	v.refusal = nil
	leads(ask("POST", "/login?lang=ar", form), "/status?lang=ar&"+target)
	leads(ask("GET", "/welcome?lang=ar", nil), "/status?lang=ar")
	body = shows(ask("GET", "/status?lang=ar&"+target, nil), "ar")
	if !strings.Contains(body, `href="/status?lang=ar&amp;`+target+`"`) || !strings.Contains(body, `action="/logout?lang=ar"`) ||
		!strings.Contains(body, `href="/status?lang=it&amp;`+target+`"`) {
		t.Errorf("the status page forgets the language:\n%s", body)
	}
	leads(ask("POST", "/logout?lang=ar", url.Values{}), "/welcome?bye=1&lang=ar")
	body = shows(ask("GET", "/welcome?bye=1&lang=ar", nil), "ar")
	if !strings.Contains(body, `href="/welcome?bye=1&amp;lang=it"`) {
		t.Errorf("another language forgets the logout:\n%s", body)
	}
	body = shows(ask("GET", "/status?lang=ar", nil), "ar")
	if !strings.Contains(body, `class="button" href="/welcome?lang=ar"`) {
		t.Errorf("the way back forgets the language:\n%s", body)
	}
	leads(ask("GET", "/logout?lang=ar", nil), "/status?lang=ar")
	leads(ask("GET", "/login?lang=xx", nil), "/welcome")
}

// TestCaughtInLanguage: the page of the redirect is in the browser's language,
// and an address of the router without the portal's port keeps a choice.
func TestCaughtInLanguage(t *testing.T) {
	v := newVenue(t)
	r := caught(t, "GET / HTTP/1.1\r\nHost: example.com\r\nAccept-Language: ar-EG, en;q=0.5\r\n\r\n")
	w := v.send(r)
	if body := w.Body.String(); !strings.Contains(body, `<html lang="ar" dir="rtl">`) || w.Header().Get("Vary") != "Accept-Language" {
		t.Errorf("Vary %q, %s", w.Header().Get("Vary"), body)
	}
	r = caught(t, "GET /?lang=it&code=x HTTP/1.1\r\nHost: 192.168.0.1\r\n\r\n")
	if got := v.send(r).Header().Get("Location"); got != origin4+"/welcome?code=x&lang=it" {
		t.Errorf("sent to %s", got)
	}
}

// TestFreshVenueGreets: before an operator has written a word of theirs, guests
// are greeted in their own language.
func TestFreshVenueGreets(t *testing.T) {
	fresh := func(v *venue) { v.settings = hotspot.DefaultSettings() }
	heading := regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`)
	seen := map[string]string{}
	for _, lang := range []string{"en", "it", "ar"} {
		r := httptest.NewRequest(http.MethodGet, origin4+"/welcome?lang="+lang, nil)
		m := heading.FindStringSubmatch(newVenue(t, fresh).send(r).Body.String())
		if m == nil {
			t.Fatalf("%s: no heading", lang)
		}
		if other, twice := seen[m[1]]; twice {
			t.Errorf("%s and %s are both greeted with %q", other, lang, m[1])
		}
		seen[m[1]] = lang
	}
}

package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestThemeIsReadable: whatever colour an operator chooses, texts in it and on
// it can be read, in light and in dark.
func TestThemeIsReadable(t *testing.T) {
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				c := rgb{uint8(r), uint8(g), uint8(b)}
				if got := contrast(c, c.ink()); got < readable {
					t.Fatalf("%s: %s on it has a contrast of %.2f", c, c.ink(), got)
				}
				for _, on := range []struct{ toward, paper, card rgb }{{black, lightPaper, white}, {white, darkPaper, rgb{0x10, 0x16, 0x15}}} {
					accent := c.towards(on.toward, on.paper)
					if contrast(accent, on.paper) < readable || contrast(accent, on.card) < readable || contrast(accent, accent.ink()) < readable {
						t.Fatalf("%s: its shade %s cannot be read on %s", c, accent, on.paper)
					}
					if contrast(c, on.paper) >= readable && accent != c {
						t.Fatalf("%s is readable on %s, and made %s", c, on.paper, accent)
					}
				}
			}
		}
	}
	if got := fmt.Sprintf("%.2f %.2f", contrast(black, white), contrast(rgb{0x77, 0x77, 0x77}, white)); got != "21.00 4.48" {
		t.Errorf("contrasts %s", got)
	}
}

// TestTheme: the colour comes in a style sheet of ours, which says nothing else.
func TestTheme(t *testing.T) {
	v := newVenue(t)
	if body := v.get("/welcome").Body.String(); strings.Contains(body, pathTheme) {
		t.Error("a theme without a colour")
	}
	v.settings.Portal.Color = hotspot.DefaultColor
	if body := v.get("/welcome").Body.String(); strings.Contains(body, pathTheme) {
		t.Error("a theme for the colour that the style has")
	}
	v.settings.Portal.Color = "#ffcc00"
	link := between(v.get("/welcome").Body.String(), `<link rel="stylesheet" href="/theme.css`, `"`)
	w := v.get("/theme.css" + link)
	if want := ":root{--accent:#876c00;--on-accent:#ffffff;--fill:#ffcc00;--on-fill:#000000}\n@media (prefers-color-scheme:dark){:root{--accent:#ffcc00;--on-accent:#000000;--fill:#ffcc00;--on-fill:#000000}}\n"; w.Body.String() != want {
		t.Errorf("theme %q, want %q", w.Body.String(), want)
	}
	if h := w.Header(); !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("headers %v", h)
	}
	plain := v.get("/theme.css").Body.String()
	for _, hostile := range []string{"}*{x:y", "ffcc0", "ffcc000", "-fcc00", "+fcc00", "0xfc00", "<script>", ""} {
		if got := v.get("/theme.css?c=" + url.QueryEscape(hostile)); got.Body.String() != plain || got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %q, %s", hostile, got.Body.String(), got.Header().Get("Cache-Control"))
		}
	}
}

func TestLogo(t *testing.T) {
	v := newVenue(t, func(v *venue) { v.logo = picture })
	src := between(v.get("/welcome").Body.String(), `<img class="logo" src="`, `"`)
	w := v.get(src)
	if w.Code != http.StatusOK || w.Body.String() != string(picture.Data) {
		t.Errorf("%s: %d, %d bytes", src, w.Code, w.Body.Len())
	}
	if h := w.Header(); h.Get("Content-Type") != "image/png" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Cache-Control"), "immutable") {
		t.Errorf("headers %v", h)
	}
	if h := v.get("/logo?v=other").Header(); h.Get("Cache-Control") != "no-store" {
		t.Errorf("another version: %v", h)
	}
	v.logo = nil
	if w := v.get(src); w.Code != http.StatusNotFound {
		t.Errorf("without a logo: %d", w.Code)
	}
}

// TestOffered: pages are in the languages that the operator offers only.
func TestOffered(t *testing.T) {
	v := newVenue(t)
	v.settings.Portal.Languages, v.settings.Portal.Language = []string{"it", "ar"}, "it"
	for path, want := range map[string]string{"/welcome": "it", "/welcome?lang=ar": "ar", "/welcome?lang=en": "it"} {
		body := v.get(path).Body.String()
		if got := between(body, `<html lang="`, `"`); got != want {
			t.Errorf("%s is in %q, want %q", path, got, want)
		}
		if strings.Contains(body, "lang=en") {
			t.Errorf("%s offers English", path)
		}
	}
}

// TestAnswersComeBack: after a refusal a guest need not write all again, but
// for secrets.
func TestAnswersComeBack(t *testing.T) {
	v := newVenue(t, func(v *venue) {
		v.settings = asking(v.settings)
		v.refusal = &hotspot.Error{Code: hotspot.CodeWrongPassword, Field: fieldPassword}
	})
	form := url.Values{"passcode": {"secret-two"}, "terms": {"1"}}
	for k, values := range answered {
		form[k] = values
	}
	body := v.post(pathEmail, form).Body.String()
	for _, want := range []string{`value="anna@example"`, `value="Anna Lee"`, `value="12"`, `value="by &lt;bus&gt;"`, `id="email-terms" name="terms" value="1" checked`, `id="email-consent" name="consent" value="1" checked`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is lost", want)
		}
	}
	for _, secret := range []string{"secret-two", "wrong-one", "open sesame"} {
		if strings.Contains(body, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	if body := v.get("/welcome?" + form.Encode()).Body.String(); strings.Contains(body, "anna@") || strings.Contains(body, "checked") || strings.Contains(body, "wrong-one") {
		t.Error("a link fills in more than a code")
	}
	if !strings.Contains(body, `id="email-password" name="venue_password" value="" maxlength="64" dir="ltr" inputmode="text" autocomplete="off" autocapitalize="none" autocorrect="off" spellcheck="false" aria-invalid="true" aria-describedby="refusal" autofocus`) {
		t.Error("the password is not where to go on")
	}
}

// TestHostileSettings puts markup into everything that operators write, and that
// guests answer.
func TestHostileSettings(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`
	v := newVenue(t, func(v *venue) {
		v.settings = asking(v.settings)
		v.refusal = hotspot.Invalid("comments", "no")
	})
	v.settings.VenueName, v.settings.PortalTitle, v.settings.PortalText, v.settings.PortalTerms = evil, evil, evil, evil
	v.settings.Portal.Consent, v.settings.Portal.Color, v.settings.Portal.Language, v.settings.Portal.Languages = evil, evil, evil, []string{evil}
	for i := range v.settings.Portal.Fields {
		v.settings.Portal.Fields[i].Label = evil
	}
	form := url.Values{}
	for name := range answered {
		form.Set(name, evil)
	}
	for _, body := range []string{v.get("/welcome").Body.String(), v.post(pathEmail, form).Body.String()} {
		if found := parts(body, nil); found["script"] || found["img onerror"] {
			t.Errorf("markup gets through: %v", found)
		}
		if strings.Count(body, "&lt;script&gt;") < 8 {
			t.Error("not everything is shown")
		}
	}
}

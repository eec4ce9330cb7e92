package portal

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

var screenshots = flag.String("screenshots", "", "directory to put pictures of all pages into")

// TestPagesInChromium opens every page in every state and language, narrow and
// wide, dark and light, and audits each.
func TestPagesInChromium(t *testing.T) {
	c, axe := browser.Start(t, ""), browser.ReadAxe(t)
	for _, s := range scenes() {
		for _, lang := range append([]string{"en"}, otherLanguages...) {
			t.Run(s.name+"/"+lang, func(t *testing.T) { look(t, c, axe, s.in(lang)) })
		}
	}
}

// look audits a scene.
func look(t *testing.T, c *browser.Browser, axe browser.Axe, s scene) {
	_, origin := serve(t, s.change, nil)
	c.Heard()
	open(t, c, s, origin)
	if got := browser.Ask(t, c, chromedp.Evaluate[string]("document.documentElement.lang")); got != s.lang {
		t.Errorf("the page is in %q, want %q", got, s.lang)
	}
	schemes, widths := []string{"light", "dark"}, []int64{320, 390, 1280}
	if s.lang == "it" {
		schemes, widths = schemes[:1], widths[:1] // English, but for longer words
	}
	for _, scheme := range schemes {
		for _, width := range widths {
			c.Do(t, browser.Look(width, scheme))
			for _, fault := range append(c.Audit(t), browser.Ask(t, c, chromedp.Evaluate[[]string](directions))...) {
				t.Errorf("%s at %d px: %s", scheme, width, fault)
			}
			if width == 390 && s.lang == "en" {
				axe.Try(t, c, fmt.Sprintf("%s at %d px", scheme, width), axeRules(scheme)...)
			}
			c.Picture(t, *screenshots, fmt.Sprintf("%s-%s-%s-%d.png", s.name, s.lang, scheme, width))
		}
	}
	for _, said := range withoutOwn(c.Heard(), s.want()) {
		t.Errorf("console: %s", said)
	}
}

// axeRules are those that axe-core tries. They take as long as all the rest, and in
// another scheme only the colours are others.
func axeRules(scheme string) []string {
	if scheme == "dark" {
		return []string{"color-contrast"}
	}
	return nil
}

// directions returns what does not begin where its language begins.
const directions = `(() => {
	const rtl = document.documentElement.dir === "rtl", faults = [];
	const edge = (el) => { const r = document.createRange(); r.selectNodeContents(el);
		const text = r.getBoundingClientRect(), main = document.querySelector("main").getBoundingClientRect();
		return rtl ? main.right - text.right : text.left - main.left; };
	for (const el of document.querySelectorAll("main .field label, main dt, main dd, main summary, main h1:not([dir])"))
		if (edge(el) > 60) faults.push(el.tagName + " begins " + edge(el) + " px from the edge");
	for (const el of document.querySelectorAll("[name=code],[name=passcode],[name=email],[name=venue_password]"))
		if (getComputedStyle(el).direction !== "ltr") faults.push("a code is written from right to left");
	const list = document.querySelectorAll(".languages a");
	if (list.length < 3) faults.push("no choice of languages");
	else if ((list[0].getBoundingClientRect().left > list[1].getBoundingClientRect().left) !== rtl) faults.push("the languages are not mirrored");
	return faults;
})()`

// open brings the browser to a scene.
func open(t *testing.T, c *browser.Browser, s scene, origin string) {
	t.Helper()
	if s.method != http.MethodPost {
		c.Do(t, chromedp.Navigate(origin+s.path))
		return
	}
	fields, err := json.Marshal(s.form)
	if err != nil {
		t.Fatal(err)
	}
	// The submit of a form that the page could have had.
	script := fmt.Sprintf(`(() => { const f = document.createElement("form"); f.method = "post"; f.action = %q;
		for (const [k, [v]] of Object.entries(%s)) { const i = document.createElement("input"); i.type = "hidden"; i.name = k; i.value = v; f.append(i); }
		document.body.append(f); f.submit(); })()`, s.path, fields)
	c.Do(t, chromedp.Navigate(origin+pathWelcome))
	resp := browser.Ask(t, c, func(ctx context.Context, _ *chromedp.Target) (*network.Response, error) {
		return chromedp.RunResponse(ctx, chromedp.Evaluate[chromedp.Void](script))
	})
	if resp.Status != int64(s.want()) {
		t.Errorf("status %d, want %d", resp.Status, s.want())
	}
}

// TestWalkWithoutScript is a guest's way in a browser that runs no script:
// caught on the way to a shop, refused once, let in, on to the shop, and out.
func TestWalkWithoutScript(t *testing.T) {
	const shop = "http://shop.example/offer?id=7"
	v, origin := serve(t, nil, func(v *venue) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Once the guest is online its traffic does not come to us.
			if r.Host == "shop.example" && v.online {
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, `<!doctype html><title>The shop</title><link rel="icon" href="data:,"><p id="shop">`+r.URL.RequestURI())
				return
			}
			v.handler.ServeHTTP(w, r)
		})
	})
	c := browser.Start(t, "MAP shop.example "+netip.MustParseAddrPort(strings.TrimPrefix(origin, "http://")).String()+", ")
	refuse := func(err error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.refusal = err
	}
	online := func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.online
	}
	at := func() string { return browser.Ask(t, c, chromedp.Location()) }
	click := func(sel string) {
		t.Helper()
		browser.Ask(t, c, func(ctx context.Context, _ *chromedp.Target) (*network.Response, error) {
			return chromedp.RunResponse(ctx, browser.Click(sel))
		})
	}
	c.Do(t, browser.Command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}),
		browser.Look(320, "light"), chromedp.Navigate(shop))
	if want := origin + "/welcome?u=http%3A%2F%2Fshop.example%2Foffer%3Fid%3D7"; at() != want {
		t.Errorf("caught to %s, want %s", at(), want)
	}

	refuse(hotspot.ErrUnknownCode)
	c.Do(t, browser.Type("#code", "K7MPQ2"), browser.Type("#passcode", "wrong"))
	click(`form[action="/login"] button`)
	read := func(what string) string {
		return browser.Ask(t, c, chromedp.Evaluate[string]("document.getElementById("+what))
	}
	text, code, pass := read(`"refusal").textContent`), read(`"code").value`), read(`"passcode").value`)
	if !strings.Contains(text, "do not know this code") || code != "K7MPQ2" || pass != "" {
		t.Errorf("refused with %q, code %q, passcode %q", text, code, pass)
	}

	browser.Until(t, c, `document.activeElement?.id === "code"`) // where to go on
	refuse(nil)
	c.Do(t, browser.Type("#passcode", "right"))
	click(`form[action="/login"] button`)
	if !online() || !strings.HasPrefix(at(), origin+"/status?u=") {
		t.Errorf("after login at %s, online %v", at(), online())
	}
	click("main > a.button")
	if at() != shop {
		t.Errorf("went on to %s, want %s", at(), shop)
	}

	c.Do(t, chromedp.Navigate(origin))
	click(`form[action="/logout"] button`)
	if online() || at() != origin+"/welcome?bye=1" {
		t.Errorf("after logout at %s, online %v", at(), online())
	}
	if said := c.Heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}

// TestChooseLanguageWithoutScript chooses Arabic and stays in it, through a
// refusal, the login and the logout, without cookies.
func TestChooseLanguageWithoutScript(t *testing.T) {
	v, origin := serve(t, func(v *venue) { v.refusal = hotspot.ErrUnknownCode }, nil)
	c := browser.Start(t, "")
	click := func(sel string) {
		t.Helper()
		browser.Ask(t, c, func(ctx context.Context, _ *chromedp.Target) (*network.Response, error) {
			return chromedp.RunResponse(ctx, browser.Click(sel))
		})
	}
	shows := func(lang, dir, what string) {
		t.Helper()
		browser.Until(t, c, fmt.Sprintf("document.querySelector(%q)", fmt.Sprintf("html[lang=%s][dir=%s] %s", lang, dir, what)))
	}
	c.Do(t, browser.Command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}),
		browser.Look(320, "light"), chromedp.Navigate(origin+"/welcome?code=K7MPQ2"))
	shows("en", "ltr", "#code")
	click("a[hreflang=ar]")
	shows("ar", "rtl", "#code[value=K7MPQ2]")
	click(`form[action^="/login"] button`)
	shows("ar", "rtl", "#refusal")
	v.mu.Lock()
	v.refusal = nil
	v.mu.Unlock()
	click(`form[action^="/login"] button`)
	shows("ar", "rtl", "h1.state")
	click("a[hreflang=it]")
	shows("it", "ltr", "h1.state")
	click(`form[action^="/logout"] button`)
	shows("it", "ltr", "[role=status]")
}

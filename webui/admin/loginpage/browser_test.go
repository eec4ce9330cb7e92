package loginpage_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// pages are the parts of the editor.
var pages = map[string]string{"loginpage-methods": "/login-page", "loginpage-texts": "/login-page/texts", "loginpage-questions": "/login-page/questions",
	"loginpage-look": "/login-page/look", "loginpage-languages": "/login-page/languages", "loginpage-access": "/login-page/access",
	"loginpage-reset": "/login-page/reset/texts", "loginpage-shown": "/login-page/preview"}

// fill gives the house a login page with something everywhere.
func fill(t *testing.T, h *house) {
	t.Helper()
	if err := h.SetSettings(t.Context(), map[string]string{"venue.name": "Hotel Meridian", "login.free": "on", "login.email": "on", "portal.title": "Welcome to the Meridian",
		"portal.text": "Enjoy our Wi-Fi.\nYour voucher is at the reception.", "portal.terms": "Be kind.", "portal.color": "#7a1fa2",
		"portal.field1": "Room number", "portal.field1_required": "on", "portal.password": "open sesame"}); err != nil {
		t.Fatal(err)
	}
	if a := h.upload(picture(t)); a.Status != 303 {
		t.Fatal(a.Status)
	}
	h.page("/login-page") // reads what is said of it
}

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	fill(t, h)
	paneltest.Walk(t, h.Site, pages)
	v := newHouse(t, api.RoleViewer)
	paneltest.Walk(t, v.Site, map[string]string{"loginpage-viewer": "/login-page/texts"})
}

// inFrame is what an expression about d, the page in the frame, must become.
func inFrame(t *testing.T, c *browser.Browser, expression string) {
	t.Helper()
	browser.Until(t, c, `(() => { const d = document.getElementById("preview").contentDocument; return !!d?.body && (`+expression+`); })()`)
}

// write puts a text into a field as a hand would.
func (h *house) write(c *browser.Browser, id, text string) {
	h.t.Helper()
	c.Do(h.t, chromedp.Evaluate[chromedp.Void](`(() => { const f = document.getElementById("`+id+`"); f.value = ""; f.focus(); })()`), browser.Type("#"+id, text))
}

// TestPreviewFollows types into the form and watches the preview change, with
// nothing saved; then saves.
func TestPreviewFollows(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(h.URL+"/login-page/texts?lang=en"))
	asks := func(want bool) {
		t.Helper()
		if got := browser.Ask(t, c, chromedp.Evaluate[bool](`(() => { const e = new Event("beforeunload", { cancelable: true }); dispatchEvent(e); return e.defaultPrevented; })()`)); got != want {
			t.Errorf("the browser asks before the form is lost: %v, want %v", got, want)
		}
	}
	asks(false)
	h.write(c, "portal-title", "Good <evening>")
	inFrame(t, c, `d.querySelector("h1")?.textContent === "Good <evening>"`)
	c.Do(t, chromedp.Evaluate[chromedp.Void](`(() => { const s = document.getElementById("show"); s.value = "ar"; s.dispatchEvent(new Event("input", { bubbles: true })); })()`))
	inFrame(t, c, `d.documentElement.dir === "rtl"`)
	if got := browser.Ask(t, c, chromedp.Evaluate[int](`history.length`)); got > 2 {
		t.Errorf("the preview leaves %d steps in the history", got)
	}
	h.want(map[string]string{"portal.title": ""})
	asks(true)
	c.Do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#editor .buttons button").click()`))
	browser.Until(t, c, `document.getElementById("said")?.textContent.includes("Saved")`)
	h.want(map[string]string{"portal.title": "Good <evening>"})
	asks(false)
	c.Do(t, chromedp.Navigate(h.URL+"/login-page/look?lang=en"),
		chromedp.Evaluate[chromedp.Void](`(() => { const f = document.getElementById("portal-color"); f.value = "#ffcc00"; f.dispatchEvent(new Event("input", { bubbles: true })); })()`))
	inFrame(t, c, `getComputedStyle(d.querySelector(".button")).backgroundColor === "rgb(255, 204, 0)"`)
	// What the frame holds can do nothing: no form is sent, no link leads away.
	c.Do(t, chromedp.Evaluate[chromedp.Void](`(() => { const d = document.getElementById("preview").contentDocument; d.querySelector("form").submit(); d.querySelector(".button").click(); d.querySelector(".languages a").click(); })()`))
	c.Do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("#editor .buttons button").click()`))
	browser.Until(t, c, `document.getElementById("said")?.textContent.includes("Saved")`)
	h.want(map[string]string{"portal.color": "#ffcc00"})
	for _, said := range c.Heard() {
		if !strings.Contains(said, "sandboxed and the 'allow-forms'") {
			t.Errorf("console: %s", said)
		}
	}
}

// TestPreviewWithoutScript: a button does it.
func TestPreviewWithoutScript(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	c.Do(t, browser.Look(390, "light"), browser.Command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}),
		chromedp.Navigate(h.URL+"/login-page/texts?lang=en"))
	h.write(c, "portal-title", "Good evening")
	c.Do(t, browser.Click(".shown button"))
	inFrame(t, c, `d.querySelector("h1")?.textContent === "Good evening"`)
	h.want(map[string]string{"portal.title": ""})
}

// TestRefusedInChromium sends a form with mistakes: the page that comes back is
// as good as any, and its preview has what was typed.
func TestRefusedInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	for _, width := range []int64{390, 1280} {
		c := browser.Start(t, "") // one that has nothing to lose
		h.SignIn(t, c)
		c.Do(t, browser.Look(width, "light"), chromedp.Navigate(h.URL+"/login-page/texts?lang=en"), chromedp.Evaluate[chromedp.Void](`(() => {
			const title = document.getElementById("portal-title");
			document.getElementById("portal-text").value = "Come in";
			title.removeAttribute("maxlength"); title.value = "x".repeat(101); })()`),
			browser.Click("#editor .buttons button"))
		browser.Until(t, c, `document.getElementById("portal-title-error")?.textContent.includes("100")`)
		inFrame(t, c, `d.querySelector(".lines")?.textContent === "Come in"`)
		for _, fault := range c.Audit(t) {
			t.Errorf("at %d px: %s", width, fault)
		}
		for _, said := range c.Heard() {
			if !strings.Contains(said, "422") {
				t.Errorf("console: %s", said)
			}
		}
		c.Stop()
	}
	h.want(map[string]string{"portal.text": ""})
}

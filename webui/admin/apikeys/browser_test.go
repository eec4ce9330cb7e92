package apikeys_test

import (
	"net/netip"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner)
	page := h.make(t, "label", "x", "scopes", "live", "viewable", "on")
	paneltest.Walk(t, h.Site, map[string]string{"apikeys-one": page, "apikeys-view": page + "/key", "apikeys-delete": page + "/delete",
		"apikeys-new": "/settings/api/new?label=till+at+the+bar"})
	_, secret, err := h.keys.Create(t.Context(), h.By, api.NewKey{Label: "Hotelsoftware der Rezeption, Zweigstelle", Expires: "Never",
		Scopes: []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive, api.ScopeKeys, api.ScopeSettings}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.keys.Check(t.Context(), secret, netip.MustParseAddr("fd00:1234:5678:9abc:def0:1234:5678:9abc")); err != nil {
		t.Fatal(err)
	}
	paneltest.Walk(t, h.Site, map[string]string{"apikeys-list": "/settings/api"})
	paneltest.Walk(t, newHouse(t, api.RoleOwner).Site, map[string]string{"apikeys-none": "/settings/api"})
}

// TestUse makes, views and deletes keys by mouse and keyboard, with the panel's
// script and without.
func TestUse(t *testing.T) {
	for name, off := range map[string]bool{"script": false, "no script": true} {
		t.Run(name, func(t *testing.T) {
			h, c := newHouse(t, api.RoleOwner), browser.Start(t, "")
			h.SignIn(t, c)
			at := func(script string) { t.Helper(); browser.Until(t, c, script) }
			click := func(selector string) { t.Helper(); c.Do(t, browser.Click(selector)) }
			c.Do(t, browser.Command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off}),
				browser.Look(390, "light"), chromedp.Navigate(h.URL+"/settings/api"), browser.Type("#label", "till"))
			click("form.filter button")
			at(`location.pathname === "/settings/api/new" && document.getElementById("label")?.value === "till"`)
			click("#scope-live")
			click("#viewable")
			click("main form button")
			at(`location.pathname.length > 30 && document.getElementById("secret")?.textContent.length === 55`)
			secret := browser.Ask(t, c, chromedp.Evaluate[string](`document.getElementById("secret").textContent`))
			if k := h.only(t); !k.Viewable || len(k.Scopes) != 2 || !h.opens(t, secret) {
				t.Errorf("%+v", k)
			}
			if !off {
				browser.ClickUntil(t, c, "[data-copy]", `document.getElementById("secret-said").textContent === "Copied."`)
			}
			c.Do(t, chromedp.Reload())
			at(`document.querySelector("h1")?.textContent === "till" && !document.getElementById("secret")`)
			click("a.button:not(.bad)")
			at(`location.pathname.endsWith("/key") && document.getElementById("secret")?.textContent.startsWith("vs_")`)
			click("a.button.bad")
			at(`location.pathname.endsWith("/delete")`)
			click("button.bad")
			at(`location.pathname === "/settings/api" && document.getElementById("said")?.textContent.includes("deleted")`)
			if h.opens(t, secret) {
				t.Error("the key still opens something")
			}
			for _, said := range c.Heard() {
				t.Errorf("console: %s", said)
			}
		})
	}
}

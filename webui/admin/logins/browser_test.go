package logins_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestFilteringInChromium fills in the filter, and turns a page.
func TestFilteringInChromium(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	h.crowd(t)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(h.URL+"/logins"))
	c.Do(t, browser.Click("[rel=next]"))
	browser.Until(t, c, `location.search.includes("before=") && document.querySelectorAll("tbody tr").length === 50`)
	c.Do(t, browser.Type("#q", "zoe\r"))
	browser.Until(t, c, `document.querySelectorAll("tbody tr").length === 20 && document.querySelector("#q").value === "zoe"`)
	for _, said := range c.Heard() {
		t.Errorf("console: %s", said)
	}
}

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleViewer)
	paneltest.Walk(t, h.Site, map[string]string{"logins-none": "/logins"})
	h.crowd(t)
	paneltest.Walk(t, h.Site, map[string]string{"logins-log": "/logins", "logins-filtered": "/logins?q=zo%C3%AB&from=2026-07-01&method=email&user=email-1", "logins-no-match": "/logins?q=nobody"})
	long := newHouse(t, api.RoleViewer)
	long.add(t, hotspot.LoginScan+10, nil)
	long.add(t, len(pagetest.Hostile), func(i int, x *hotspot.Session) {
		x.Login, x.Reason = pagetest.Hostile[i], hotspot.Reason(pagetest.Hostile[i])
	})
	paneltest.Walk(t, long.Site, map[string]string{"logins-hostile": "/logins?q=alert", "logins-paused": "/logins?q=needle"})
}

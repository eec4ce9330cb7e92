package guests_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h, ds := busy(t, api.RoleOwner)
	one, blocked := "/guests/"+ds[0].MAC.String(), "/guests/"+ds[5].MAC.String()
	paneltest.Walk(t, h.Site, map[string]string{
		"guests-list": "/guests", "guests-waiting": "/guests/waiting", "guests-blocked": "/guests/blocked", "guests-no-match": "/guests?q=nobody",
		"guests-one": one, "guests-kick": one + "/kick", "guests-block": one + "/block", "guests-free": "/guests/" + ds[1].MAC.String(),
		"guests-waiting-one": "/guests/" + ds[4].MAC.String(), "guests-blocked-one": blocked, "guests-unblock": blocked + "/unblock",
	})
	paneltest.Walk(t, newHouse(t, api.RoleViewer).Site, map[string]string{"guests-none": "/guests", "guests-none-blocked": "/guests/blocked"})
}

// TestKickInDialog ends a session in the dialog that stands for the page.
func TestKickInDialog(t *testing.T) {
	h, ds := busy(t, api.RoleManager)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	page := "/guests/" + ds[0].MAC.String()
	c.Do(t, browser.Look(390, "light"), chromedp.Navigate(h.URL+page), browser.Click(`[data-dialog="ask-kick"]`))
	browser.Until(t, c, `document.getElementById("ask-kick").open && location.pathname === "`+page+`"`)
	for _, fault := range c.Audit(t) {
		t.Error(fault)
	}
	c.Do(t, browser.Click("#ask-kick form[method=post] button"))
	browser.Until(t, c, `location.pathname === "/guests" && document.body?.textContent.includes("2 guests online")`)
	if h.rules.Online(ds[0].MAC) {
		t.Error("the guest is still online")
	}
	if said := c.Heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}

// TestListRenewsItself: whoever logs in appears, without a reload.
func TestListRenewsItself(t *testing.T) {
	h, ds := busy(t, api.RoleViewer)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	c.Do(t, browser.Look(1280, "dark"), chromedp.Navigate(h.URL+"/guests"))
	browser.Until(t, c, `(window.kept = true) && document.body?.textContent.includes("3 guests online")`)
	h.login(ds[3], hotspot.VoucherSpec{Username: "JUSTNOW"})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { // the daemon's readings
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			h.clock.Pass(2 * time.Second)
			_ = h.rules.Poll(ctx) // a failure shows in the page
		}
	}()
	browser.Until(t, c, `window.kept && document.querySelector("#list")?.textContent.includes("JUSTNOW")`)
	if said := c.Heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}

package vouchers

import (
	"flag"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestListInChromium searches, sorts and turns pages without leaving the page,
// ticks all rows, changes them and takes that back.
func TestListInChromium(t *testing.T) {
	h := venue(t, api.RoleManager)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	run := func(script string) { t.Helper(); c.Do(t, chromedp.Evaluate[chromedp.Void](script)) }
	until := func(expression string) { t.Helper(); browser.Until(t, c, expression) }
	c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(h.URL+Path))
	run(`window.kept = true`)
	c.Do(t, browser.Type("#q", "conference\r"))
	until(`window.kept && location.search === "?q=conference" && document.querySelector("caption").textContent.includes("60 vouchers") && document.activeElement.id === "q"`)
	c.Do(t, browser.Click("thead th a"))
	until(`window.kept && location.search === "?q=conference&sort=username" && document.querySelector("tbody a")?.textContent === "K7M000"`)
	c.Do(t, browser.Click("[rel=next]"))
	until(`window.kept && document.querySelector("tbody a")?.textContent === "K7M050"`)
	c.Do(t, browser.Click("[data-ticks]"))
	until(`document.querySelectorAll("tbody input:checked").length === 10`)
	run(`document.querySelector("#do").value = "disable"`)
	c.Do(t, browser.Click(".bulk button"))
	until(`document.querySelector("#said")?.textContent.includes("Disabled: 10 vouchers")`)
	if !h.voucher("K7M059").Disabled || h.voucher("K7M000").Disabled {
		t.Error("other rows than those ticked were disabled")
	}
	c.Do(t, browser.Click("#said button"))
	until(`document.querySelector("#said")?.textContent.includes("As before: 10 vouchers")`)
	if h.voucher("K7M059").Disabled {
		t.Error("it was not taken back")
	}

	c.Do(t, chromedp.Navigate(h.URL+Path+"/ROOM12"), browser.Click("[data-dialog=sure]"))
	until(`document.querySelector("#sure")?.open`)
	for _, fault := range c.Audit(t) {
		t.Error(fault)
	}
	c.Do(t, browser.Click("#sure .button.bad"))
	until(`document.querySelector("#said")?.textContent.includes("Removed: 1 voucher")`)
	h.gone("ROOM12")
	for _, said := range c.Heard() {
		t.Errorf("console: %s", said)
	}
}

// TestConflictInChromium: somebody else saves while a form is open.
func TestConflictInChromium(t *testing.T) {
	h := venue(t, api.RoleManager)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	c.Do(t, browser.Look(390, "light"), chromedp.Navigate(h.URL+Path+"/ROOM12"), browser.Type("#note", " mine"))
	if _, err := h.service.EditVoucher(t.Context(), "ROOM12", hotspot.VoucherEdit{Note: ptr("theirs"), Devices: ptr(1)}); err != nil {
		t.Fatal(err)
	}
	c.Do(t, browser.Click("#edit button"))
	browser.Until(t, c, `document.querySelector("[role=alert]")?.textContent.includes("Somebody changed") && document.querySelector("#note").value.includes("mine") && document.querySelector("#note-error").textContent.includes("theirs")`)
	for _, fault := range c.Audit(t) {
		t.Error(fault)
	}
	c.Picture(t, flag.Lookup("screenshots").Value.String(), "voucher-conflict-390.png")
	c.Do(t, browser.Click("#edit button"))
	browser.Until(t, c, `document.querySelector("#said")?.textContent.includes("Saved")`)
	if v := h.voucher("ROOM12"); v.Devices != 3 {
		t.Errorf("%+v", v.Voucher)
	}
	c.Picture(t, flag.Lookup("screenshots").Value.String(), "voucher-saved-390.png")
}

//go:build !race && !mips && !mipsle && !arm

package daemon

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestFirstRun goes with a browser from a router that is new to ten vouchers on
// paper: in five clicks and one to print, and so in less than three minutes.
func TestFirstRun(t *testing.T) {
	d := openDaemon(t, slog.New(slog.DiscardHandler))
	handler, err := d.panel()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.Handler(handler))
	t.Cleanup(srv.Close)
	c := browser.Start(t, "")
	begin, clicks := time.Now(), 0
	press := func(selector, path string) {
		t.Helper()
		clicks++
		c.Do(t, browser.Click(selector))
		browser.Until(t, c, fmt.Sprintf("document.readyState === 'complete' && location.pathname === %q", path))
	}
	write := func(id, text string) {
		t.Helper()
		c.Do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.getElementById(%q).value = ''", id)), browser.Type("#"+id, text))
		browser.Until(t, c, fmt.Sprintf("document.getElementById(%q).value === %q", id, text))
	}
	c.Do(t, browser.Look(390, "light"), chromedp.Navigate(srv.URL+"/setup"))
	write("email", "ada@example.com")
	write("password", panelPassword)
	write("password_again", panelPassword)
	press(".card form button", "/setup/venue")
	browser.Until(t, c, `document.querySelectorAll(".facts dt").length >= 4`)
	write("venue", "Café Trieste")
	press(".card form button", "/setup/logins")
	press(".card form button", "/setup/vouchers")
	press(".card form button", "/setup/done")
	press(".card .button", "/print")
	made, _, err := d.service.FindVouchers(t.Context(), hotspot.VoucherQuery{Limit: 100})
	if err != nil || len(made) != 10 {
		t.Fatalf("%d vouchers, %v", len(made), err)
	}
	press(`a[href^="/print/sheet"]`, "/print/sheet")
	for _, v := range made {
		browser.Until(t, c, fmt.Sprintf("document.body.textContent.includes(%q)", v.Username))
	}
	browser.Until(t, c, `document.body.textContent.includes("Café Trieste")`)
	for _, said := range c.Heard() {
		t.Errorf("console: %s", said)
	}
	t.Logf("%d clicks, of which the router and the browser took %v", clicks, time.Since(begin))
	if clicks > 6 {
		t.Errorf("%d clicks", clicks)
	}
}

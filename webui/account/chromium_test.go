//go:build !race && !mips && !mipsle && !arm

package account_test

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

var screenshots = flag.String("screenshots", "", "directory to put pictures of all pages into")

// TestInBrowser signs in and looks at every page with a real browser.
func TestInBrowser(t *testing.T) {
	s := newSite(t)
	srv := httptest.NewServer(s.handler)
	t.Cleanup(srv.Close)
	c := browser.Start(t, "")
	look := func(name, path string) {
		t.Helper()
		for _, l := range []struct {
			lang, scheme string
			width        int64
		}{{"en", "light", 1280}, {"en", "dark", 390}, {"it", "light", 390}, {"ar", "light", 390}, {"ar", "dark", 1280}} {
			c.Do(t, browser.Look(l.width, l.scheme), chromedp.Navigate(srv.URL+path+"?lang="+l.lang))
			for _, fault := range c.Audit(t) {
				t.Errorf("%s: %s %s at %d px: %s", name, l.lang, l.scheme, l.width, fault)
			}
			c.Picture(t, *screenshots, fmt.Sprintf("account-%s-%s-%s-%d.png", name, l.lang, l.scheme, l.width))
		}
		for _, said := range c.Heard() {
			if strings.Contains(said, "username fields") {
				continue // advice for forms with a password: an account has no user names
			}
			t.Errorf("%s: console: %s", name, said)
		}
	}
	look("sign-in", "/sign-in")
	c.Do(t, chromedp.Navigate(srv.URL+"/sign-in"), browser.Type("#token", theToken), browser.Click("main form button"))
	browser.Until(t, c, `location.pathname === "/" && document.querySelector("#routers") !== null`)
	look("routers", "/")
	look("tokens", "/tokens")
	look("license", "/license")
	look("remove", "/routers/0123456789/remove")
	c.Do(t, browser.Look(390, "light"), chromedp.Navigate(srv.URL+"/"), browser.Click(`form[action^="/claims"] button`))
	browser.Until(t, c, `document.querySelector("#claim") !== null && document.querySelector("#claim").textContent === "ABCD-EFGH-IJKL-MNOP"`)
	for _, fault := range c.Audit(t) {
		t.Errorf("the claim code: %s", fault)
	}
	c.Picture(t, *screenshots, "account-claim.png")
}

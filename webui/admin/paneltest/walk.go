package paneltest

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

var screenshots = flag.String("screenshots", "", "directory to put pictures of all pages into")

// looks are how each page is looked at.
var looks = []struct {
	lang   string
	width  int64
	scheme string
}{
	{"en", 1280, "light"}, {"en", 1280, "dark"}, {"en", 390, "dark"}, {"en", 390, "light"},
	{"ar", 390, "light"}, {"it", 1280, "light"},
}

// SignIn gives a browser the operator's cookie.
func (s *Site) SignIn(t *testing.T, c *browser.Browser) {
	t.Helper()
	cookie, hidden := s.Cookie(), true
	c.Do(t, browser.Command(network.SetCookie, network.SetCookieParams{Name: cookie.Name, Value: cookie.Value, URL: s.URL, HTTPOnly: &hidden}))
}

// Walk opens pages, given as names with their paths, on a phone and on a
// desktop, dark and light, in each language, and fails the test for whatever
// the browser complains about and whatever is wrong with the page. With the
// flag -screenshots it takes pictures.
func Walk(t *testing.T, s *Site, pages map[string]string) {
	t.Helper()
	c := browser.Start(t, "")
	defer c.Stop()
	s.SignIn(t, c)
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		t.Run(name, func(t *testing.T) {
			Look(t, c, name, s.URL+pages[name])
		})
	}
}

// Look is what [Walk] does with each page, here with that at an address, in a
// browser of the test's own.
func Look(t *testing.T, c *browser.Browser, name, address string) {
	t.Helper()
	lang := ""
	for _, l := range looks {
		c.Do(t, browser.Look(l.width, l.scheme))
		if lang != l.lang {
			lang = l.lang
			c.Do(t, chromedp.Navigate(in(address, lang)))
		}
		for _, fault := range c.Audit(t) {
			t.Errorf("%s %s at %d px: %s", l.lang, l.scheme, l.width, fault)
		}
		c.Picture(t, *screenshots, fmt.Sprintf("%s-%s-%s-%d.png", name, l.lang, l.scheme, l.width))
	}
	for _, said := range c.Heard() {
		t.Errorf("console: %s", said)
	}
}

// in is the address of a page in a language.
func in(address, lang string) string {
	sign := "?"
	if strings.Contains(address, "?") {
		sign = "&"
	}
	return address + sign + "lang=" + lang
}

//go:build !race && !mips && !mipsle && !arm

package daemon

import (
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

var (
	everyLook   = flag.Bool("every-look", false, "look at every page in every size, colour scheme and language")
	screenshots = flag.String("screenshots", "", "directory to put pictures of all pages into")
)

// browser is Chromium with the owner signed in, who calls the router by a name.
func (v *venue) browser() *browser.Browser {
	v.t.Helper()
	c := browser.Start(v.t, "MAP router.lan "+strings.TrimPrefix(v.url, "http://")+",")
	v.signIn(c)
	return c
}

const venueURL = "http://router.lan"

func (v *venue) signIn(c *browser.Browser) {
	v.t.Helper()
	cookie, hidden := v.httpCookie(), true
	c.Do(v.t, browser.Command(network.SetCookie, network.SetCookieParams{Name: cookie.Name, Value: cookie.Value, URL: venueURL, HTTPOnly: &hidden}))
}

var odd = regexp.MustCompile(`[^a-z0-9]+`)

// TestPanelPages opens every page of the panel as the daemon has put it
// together, in a hotel in use. The areas' own tests look closer; this one sees
// to it that nothing is left out.
func TestPanelPages(t *testing.T) {
	v := newVenue(t, true)
	v.key()
	axe := browser.ReadAxe(t)
	looks := []look{{"en", 390, "dark"}, {"ar", 1280, "light"}}
	if *everyLook {
		looks = nil
		for _, lang := range []string{"en", "ar", "it"} {
			looks = append(looks, look{lang, 1280, "light"}, look{lang, 1280, "dark"}, look{lang, 390, "dark"}, look{lang, 390, "light"})
		}
	}
	for turn, l := range looks {
		t.Run(fmt.Sprintf("%s %d %s", l.lang, l.width, l.scheme), func(t *testing.T) {
			v := *v
			v.t = t
			c := v.browser()
			for i, path := range v.paths() {
				v.look(c, path, l)
				if *everyLook || i%2 == turn { // each page once: it takes as long as all the rest
					axe.Try(t, c, fmt.Sprintf("%s %s %s %d", path, l.lang, l.scheme, l.width))
				}
			}
			v.reference(c, axe, l)
		})
	}
}

// reference looks at the API's reference, which has a style of its own, no script
// and a long list of links. It has thousands of elements: axe's rules that look at
// each would take a minute, so those that look at the page's bones do.
func (v *venue) reference(c *browser.Browser, axe browser.Axe, l look) {
	v.t.Helper()
	const path = "/api/v1/docs"
	v.open(c, path, l)
	for _, fault := range c.Audit(v.t) {
		if !strings.HasPrefix(fault, "target ") && fault != "not expected: style" && fault != "the style sheet is not in force" {
			v.t.Errorf("%s %s: %s", path, l.lang, fault)
		}
	}
	for _, said := range c.Heard() {
		v.t.Errorf("%s %s: console: %s", path, l.lang, said)
	}
	axe.Try(v.t, c, path+" "+l.lang, "document-title", "html-has-lang", "html-lang-valid", "valid-lang", "landmark-one-main", "page-has-heading-one",
		"heading-order", "bypass", "list", "listitem", "duplicate-id-aria", "meta-viewport", "scrollable-region-focusable")
	c.Picture(v.t, *screenshots, fmt.Sprintf("api-v1-docs-%s-%d-%s.png", l.lang, l.width, l.scheme))
}

// look is a way to look at a page.
type look struct {
	lang   string
	width  int64
	scheme string
}

// open opens a page in one of the ways to look at it.
func (v *venue) open(c *browser.Browser, path string, l look) {
	v.t.Helper()
	sign := "?"
	if strings.Contains(path, sign) {
		sign = "&"
	}
	c.Do(v.t, browser.Look(l.width, l.scheme), chromedp.Navigate(venueURL+path+sign+"lang="+l.lang))
}

// look opens a page and complains about what the browser or the audit do.
func (v *venue) look(c *browser.Browser, path string, l look) {
	v.t.Helper()
	v.open(c, path, l)
	name := fmt.Sprintf("%s %s %s %d", path, l.lang, l.scheme, l.width)
	if !strings.HasPrefix(path, "/print/sheet") && path != "/login-page/preview" { // paper, and a page of the guests'
		for _, fault := range c.Audit(v.t) {
			v.t.Errorf("%s: %s", name, fault)
		}
	}
	for _, said := range c.Heard() {
		v.t.Errorf("%s: console: %s", name, said)
	}
	c.Picture(v.t, *screenshots, strings.Trim(odd.ReplaceAllString(path, "-"), "-")+fmt.Sprintf("-%s-%d-%s.png", l.lang, l.width, l.scheme))
}

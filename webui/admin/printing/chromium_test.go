package printing

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestPagesInChromium looks at every page.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner, 30)
	h.logo(t)
	paneltest.Walk(t, h.Site, map[string]string{
		"printing-choose":   "/print",
		"printing-none":     "/print?q=nobody",
		"printing-preview":  "/print?ids=1-30",
		"printing-roll":     "/print?ids=1-3&layout=roll58",
		"printing-small":    "/print?ids=1-30&layout=a4-3x8",
		"printing-settings": "/print/settings",
	})
}

// TestSheetsInChromium looks at the sheets of every layout and language on the
// screen, and has them printed: paper of the right size, as many sheets as the
// preview says, the browser's dialog opened, nothing complained of.
func TestSheetsInChromium(t *testing.T) {
	h := newHouse(t, api.RoleManager, 25)
	h.logo(t)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	paper := map[string]string{"a4": "210x297", "letter": "216x279", "a6": "105x148", "card": "85x55", "roll58": "58x", "roll80": "80x"}
	for _, layout := range hotspot.PrintLayouts() {
		for _, lang := range []string{"en", "it", "ar"} {
			t.Run(layout+"-"+lang, func(t *testing.T) {
				c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(h.URL+"/print/sheet?ids=1-25&layout="+layout+"&language="+lang))
				browser.Until(t, c, `!document.getElementById("print").hidden && document.images.length >= 0`)
				for _, width := range []int64{390, 1280} {
					c.Do(t, browser.Look(width, "dark"))
					for _, fault := range c.Audit(t) {
						t.Errorf("at %d px: %s", width, fault)
					}
				}
				c.Do(t, browser.Command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}))
				c.Picture(t, flag.Lookup("screenshots").Value.String(), fmt.Sprintf("printing-sheet-%s-%s.png", layout, lang))
				c.Do(t, browser.Command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}))
				name, _, _ := strings.Cut(layout, "-")
				sheets := strings.Count(h.Get(t, "/print/sheet?ids=1-25&layout="+layout).Body, `class="page"`)
				got := boxes(printed(t, c))
				if len(got) != sheets {
					t.Errorf("%d sheets of paper, want %d", len(got), sheets)
				}
				for _, size := range got {
					if !strings.HasPrefix(size, paper[name]) {
						t.Errorf("paper of %s mm, want %s", size, paper[name])
					}
				}
				for _, said := range c.Heard() {
					t.Errorf("console: %s", said)
				}
			})
		}
	}
}

// printed has the browser print the page that it shows.
func printed(t *testing.T, c *browser.Browser) []byte {
	t.Helper()
	return browser.Ask(t, c, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		own := true
		r, err := cdp.Call(ctx, target, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: &own})
		return []byte(r.Data), err
	})
}

var mediaBox = regexp.MustCompile(`/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]`)

// boxes are the sizes of a PDF's pages in whole millimetres.
func boxes(pdf []byte) (all []string) {
	for _, m := range mediaBox.FindAllSubmatch(pdf, -1) {
		var w, h float64
		if _, err := fmt.Sscan(string(m[1])+" "+string(m[2]), &w, &h); err == nil {
			all = append(all, fmt.Sprintf("%.0fx%.0f", w*25.4/72, h*25.4/72))
		}
	}
	return all
}

// TestPrintDialog: the sheet's button and its opening ask the browser to print,
// and the way back leads to the same vouchers.
func TestPrintDialog(t *testing.T) {
	h := newHouse(t, api.RoleManager, 3)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	c.Do(t, browser.Look(390, "light"), browser.Command(page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: "window.asked = 0; window.print = () => { window.asked++ }"}),
		chromedp.Navigate(h.URL+"/print?ids=2-3&cut=lines"), browser.Click(".card .button"))
	browser.Until(t, c, `location.pathname === "/print/sheet" && window.asked === 1 && document.querySelectorAll("[role=group]").length === 2`)
	c.Picture(t, flag.Lookup("screenshots").Value.String(), "printing-sheet-screen-390.png")
	c.Do(t, browser.Click("#print"))
	browser.Until(t, c, `window.asked === 2`)
	c.Do(t, browser.Click(".hint a"))
	browser.Until(t, c, `location.pathname === "/print" && location.search === "?cut=lines&ids=2-3" && document.querySelector("dd")?.textContent.trim() === "2"`)
	if said := c.Heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}

// TestHostileTextsInChromium stores texts that mean harm wherever one can be
// stored, and opens what shows them.
func TestHostileTextsInChromium(t *testing.T) {
	h := newHouse(t, api.RoleOwner, 0)
	c := browser.Start(t, "")
	h.SignIn(t, c)
	for i, text := range pagetest.Hostile {
		text = strings.ToValidUTF8(strings.ReplaceAll(text, "\t", " "), "?")
		if strings.TrimSpace(text) == "" {
			continue
		}
		line := strings.ReplaceAll(text, "\n", " ")
		_, err := h.CreateVouchers(t.Context(), hotspot.VoucherSpec{Username: fmt.Sprintf("H%d", i), Passcode: "p", FullName: line[:min(len(line), 40)], Note: line})
		if err != nil {
			t.Logf("voucher: %v", err) // the rules refuse it
			continue
		}
		h.set(t, map[string]string{"venue.name": line, "print.title": "", "print.text_above": text, "print.text_below": text, "print.terms": text, "print.show_name": "on",
			"print.layout": "a6", "print.wifi_name": strings.ToValidUTF8(line[:min(len(line), 32)], ""), "print.wifi_password": ""})
		for _, path := range []string{"/print?status=new", "/print/sheet?status=new", "/print/settings", "/print?ids=" + base64.RawURLEncoding.EncodeToString([]byte(text))} {
			c.Do(t, chromedp.Navigate(h.URL+path))
			browser.Until(t, c, `document.readyState === "complete"`)
			for _, bad := range []string{`[onerror],[onload],[onfocus],[onclick],[onmouseover]`, `main script`, `form[action*="a.example"]`, `a[href*="a.example"]`} {
				if n := browser.Ask(t, c, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", bad))); n > 0 {
					t.Errorf("%q on %s: %s", text, path, bad)
				}
			}
			for _, said := range c.Heard() {
				if strings.Contains(said, "status of 422") {
					continue // as it should be
				}
				t.Errorf("%q on %s: console: %s", text, path, said)
			}
		}
	}
}

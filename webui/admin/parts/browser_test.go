package parts

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

var screenshots = flag.String("screenshots", "", "directory to put pictures of all pages into")

// TestPartsInChromium looks at every part on a phone and on a desktop, dark
// and light, from left to right and from right to left.
func TestPartsInChromium(t *testing.T) {
	g := newGallery(t)
	c := browser.Start(t, "")
	for _, name := range galleryPages {
		t.Run(name, func(t *testing.T) {
			c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(g.URL+"/"+name))
			for _, dir := range []string{"ltr", "rtl"} {
				c.Do(t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.documentElement.dir = %q", dir)))
				for _, scheme := range []string{"light", "dark"} {
					for _, width := range []int64{320, 390, 1280} {
						c.Do(t, browser.Look(width, scheme))
						for _, fault := range c.Audit(t) {
							t.Errorf("%s %s at %d px: %s", dir, scheme, width, fault)
						}
						c.Picture(t, *screenshots, fmt.Sprintf("parts-%s-%s-%s-%d.png", name, dir, scheme, width))
					}
				}
			}
			for _, said := range c.Heard() {
				t.Errorf("console: %s", said)
			}
		})
	}
}

func until(t *testing.T, c *browser.Browser, expression string) {
	t.Helper()
	browser.Until(t, c, expression)
}

func run(t *testing.T, c *browser.Browser, script string) {
	t.Helper()
	c.Do(t, chromedp.Evaluate[chromedp.Void](script))
}

// TestMenu: the navigation is always there on a desktop, behind a button on a
// phone.
func TestMenu(t *testing.T) {
	g, c := newGallery(t), browser.Start(t, "")
	const visible = `document.querySelector(".nav a").checkVisibility()`
	c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(g.URL+"/list"))
	until(t, c, visible+` && !document.querySelector(".menu").checkVisibility()`)
	c.Do(t, browser.Look(390, "light"))
	until(t, c, "!"+visible)
	c.Do(t, browser.Click(".menu"))
	until(t, c, visible)
	for _, fault := range c.Audit(t) {
		t.Error(fault)
	}
	c.Picture(t, *screenshots, "parts-menu-390.png")
}

func TestSwap(t *testing.T) {
	g, c := newGallery(t), browser.Start(t, "")
	c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(g.URL+"/list"))
	run(t, c, `window.kept = true`)
	c.Do(t, browser.Click("[rel=next]"))
	until(t, c, `window.kept && document.querySelector("td")?.textContent.includes("SECOND0") && location.search === "?page=2" && document.activeElement.id === "vouchers"`)
	run(t, c, `history.back()`)
	until(t, c, `!window.kept && document.querySelector("td")?.textContent.includes("K7MPQ0") && location.search === ""`)

	// An answer without the fragment is gone to.
	run(t, c, `document.querySelector("[rel=next]").href = "/form"; document.querySelector("[rel=next]").click()`)
	until(t, c, `location.pathname === "/form"`)

	run(t, c, `window.kept = true; document.getElementById("name").value = "New"`)
	c.Do(t, browser.Click("[name=do]"))
	until(t, c, `window.kept && document.getElementById("name")?.defaultValue === "New"`)
	if said := c.Heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}

func TestEvents(t *testing.T) {
	g, c := newGallery(t), browser.Start(t, "")
	c.Do(t, chromedp.Navigate(g.URL+"/live"))
	for n := 4; n < 7; n++ {
		g.mu.Lock()
		g.online = n
		g.mu.Unlock()
		select {
		case g.events <- struct{}{}:
		case <-time.After(90 * time.Second):
			t.Fatal("nobody listens to the events")
		}
		until(t, c, fmt.Sprintf(`document.querySelector("#guests td").textContent.trim() === "%d"`, n))
	}
	c.Do(t, chromedp.Navigate("about:blank"))
}

// TestCopy: what is copied without a clipboard, as on plain HTTP, is the same.
func TestCopy(t *testing.T) {
	g, c := newGallery(t), browser.Start(t, "")
	c.Do(t, browser.Look(390, "dark"), chromedp.Navigate(g.URL+"/notices"))
	run(t, c, `Object.defineProperty(navigator, "clipboard", { value: undefined });
		document.addEventListener("copy", () => { window.copied = document.activeElement.value ?? String(getSelection()); })`)
	browser.ClickUntil(t, c, "[data-copy]", `window.copied === "0123456789abcdef0123456789abcdef" && document.getElementById("key-said").textContent === "Copied."`)
}

func TestDialog(t *testing.T) {
	g, c := newGallery(t), browser.Start(t, "")
	c.Do(t, browser.Look(390, "dark"), chromedp.Navigate(g.URL+"/notices"), browser.Click("[data-dialog]"))
	until(t, c, `document.getElementById("kick").open && location.pathname === "/notices" && document.getElementById("kick").contains(document.activeElement)`)
	for _, fault := range c.Audit(t) {
		t.Error(fault)
	}
	c.Picture(t, *screenshots, "parts-dialog-390.png")
	c.Do(t, browser.Click("#kick [method=dialog] button"))
	until(t, c, `!document.getElementById("kick").open`)
	if said := c.Heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}

// TestWithoutScript: the same ways without it.
func TestWithoutScript(t *testing.T) {
	g, c := newGallery(t), browser.Start(t, "")
	at := func() string {
		return strings.TrimPrefix(browser.Ask(t, c, chromedp.Location()), g.URL)
	}
	c.Do(t, browser.Command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}),
		browser.Look(390, "light"), chromedp.Navigate(g.URL+"/list"))
	for _, step := range []struct{ from, click, to string }{
		{"/list", "[rel=next]", "/list?page=2"},
		{"/notices", "[data-dialog]", "/form"},
		{"/form", "[name=do]", "/form"},
	} {
		c.Do(t, chromedp.Navigate(g.URL+step.from))
		if step.click == "[name=do]" {
			c.Do(t, browser.Type("#name", "Plain"))
		}
		click(t, c, step.click)
		if got := at(); got != step.to {
			t.Errorf("%s on %s leads to %s, want %s", step.click, step.from, got, step.to)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.saved != "Plain" {
		t.Errorf("saved %q", g.saved)
	}
}

// click clicks and waits for the page that it leads to.
func click(t *testing.T, c *browser.Browser, sel string) {
	t.Helper()
	browser.Ask(t, c, func(ctx context.Context, _ *chromedp.Target) (*network.Response, error) {
		return chromedp.RunResponse(ctx, browser.Click(sel))
	})
}

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	look "github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// TestBrowser is a guest with a real browser: it asks for a page, meets the
// portal, mistypes, logs in, reads its status, and reaches the page.
func TestBrowser(t *testing.T) {
	h := newHouse(t, "browser", netlab.Options{Guests: 1})
	user, pass := h.voucher(map[string]any{"download_limit": 100, "valid_for": "2 hours"})
	b := h.browser(h.Guest(1))
	site := "http://" + netlab.ExampleSite + "/"
	b.do(chromedp.Navigate(site), chromedp.WaitVisible(chromedp.ID("code")))
	if at := b.at(); !strings.Contains(at, ":2050/welcome") {
		t.Errorf("caught at %s", at)
	}
	b.do(chromedp.SendKeys(chromedp.ID("code"), strings.ToLower(user)), chromedp.SendKeys(chromedp.ID("passcode"), "wrong"))
	b.click(`form[action="/login"] button`)
	if page := b.text("#refusal"); !strings.Contains(page, "passcode") {
		t.Errorf("a wrong passcode is answered with: %s", page)
	}
	b.do(chromedp.SendKeys(chromedp.ID("passcode"), strings.ToLower(pass)))
	b.click(`form[action="/login"] button`)
	if at, page := b.at(), b.text("body"); !strings.Contains(at, ":2050/status") || !strings.Contains(page, "100 MB") {
		t.Errorf("after the login at %s: %s", at, page)
	}
	b.do(chromedp.Navigate(site))
	if page := b.text("body"); !strings.Contains(page, "You are online") {
		t.Errorf("the page behind: %s", page)
	}
	b.do(chromedp.Navigate(netlab.PortalURL + "/status"))
	b.click(`form[action="/logout"] button`)
	b.do(chromedp.Navigate(site), chromedp.WaitVisible(chromedp.ID("code")))
}

// browser is Chromium on a guest, with one tab.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func (b browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

// click clicks and waits for the page that comes of it.
func (b browser) click(sel string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, func(ctx context.Context, _ *chromedp.Target) (*network.Response, error) {
		return chromedp.RunResponse(ctx, look.Click(sel))
	})
	if err != nil {
		b.t.Fatalf("click %s: %v", sel, err)
	}
}

func (b browser) at() string {
	b.t.Helper()
	return b.ask(chromedp.Location())
}

func (b browser) text(sel string) string {
	b.t.Helper()
	return b.ask(chromedp.Text(chromedp.CSS(sel)))
}

func (b browser) ask(a chromedp.Action[string]) string {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	return v
}

// browser starts Chromium on a guest.
func (h *house) browser(g *netlab.Guest, opts ...chromedp.ContextOption) browser {
	h.t.Helper()
	return h.browserOn(g.Host, opts...)
}

// browserOn starts Chromium on a host.
func (h *house) browserOn(on *netlab.Host, opts ...chromedp.ContextOption) browser {
	h.t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		h.t.Fatal("chromium is needed to walk through the portal: apt-get install chromium")
	}
	wrapper := filepath.Join(h.Dir(), "chromium-on-"+on.Namespace())
	script := fmt.Sprintf("#!/bin/sh\nexec ip netns exec %s %s \"$@\"\n", on.Namespace(), path)
	if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
		h.t.Fatal(err)
	}
	// All that is done with it; a step may take as long on a busy machine.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.t.Context()), 5*time.Minute)
	dir := profile(h.t)
	h.t.Cleanup(cancel)
	ctx, _ = chromedp.NewExecAllocator(ctx, chromedp.ExecPath(wrapper), chromedp.UserDataDir(dir), chromedp.WSURLReadTimeout(patience),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-features", "HttpsUpgrades,OptimizationHints,MediaRouter"),
		// A page is loaded before it is painted: what is clicked until then is not dropped.
		chromedp.Flag("allow-pre-commit-input", true), chromedp.Flag("disable-hang-monitor", true),
		chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true))
	tab, _ := chromedp.NewContext(ctx, opts...)
	if err := chromedp.Do(tab); err != nil {
		h.t.Fatalf("start chromium: %v", err)
	}
	h.t.Cleanup(func() {
		if err := chromedp.Cancel(tab); err != nil {
			h.t.Logf("stop chromium: %v", err)
		}
	})
	return browser{h.t, tab}
}

// profile is a directory for Chromium, removed with the test. What Chromium has
// started may write into it for a moment longer than Chromium lives.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vouchsafe-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, "the browser's directory can be removed", func() bool { return os.RemoveAll(dir) == nil })
	})
	return dir
}

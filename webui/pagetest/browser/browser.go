// Package browser drives a real Chromium for the tests of pages.
package browser

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed audit.js
var auditScript string

// patience is how long any step may take on a machine that has much else to do.
const patience = 90 * time.Second

// Browser is a browser with one tab.
type Browser struct {
	ctx  context.Context
	stop func()
	mu   sync.Mutex // guards said
	// said is what the console showed: script errors, refusals by the content
	// security policy, resources that could not be loaded.
	said []string
}

// Start starts a browser with no memory of an earlier one. Names are
// resolved by rules such as "MAP shop.example 127.0.0.1:8000"; nothing is asked
// of the network.
func Start(t testing.TB, rules string) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is needed to test the pages: apt-get install chromium")
	}
	var c *Browser
	for range 3 { // a machine may be too busy for it at the moment
		if c, err = start(t, path, rules); err == nil {
			return c
		}
		t.Logf("start chromium: %v", err)
	}
	t.Fatalf("start chromium: %v", err)
	return nil
}

// options are what Chromium is started with.
func options(path, dir, rules string) []chromedp.ExecAllocatorOption {
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(dir),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-features", "HttpsUpgrades,OptimizationHints,MediaRouter"),
		chromedp.Flag("host-resolver-rules", rules+"MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	}
	for _, name := range []string{
		"disable-background-networking", "disable-component-update", "disable-default-apps", "disable-extensions", "disable-sync",
		"disable-dev-shm-usage", "hide-scrollbars",
		// On a busy machine a page is loaded before it is painted. What is clicked and
		// typed until then may be dropped without this.
		"allow-pre-commit-input",
		// Nor is a page that is slow, or that nobody seems to look at, to be treated
		// differently.
		"disable-hang-monitor", "disable-background-timer-throttling", "disable-renderer-backgrounding", "disable-backgrounding-occluded-windows",
	} {
		opts = append(opts, chromedp.Flag(name, true))
	}
	return opts
}

// start is one attempt. The browser ends with the test.
func start(t testing.TB, path, rules string) (*Browser, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "vouchsafe-chromium-")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	c := &Browser{}
	allocator, _ := chromedp.NewExecAllocator(ctx, options(path, dir, rules)...)
	c.ctx, _ = chromedp.NewContext(allocator, chromedp.WithListener(c.listen))
	late := time.AfterFunc(patience, cancel)
	if err := chromedp.Do(c.ctx); err != nil {
		cancel()
		chromedp.FromContext(allocator).Allocator.Wait()
		remove(t, dir)
		return nil, err
	}
	late.Stop()
	c.stop = sync.OnceFunc(func() {
		defer remove(t, dir)
		defer cancel()
		late.Reset(patience)
		defer late.Stop()
		if err := chromedp.Cancel(c.ctx); err != nil {
			t.Logf("stop chromium: %v", err)
		}
	})
	t.Cleanup(c.stop)
	return c, nil
}

// Stop ends the browser before its test ends, since several at a time need much memory.
func (c *Browser) Stop() { c.stop() }

// remove removes a browser's directory. What the browser started may write into it
// for a while after the browser itself has ended.
func remove(t testing.TB, dir string) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	for {
		err := os.RemoveAll(dir)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Logf("chromium's directory stays: %v", err)
			return
		}
	}
}

func (c *Browser) listen(ev any) {
	var s string
	switch ev := ev.(type) {
	case *cdplog.EventEntryAdded:
		s = fmt.Sprintf("%s %s: %s (%s)", ev.Entry.Source, ev.Entry.Level, ev.Entry.Text, ev.Entry.URL)
	case *runtime.EventConsoleAPICalled:
		s = "console " + string(ev.Type)
	case *runtime.EventExceptionThrown:
		s = "exception: " + ev.ExceptionDetails.Text
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, s)
}

// Heard returns what the console showed since the last call.
func (c *Browser) Heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.said
	c.said = nil
	return s
}

// Do runs steps and fails the test if they take too long.
func (c *Browser) Do(t testing.TB, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	Ask(t, c, chromedp.Steps(steps...))
}

// Ask runs one action and returns its value.
func Ask[T any](t testing.TB, c *Browser, a chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatalf("browser: %v (console: %q)", err, c.Heard())
	}
	return v
}

// Until waits until a page is loaded, with its scripts, and an expression is true on
// it, also across a change of pages. An expression that fails is not true yet: what
// it speaks of may still come.
func Until(t testing.TB, c *Browser, expression string) {
	t.Helper()
	if is, err := c.wait(t, expression, patience); !is {
		t.Fatalf("never true: %s: %v; console: %q", expression, err, c.Heard())
	}
}

// wait waits so long. If it was in vain, the error is that of the last look.
func (c *Browser) wait(t testing.TB, expression string, within time.Duration) (bool, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, within)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !!(`+expression+`)`))
		if is && err == nil {
			return true, nil
		}
		if err != nil && !mayPass(err) && ctx.Err() == nil {
			t.Fatalf("browser: %v (console: %q)", err, c.Heard())
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false, err
		}
	}
}

// mayPass reports whether what was asked of a page may be answered later: the page
// is no longer there, or the next one not yet, or not all of it.
func mayPass(err error) bool {
	var thrown *chromedp.ExceptionError
	if errors.As(err, &thrown) {
		return !strings.Contains(thrown.Error(), "SyntaxError")
	}
	return betweenPages(err)
}

// betweenPages reports whether the page that was asked is no longer there, or
// the next one not yet.
func betweenPages(err error) bool {
	const serverError = -32000 // the protocol's code for all that has none of its own
	var e *cdproto.Error
	return errors.As(err, &e) && e.Code == serverError
}

// Command makes a step of a command of the browser's protocol.
func Command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, c, params)
		return v, err
	}
}

// Look sets the size of the window and the colour scheme.
func Look(width int64, scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		Command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: 740, DeviceScaleFactor: 1, Mobile: width < 500}),
		Command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}}),
	)
}

// Audit returns what is wrong with the page.
func (c *Browser) Audit(t testing.TB) []string {
	t.Helper()
	return Ask(t, c, chromedp.Evaluate[[]string](auditScript))
}

// Picture writes the whole page into a directory, or nothing if it is "".
func (c *Browser) Picture(t testing.TB, dir, name string) {
	t.Helper()
	if dir == "" {
		return
	}
	png := Ask(t, c, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

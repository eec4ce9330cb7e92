package portal

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/audit.js
var auditScript string

// chromium is a browser with one tab.
type chromium struct {
	ctx context.Context
	mu  sync.Mutex // guards said
	// said is what the console showed: script errors, refusals by the content
	// security policy, resources that could not be loaded.
	said []string
}

// startChromium starts a browser with no memory of an earlier one. Names are
// resolved by rules such as "MAP shop.example 127.0.0.1:8000"; nothing is asked
// of the network.
func startChromium(t *testing.T, rules string) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is needed to test the pages: apt-get install chromium")
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-features", "HttpsUpgrades,OptimizationHints,MediaRouter"),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", rules+"MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.WSURLReadTimeout(60 * time.Second),
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewExecAllocator(ctx, opts...)
	c := &chromium{}
	c.ctx, _ = chromedp.NewContext(ctx, chromedp.WithListener(c.listen))
	if err := chromedp.Do(c.ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(c.ctx); err != nil {
			t.Errorf("stop chromium: %v", err)
		}
	})
	return c
}

func (c *chromium) listen(ev any) {
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

// heard returns what the console showed since the last call.
func (c *chromium) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.said
	c.said = nil
	return s
}

// do runs steps and fails the test if they take too long.
func (c *chromium) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ask(t, c, chromedp.Steps(steps...))
}

// ask runs one action and returns its value.
func ask[T any](t *testing.T, c *chromium, a chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 60*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatalf("browser: %v (console: %q)", err, c.heard())
	}
	return v
}

// command makes a step of a command of the browser's protocol.
func command[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, c, params)
		return v, err
	}
}

// look sets the size of the window and the colour scheme.
func look(width int64, scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: 740, DeviceScaleFactor: 1, Mobile: width < 500}),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}}),
	)
}

// audit returns what is wrong with the page.
func (c *chromium) audit(t *testing.T) []string {
	t.Helper()
	return ask(t, c, chromedp.Evaluate[[]string](auditScript))
}

// serve puts a venue on a loopback port and returns its origin. The wrapper,
// if any, sees requests first.
func serve(t *testing.T, change func(*venue), wrap func(*venue) http.Handler) (*venue, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(ln.Addr().String())
	v := newVenue(t, func(v *venue) {
		v.cfg.Port = at.Port()
		v.cfg.Addresses = func() []netip.Addr { return []netip.Addr{at.Addr()} }
		if change != nil {
			change(v)
		}
	})
	h := v.handler
	if wrap != nil {
		h = wrap(v)
	}
	one := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		h.ServeHTTP(w, r)
	})
	srv := &httptest.Server{Listener: ln, Config: Server(one, v.cfg.Log)}
	srv.Start()
	t.Cleanup(srv.Close)
	return v, "http://" + at.String()
}

// withoutOwn drops the note that every page with an error status makes.
func withoutOwn(said []string, status int) []string {
	var rest []string
	for _, s := range said {
		if status >= 400 && strings.Contains(s, fmt.Sprintf("responded with a status of %d", status)) {
			continue
		}
		rest = append(rest, s)
	}
	return rest
}

package portal

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

var screenshots = flag.String("screenshots", "", "directory to put pictures of all pages into")

// TestPagesInChromium opens every page in every state, narrow and wide, dark
// and light, and audits each.
func TestPagesInChromium(t *testing.T) {
	c := startChromium(t, "")
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			_, origin := serve(t, s.change, nil)
			c.heard()
			c.open(t, s, origin)
			for _, scheme := range []string{"light", "dark"} {
				for _, width := range []int64{320, 390, 1280} {
					c.do(t, look(width, scheme))
					for _, fault := range c.audit(t) {
						t.Errorf("%s at %d px: %s", scheme, width, fault)
					}
					c.picture(t, fmt.Sprintf("%s-%s-%d.png", s.name, scheme, width))
				}
			}
			for _, said := range withoutOwn(c.heard(), s.want()) {
				t.Errorf("console: %s", said)
			}
		})
	}
}

// open brings the browser to a scene.
func (c *chromium) open(t *testing.T, s scene, origin string) {
	t.Helper()
	if s.method != http.MethodPost {
		c.do(t, chromedp.Navigate(origin+s.path))
		return
	}
	fields, err := json.Marshal(s.form)
	if err != nil {
		t.Fatal(err)
	}
	// The submit of a form that the page could have had.
	script := fmt.Sprintf(`(() => { const f = document.createElement("form"); f.method = "post"; f.action = %q;
		for (const [k, [v]] of Object.entries(%s)) { const i = document.createElement("input"); i.type = "hidden"; i.name = k; i.value = v; f.append(i); }
		document.body.append(f); f.submit(); })()`, s.path, fields)
	c.do(t, chromedp.Navigate(origin+pathWelcome))
	resp := ask(t, c, func(ctx context.Context, _ *chromedp.Target) (*network.Response, error) {
		return chromedp.RunResponse(ctx, chromedp.Evaluate[chromedp.Void](script))
	})
	if resp.Status != int64(s.want()) {
		t.Errorf("status %d, want %d", resp.Status, s.want())
	}
}

func (c *chromium) picture(t *testing.T, name string) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	png := ask(t, c, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(*screenshots, name), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestAuditFindsFaults makes sure that a silent audit means something.
func TestAuditFindsFaults(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		io.WriteString(w, `<!doctype html><body bgcolor="#ffffff"><p style="color:red">x</p><p><font color="#999999">grey</font>
			<input name="a"><a href="/" target="_blank">x</a><img src="/a.png" width="2000" height="5">`)
	}))
	t.Cleanup(srv.Close)
	c := startChromium(t, "")
	c.do(t, look(320, "light"), chromedp.Navigate(srv.URL))
	faults := strings.Join(c.audit(t), "\n")
	for _, want := range []string{"contrast 2.85", "no label", "target", "new window", "scrolls to the side", "not one h1", "no language", "no title", "image without alt", "style sheet"} {
		if !strings.Contains(faults, want) {
			t.Errorf("the audit does not see %q; it sees:\n%s", want, faults)
		}
	}
	if said := strings.Join(c.heard(), "\n"); !strings.Contains(said, "Content Security Policy") {
		t.Errorf("the console does not show what the policy refused; it shows %q", said)
	}
}

// TestWalkWithoutScript is a guest's way in a browser that runs no script:
// caught on the way to a shop, refused once, let in, on to the shop, and out.
func TestWalkWithoutScript(t *testing.T) {
	const shop = "http://shop.example/offer?id=7"
	v, origin := serve(t, nil, func(v *venue) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Once the guest is online its traffic does not come to us.
			if r.Host == "shop.example" && v.online {
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, `<!doctype html><title>The shop</title><link rel="icon" href="data:,"><p id="shop">`+r.URL.RequestURI())
				return
			}
			v.handler.ServeHTTP(w, r)
		})
	})
	c := startChromium(t, "MAP shop.example "+netip.MustParseAddrPort(strings.TrimPrefix(origin, "http://")).String()+", ")
	refuse := func(err error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.refusal = err
	}
	online := func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.online
	}
	at := func() string { return ask(t, c, chromedp.Location()) }
	click := func(sel chromedp.CSS) {
		t.Helper()
		ask(t, c, func(ctx context.Context, _ *chromedp.Target) (*network.Response, error) {
			return chromedp.RunResponse(ctx, chromedp.Click(sel))
		})
	}
	c.do(t, command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}),
		look(320, "light"), chromedp.Navigate(shop))
	if want := origin + "/welcome?u=http%3A%2F%2Fshop.example%2Foffer%3Fid%3D7"; at() != want {
		t.Errorf("caught to %s, want %s", at(), want)
	}

	refuse(hotspot.ErrUnknownCode)
	c.do(t, chromedp.SendKeys(chromedp.ID("code"), "K7MPQ2"), chromedp.SendKeys(chromedp.ID("passcode"), "wrong"))
	click(`form[action="/login"] button`)
	text, code, pass := ask(t, c, chromedp.Text(chromedp.ID("refusal"))), ask(t, c, chromedp.Value(chromedp.ID("code"))), ask(t, c, chromedp.Value(chromedp.ID("passcode")))
	if !strings.Contains(text, "do not know this code") || code != "K7MPQ2" || pass != "" {
		t.Errorf("refused with %q, code %q, passcode %q", text, code, pass)
	}

	c.do(t, chromedp.WaitReady(chromedp.CSS("#code:focus"))) // where to go on
	refuse(nil)
	c.do(t, chromedp.SendKeys(chromedp.ID("passcode"), "right"))
	click(`form[action="/login"] button`)
	if !online() || !strings.HasPrefix(at(), origin+"/status?u=") {
		t.Errorf("after login at %s, online %v", at(), online())
	}
	click("main > a.button")
	if at() != shop {
		t.Errorf("went on to %s, want %s", at(), shop)
	}

	c.do(t, chromedp.Navigate(origin))
	click(`form[action="/logout"] button`)
	if online() || at() != origin+"/welcome?bye=1" {
		t.Errorf("after logout at %s, online %v", at(), online())
	}
	if said := c.heard(); len(said) > 0 {
		t.Errorf("console: %q", said)
	}
}

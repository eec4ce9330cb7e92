package entry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"image/png"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

// person uses the panel with a browser, and counts what it takes.
type person struct {
	*house
	*browser.Browser
	t             *testing.T
	clicks, typed int
}

func (h *house) person(t *testing.T) *person {
	p := &person{house: h, Browser: browser.Start(t, ""), t: t}
	p.Do(t, browser.Look(390, "light"))
	return p
}

func (p *person) open(path string) {
	p.t.Helper()
	p.Do(p.t, chromedp.Navigate(p.url+path))
}

// write fills in a field.
func (p *person) write(id, text string) {
	p.t.Helper()
	p.typed += len(text)
	p.Do(p.t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.getElementById(%q).value = ''", id)), browser.Type(`[id="`+id+`"]`, text))
}

// press clicks what leads on, and waits for the page that comes.
func (p *person) press(selector, path string) {
	p.t.Helper()
	p.clicks++
	p.Do(p.t, chromedp.Evaluate[chromedp.Void]("window.before = true"), browser.Click(selector))
	browser.Until(p.t, p.Browser, fmt.Sprintf("!window.before && document.readyState === 'complete' && location.pathname + location.search === %q", path))
}

// look visits the page where the browser is in each way that people see it, and
// comes back.
func (p *person) look(name string) {
	p.t.Helper()
	at := browser.Ask(p.t, p.Browser, chromedp.Location())
	paneltest.Look(p.t, p.Browser, name, at)
	p.Do(p.t, browser.Look(390, "light"), chromedp.Navigate(at))
}

// TestFirstRunInChromium goes from a router that is new to the page that prints
// ten vouchers. So that it takes less than three minutes, there are few clicks.
func TestFirstRunInChromium(t *testing.T) {
	p := newHouse(t).person(t)
	p.open("/")
	p.setUp(t, true)
	if p.clicks > 5 {
		t.Errorf("%d clicks", p.clicks)
	}
	t.Logf("%d clicks, %d letters", p.clicks, p.typed)
	for _, said := range p.Heard() {
		t.Errorf("console: %s", said)
	}
}

// TestFirstRunWithoutScript is the same without script.
func TestFirstRunWithoutScript(t *testing.T) {
	p := newHouse(t).person(t)
	p.Do(t, browser.Command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	p.open("/")
	p.setUp(t, false)
}

func (p *person) setUp(t *testing.T, look bool) {
	t.Helper()
	see := func(name string) {
		if look {
			p.look(name)
		}
	}
	see("setup-1")
	p.write("email", mail)
	p.write("password", password)
	p.write("password_again", password)
	p.press(".card form button", "/setup/venue")
	see("setup-2")
	p.write("venue", "Café Trieste")
	p.press(".card form button", "/setup/logins")
	see("setup-3")
	p.press(".card form button", "/setup/vouchers")
	see("setup-4")
	p.press(".card form button", "/setup/done?ids=1%2C2%2C3%2C4%2C5%2C6%2C7%2C8%2C9%2C10")
	see("setup-5")
	p.press(".card .button", "/print?ids=1%2C2%2C3%2C4%2C5%2C6%2C7%2C8%2C9%2C10")
	if got := p.setting("venue.name"); got != "Café Trieste" {
		t.Errorf("the venue is %q", got)
	}
}

// TestPagesInChromium looks at all other pages.
func TestPagesInChromium(t *testing.T) {
	h := newHouse(t)
	h.add(mail, api.RoleOwner)
	p := h.person(t)
	p.open("/account")
	p.look("sign-in")
	p.write("email", mail)
	p.write("password", password)
	p.press(".card form button", "/account")
	h.in(mail) // elsewhere, too
	p.open("/account")
	p.look("account")
	p.open("/account/password")
	p.look("account-password")
	p.open("/account/totp/off")
	p.look("account-totp-off")
	p.open("/confirm?next=%2Faccount%2Ftotp")
	p.look("confirm")
	p.write("password", password)
	p.press(".card form button", "/account/totp")
	p.look("account-totp")
	secret := p.scan(t)
	p.write("code", h.code(secret))
	p.press(".card form button", "/account/totp")
	browser.Until(t, p.Browser, `document.querySelectorAll("#codes").length === 1`)
	p.copied(t)
	for _, fault := range p.Audit(t) {
		t.Error(fault)
	}
	p.open("/account/totp")
	p.look("account-totp-on")
	p.open("/account")
	p.Do(t, browser.Look(1280, "light"))
	p.press(".whoami button", "/sign-in?after=out")
	p.Do(t, browser.Look(390, "light"))
	p.look("signed-out")
	p.write("email", mail)
	p.write("password", password)
	p.press(".card form button", "/sign-in/code")
	p.look("sign-in-code")
}

// scan reads the QR code on the screen, and returns the secret in it.
func (p *person) scan(t *testing.T) string {
	t.Helper()
	browser.Until(t, p.Browser, `document.querySelector("svg.qr")`)
	clip := browser.Ask(t, p.Browser, chromedp.Evaluate[page.Viewport](`(() => { const { x, y, width, height } = document.querySelector("svg.qr").getBoundingClientRect();
		return { x: x + scrollX, y: y + scrollY, width, height, scale: 1 }; })()`))
	picture := browser.Ask(t, p.Browser, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		beyond := true
		r, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{Clip: &clip, CaptureBeyondViewport: &beyond})
		return r.Data, err
	})
	img, err := png.Decode(bytes.NewReader(picture))
	p.fine(err)
	bmp, err := gozxing.NewBinaryBitmapFromImage(img)
	p.fine(err)
	read, err := qrcode.NewQRCodeReader().Decode(bmp, nil)
	if err != nil {
		t.Fatalf("the code cannot be read: %v", err)
	}
	text := read.GetText()
	_, secret, ok := strings.Cut(text, "?secret=")
	if !ok || !strings.HasPrefix(text, "otpauth://totp/Guest%20Wi-Fi:ada@example.com?") {
		t.Fatalf("the code says %q", text)
	}
	secret, _, _ = strings.Cut(secret, "&")
	return secret
}

// copied checks that the recovery codes can be copied, one to a line.
func (p *person) copied(t *testing.T) {
	t.Helper()
	p.Do(t, chromedp.Evaluate[chromedp.Void](`Object.defineProperty(navigator, "clipboard", { value: undefined });
		document.addEventListener("copy", () => { window.copied = document.activeElement.value ?? String(getSelection()); })`))
	browser.ClickUntil(t, p.Browser, "[data-copy=codes]", `window.copied.trim().split("\n").length === 8 && document.getElementById("codes-said").textContent === "Copied."`)
}

// TestRefusedInChromium looks at forms that are shown again, and fills them in
// with the keyboard alone.
func TestRefusedInChromium(t *testing.T) {
	p := newHouse(t).person(t)
	refused := func(path, selector string) {
		t.Helper()
		browser.Until(t, p.Browser, fmt.Sprintf("!window.before && document.readyState === 'complete' && location.pathname === %q && document.querySelector(%q)", path, selector))
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				p.Do(t, browser.Look(width, scheme))
				for _, fault := range p.Audit(t) {
					t.Errorf("%s %s at %d px: %s", path, scheme, width, fault)
				}
			}
		}
	}
	enter := func(id, text string) {
		t.Helper()
		p.Do(t, chromedp.Evaluate[chromedp.Void]("window.before = true"), browser.Type("#"+id, text+"\r"))
	}
	p.open("/setup")
	p.write("email", mail)
	p.write("password", "password123")
	enter("password_again", wrong)
	refused("/setup", "#password_again[aria-invalid=true][aria-describedby=password_again-error]")
	p.write("password", password)
	enter("password_again", password)
	browser.Until(t, p.Browser, `location.pathname === "/setup/venue"`)
	p.open("/setup/vouchers")
	p.write("count", "")
	enter("count", "no")
	refused("/setup/vouchers", "#count[aria-invalid=true]")
	p.open("/confirm")
	enter("password", wrong)
	refused("/confirm", ".note.bad[role=alert]")
	p.Do(t, browser.Look(1280, "light"))
	p.press(".whoami button", "/sign-in?after=out")
	p.write("email", mail)
	enter("password", wrong)
	refused("/sign-in", ".note.bad[role=alert]")
	p.write("email", mail)
	enter("password", password)
	browser.Until(t, p.Browser, `location.pathname === "/"`)
	for _, said := range p.Heard() {
		if !strings.Contains(said, "422") { // which browsers say of a form that was refused
			t.Errorf("console: %s", said)
		}
	}
}

// TestWeight: no page weighs more than a small part of what a later page may.
func TestWeight(t *testing.T) {
	h := newHouse(t)
	v := h.visitor().setUp()
	for range 5 {
		h.in(mail)
	}
	for _, path := range []string{"/setup/venue", "/setup/logins", "/setup/vouchers", "/account", "/account/totp", "/sign-in"} {
		v.get(path)
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write([]byte(v.page.body))
		h.fine(err)
		h.fine(z.Close())
		if b.Len() > 5<<10 {
			t.Errorf("%s has %d bytes", path, b.Len())
		}
	}
}

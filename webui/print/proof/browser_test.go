package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// printed has the browser print the page that it shows, as its print command
// does on paper of the page's own size.
func printed(t *testing.T, c *browser.Browser) []byte {
	t.Helper()
	return browser.Ask(t, c, func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		own := true
		r, err := cdp.Call(ctx, target, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: &own})
		return []byte(r.Data), err
	})
}

// misplaced is a script that tells what is outside its sheet, and what lies
// upon something of another voucher or upon a QR code.
const misplaced = `(() => {
	const faults = [], slack = 0.6;
	const inside = (a, b) => a.left >= b.left - slack && a.right <= b.right + slack && a.top >= b.top - slack && a.bottom <= b.bottom + slack;
	const apart = (a, b) => a.right <= b.left + slack || b.right <= a.left + slack || a.bottom <= b.top + slack || b.bottom <= a.top + slack;
	for (const sheet of document.querySelectorAll(".page > svg")) {
		const edge = sheet.getBoundingClientRect(), groups = [...sheet.querySelectorAll("g")];
		const boxes = groups.map(g => [...g.children].map(e => [e, e.getBoundingClientRect()]));
		boxes.forEach((all, i) => {
			for (const [e, r] of all) {
				const what = e.tagName + " " + e.textContent.slice(0, 40);
				if (!(r.width > 0 && r.height > 0)) faults.push(what + " has no size");
				if (!inside(r, edge)) faults.push(what + " is outside its sheet");
				for (const [f, q] of all)
					if (f !== e && f.tagName !== "text" && !apart(r, q)) faults.push(what + " lies upon " + f.tagName);
			}
		});
		const around = boxes.map(all => all.reduce((a, [, r]) => ({left: Math.min(a.left, r.left), right: Math.max(a.right, r.right),
			top: Math.min(a.top, r.top), bottom: Math.max(a.bottom, r.bottom)}), {left: 1e9, right: -1e9, top: 1e9, bottom: -1e9}));
		around.forEach((a, i) => around.forEach((b, k) => { if (i < k && !apart(a, b)) faults.push("voucher " + i + " lies upon " + k); }));
	}
	return faults.slice(0, 20);
})()`

// paperOf is the size that a layout's pages have.
var paperOf = map[print.Paper]string{
	print.A4: "210x297", print.Letter: "216x279", print.A6: "105x148", print.Card: "85x55", print.Roll58: "58x", print.Roll80: "80x",
}

// checkSizes checks a PDF's pages.
func checkSizes(t *testing.T, pdf []byte, p print.Paper, pages int) {
	t.Helper()
	got := sizes(t, pdf)
	if len(got) != pages {
		t.Errorf("%d pages, want %d", len(got), pages)
	}
	for _, size := range got {
		if !strings.HasPrefix(size, paperOf[p]) || size != got[0] {
			t.Errorf("page of %s mm, want %s", size, paperOf[p])
		}
	}
}

// TestPrintedByChromium prints every layout in a real browser.
func TestPrintedByChromium(t *testing.T) {
	c, h := browser.Start(t, ""), newHost(t)
	for _, l := range print.Layouts() {
		for name, make := range map[string]func(testing.TB, string) print.Sheet{"usual": sheet, "full": full} {
			if name == "full" && !hasRoomForAll[l.String()] {
				continue // see TestFullNeedsRoom
			}
			t.Run(l.String()+"-"+name, func(t *testing.T) {
				per := max(l.Columns*l.Rows, 1)
				h.show(t, c, make(t, l.String()), some(per+1, nil))
				checkPage(t, c)
				pdf := printed(t, c)
				keep(t, l.String()+"-"+name+"-browser.pdf", pdf)
				checkSizes(t, pdf, l.Paper, 2)
				text := words(tool(t, pdf, "pdftotext", "FILE", "-"))
				for i := range per + 1 {
					if v := voucher(i); !strings.Contains(text, v.Username) || !strings.Contains(text, v.Passcode) {
						t.Errorf("voucher %d is not on paper", i)
					}
				}
				if strings.Contains(text, "Vouchers to print") {
					t.Error("the hint is on paper")
				}
				want := []string{"http://10.20.30.1/welcome?code=AB0000&passcode=0000YZ", "WIFI:T:nopass;S:Harbour Guests;;"}
				if name == "full" {
					want[1] = `WIFI:T:WPA;S:Harbour Guests;P:semi\;colon\\and\"more;;`
				}
				h.show(t, c, make(t, l.String()), some(1, nil))
				checkCodes(t, printed(t, c), l.Paper, want)
			})
		}
	}
}

// checkPage checks what the browser shows: places, and that it complains of
// nothing.
func checkPage(t *testing.T, c *browser.Browser) {
	t.Helper()
	for _, fault := range browser.Ask(t, c, chromedp.Evaluate[[]string](misplaced)) {
		t.Error(fault)
	}
	for _, said := range c.Heard() {
		t.Errorf("console: %s", said)
	}
}

// checkCodes reads the QR codes of a PDF's first page as a printer puts them on
// paper: black or white, 203 dots an inch on rolls, 300 on sheets.
func checkCodes(t *testing.T, pdf []byte, p print.Paper, want []string) {
	t.Helper()
	dpi := 300
	if p == print.Roll58 || p == print.Roll80 {
		dpi = 203
	}
	got := codes(t, pdf, dpi)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("the codes say %q, not %q", got, w)
		}
	}
}

// TestSeenOnScreens audits the page as operators see it before they print.
func TestSeenOnScreens(t *testing.T) {
	c, h := browser.Start(t, ""), newHost(t)
	for _, layout := range []string{"a4-2x5", "roll58", "card"} {
		h.show(t, c, sheet(t, layout), some(3, nil))
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{390, 1280} {
				c.Do(t, browser.Look(width, scheme))
				for _, fault := range c.Audit(t) {
					t.Errorf("%s, %s at %d px: %s", layout, scheme, width, fault)
				}
				c.Picture(t, *pictures, fmt.Sprintf("%s-%s-%d.png", layout, scheme, width))
			}
		}
		checkPage(t, c)
	}
}

// TestLanguages prints every layout in the other languages.
func TestLanguages(t *testing.T) {
	c, h := browser.Start(t, ""), newHost(t)
	for _, l := range print.Layouts() {
		for _, tag := range []string{"it", "ar"} {
			t.Run(l.String()+"-"+tag, func(t *testing.T) {
				s := sheet(t, l.String())
				s.Lang, s.WiFi.Password, s.Show.WiFiPassword = language(t, tag), "sun and sea", l.Rows < 8
				h.show(t, c, s, some(1, nil))
				checkPage(t, c)
				pdf := printed(t, c)
				keep(t, l.String()+"-"+tag+"-browser.pdf", pdf)
				checkSizes(t, pdf, l.Paper, 1)
				checkCodes(t, pdf, l.Paper, []string{"http://10.20.30.1/welcome?code=AB0000&passcode=0000YZ", "WIFI:T:WPA;S:Harbour Guests;P:sun and sea;;"})
				if tag == "it" && !strings.Contains(words(tool(t, pdf, "pdftotext", "FILE", "-")), "Codicedelvoucher") {
					t.Error("there is no Italian on paper")
				}
			})
		}
	}
}

// TestRightToLeft prints in a language written from right to left.
func TestRightToLeft(t *testing.T) {
	c, h := browser.Start(t, ""), newHost(t)
	for _, layout := range []string{"a4-2x5", "a4-3x8", "roll80"} {
		t.Run(layout, func(t *testing.T) {
			s := sheet(t, layout)
			s.Lang, s.Venue = language(t, "ar"), "مقهى الميناء"
			s.Texts = map[string]print.OwnTexts{"ar": {Below: "أهلا وسهلا Harbour بكم"}}
			h.show(t, c, s, some(2, nil))
			checkPage(t, c)
			pdf := printed(t, c)
			keep(t, layout+"-rtl-browser.pdf", pdf)
			checkSizes(t, pdf, s.Layout.Paper, map[bool]int{true: 2, false: 1}[s.Layout.Paper == print.Roll80])
			if _, err := job(t, s).PDF(nil, some(2, nil)); err == nil {
				t.Error("a PDF with Arabic letters")
			}
		})
	}
}

// hostile are texts that have meant harm to pages.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'&lt;&amp;</text></svg>`, "]]><!--", "\u202egnp.exe\u202c",
	strings.Repeat("☕📶👩‍👩‍👧", 6), strings.Repeat("W", 32), strings.Repeat("مرحبا ", 5), "a\x00b\x07c\x1b[31m\x7f\u0085", "e\u0301\u0302\u0303\u0304\u0305\u0306\u0307",
	strings.Repeat("漢", 20), strings.Repeat("Щ", 30), "\u200f\u200e\u2067\u2066 x", "  two  spaces  ", "bad\xffutf8",
}

// TestHostileTexts prints texts that nobody should have to print.
func TestHostileTexts(t *testing.T) {
	c, h := browser.Start(t, ""), newHost(t)
	for i, text := range hostile {
		for _, layout := range []string{"a4-2x5", "a4-3x8", "roll58", "card"} {
			t.Run(fmt.Sprintf("%d-%s", i, layout), func(t *testing.T) {
				valid := strings.ToValidUTF8(text, "?")
				s := sheet(t, layout)
				s.Venue, s.WiFi.SSID = valid, strings.ToValidUTF8(valid[:min(32, len(valid))], "")
				s.Texts = map[string]print.OwnTexts{"en": {Above: valid[:len(valid)/2], Below: valid}}
				if _, err := print.New(s); err != nil {
					s = sheet(t, layout) // no room for so much, and said so
				}
				vs := some(2, func(v *hotspot.VoucherView) {
					v.Username, v.Passcode, v.FullName = text, text, text
					v.ValidFrom = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
				})
				if _, err := job(t, s).HTML(discard{}, vs); err != nil {
					if hotspot.CodeOf(err) != hotspot.CodeInvalid {
						t.Fatal(err)
					}
					return // too long for so small a voucher, and said so
				}
				h.show(t, c, s, vs)
				checkPage(t, c)
				n := browser.Ask(t, c, chromedp.Evaluate[int]("document.querySelectorAll('script,img,[onerror],[style],style').length"))
				if n != 0 {
					t.Errorf("%d elements came out of a text", n)
				}
			})
		}
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// TestFullNeedsRoom: what has no room is refused, with the field to change.
func TestFullNeedsRoom(t *testing.T) {
	for _, l := range print.Layouts() {
		_, err := print.New(full(t, l.String()))
		if hasRoomForAll[l.String()] != (err == nil) || err != nil && hotspot.CodeOf(err) != hotspot.CodeInvalid {
			t.Errorf("%s: error %v", l, err)
		}
	}
}

package portal

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// rgb is a colour of sRGB.
type rgb [3]uint8

// parseColor reads #rrggbb.
func parseColor(s string) (c rgb, ok bool) {
	hex, found := strings.CutPrefix(s, "#")
	n, err := strconv.ParseUint(hex, 16, 32)
	if !found || len(hex) != 6 || err != nil {
		return c, false
	}
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true
}

// String writes #rrggbb.
func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// luminance is the relative luminance of WCAG.
func (c rgb) luminance() float64 {
	sum := 0.0
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		v := float64(c[i]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// contrast is the contrast ratio of WCAG.
func contrast(a, b rgb) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// Colours that texts are seen on and with. The papers are the least favourable
// ones of the tokens, on which accents are written.
var (
	black      = rgb{}
	white      = rgb{255, 255, 255}
	lightPaper = rgb{0xf2, 0xf5, 0xf4}
	darkPaper  = rgb{0x1a, 0x22, 0x21}
)

// readable is the contrast that texts must have (WCAG 2.2, 1.4.3).
const readable = 4.5

// towards mixes a colour with another one, as little as lets it be read on a
// paper.
func (c rgb) towards(other, paper rgb) rgb {
	const steps = 32
	mixed := c
	for n := 1; n <= steps && contrast(mixed, paper) < readable; n++ {
		for i := range mixed {
			mixed[i] = uint8((int(c[i])*(steps-n) + int(other[i])*n) / steps)
		}
	}
	return mixed
}

// ink is black or white: what is easier to read on a colour. One of them always
// has a contrast of 4.58 or more.
func (c rgb) ink() rgb {
	if contrast(c, white) >= contrast(c, black) {
		return white
	}
	return black
}

// theme is the style sheet for an accent: the tokens that depend on it. Buttons
// have the colour itself; links and lines a shade that can be read.
func theme(c rgb) string {
	tokens := func(accent rgb) string {
		return "--accent:" + accent.String() + ";--on-accent:" + accent.ink().String() + ";--fill:" + c.String() + ";--on-fill:" + c.ink().String()
	}
	return ":root{" + tokens(c.towards(black, lightPaper)) + "}\n@media (prefers-color-scheme:dark){:root{" + tokens(c.towards(white, darkPaper)) + "}}\n"
}

// colorParam is the parameter of an address that says for which colour it is.
const colorParam = "c"

// themeURL is where the style sheet for the settings' colour is; zero: it is not
// needed.
func themeURL(path string, s hotspot.Settings) webui.URL {
	c, ok := parseColor(s.Portal.Color)
	if !ok || s.Portal.Color == hotspot.DefaultColor {
		return webui.URL{}
	}
	return webui.Local(path, map[string][]string{colorParam: {c.String()[1:]}})
}

// serveTheme answers with the style sheet for the colour that the address names.
func serveTheme(w http.ResponseWriter, r *http.Request) {
	c, ok := parseColor("#" + r.URL.Query().Get(colorParam))
	if !ok {
		c, _ = parseColor(hotspot.DefaultColor)
	}
	serveData(w, r, "text/css; charset=utf-8", []byte(theme(c)), ok)
}

// serveData answers with data, which may be kept if it is always the same at its
// address.
func serveData(w http.ResponseWriter, r *http.Request, mime string, body []byte, keep bool) {
	h := w.Header()
	h.Set("Content-Type", mime)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if keep {
		h.Set("Cache-Control", "public, max-age=86400, immutable")
	}
	if r.Method != http.MethodHead {
		// A failed write means that the reader went away.
		_, _ = w.Write(body)
	}
}

// logoView is the venue's logo on a page.
type logoView struct {
	URL           webui.URL
	Width, Height int
}

// newLogo shows a logo that is served at a path; nil: there is none.
func newLogo(path string, l *hotspot.Logo) *logoView {
	if l == nil {
		return nil
	}
	return &logoView{webui.Local(path, map[string][]string{versionParam: {l.Version()}}), l.Width, l.Height}
}

// versionParam is the parameter of an address that changes with what is there.
const versionParam = "v"

// serveLogo answers with a logo, if there is one.
func serveLogo(w http.ResponseWriter, r *http.Request, l *hotspot.Logo) {
	if l == nil {
		http.Error(w, http.StatusText(http.StatusNotFound), http.StatusNotFound)
		return
	}
	serveData(w, r, l.Type, l.Data, r.URL.Query().Get(versionParam) == l.Version())
}

//go:build !race && !mips && !mipsle && !arm

package daemon

import (
	"bytes"
	"context"
	"flag"
	"image"
	"image/color"
	"image/png"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
)

var takePictures = flag.Bool("pictures", false, "take the pictures of the documentation anew")

const (
	picturesDir = "../docs/images"
	// maxPicture is how large a picture of the documentation may be.
	maxPicture = 60 << 10
)

// pictures are those of the documentation.
var pictures = []struct {
	name, path string
	look
}{
	{"dashboard", "/", look{"en", 1280, "light"}},
	{"guests", "/guests", look{"en", 1280, "light"}},
	{"vouchers", "/vouchers", look{"en", 1280, "light"}},
	{"print-sheet", "/print/sheet?ids=35-44", look{"en", 1280, "light"}},
	{"login-page", "/login-page/look", look{"en", 1280, "light"}},
	{"api-access", "/integrations/api", look{"en", 1280, "light"}},
	{"setup", "/setup/logins", look{"en", 1280, "light"}},
	{"phone", "/", look{"en", 390, "dark"}},
	{"arabic", "/guests", look{"ar", 1280, "light"}},
}

// TestPictures checks that the documentation shows its pictures and that they
// are small. With -pictures it takes them.
func TestPictures(t *testing.T) {
	if *takePictures {
		retake(t)
	}
	var docs []byte
	for _, name := range []string{"../README.md", "../docs/panel.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, b...)
	}
	for _, p := range pictures {
		b, err := os.ReadFile(filepath.Join(picturesDir, p.name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width != int(p.width) || len(b) > maxPicture {
			t.Errorf("%s: %d px wide, %d bytes, %v", p.name, c.Width, len(b), err)
		}
		if !strings.Contains(string(docs), "images/"+p.name+".png") {
			t.Errorf("no documentation shows %s", p.name)
		}
	}
}

// retake takes all pictures, at a hotel whose router is well.
func retake(t *testing.T) {
	v := newVenue(t, true)
	cfg := *v.d.conf()
	cfg.Network.Backend, cfg.LAN.Listen = config.BackendNFTables, []netip.AddrPort{netip.MustParseAddrPort("192.168.1.1:80")}
	v.d.live.Store(&cfg)
	v.d.checks = api.NewHealthWatch(func(context.Context) (out []api.Finding) {
		for _, check := range []string{"guest interface", "uplink", "DHCP", "clock", "data directory", "snapshots", "memory"} {
			out = append(out, api.Finding{Check: check, Verdict: "ok"})
		}
		return out
	})
	v.fine(v.d.service.SetSettings(t.Context(), map[string]string{"print.wifi_name": "Meridian Guests"}))
	v.serve()
	c := v.browser()
	for _, p := range pictures {
		v.d.health.polled(nil)
		v.d.health.flushed(nil)
		v.open(c, p.path, p.look)
		shot, err := png.Decode(bytes.NewReader(browser.Ask(t, c, chromedp.CaptureScreenshot())))
		v.fine(err)
		var b bytes.Buffer
		v.fine((&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, reduced(shot, 160)))
		v.fine(os.WriteFile(filepath.Join(picturesDir, p.name+".png"), b.Bytes(), 0o644))
		t.Logf("%s: %d bytes", p.name, b.Len())
	}
}

// reduced is a picture with a palette of at most n colours: those that it has
// most of. A picture of a page has few, and shades between them.
func reduced(m image.Image, n int) *image.Paletted {
	count := map[color.RGBA]int{}
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[rgba(m.At(x, y))]++
		}
	}
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int { return count[b] - count[a] })
	var pal color.Palette
	for _, c := range all {
		// A shade that is nearly there already gains nothing.
		if len(pal) < n && (len(pal) == 0 || apart(c, rgba(pal.Convert(c))) > 3) {
			pal = append(pal, c)
		}
	}
	out := image.NewPaletted(b, pal)
	index := map[color.RGBA]uint8{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := rgba(m.At(x, y))
			i, ok := index[c]
			if !ok {
				i = uint8(pal.Index(c))
				index[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	return out
}

func rgba(c color.Color) color.RGBA { return color.RGBAModel.Convert(c).(color.RGBA) }

// apart is how far two colours are from each other: the largest difference of a
// part.
func apart(a, b color.RGBA) int {
	d := func(x, y uint8) int { return int(max(x, y) - min(x, y)) }
	return max(d(a.R, b.R), d(a.G, b.G), d(a.B, b.B))
}

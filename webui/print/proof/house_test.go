package proof

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/pagetest/browser"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

var pictures = flag.String("pictures", "", "directory to put pictures and PDFs into")

// keep puts a file where -pictures says.
func keep(t *testing.T, name string, data []byte) {
	t.Helper()
	if *pictures == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*pictures, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// language is one of those that there are.
func language(t testing.TB, tag string) *webui.Language {
	t.Helper()
	ls, err := webui.NewLanguages(print.Texts())
	if err != nil {
		t.Fatal(err)
	}
	return ls.Negotiate(tag)
}

// sheet is one as a usual venue prints it.
func sheet(t testing.TB, layout string) print.Sheet {
	t.Helper()
	l, err := print.ParseLayout(layout)
	if err != nil {
		t.Fatal(err)
	}
	return print.Sheet{
		Layout: l, Lang: language(t, "en"), Venue: "Harbour Café", WiFi: print.WiFi{SSID: "Harbour Guests"},
		Portal: "http://10.20.30.1/", Show: print.ShowUsual(), Cut: print.CutMarks, Devices: 2,
		Style: webui.Local("/print.css", nil), Icon: webui.Local("/icon.svg", nil), LogoURL: webui.Local("/logo", nil),
	}
}

// full is a sheet that shows everything there is.
func full(t testing.TB, layout string) print.Sheet {
	s := sheet(t, layout)
	s.Logo = logo(t)
	s.Show = print.Show{Username: true, Passcode: true, FullName: true, Validity: true, Limits: true, Devices: true,
		WiFi: true, WiFiPassword: true, Address: true, WiFiCode: true, LoginCode: true, Terms: true}
	s.WiFi.Password = `semi;colon\and"more`
	s.Texts = map[string]print.OwnTexts{"": {Title: "Welcome aboard", Above: "One code for all your stay.",
		Below: "Questions? Ask at the bar.", Terms: "Be kind. What you do here is on you. No refunds."}}
	return s
}

// hasRoomForAll are the layouts that a full sheet has room on.
var hasRoomForAll = map[string]bool{"a4-2x5": true, "a6": true, "roll58": true, "roll80": true}

// logo is a picture with a transparent corner.
func logo(t testing.TB) *hotspot.Logo {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 120, 60))
	for y := range 60 {
		for x := range 120 {
			img.SetNRGBA(x, y, color.NRGBA{R: uint8(2 * x), G: 90, B: uint8(4 * y), A: uint8(min(255, 4*x))})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	l, err := hotspot.ParseLogo(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// photo is a logo as a JPEG.
func photo(t testing.TB) *hotspot.Logo {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 40)), nil); err != nil {
		t.Fatal(err)
	}
	l, err := hotspot.ParseLogo(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// voucher is the i-th one.
func voucher(i int) hotspot.VoucherView {
	var v hotspot.VoucherView
	v.ID = uint64(i + 1)
	v.Username, v.Passcode, v.FullName = fmt.Sprintf("AB%04d", i), fmt.Sprintf("%04dYZ", i), "Amber Otter"
	v.ValidFor = hotspot.Validity(24 * time.Hour)
	v.Limit.Down = 500 * hotspot.MB
	return v
}

// some makes vouchers.
func some(n int, change func(v *hotspot.VoucherView)) print.Vouchers {
	return func(yield func(hotspot.VoucherView, error) bool) {
		for i := range n {
			v := voucher(i)
			if change != nil {
				change(&v)
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// job makes a job of a sheet that must be in order.
func job(t testing.TB, s print.Sheet) *print.Job {
	t.Helper()
	j, err := print.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// host serves the page of one sheet after another, with what they load, under
// the headers of every page.
type host struct {
	url  string
	mu   sync.Mutex // guards the rest
	page []byte
	logo *hotspot.Logo
}

func newHost(t *testing.T) *host {
	t.Helper()
	style, err1 := print.Style("/print.css")
	icon, err2 := webui.Icon("/icon.svg")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	h := &host{}
	mux := http.NewServeMux()
	mux.Handle("/print.css", style)
	mux.Handle("/icon.svg", icon)
	mux.HandleFunc("/logo", func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		w.Header().Set("Content-Type", h.logo.Type)
		w.Write(h.logo.Data)
	})
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(h.page)
	})
	srv := httptest.NewServer(webui.SecurityHeaders(mux))
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

// show has the browser open a sheet.
func (h *host) show(t *testing.T, c *browser.Browser, s print.Sheet, vs print.Vouchers) {
	t.Helper()
	var page bytes.Buffer
	if _, err := job(t, s).HTML(&page, vs); err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.page, h.logo = page.Bytes(), s.Logo
	h.mu.Unlock()
	c.Heard()
	c.Do(t, browser.Look(1280, "light"), chromedp.Navigate(h.url))
}

// tool runs a program on a file and returns what it says.
func tool(t *testing.T, data []byte, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed to read PDFs: apt-get install poppler-utils qpdf", name)
	}
	file := filepath.Join(t.TempDir(), "vouchers.pdf")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		if a == "FILE" {
			args[i] = file
		}
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

var pageSize = regexp.MustCompile(`(?m)^Page +\d+ size: +([0-9.]+) x ([0-9.]+) pts`)

// sizes are the sizes of a PDF's pages in whole millimetres.
func sizes(t *testing.T, data []byte) (all []string) {
	t.Helper()
	for _, m := range pageSize.FindAllStringSubmatch(tool(t, data, "pdfinfo", "-f", "1", "-l", "99999", "FILE"), -1) {
		var mm [2]int
		for i := range mm {
			pt, err := strconv.ParseFloat(m[1+i], 64)
			if err != nil {
				t.Fatal(err)
			}
			mm[i] = int(pt*25.4/72 + 0.5)
		}
		all = append(all, fmt.Sprintf("%dx%d", mm[0], mm[1]))
	}
	return all
}

// words is the text of a PDF without spaces and marks of direction.
func words(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x2066 && r <= 0x2069 || r == 0x202a || r == 0x202b || r == 0x202c || r == 0xa0 {
			return -1
		}
		return r
	}, s)
}

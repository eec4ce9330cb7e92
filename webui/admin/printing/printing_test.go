package printing

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, Files) }

func TestSheetCatalogues(t *testing.T) { pagetest.Catalogues(t, print.Texts()) }

// house is a hotspot with some vouchers, and the panel's area on it.
type house struct {
	*hotspot.Service
	*paneltest.Site
}

func newHouse(t *testing.T, role api.Role, vouchers int) *house {
	t.Helper()
	clock := hotspottest.NewClock(time.Date(2026, 7, 14, 15, 4, 5, 0, time.UTC))
	svc := hotspot.New(hotspot.Config{Store: hotspottest.NewStore(), Gate: memory.New(memory.Now(clock.Mono)), Hosts: &hotspottest.Hosts{},
		Clock: clock, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := &house{Service: svc}
	specs := make([]hotspot.VoucherSpec, vouchers)
	for i := range specs {
		specs[i] = hotspot.VoucherSpec{Username: fmt.Sprintf("ROOM%04d", i+1), Passcode: fmt.Sprintf("k%04dx", i+1)}
	}
	for len(specs) > 0 {
		n := min(len(specs), 1000)
		if _, err := svc.CreateVouchers(t.Context(), specs[:n]...); err != nil {
			t.Fatal(err)
		}
		specs = specs[n:]
	}
	h.set(t, map[string]string{"venue.name": "Hotel Meridian", "print.wifi_name": "Meridian Guests", "print.wifi_password": "sun and sea", "print.title": "Welcome to Meridian"})
	h.Site = paneltest.Serve(t, role, New(Config{Service: svc, Portal: func() string { return "http://10.20.30.1/" }}))
	return h
}

func (h *house) set(t *testing.T, values map[string]string) {
	t.Helper()
	if err := h.SetSettings(t.Context(), values); err != nil {
		t.Fatal(err)
	}
}

// logo gives the venue a logo.
func (h *house) logo(t *testing.T) {
	t.Helper()
	if _, err := h.SetLogo(context.Background(), picture(t, 120, 48)); err != nil {
		t.Fatal(err)
	}
}

// picture is a PNG: a sun over the sea.
func picture(t *testing.T, w, h int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{A: 0}
			if dx, dy := x-w/2, y-h/2; dx*dx+dy*dy < h*h/6 {
				c = color.NRGBA{R: 240, G: 150, B: 20, A: 255}
			}
			if y > h*2/3 {
				c = color.NRGBA{R: 20, G: 90, B: 130, A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

package hotspot_test

import (
	"bytes"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestLogo: a logo is in force at once, outlives a restart, is in the audit
// log, and can be removed.
func TestLogo(t *testing.T) {
	h := newHouse(t)
	if h.Logo() != nil {
		t.Error("a fresh device has a logo")
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SetLogo(t.Context(), []byte("<svg onload=alert(1)>")); hotspot.CodeOf(err) != hotspot.CodeInvalid {
		t.Errorf("an SVG: %v", err)
	}
	for range 2 { // the second time it is the same
		l, err := h.SetLogo(t.Context(), b.Bytes())
		if err != nil || l != h.Logo() || l.Width != 40 {
			t.Fatalf("%v, %v", l, err)
		}
	}
	version := h.Logo().Version()
	b.Reset()
	h.restart()
	if l := h.Logo(); l == nil || l.Version() != version || l.Type != "image/png" {
		t.Fatalf("after a restart: %v", l)
	}
	for range 2 {
		if l, err := h.SetLogo(t.Context(), nil); l != nil || err != nil || h.Logo() != nil {
			t.Fatalf("removed: %v, %v", l, err)
		}
	}
	h.restart()
	if h.Logo() != nil {
		t.Error("it is back after a restart")
	}
	rows, err := h.Audit(t.Context(), 0, 10)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%+v, %v", rows, err)
	}
	slices.Reverse(rows)
	for i, want := range []string{"none → image/png, 40 × 30 pixels, ", " bytes → none"} {
		c := rows[i].Changes[0]
		if got := c.Old + " → " + c.New; rows[i].Subject != "venue.logo" || !strings.Contains(got, want) {
			t.Errorf("row %d: %q", i, got)
		}
	}
}

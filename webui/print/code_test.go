package print

import (
	"fmt"
	"image"
	"strings"
	"testing"
)

// TestCode paints the path of a code, as a browser would, and reads it.
func TestCode(t *testing.T) {
	const text = "otpauth://totp/Caf%C3%A9:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Caf%C3%A9"
	side, path, err := Code(text)
	if err != nil {
		t.Fatal(err)
	}
	dark := make([]bool, side*side)
	edge := func(x, from, to int) { // all that is right of an upright edge turns over
		for y := min(from, to); y < max(from, to); y++ {
			for i := y*side + x; i < (y+1)*side; i++ {
				dark[i] = !dark[i]
			}
		}
	}
	x, y := 0, 0
	for part := range strings.SplitSeq(strings.TrimSuffix(path, "z"), "z") {
		var dx, dy int
		at := strings.IndexAny(part, "hv")
		if _, err := fmt.Sscanf(part[:at], "m%d %d", &dx, &dy); err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		x, y = x+dx, y+dy
		fromX, fromY := x, y
		for rest := part[at:]; rest != ""; {
			var way string
			var n int
			if _, err := fmt.Sscanf(rest, "%1s%d", &way, &n); err != nil {
				t.Fatalf("%q: %v", rest, err)
			}
			if way == "h" {
				x += n
			} else {
				edge(x, y, y+n)
				y += n
			}
			if next := strings.IndexAny(rest[1:], "hv"); next >= 0 {
				rest = rest[1+next:]
			} else {
				rest = ""
			}
		}
		edge(x, y, fromY)
		x, y = fromX, fromY
	}
	const scale = 3
	img := image.NewGray(image.Rect(0, 0, side*scale, side*scale))
	for i := range img.Pix {
		if !dark[i/(side*scale)/scale*side+i%(side*scale)/scale] {
			img.Pix[i] = 255
		}
	}
	if got := read(t, img); got != text {
		t.Errorf("%q is read as %q", text, got)
	}
	if _, _, err := Code(strings.Repeat("long", 2000)); err == nil {
		t.Error("a text that no code holds gets one")
	}
}

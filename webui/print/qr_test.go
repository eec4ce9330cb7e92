package print

import (
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"rsc.io/qr/coding"
)

// picture paints a code, two pixels a module.
func picture(q qrCode) image.Image {
	const scale = 2
	n := int(q.modules()) * scale
	img := image.NewGray(image.Rect(0, 0, n, n))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	q.runs(func(x, y, n int) {
		for dy := range scale {
			for dx := range n * scale {
				img.SetGray(x*scale+dx, y*scale+dy, color.Gray{})
			}
		}
	})
	return img
}

// read is what another program reads in a picture.
func read(t testing.TB, img image.Image) string {
	t.Helper()
	bmp, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true, gozxing.DecodeHintType_CHARACTER_SET: "UTF-8"}
	res, err := qrcode.NewQRCodeReader().Decode(bmp, hints)
	if err != nil {
		t.Fatalf("the code cannot be read: %v", err)
	}
	return res.GetText()
}

// TestOutlines fills the outlines of codes again.
func TestOutlines(t *testing.T) {
	var e encoder
	for _, text := range []string{"", "x", hostileNames[3], strings.Repeat("outline", 40)} {
		q, err := e.encode(text, coding.M)
		if err != nil {
			t.Fatal(err)
		}
		n := int(q.modules())
		// What is right of an edge that goes down is left of an edge that goes up.
		change := make([][]int, n)
		for i := range change {
			change[i] = make([]int, n+1)
		}
		q.outlines(func(o outline) {
			x, y, sum := o.from.x, o.from.y, 0
			down := func(d int) {
				for ; d > 0; d-- {
					change[y][x]--
					y++
				}
				for ; d < 0; d++ {
					y--
					change[y][x]++
				}
			}
			for i, d := range o.steps {
				if i%2 == 0 {
					x += d
				} else {
					sum += d
					down(d)
				}
			}
			if x != o.from.x {
				t.Fatal("an outline is not closed")
			}
			down(-sum)
		})
		for y := range n {
			inside := 0
			for x := range n {
				inside += change[y][x]
				if dark := q.Black(x-quiet, y-quiet); inside != 0 != dark {
					t.Fatalf("%q: module %d, %d is dark: %v", text, x, y, !dark)
				}
			}
		}
	}
}

// TestEveryVersionIsRead has another program read a code of every size.
func TestEveryVersionIsRead(t *testing.T) {
	var e encoder
	for _, level := range []coding.Level{coding.L, coding.M} {
		for v := coding.Version(coding.MinVersion); v <= coding.MaxVersion; v++ {
			text := strings.Repeat("aB3ü;", 800)[:v.DataBytes(level)-3]
			text = strings.ToValidUTF8(text, "")
			q, err := e.encode(text, level)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := q.Size, 17+4*int(v); got != want {
				t.Errorf("%d bytes, level %v: %d modules, want %d", len(text), level, got, want)
			}
			if got := read(t, picture(q)); got != text {
				t.Errorf("version %v level %v: %q read, want %q", v, level, got, text)
			}
		}
	}
	if _, err := e.encode(strings.Repeat("x", 3000), coding.L); err != errTooLong {
		t.Errorf("3,000 bytes: %v", err)
	}
}

// TestRandomCodesAreRead reads codes of vouchers as the product draws them:
// the fixed mask must not make some of them unreadable.
func TestRandomCodesAreRead(t *testing.T) {
	var e encoder
	r := rand.New(rand.NewPCG(1, 2))
	n := 2000
	if testing.Short() {
		n = 50
	}
	const alphabet = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
	draw := func() string {
		var b [6]byte
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b[:])
	}
	for range n {
		text := loginURL("http://10.20.30.1/welcome", draw(), draw())
		q, ok := e.fitting(text, 20*mm)
		if !ok {
			t.Fatalf("%q does not fit", text)
		}
		if got := read(t, picture(q)); got != text {
			t.Errorf("%q read, want %q", got, text)
		}
	}
}

// hostileNames are names that have meant harm to readers and writers of codes.
var hostileNames = []string{
	`;,:\"`, `";P:x;;`, `a\`, `WIFI:T:nopass;S:evil;;`, "CAFE", "deadbeef", "Café Zürich", "Привет", "مقهى", "カフェ",
	"☕📶", "a b  c ", " leading", "\x01\x1f\x7f", "line\nbreak", "<b>&amp;'</b>", "12345678", "%00%0a", "\u202eevil", "ABC-123 $%*+./:",
}

func TestWiFiCodesAreRead(t *testing.T) {
	var e encoder
	for _, name := range hostileNames {
		for _, w := range []WiFi{{SSID: name}, {SSID: name, Password: `p;,:\"p\\;`, Hidden: true}, {SSID: name, Password: "12345678", WPA3: true}} {
			q, ok := e.fitting(w.code(), 30*mm)
			if !ok {
				t.Fatalf("%q does not fit", name)
			}
			got := parseWiFi(t, read(t, picture(q)))
			if got != w {
				t.Errorf("a phone would join %+v, not %+v", got, w)
			}
		}
	}
}

// parseWiFi reads a code in the way of phones: fields end at a semicolon that
// has no backslash before it.
func parseWiFi(t testing.TB, s string) WiFi {
	t.Helper()
	rest, ok := strings.CutPrefix(s, "WIFI:")
	if !ok {
		t.Fatalf("%q is no code of a network", s)
	}
	var w WiFi
	kind := ""
	for rest != ";" {
		name, value, ok := strings.Cut(rest, ":")
		if !ok {
			t.Fatalf("%q: no field in %q", s, rest)
		}
		var b strings.Builder
		i := 0
		for ; i < len(value) && value[i] != ';'; i++ {
			if value[i] == '\\' {
				i++
			}
			if i == len(value) {
				t.Fatalf("%q ends in an escape", s)
			}
			b.WriteByte(value[i])
		}
		if i == len(value) {
			t.Fatalf("%q: field %q has no end", s, name)
		}
		rest = value[i+1:]
		switch name {
		case "T":
			kind = b.String()
		case "S":
			w.SSID = b.String()
		case "P":
			w.Password = b.String()
		case "H":
			w.Hidden = b.String() == "true"
		default:
			t.Fatalf("%q: field %q", s, name)
		}
	}
	w.WPA3 = kind == "SAE"
	if (kind != "nopass") != (w.Password != "") || !slices.Contains([]string{"WPA", "SAE", "nopass"}, kind) {
		t.Fatalf("%q: kind %q", s, kind)
	}
	return w
}

func FuzzEscapeWiFi(f *testing.F) {
	for _, s := range hostileNames {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, ssid, password string) {
		for _, w := range []WiFi{{SSID: ssid}, {SSID: ssid, Password: password}} {
			if got := parseWiFi(t, w.code()); got != w {
				t.Errorf("%+v is read as %+v", w, got)
			}
		}
	})
}

package hotspot

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	imagepng "image/png"
	"io"
	"math/rand/v2"
	"reflect"
	"testing"
)

// noise paints a picture that every filter of PNG is used for.
func noise(img interface {
	image.Image
	Set(x, y int, c color.Color)
}) image.Image {
	r := rand.New(rand.NewPCG(3, 4))
	b := img.Bounds()
	for y := range b.Dy() {
		for x := range b.Dx() {
			v := uint8(8*x + 3*y)
			if y > b.Dy()/2 {
				v = uint8(r.Uint32())
			}
			img.Set(x, y, color.NRGBA{R: v, G: v + uint8(9*y), B: 255 - v, A: 255 - v/2})
		}
	}
	return img
}

func pngFile(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := imagepng.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPNGOnWhite compares with the standard library's decoder.
func TestPNGOnWhite(t *testing.T) {
	size := image.Rect(0, 0, 37, 29)
	img := noise(image.NewNRGBA(size))
	l, err := ParseLogo(pngFile(t, img))
	if err != nil {
		t.Fatal(err)
	}
	if l.Width != 37 || l.Height != 29 || l.Type != "image/png" || !l.PNG.Alpha {
		t.Errorf("%s", l)
	}
	var got bytes.Buffer
	if err := l.Opaque(&got); err != nil {
		t.Fatal(err)
	}
	for y := range 29 {
		for x := range 37 {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			want := []byte{onWhite(c.R, c.A), onWhite(c.G, c.A), onWhite(c.B, c.A)}
			if at := 3 * (37*y + x); !bytes.Equal(got.Bytes()[at:at+3], want) {
				t.Fatalf("pixel %d, %d is %v, want %v", x, y, got.Bytes()[at:at+3], want)
			}
		}
	}
	for _, c := range [][3]byte{{0, 0, 255}, {0, 255, 0}, {255, 0, 255}, {100, 128, 177}} {
		if got := onWhite(c[0], c[1]); got != c[2] {
			t.Errorf("%d with alpha %d: %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestPNGKinds(t *testing.T) {
	size := image.Rect(0, 0, 20, 10)
	palette := image.NewPaletted(size, color.Palette{color.NRGBA{A: 0}, color.NRGBA{R: 200, A: 255}, color.NRGBA{G: 100, A: 128}})
	for name, c := range map[string]struct {
		img  image.Image
		kind byte
	}{
		"gray": {noise(image.NewGray(size)), pngGray}, "palette": {noise(palette), pngPalette}, "alpha": {noise(image.NewNRGBA(size)), pngRGBAlpha},
	} {
		l, err := ParseLogo(pngFile(t, c.img))
		if err != nil || l.PNG.kind != c.kind {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "palette" && !bytes.Equal(l.PNG.Palette[:3], []byte{255, 255, 255}) {
			t.Errorf("what is transparent is not white: %v", l.PNG.Palette)
		}
	}
}

// chunk writes a chunk of a PNG.
func chunk(kind string, body ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// made writes a PNG of one's own.
func made(w, h uint32, depth, kind, interlaced byte, rows []byte, extra ...[]byte) []byte {
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(rows)
	zw.Close()
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := append([]byte(pngSignature), chunk("IHDR", append(head, depth, kind, 0, 0, interlaced)...)...)
	for _, x := range extra {
		b = append(b, x...)
	}
	b = append(b, chunk("IDAT", z.Bytes()...)...)
	return append(b, chunk("IEND")...)
}

func TestLogosRefused(t *testing.T) {
	good := made(1, 1, 8, pngRGB, 0, []byte{0, 1, 2, 3})
	if l, err := ParseLogo(made(1, 1, 8, pngRGB, 0, []byte{0, 1, 2, 3}, chunk("tRNS", 0, 1, 0, 2, 0, 3))); err != nil || l.PNG.Key == nil {
		t.Errorf("a transparent colour: %v", err)
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, noise(image.NewRGBA(image.Rect(0, 0, 30, 20))), nil); err != nil {
		t.Fatal(err)
	}
	if l, err := ParseLogo(photo.Bytes()); err != nil || l.Width != 30 || l.Height != 20 || l.Gray || l.Type != "image/jpeg" {
		t.Errorf("a JPEG: %s, %v", l, err)
	}
	arithmetic := bytes.Replace(photo.Bytes(), []byte{0xff, 0xc0}, []byte{0xff, 0xc9}, 1)
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("GIF89a"), "svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "too large": make([]byte, MaxLogo+1),
		"cut off": good[:len(good)-13], "cut header": good[:20], "no rows": made(1, 1, 8, pngRGB, 0, nil), "few rows": made(1, 2, 8, pngRGB, 0, []byte{0, 1, 2, 3}),
		"filter": made(1, 1, 8, pngRGB, 0, []byte{9, 1, 2, 3}), "wide": made(2001, 1, 8, pngGray, 0, nil), "flat": made(0, 1, 8, pngGray, 0, nil),
		"deep": made(1, 1, 16, pngRGB, 0, []byte{0, 1, 2, 3, 4, 5, 6}), "kind": made(1, 1, 8, 5, 0, nil), "interlaced": made(1, 1, 8, pngRGB, 1, []byte{0, 1, 2, 3}),
		"no palette": made(1, 1, 8, pngPalette, 0, []byte{0, 1}), "palette": made(1, 1, 8, pngPalette, 0, []byte{0, 1}, chunk("PLTE", 1, 2)),
		"jpeg cut": photo.Bytes()[:30], "jpeg head": photo.Bytes()[:3], "arithmetic": arithmetic,
	} {
		if _, err := ParseLogo(data); CodeOf(err) != CodeInvalid {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// FuzzParseLogo: what is taken can be printed.
func FuzzParseLogo(f *testing.F) {
	size := image.Rect(0, 0, 5, 4)
	f.Add(pngFile(f, noise(image.NewNRGBA(size))))
	f.Add(pngFile(f, noise(image.NewGray(size))))
	f.Add(made(1, 1, 8, pngRGB, 0, []byte{0, 1, 2, 3}, chunk("tRNS", 0, 1, 0, 2, 0, 3)))
	f.Add(made(3, 1, 2, pngPalette, 0, []byte{0, 0x1b}, chunk("PLTE", 1, 2, 3, 4, 5, 6), chunk("tRNS", 0, 9, 9)))
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, noise(image.NewRGBA(size)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(photo.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseLogo(data)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseLogo(l.Data)
		if err != nil || !bytes.Equal(again.Data, l.Data) || again.Width != l.Width || again.Height != l.Height {
			t.Fatalf("what was stored is %v, %v", again, err)
		}
		if l.PNG != nil && l.PNG.Alpha {
			if err := l.Opaque(io.Discard); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestLogoWithoutSecrets: what a camera or a program wrote beside the picture,
// or somebody behind it, is not stored, and the picture is the same.
func TestLogoWithoutSecrets(t *testing.T) {
	const secret = "<script>51.5 N</script>"
	img := noise(image.NewRGBA(image.Rect(0, 0, 30, 20)))
	plain := pngFile(t, img)
	end := len(plain) - 12 // IEND
	noted := append(bytes.Clone(plain[:33]), chunk("tEXt", []byte("GPS\x00"+secret)...)...)
	noted = append(append(noted, plain[33:end]...), chunk("eXIf", []byte(secret)...)...)
	noted = append(append(noted, plain[end:]...), secret...)
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, img, nil); err != nil {
		t.Fatal(err)
	}
	marked := photo.Bytes()
	for _, m := range []byte{0xe1, 0xe2, 0xef, 0xfe} {
		segment := append([]byte{0xff, m, 0, byte(2 + len(secret))}, secret...)
		marked = append(append(bytes.Clone(marked[:2]), segment...), marked[2:]...)
	}
	marked = append(marked, secret...)
	for name, c := range map[string]struct{ given, want []byte }{"png": {noted, plain}, "jpeg": {marked, photo.Bytes()}} {
		l, err := ParseLogo(c.given)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if bytes.Contains(l.Data, []byte("script")) {
			t.Errorf("%s: the secret is stored", name)
		}
		got, _, err1 := image.Decode(bytes.NewReader(l.Data))
		want, _, err2 := image.Decode(bytes.NewReader(c.want))
		if err1 != nil || err2 != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the picture is another: %v, %v", name, err1, err2)
		}
	}
}

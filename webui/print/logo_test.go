package print

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// logoFiles are logos of each kind.
func logoFiles(t testing.TB) map[string][]byte {
	t.Helper()
	size := image.Rect(0, 0, 20, 10)
	pictures := map[string]image.Image{
		"gray": image.NewGray(size), "alpha": image.NewNRGBA(size), "rgb": image.NewRGBA(size),
		"palette": image.NewPaletted(size, color.Palette{color.NRGBA{A: 0}, color.NRGBA{R: 200, A: 255}}),
	}
	files := map[string][]byte{}
	for name, img := range pictures {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		files[name] = b.Bytes()
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(size), nil); err != nil {
		t.Fatal(err)
	}
	files["photo"] = b.Bytes()
	return files
}

// TestLogoKinds prints a logo of each kind.
func TestLogoKinds(t *testing.T) {
	for name, data := range logoFiles(t) {
		if err := printLogo(t, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzLogo: what is taken can be printed.
func FuzzLogo(f *testing.F) {
	for _, data := range logoFiles(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := printLogo(t, data); err != nil && hotspot.CodeOf(err) != hotspot.CodeInvalid {
			t.Fatal(err)
		}
	})
}

func printLogo(t testing.TB, data []byte) error {
	l, err := hotspot.ParseLogo(data)
	if err != nil {
		return err
	}
	s := venue(t, "card")
	s.Logo = l
	if _, err := job(t, s).PDF(&bytes.Buffer{}, some(1, nil)); err != nil {
		t.Fatal(err)
	}
	return nil
}

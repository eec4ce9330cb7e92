package print

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// streams are the inflated contents of a PDF's pages.
func streams(t testing.TB, pdf []byte) (all []string) {
	t.Helper()
	for _, part := range bytes.Split(pdf, []byte("/FlateDecode"))[1:] {
		_, data, ok := bytes.Cut(part, []byte("stream\n"))
		if !ok {
			t.Fatal("a stream without data")
		}
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// modules are QR codes, which other tests look at.
var modules = regexp.MustCompile(`(\d+ \d+ \d+ 1 re\n)+f\n`)

// letterBytes are letters beyond ASCII.
var letterBytes = regexp.MustCompile(`[^\x00-\x7f]`)

// TestGoldenPDF holds what is drawn, and the structure around it.
func TestGoldenPDF(t *testing.T) {
	for _, l := range Layouts() {
		t.Run(l.String(), func(t *testing.T) {
			var b bytes.Buffer
			if _, err := job(t, venue(t, l.String())).PDF(&b, some(2, nil)); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			for i, s := range streams(t, b.Bytes()) {
				fmt.Fprintf(&out, "== stream %d\n%s", i, modules.ReplaceAllString(s, "(a QR code)\n"))
			}
			text := letterBytes.ReplaceAllStringFunc(out.String(), func(b string) string { return fmt.Sprintf("\\x%02x", b[0]) })
			golden(t, []byte(text), "testdata", l.String()+".pdf.txt")
		})
	}
}

// TestXref finds every object where the file says it is.
func TestXref(t *testing.T) {
	s := venue(t, "card")
	s.Show.WiFiCode = false // its object stays free
	var b bytes.Buffer
	if _, err := job(t, s).PDF(&b, some(3, nil)); err != nil {
		t.Fatal(err)
	}
	var at, n int
	tail := b.String()[strings.LastIndex(b.String(), "startxref"):]
	if _, err := fmt.Sscanf(tail, "startxref\n%d", &at); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(b.String()[at:], "xref\n0 %d\n", &n); err != nil {
		t.Fatal(err)
	}
	rows := strings.SplitAfter(b.String()[at:], "\n")[2 : 2+n]
	for i, row := range rows {
		if len(row) != 20 {
			t.Fatalf("row %q", row)
		}
		if row[17] == 'f' {
			if i != 0 && i != objWiFi && i != objLogo {
				t.Errorf("object %d is not there", i)
			}
			continue
		}
		var begin int
		fmt.Sscanf(row, "%d", &begin)
		if want := fmt.Sprintf("%d 0 obj\n", i); !strings.HasPrefix(b.String()[begin:], want) {
			t.Errorf("object %d is not at %d", i, begin)
		}
	}
}

// TestLettersWithoutFont: the field, and the way out.
func TestLettersWithoutFont(t *testing.T) {
	for field, change := range map[string]func(*Sheet, *hotspot.VoucherView){
		"texts.title": func(s *Sheet, _ *hotspot.VoucherView) { s.Venue = "Кафе" },
		"texts.above": func(s *Sheet, _ *hotspot.VoucherView) { s.Texts = map[string]OwnTexts{"": {Above: "łódź"}} },
		"texts.terms": func(s *Sheet, _ *hotspot.VoucherView) { s.Texts = map[string]OwnTexts{"": {Terms: "☕"}} },
		"wifi.ssid":   func(s *Sheet, _ *hotspot.VoucherView) { s.WiFi.SSID = "مقهى" },
		"vouchers":    func(_ *Sheet, v *hotspot.VoucherView) { v.Username = "Ω" },
		"language":    func(s *Sheet, _ *hotspot.VoucherView) { s.Lang = language(t, "ar") },
	} {
		s, v := venue(t, "a6"), hotspot.VoucherView{}
		v.Username, v.Passcode = "A", "B"
		change(&s, &v)
		var b bytes.Buffer
		_, err := job(t, s).PDF(&b, func(yield func(hotspot.VoucherView, error) bool) { yield(v, nil) })
		var e *hotspot.Error
		if !errors.As(err, &e) || e.Field != field || !errors.Is(err, ErrLetters) || !strings.Contains(e.Text, "page to print") || b.Len() > 0 {
			t.Errorf("%s: %d bytes, error %v", field, b.Len(), err)
		}
	}
}

// FuzzAppendString reads strings again in the way of PDF's standard.
func FuzzAppendString(f *testing.F) {
	for _, s := range hostileNames {
		f.Add(s)
	}
	f.Add(`\)`)
	f.Add("((()")
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		var want []byte
		for _, r := range s {
			if c, ok := winAnsi(r); ok {
				want = append(want, c)
			} else if !isIsolate(r) {
				want = append(want, '?')
			}
		}
		if b[0] != '(' || b[len(b)-1] != ')' {
			t.Fatalf("%q", b)
		}
		var got []byte
		for i := 1; i < len(b)-1; i++ {
			switch b[i] {
			case '\\':
				if i++; i == len(b)-1 || !strings.ContainsRune(`()\`, rune(b[i])) {
					t.Fatalf("%q ends in an escape, or has an unknown one", b)
				}
			case '(', ')', '\r', '\n':
				t.Fatalf("%q has a bare %q", b, b[i])
			}
			got = append(got, b[i])
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q is read as %q, want %q", s, got, want)
		}
	})
}

func TestDistances(t *testing.T) {
	for v, want := range map[length]string{0: "0", 1: "0.001", 10: "0.01", 1000: "1", 1200: "1.2", -1050: "-1.05", 297 * mm: "297", 12345: "12.345"} {
		if got := string(appendMM(nil, v)); got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
	}
	for v, want := range map[length]string{210 * mm: "595.276", 297 * mm: "841.89", 25400: "72"} {
		if got := string(appendMM(nil, points(v))); got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
	}
}

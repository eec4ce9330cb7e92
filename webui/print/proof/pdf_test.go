package proof

import (
	"bytes"
	"image"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/multi/qrcode"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// codes reads the QR codes of a PDF's first page.
func codes(t *testing.T, pdf []byte, dpi int) (texts []string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.pdf"), pdf, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "pdftoppm", "-r", strconv.Itoa(dpi), "-mono", "-png", "-l", "1", "-singlefile", "a.pdf", "a")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm (apt-get install poppler-utils): %v\n%s", err, out)
	}
	f, err := os.Open(filepath.Join(dir, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	bmp, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	found, err := qrcode.NewQRCodeMultiReader().DecodeMultiple(bmp, map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_TRY_HARDER: true, gozxing.DecodeHintType_CHARACTER_SET: "UTF-8"})
	if err != nil {
		t.Fatalf("no QR code can be read: %v", err)
	}
	for _, r := range found {
		texts = append(texts, r.GetText())
	}
	return texts
}

// TestPDF has other programs read the PDF of every layout.
func TestPDF(t *testing.T) {
	for _, l := range print.Layouts() {
		for name, make := range map[string]func(testing.TB, string) print.Sheet{"usual": sheet, "full": full} {
			if name == "full" && !hasRoomForAll[l.String()] {
				continue // see TestFullNeedsRoom
			}
			t.Run(l.String()+"-"+name, func(t *testing.T) {
				per := max(l.Columns*l.Rows, 1)
				j := job(t, make(t, l.String()))
				var b, again bytes.Buffer
				r, err := j.PDF(&b, some(per+1, nil))
				if err != nil {
					t.Fatal(err)
				}
				if want := (print.Result{Vouchers: per + 1, Pages: 2}); r != want {
					t.Errorf("result %+v, want %+v", r, want)
				}
				if _, err := j.PDF(&again, some(per+1, nil)); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
					t.Errorf("the same vouchers give another file (%v)", err)
				}
				keep(t, l.String()+"-"+name+".pdf", b.Bytes())
				checkPDF(t, b.Bytes(), l, per+1)
				b.Reset()
				if _, err := j.PDF(&b, some(1, nil)); err != nil {
					t.Fatal(err)
				}
				checkCodes(t, b.Bytes(), l.Paper, []string{"http://10.20.30.1/welcome?code=AB0000&passcode=0000YZ"})
			})
		}
	}
}

func checkPDF(t *testing.T, pdf []byte, l print.Layout, vouchers int) {
	t.Helper()
	tool(t, pdf, "qpdf", "--check", "FILE")
	checkSizes(t, pdf, l.Paper, 2)
	text := tool(t, pdf, "pdftotext", "FILE", "-")
	for i := range vouchers {
		if v := voucher(i); !strings.Contains(text, v.Username) || !strings.Contains(text, v.Passcode) {
			t.Errorf("voucher %d is not on paper", i)
		}
	}
	if info := tool(t, pdf, "pdfinfo", "FILE"); !strings.Contains(info, "Vouchers to print – Harbour Café") {
		t.Errorf("no title: %s", info)
	}
	if said := tool(t, pdf, "pdffonts", "FILE"); !strings.Contains(said, "Helvetica-Bold") || !strings.Contains(said, "Courier-Bold") {
		t.Errorf("fonts: %s", said)
	}
}

// TestPDFShowsEveryLetter has another program read each letter of the fonts.
func TestPDFShowsEveryLetter(t *testing.T) {
	const letters = `!"#$%&'()*+,-./0129:;<=>?@AZ[\]^_az{|}~¡¢£¥§©«®°±²µ¶·»¼¿ÀÆÇÐÑÖ×ØÜÝÞßàæçðñö÷øüýþÿ€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ`
	s := sheet(t, "a6")
	s.Texts = map[string]print.OwnTexts{"": {Above: letters}}
	var b bytes.Buffer
	if _, err := job(t, s).PDF(&b, some(1, func(v *hotspot.VoucherView) { v.Username, v.Passcode = `()\(`, `a\)b` })); err != nil {
		t.Fatal(err)
	}
	text := words(tool(t, b.Bytes(), "pdftotext", "FILE", "-"))
	for _, want := range []string{letters, `()\(`, `a\)b`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	checkCodes(t, b.Bytes(), print.A6, []string{"http://10.20.30.1/welcome?code=%28%29%5C%28&passcode=a%5C%29b"})
}

// TestLogosInPDF has another program paint logos of each kind.
func TestLogosInPDF(t *testing.T) {
	for name, l := range map[string]*hotspot.Logo{"alpha": logo(t), "photo": photo(t)} {
		s := sheet(t, "card")
		s.Logo = l
		var b bytes.Buffer
		if _, err := job(t, s).PDF(&b, some(1, nil)); err != nil {
			t.Fatal(err)
		}
		keep(t, "logo-"+name+".pdf", b.Bytes())
		tool(t, b.Bytes(), "qpdf", "--check", "FILE")
		if list := tool(t, b.Bytes(), "pdfimages", "-list", "FILE"); !strings.Contains(list, "image") {
			t.Errorf("%s: %s", name, list)
		}
	}
}

package print

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// ErrLetters is the cause if a PDF cannot be written because of letters that
// the fonts of PDF readers do not have. To carry fonts along would cost a
// router's flash more than the whole of this package; the page to print has
// the browser's fonts, and browsers print to PDF.
var ErrLetters = errors.New("letters that a PDF has no font for")

// The numbers of the PDF's objects. Those of pages follow, two for each.
const (
	objCatalog = 1 + iota
	objPages
	objInfo
	objSans
	objBold
	objMono
	objWiFi
	objLogo
	objFirstPage
)

var fontNames = [3]string{sans: "Helvetica", bold: "Helvetica-Bold", mono: "Courier-Bold"}

// PDF writes a file to be printed as it is. Nothing is written if the vouchers
// cannot be printed; what is written when an error comes up later is of no use.
func (j *Job) PDF(w io.Writer, vs Vouchers) (Result, error) {
	if err := j.lettersOfLanguage(); err != nil {
		return Result{}, err
	}
	n, err := j.check(vs, j.letters)
	if err != nil {
		return Result{}, err
	}
	c := &pdfPages{job: j, pdfFile: newPDFFile(w)}
	if err := c.head(); err != nil {
		return Result{}, err
	}
	r, err := j.draw(c, vs, n)
	if err != nil {
		return r, err
	}
	c.tail(r.Pages)
	return r, c.flush()
}

// lettersOfLanguage refuses a language whose letters a PDF does not have.
func (j *Job) lettersOfLanguage() error {
	words := []string{j.sheet.Lang.T("print.username"), j.sheet.Lang.T("print.passcode")}
	for _, sp := range j.plan.spots {
		words = append(words, sp.word)
	}
	for _, s := range words {
		if err := lettersFor("language", s); err != nil {
			return err
		}
	}
	return nil
}

// fieldOfPart is the field where a part's text comes from, if not the language.
var fieldOfPart = map[part]string{
	partTitle: "texts.title", partAbove: "texts.above", partBelow: "texts.below", partTerms: "texts.terms",
	partWiFi: "wifi.ssid", partCode: "vouchers", partFullName: "vouchers",
}

// letters refuses a voucher with letters that a PDF does not have.
func (j *Job) letters(v hotspot.VoucherView) error {
	for _, p := range j.sheet.paras(v) {
		field := fieldOfPart[p.part]
		if field == "" {
			field = "language"
		}
		if err := lettersFor(field, p.text); err != nil {
			return err
		}
	}
	return nil
}

func lettersFor(field, s string) error {
	for _, r := range s {
		if _, ok := winAnsi(r); ok || r == '\n' || isIsolate(r) {
			continue
		}
		return &hotspot.Error{Code: hotspot.CodeInvalid, Field: field, Err: ErrLetters,
			Text: fmt.Sprintf("the PDF's fonts have western European letters only, and not the %q of %q: open the page to print instead, and let the browser print it to a PDF", r, clip(s, 100))}
	}
	return nil
}

// pdfPages draws pages of a PDF.
type pdfPages struct {
	*pdfFile
	job  *Job
	c    []byte // content of the page
	page int
	err  error // of an earlier page
}

// head writes what all pages share.
func (c *pdfPages) head() error {
	for i, name := range fontNames {
		c.object(objSans+i, "<< /Type /Font /Subtype /Type1 /BaseFont /", name, " /Encoding /WinAnsiEncoding >>")
	}
	if q := c.job.wifi; q.Code != nil {
		n := strconv.Itoa(int(q.modules()))
		err := c.stream(objWiFi, "/Type /XObject /Subtype /Form /BBox [0 0 "+n+" "+n+"] /Resources << >>", func(w io.Writer) error {
			_, err := w.Write(appendModules(nil, q))
			return err
		})
		if err != nil {
			return err
		}
	}
	if c.job.sheet.Logo != nil {
		return c.logoObject()
	}
	return nil
}

// logoObject puts the logo's file into the PDF: a JPEG, or the rows of a PNG,
// as they are, if nothing is transparent.
func (c *pdfPages) logoObject() error {
	l := c.job.sheet.Logo
	dict := fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d", l.width, l.height)
	space := "/DeviceRGB"
	if l.gray || l.png != nil && (l.png.kind == pngGray || l.png.kind == pngGrayAlpha) {
		space = "/DeviceGray"
	}
	p := l.png
	switch {
	case p == nil:
		c.stored(objLogo, dict+" /BitsPerComponent 8 /Filter /DCTDecode /ColorSpace "+space, l.data)
		return nil
	case p.alpha():
		return c.stream(objLogo, dict+" /BitsPerComponent 8 /ColorSpace "+space, func(w io.Writer) error {
			return p.opaque(w, l.width, l.height)
		})
	case p.kind == pngPalette:
		space = fmt.Sprintf("[/Indexed /DeviceRGB %d <%X>]", len(p.palette)/3-1, p.palette)
	}
	dict += fmt.Sprintf(" /BitsPerComponent %d /ColorSpace %s /Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors %d /BitsPerComponent %d /Columns %d >>",
		p.depth, space, p.channels, p.depth, l.width)
	if p.key != nil {
		dict += " /Mask ["
		for i := 1; i < len(p.key); i += 2 {
			dict += fmt.Sprintf(" %d %d", p.key[i], p.key[i])
		}
		dict += " ]"
	}
	c.stored(objLogo, dict, p.parts...)
	return nil
}

// appendModules writes a code as rectangles, a module being one unit.
func appendModules(b []byte, q qrCode) []byte {
	q.runs(func(x, y, n int) {
		b = strconv.AppendInt(b, int64(x), 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(y), 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, " 1 re\n"...)
	})
	return append(b, "f\n"...)
}

func (c *pdfPages) beginPage(n int) {
	c.page = n
	// From here on millimetres from the upper left corner, downwards.
	c.c = append(c.c[:0], "2.8346457 0 0 -2.8346457 0 "...)
	c.c = appendPoints(c.c, c.job.plan.h)
	c.c = append(c.c, " cm\n"...)
}

func (c *pdfPages) beginVoucher(hotspot.VoucherView) {}
func (c *pdfPages) endVoucher()                      {}

// numbers writes distances, each with a space behind it.
func (c *pdfPages) numbers(vs ...length) {
	for _, v := range vs {
		c.c = append(appendMM(c.c, v), ' ')
	}
}

func (c *pdfPages) text(x, y length, a align, f font, size length, s string) {
	em := 0
	for _, r := range s {
		if !isIsolate(r) {
			w, _ := width(r, f)
			em += w
		}
	}
	w := size * length(em) / 1000
	switch a {
	case atMiddle:
		x -= w / 2
	case atRight:
		x -= w
	}
	c.c = append(c.c, "BT /F"...)
	c.c = strconv.AppendInt(c.c, int64(f), 10)
	c.c = append(c.c, " 1 Tf "...)
	c.numbers(size)
	c.c = append(c.c, "0 0 "...)
	c.numbers(-size, x, y)
	c.c = append(c.c, "Tm "...)
	c.c = appendString(c.c, s)
	c.c = append(c.c, " Tj ET\n"...)
}

func (c *pdfPages) code(at box, q qrCode, shared bool) {
	module := int64(at.w) * 10_000 / int64(q.modules()) // in millimetres / 10⁷
	scale := fmt.Sprintf("%d.%07d", module/10_000_000, module%10_000_000)
	c.c = append(c.c, "q "+scale+" 0 0 "+scale+" "...)
	c.numbers(at.x, at.y)
	c.c = append(c.c, "cm\n"...)
	if shared {
		c.c = append(c.c, "/W Do\n"...)
	} else {
		c.c = appendModules(c.c, q)
	}
	c.c = append(c.c, "Q\n"...)
}

func (c *pdfPages) logo(at box) {
	c.c = append(c.c, "q "...)
	c.numbers(at.w)
	c.c = append(c.c, "0 0 "...)
	c.numbers(-at.h, at.x, at.y+at.h)
	c.c = append(c.c, "cm /L Do Q\n"...)
}

func (c *pdfPages) endPage(cuts []segment, dashed bool) {
	if len(cuts) > 0 {
		c.numbers(hair)
		c.c = append(c.c, "w "...)
		if dashed {
			c.c = append(c.c, "[1.5 1] 0 d "...)
		}
		for _, s := range cuts {
			c.numbers(s.x1, s.y1)
			c.c = append(c.c, "m "...)
			c.numbers(s.x2, s.y2)
			c.c = append(c.c, "l\n"...)
		}
		c.c = append(c.c, "S\n"...)
	}
	number := objFirstPage + 2*(c.page-1)
	err := c.stream(number, "", func(w io.Writer) error {
		_, err := w.Write(c.c)
		return err
	})
	c.err = errors.Join(c.err, err)
	c.object(number+1, "<< /Type /Page /Parent ", strconv.Itoa(objPages), " 0 R /Contents ", strconv.Itoa(number), " 0 R >>")
}

// flush passes on a page at a time, so that memory is that of one.
func (c *pdfPages) flush() error { return errors.Join(c.err, c.pdfFile.flush()) }

// tail writes the list of pages and what refers to it.
func (c *pdfPages) tail(pages int) {
	s := c.job.sheet
	c.begin(objPages)
	c.raw("<< /Type /Pages /MediaBox [0 0 ")
	c.b = append(appendPoints(c.b, c.job.plan.w), ' ')
	c.b = appendPoints(c.b, c.job.plan.h)
	c.raw("] /Resources << /Font <<")
	for i := range fontNames {
		c.b = fmt.Appendf(c.b, " /F%d %d 0 R", i, objSans+i)
	}
	c.raw(" >> /XObject <<")
	if c.job.wifi.Code != nil {
		c.b = fmt.Appendf(c.b, " /W %d 0 R", objWiFi)
	}
	if s.Logo != nil {
		c.b = fmt.Appendf(c.b, " /L %d 0 R", objLogo)
	}
	c.b = fmt.Appendf(c.b, " >> >> /Count %d /Kids [", pages)
	for i := range pages {
		c.b = fmt.Appendf(c.b, "%d 0 R\n", objFirstPage+2*i+1)
	}
	c.raw("] >>")
	c.end()
	c.object(objInfo, "<< /Title ", unicodeString(s.Lang.T("page.title", "title", s.Lang.T("print.heading"), "site", s.Venue)), " /Producer (Vouchsafe) >>")
	// Viewers that know it print in the right size without being told to.
	c.begin(objCatalog)
	c.b = fmt.Appendf(c.b, "<< /Type /Catalog /Pages %d 0 R /Lang ", objPages)
	c.b = appendString(c.b, s.Lang.Tag)
	c.raw(" /ViewerPreferences << /PrintScaling /None >> >>")
	c.end()
	c.finish(objCatalog, objInfo)
}

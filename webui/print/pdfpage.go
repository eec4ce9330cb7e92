package print

import (
	"errors"
	"fmt"
	"io"

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

// letters refuses a voucher with letters that a PDF does not have.
func (j *Job) letters(v hotspot.VoucherView) error {
	for _, p := range j.sheet.paras(&v) {
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
	c    output // content of the page
	page int
	err  error // of an earlier page
}

// head writes what all pages share.
func (c *pdfPages) head() error {
	for i, name := range fontNames {
		c.object(objSans+i, "<< /Type /Font /Subtype /Type1 /BaseFont /"+name+" /Encoding /WinAnsiEncoding >>")
	}
	if q := c.job.wifi; q.Code != nil {
		var o output
		o.modules(q)
		err := c.stream(objWiFi, fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 %d %[1]d] /Resources << >>", q.modules()), o.b)
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
	dict := fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d", l.Width, l.Height)
	space := "/DeviceRGB"
	if l.Gray {
		space = "/DeviceGray"
	}
	p := l.PNG
	switch {
	case p == nil:
		c.stored(objLogo, dict+" /BitsPerComponent 8 /Filter /DCTDecode /ColorSpace "+space, l.Data)
		return nil
	case p.Alpha:
		return c.streamFrom(objLogo, dict+" /BitsPerComponent 8 /ColorSpace "+space, func(w io.Writer) error {
			return l.Opaque(w)
		})
	case p.Palette != nil:
		space = fmt.Sprintf("[/Indexed /DeviceRGB %d <%X>]", len(p.Palette)/3-1, p.Palette)
	}
	dict += fmt.Sprintf(" /BitsPerComponent %d /ColorSpace %s /Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors %d /BitsPerComponent %d /Columns %d >>",
		p.Depth, space, p.Channels, p.Depth, l.Width)
	if p.Key != nil {
		dict += " /Mask ["
		for i := 1; i < len(p.Key); i += 2 {
			dict += fmt.Sprintf(" %d %d", p.Key[i], p.Key[i])
		}
		dict += " ]"
	}
	c.stored(objLogo, dict, p.Parts...)
	return nil
}

// modules writes a code as rectangles, a module being one unit.
func (o *output) modules(q qrCode) {
	q.runs(func(x, y, n int) { o.put("# # # 1 re\n", length(x), length(y), length(n)) })
	o.raw("f\n")
}

func (c *pdfPages) beginPage(n int) {
	c.page, c.c.b = n, c.c.b[:0]
	// From here on millimetres from the upper left corner, downwards.
	c.c.put("2.8346457 0 0 -2.8346457 0 @ cm\n", points(c.job.plan.h))
}

func (c *pdfPages) beginVoucher(hotspot.VoucherView) {}
func (c *pdfPages) endVoucher()                      {}

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
	c.c.put("BT /F# 1 Tf @ 0 0 @ @ @ Tm ", length(f), size, -size, x, y)
	c.c.b = appendString(c.c.b, s)
	c.c.raw(" Tj ET\n")
}

func (c *pdfPages) code(at box, q qrCode, shared bool) {
	module := int64(at.w) * 10_000 / int64(q.modules()) // in millimetres / 10⁷
	scale := fmt.Sprintf("%d.%07d", module/10_000_000, module%10_000_000)
	c.c.raw("q " + scale + " 0 0 " + scale)
	c.c.put(" @ @ cm\n", at.x, at.y)
	if shared {
		c.c.raw("/W Do\n")
	} else {
		c.c.modules(q)
	}
	c.c.raw("Q\n")
}

func (c *pdfPages) logo(at box) {
	c.c.put("q @ 0 0 @ @ @ cm /L Do Q\n", at.w, -at.h, at.x, at.y+at.h)
}

func (c *pdfPages) endPage(cuts []segment, dashed bool) {
	if len(cuts) > 0 {
		c.c.put("@ w ", hair)
		if dashed {
			c.c.raw("[1.5 1] 0 d ")
		}
		for _, s := range cuts {
			c.c.put("@ @ m @ @ l\n", s.x1, s.y1, s.x2, s.y2)
		}
		c.c.raw("S\n")
	}
	number := objFirstPage + 2*(c.page-1)
	c.err = errors.Join(c.err, c.stream(number, "", c.c.b))
	c.object(number+1, "<< /Type /Page /Parent # 0 R /Contents # 0 R >>", objPages, length(number))
}

// flush passes on a page at a time, so that memory is that of one.
func (c *pdfPages) flush() error { return errors.Join(c.err, c.pdfFile.flush()) }

// tail writes the list of pages and what refers to it.
func (c *pdfPages) tail(pages int) {
	s := &c.job.sheet
	c.begin(objPages)
	c.put("<< /Type /Pages /MediaBox [0 0 @ @] /Resources << /Font << /F0 # 0 R /F1 # 0 R /F2 # 0 R >> /XObject <<",
		points(c.job.plan.w), points(c.job.plan.h), objSans, objBold, objMono)
	if c.job.wifi.Code != nil {
		c.put(" /W # 0 R", objWiFi)
	}
	if s.Logo != nil {
		c.put(" /L # 0 R", objLogo)
	}
	c.put(" >> >> /Count # /Kids [", length(pages))
	for i := range pages {
		c.put("# 0 R\n", length(objFirstPage+2*i+1))
	}
	c.raw("] >>")
	c.end()
	title := s.Lang.T("page.title", "title", s.Lang.T("print.heading"), "site", s.Venue)
	c.object(objInfo, "<< /Title "+unicodeString(title)+" /Producer (Vouchsafe) >>")
	// Viewers that know it print in the right size without being told to.
	c.begin(objCatalog)
	c.put("<< /Type /Catalog /Pages # 0 R /Lang ", objPages)
	c.b = appendString(c.b, s.Lang.Tag)
	c.raw(" /ViewerPreferences << /PrintScaling /None >> >>")
	c.end()
	c.finish(objCatalog, objInfo)
}

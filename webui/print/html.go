package print

import (
	"errors"
	"fmt"
	"io"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// HTML writes a page to be printed by a browser, with one section for each
// sheet of paper. Nothing is written if the vouchers cannot be printed; what is
// written when an error comes up later is of no use.
func (j *Job) HTML(w io.Writer, vs Vouchers) (Result, error) {
	if s := &j.sheet; s.Style.IsZero() || s.Icon.IsZero() || s.Logo != nil && s.LogoURL.IsZero() {
		return Result{}, errors.New("print: Sheet.Style, Icon and, with a logo, LogoURL must be set")
	}
	n, err := j.check(vs, nil)
	if err != nil {
		return Result{}, err
	}
	c := j.page(w)
	c.head()
	r, err := j.draw(c, vs, n)
	if err != nil {
		return r, err
	}
	c.raw("</main>\n</body>\n</html>\n")
	return r, c.flush()
}

func (j *Job) page(w io.Writer) *page {
	return &page{job: j, to: w, rtl: j.sheet.Lang.Dir == "rtl"}
}

// page draws SVG into a page. Every text passes text, every number mm; raw is
// for what stands in this file.
type page struct {
	output
	job *Job
	to  io.Writer
	rtl bool
}

// escaped writes a text for between tags and for within double quotes.
//
//go:noinline
func (c *page) escaped(s string) { c.b = appendEscaped(c.b, printable(s)) }

func appendEscaped(b []byte, s string) []byte {
	for i := range len(s) {
		switch s[i] {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '"':
			b = append(b, "&#34;"...)
		case '\'':
			b = append(b, "&#39;"...)
		default:
			b = append(b, s[i])
		}
	}
	return b
}

// attr writes an attribute.
//
//go:noinline
func (c *page) attr(name, value string) {
	c.raw(" ")
	c.raw(name)
	c.raw(`="`)
	c.escaped(value)
	c.raw(`"`)
}

// sizeClass is the class whose rule in the style sheet has the page's size.
func (j *Job) sizeClass() string {
	name := string(j.sheet.Layout.Paper)
	if j.sheet.Layout.paper().h != 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, j.plan.h/mm)
}

// paperName is what the hint calls the paper.
func (j *Job) paperName(l *webui.Language) string {
	return l.T("print.paper", "name", l.T("print.paper."+string(j.sheet.Layout.Paper)),
		"width", string(appendMM(nil, j.plan.w)), "height", string(appendMM(nil, j.plan.h)))
}

func (c *page) head() {
	l := c.job.sheet.Lang
	c.raw("<!doctype html>\n<html")
	c.attr("lang", l.Tag)
	c.attr("dir", l.Dir)
	c.raw(">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>")
	c.escaped(l.T("page.title", "title", l.T("print.heading"), "site", c.job.sheet.Venue))
	c.raw("</title>\n<link rel=\"stylesheet\"")
	c.attr("href", c.job.sheet.Style.Href())
	c.raw(">\n<link rel=\"icon\" type=\"image/svg+xml\"")
	c.attr("href", c.job.sheet.Icon.Href())
	if !c.job.sheet.Script.IsZero() {
		c.raw(">\n<script type=\"module\"")
		c.attr("src", c.job.sheet.Script.Href())
		c.raw("></script")
	}
	c.raw(">\n</head>\n<body")
	c.attr("class", c.job.sizeClass())
	c.raw(">\n<header class=\"hint\"")
	c.hint()
	c.raw("</header>\n<main>\n")
	c.shared()
}

// hint says how to print, to whoever prints.
func (c *page) hint() {
	s := &c.job.sheet
	l := s.Lang
	if s.Reader != nil {
		l = s.Reader
		c.attr("lang", l.Tag)
		c.attr("dir", l.Dir)
	}
	c.raw("><h1>")
	c.escaped(l.T("print.heading"))
	c.raw("</h1><p>")
	c.escaped(l.T("print.hint", "paper", c.job.paperName(l)))
	c.raw("</p>")
	if !s.Script.IsZero() {
		c.raw("<button type=\"button\" id=\"print\" hidden>")
		c.escaped(l.T("print.button"))
		c.raw("</button>")
	}
	if !s.Back.IsZero() {
		c.raw(" <a")
		c.attr("href", s.Back.Href())
		c.raw(">")
		c.escaped(l.T("print.back"))
		c.raw("</a>")
	}
}

// shared writes what several vouchers show.
func (c *page) shared() {
	if c.job.wifi.Code != nil {
		c.raw(`<svg class="shared" width="0" height="0" aria-hidden="true"><symbol id="wifi"`)
		c.qr(c.job.wifi)
		c.raw("</symbol></svg>\n")
	}
}

func (c *page) beginPage(n int) {
	w, h := c.job.plan.w, c.job.plan.h
	c.raw("<section class=\"page\"")
	c.attr("aria-label", c.job.sheet.Lang.T("print.page", "n", n))
	c.put("><svg xmlns=\"http://www.w3.org/2000/svg\" xml:space=\"preserve\" width=\"@mm\" height=\"@mm\" viewBox=\"0 0 @ @\">\n", w, h, w, h)
}

func (c *page) beginVoucher(v hotspot.VoucherView) {
	c.raw("<g role=\"group\"")
	name := v.Username
	if !c.job.sheet.Show.Username {
		name = v.FullName
	}
	c.attr("aria-label", c.job.sheet.Lang.T("print.voucher", "username", oneLine(name)))
	c.raw(">\n")
}

// anchor is the class that puts the given end of a line at its place. The end
// of a line from right to left is at the left.
func anchor(a align, rtl bool) string {
	switch {
	case a == atMiddle:
		return " c"
	case (a == atRight) != rtl:
		return " e"
	}
	return ""
}

var fontClasses = [3]string{sans: "s", bold: "b", mono: "m"}

func (c *page) text(x, y length, a align, f font, size length, s string) {
	rtl, known := direction(s)
	if !known {
		rtl = c.rtl && f != mono
	}
	c.raw("<text")
	c.attr("class", fontClasses[f]+anchor(a, rtl))
	c.put(` x="@" y="@" font-size="@"`, x, y, size)
	if rtl {
		c.raw(` direction="rtl"`)
	} else if em, exact := measure(s, f); exact {
		// Whatever font the browser has, the line is as wide as planned.
		c.put(` textLength="@" lengthAdjust="spacingAndGlyphs"`, size*length(em)/1000)
	}
	c.raw(">")
	c.escaped(s)
	c.raw("</text>\n")
}

// qr writes a code's attributes and path, within an element begun.
func (c *page) qr(q qrCode) {
	c.put(` viewBox="0 0 # #"><path class="q" d="`, q.modules(), q.modules())
	c.path(q)
	c.raw(`"/>`)
}

// path writes the path around a code's dark modules.
func (c *output) path(q qrCode) {
	at := vertex{}
	q.outlines(func(o outline) {
		c.put("m# #", length(o.from.x-at.x), length(o.from.y-at.y))
		for i, n := range o.steps {
			c.put("h#v#"[i&1*2:i&1*2+2], length(n))
		}
		c.raw("z")
		at = o.from
	})
}

func (c *page) code(at box, q qrCode, shared bool) {
	if shared {
		c.raw(`<use href="#wifi"`)
		c.box(at)
		c.raw("/>\n")
		return
	}
	c.raw("<svg")
	c.box(at)
	c.qr(q)
	c.raw("</svg>\n")
}

func (c *page) box(b box) {
	c.put(` x="@" y="@" width="@" height="@"`, b.x, b.y, b.w, b.h)
}

func (c *page) logo(at box) {
	c.raw("<image")
	c.attr("href", c.job.sheet.LogoURL.Href())
	c.box(at)
	c.raw("/>\n")
}

func (c *page) endVoucher() { c.raw("</g>\n") }

func (c *page) endPage(cuts []segment, dashed bool) {
	if len(cuts) > 0 {
		class := "k"
		if dashed {
			class = "k d"
		}
		c.raw("<path")
		c.attr("class", class)
		c.raw(` d="`)
		for _, s := range cuts {
			c.put("M@ @L@ @", s.x1, s.y1, s.x2, s.y2)
		}
		c.raw("\"/>\n")
	}
	c.raw("</svg></section>\n")
}

// flush passes on a page at a time, so that memory is that of one.
func (c *page) flush() error {
	_, err := c.to.Write(c.b)
	c.b = c.b[:0]
	if err != nil {
		return fmt.Errorf("write the page to print: %w", err)
	}
	return nil
}

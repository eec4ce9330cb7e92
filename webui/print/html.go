package print

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// HTML writes a page to be printed by a browser, with one section for each
// sheet of paper. Nothing is written if the vouchers cannot be printed; what is
// written when an error comes up later is of no use.
func (j *Job) HTML(w io.Writer, vs Vouchers) (Result, error) {
	none := webui.URL{}
	if s := &j.sheet; s.Style == none || s.Icon == none || s.Logo != nil && s.LogoURL == none {
		return Result{}, errors.New("print: Sheet.Style, Icon and, with a logo, LogoURL must be set")
	}
	n, err := j.check(vs, nil)
	if err != nil {
		return Result{}, err
	}
	c := &page{job: j, to: w, rtl: j.sheet.Lang.Dir == "rtl"}
	c.head()
	r, err := j.draw(c, vs, n)
	if err != nil {
		return r, err
	}
	c.raw("</main>\n</body>\n</html>\n")
	return r, c.flush()
}

// page draws SVG into a page. Every text passes text, every number mm; raw is
// for what stands in this file.
type page struct {
	job *Job
	to  io.Writer
	b   []byte
	rtl bool
}

func (c *page) raw(s string) { c.b = append(c.b, s...) }

// escaped writes a text for between tags and for within double quotes.
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

func (c *page) int(n int) { c.b = strconv.AppendInt(c.b, int64(n), 10) }

// attr writes an attribute.
func (c *page) attr(name, value string) {
	c.raw(" ")
	c.raw(name)
	c.raw(`="`)
	c.escaped(value)
	c.raw(`"`)
}

// at writes an attribute that is a distance.
func (c *page) at(name string, v length) {
	c.raw(" ")
	c.raw(name)
	c.raw(`="`)
	c.b = appendMM(c.b, v)
	c.raw(`"`)
}

// appendMM writes a distance in millimetres, without float's rounding.
func appendMM(b []byte, v length) []byte {
	if v < 0 {
		b, v = append(b, '-'), -v
	}
	b = strconv.AppendInt(b, int64(v/mm), 10)
	if part := v % mm; part != 0 {
		b = append(b, '.')
		for unit := mm / 10; part != 0; unit /= 10 {
			b = append(b, byte('0'+part/unit))
			part %= unit
		}
	}
	return b
}

// sizeClass is the class whose rule in the style sheet has the page's size.
func (j *Job) sizeClass() string {
	l := j.sheet.Layout.Paper
	if papers[l].h != 0 {
		return string(l)
	}
	return fmt.Sprintf("%s-%d", l, j.plan.h/mm)
}

// paperName is what the hint calls the paper.
func (j *Job) paperName() string {
	return j.sheet.Lang.T("print.paper", "name", j.sheet.Lang.T("print.paper."+string(j.sheet.Layout.Paper)),
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
	c.raw(">\n</head>\n<body")
	c.attr("class", c.job.sizeClass())
	c.raw(">\n<header class=\"hint\"><h1>")
	c.escaped(l.T("print.heading"))
	c.raw("</h1><p>")
	c.escaped(l.T("print.hint", "paper", c.job.paperName()))
	c.raw("</p></header>\n<main>\n")
	if c.job.wifi.Code != nil {
		c.raw(`<svg class="shared" width="0" height="0" aria-hidden="true"><symbol id="wifi"`)
		c.qr(c.job.wifi)
		c.raw("</symbol></svg>\n")
	}
}

func (c *page) beginPage(n int) {
	l := c.job.sheet.Lang
	c.raw("<section class=\"page\"")
	c.attr("aria-label", l.T("print.page", "n", n))
	c.raw(`><svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" width="`)
	c.b = appendMM(c.b, c.job.plan.w)
	c.raw(`mm" height="`)
	c.b = appendMM(c.b, c.job.plan.h)
	c.raw(`mm" viewBox="0 0 `)
	c.b = append(appendMM(c.b, c.job.plan.w), ' ')
	c.b = appendMM(c.b, c.job.plan.h)
	c.raw("\">\n")
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

// anchors say which class puts the given end of a line at its place.
var anchors = map[bool][3]string{
	false: {atLeft: "", atMiddle: " c", atRight: " e"},
	true:  {atLeft: " e", atMiddle: " c", atRight: ""}, // the end of such a line is at the left
}

var fontClasses = [3]string{sans: "s", bold: "b", mono: "m"}

func (c *page) text(x, y length, a align, f font, size length, s string) {
	rtl, known := direction(s)
	if !known {
		rtl = c.rtl && f != mono
	}
	c.raw("<text")
	c.attr("class", fontClasses[f]+anchors[rtl][a])
	c.at("x", x)
	c.at("y", y)
	c.at("font-size", size)
	if rtl {
		c.raw(` direction="rtl"`)
	} else if em, exact := measure(s, f); exact {
		// Whatever font the browser has, the line is as wide as planned.
		c.at("textLength", size*length(em)/1000)
		c.raw(` lengthAdjust="spacingAndGlyphs"`)
	}
	c.raw(">")
	c.escaped(s)
	c.raw("</text>\n")
}

// qr writes a code's attributes and path, within an element begun.
func (c *page) qr(q qrCode) {
	n := strconv.Itoa(int(q.modules()))
	c.raw(` viewBox="0 0 ` + n + " " + n + `"><path class="q" d="`)
	at := vertex{}
	q.outlines(func(o outline) {
		c.raw("m")
		c.int(o.from.x - at.x)
		c.raw(" ")
		c.int(o.from.y - at.y)
		for i, n := range o.steps {
			c.raw("hv"[i&1 : i&1+1])
			c.int(n)
		}
		c.raw("z")
		at = o.from
	})
	c.raw(`"/>`)
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
	c.at("x", b.x)
	c.at("y", b.y)
	c.at("width", b.w)
	c.at("height", b.h)
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
			c.raw("M")
			c.b = append(appendMM(c.b, s.x1), ' ')
			c.b = appendMM(c.b, s.y1)
			c.raw("L")
			c.b = append(appendMM(c.b, s.x2), ' ')
			c.b = appendMM(c.b, s.y2)
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

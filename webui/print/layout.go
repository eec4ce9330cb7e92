package print

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// length is a distance on paper in micrometres.
type length int

const mm length = 1000

// box is a rectangle on paper, from its upper left corner.
type box struct{ x, y, w, h length }

// inset is the box without a border of the same width all around.
func (b box) inset(d length) box { return box{b.x + d, b.y + d, b.w - 2*d, b.h - 2*d} }

// Paper is a kind of paper.
type Paper string

// The papers. A roll's pages are as long as a voucher needs.
const (
	A4     Paper = "a4"
	Letter Paper = "letter"
	A6     Paper = "a6"
	Card   Paper = "card" // 85 × 55 mm
	Roll58 Paper = "roll58"
	Roll80 Paper = "roll80"
)

// paper is what we know of a kind of paper.
type paper struct {
	w, h   length // h 0: as long as needed
	margin length // at least, where printers do not print
	grid   bool   // takes several vouchers
}

// about returns what we know of a kind of paper, if there is such a kind.
func (p Paper) about() (about paper, ok bool) {
	switch p {
	case A4:
		return paper{w: 210 * mm, h: 297 * mm, grid: true}, true
	case Letter:
		return paper{w: 215900, h: 279400, grid: true}, true
	case A6:
		return paper{w: 105 * mm, h: 148 * mm, margin: 6 * mm}, true
	case Card:
		return paper{w: 85 * mm, h: 55 * mm, margin: 3500}, true
	case Roll58: // a head of 58 mm prints on 48 mm, …
		return paper{w: 58 * mm, margin: 5 * mm}, true
	case Roll80: // … one of 80 mm on 72 mm
		return paper{w: 80 * mm, margin: 4 * mm}, true
	}
	return paper{}, false
}

// paper is what is known of the layout's paper.
func (l Layout) paper() paper {
	p, _ := l.Paper.about()
	return p
}

// Papers lists the kinds of paper.
func Papers() []Paper { return []Paper{A4, Letter, A6, Card, Roll58, Roll80} }

// Layout says how vouchers are laid out on paper. Its text form, such as
// "a4-2x5" or "a4-4x9-10-12-2-0", is for settings and for addresses.
type Layout struct {
	Paper Paper
	// Columns and Rows are of A4 and Letter; other papers take one voucher.
	Columns, Rows int
	// In tenths of a millimetre: the margins at the sides and above and below,
	// and the gaps between columns and between rows. Of A4 and Letter.
	MarginX, MarginY, GapX, GapY int
}

// Layouts lists the layouts that fit usual needs.
func Layouts() []Layout {
	return []Layout{
		{Paper: A4, Columns: 2, Rows: 5, MarginX: 100, MarginY: 100},
		{Paper: A4, Columns: 3, Rows: 8, MarginX: 100, MarginY: 100},
		{Paper: Letter, Columns: 2, Rows: 5, MarginX: 100, MarginY: 100},
		{Paper: Letter, Columns: 3, Rows: 8, MarginX: 100, MarginY: 100},
		{Paper: A6}, {Paper: Card}, {Paper: Roll58}, {Paper: Roll80},
	}
}

// The usual margins, left out of the text form.
const usualMargin = 100

// String gives the text form.
func (l Layout) String() string {
	if !l.paper().grid {
		return string(l.Paper)
	}
	s := fmt.Sprintf("%s-%dx%d", l.Paper, l.Columns, l.Rows)
	if l.MarginX == usualMargin && l.MarginY == usualMargin && l.GapX == 0 && l.GapY == 0 {
		return s
	}
	for _, v := range []int{l.MarginX, l.MarginY, l.GapX, l.GapY} {
		s += "-" + tenths(v)
	}
	return s
}

// tenths writes tenths of a millimetre as millimetres.
func tenths(v int) string {
	if v%10 == 0 {
		return strconv.Itoa(v / 10)
	}
	return strconv.Itoa(v/10) + "." + strconv.Itoa(v%10)
}

// ParseLayout reads what [Layout.String] gave: a paper; of A4 and Letter also
// columns x rows, which margins (sides, above and below) and gaps (between
// columns, between rows) in millimetres may follow.
func ParseLayout(s string) (Layout, error) {
	bad := hotspot.Invalid("layout", "%q is not a layout: write it like roll58, a4-2x5 or a4-4x9-10-12-2-0", clip(s, 40))
	parts := strings.Split(clip(s, 80), "-")
	l := Layout{Paper: Paper(parts[0])}
	p, ok := l.Paper.about()
	if !ok || p.grid && len(parts) != 2 && len(parts) != 6 || !p.grid && len(parts) != 1 {
		return l, bad
	}
	if !p.grid {
		return l, nil
	}
	columns, rows, _ := strings.Cut(parts[1], "x")
	var ok1, ok2 bool
	l.Columns, ok1 = digits(columns)
	l.Rows, ok2 = digits(rows)
	if !ok1 || !ok2 {
		return l, bad
	}
	l.MarginX, l.MarginY = usualMargin, usualMargin
	for i, to := range []*int{&l.MarginX, &l.MarginY, &l.GapX, &l.GapY} {
		if len(parts) == 2 {
			break
		}
		whole, part, _ := strings.Cut(parts[2+i], ".")
		w, ok1 := digits(whole)
		t, ok2 := digits(part + "0"[len(part)&1:])
		if !ok1 || !ok2 || len(part) > 1 {
			return l, bad
		}
		*to = 10*w + t
	}
	return l, l.validate()
}

// digits reads one to three decimal digits.
func digits(s string) (int, bool) {
	if len(s) == 0 || len(s) > 3 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// Bounds of a layout of one's own.
const (
	minMargin        = 30  // tenths: many printers leave out this much
	maxMargin        = 600 //
	maxGap           = 300 //
	maxAcross        = 20
	minCellW  length = 38 * mm // the smallest labels in use
	minCellH  length = 21 * mm
)

// validate reports every field that does not do.
func (l Layout) validate() error {
	p, ok := l.Paper.about()
	if !ok {
		return hotspot.Invalid("layout.paper", "%q is not a paper; there are %v", clip(string(l.Paper), 40), Papers())
	}
	if !p.grid {
		if (l != Layout{Paper: l.Paper}) {
			return hotspot.Invalid("layout", "%s takes one voucher and has its own margins: leave columns, rows, margins and gaps out", l.Paper)
		}
		return nil
	}
	var f faults
	f.check(l.MarginX >= minMargin && l.MarginX <= maxMargin, "layout.margin_x", "must be from 3 to 60 mm")
	f.check(l.MarginY >= minMargin && l.MarginY <= maxMargin, "layout.margin_y", "must be from 3 to 60 mm")
	f.check(l.GapX >= 0 && l.GapX <= maxGap, "layout.gap_x", "must be from 0 to 30 mm")
	f.check(l.GapY >= 0 && l.GapY <= maxGap, "layout.gap_y", "must be from 0 to 30 mm")
	f.check(l.Columns >= 1 && l.Columns <= maxAcross, "layout.columns", "must be from 1 to 20")
	f.check(l.Rows >= 1 && l.Rows <= maxAcross, "layout.rows", "must be from 1 to 20")
	if len(f.errs) == 0 {
		c := l.cell(0)
		f.check(c.w >= minCellW, "layout.columns", "each voucher needs a width of 38 mm: take fewer columns or narrower margins")
		f.check(c.h >= minCellH, "layout.rows", "each voucher needs a height of 21 mm: take fewer rows or narrower margins")
	}
	return errors.Join(f.errs...)
}

// perPage is how many vouchers a page takes.
func (l Layout) perPage() int { return max(l.Columns, 1) * max(l.Rows, 1) }

// cell is where the voucher of a number on its page goes, from left to right,
// then down. Of a roll the height is not known here.
func (l Layout) cell(i int) box {
	p := l.paper()
	if !p.grid {
		return box{0, 0, p.w, p.h}
	}
	const tenth = mm / 10
	mx, my, gx, gy := length(l.MarginX)*tenth, length(l.MarginY)*tenth, length(l.GapX)*tenth, length(l.GapY)*tenth
	columns, rows := length(l.Columns), length(l.Rows)
	w := (p.w - 2*mx - (columns-1)*gx) / columns
	h := (p.h - 2*my - (rows-1)*gy) / rows
	column, row := length(i)%columns, length(i)/columns
	return box{mx + column*(w+gx), my + row*(h+gy), w, h}
}

package print

import (
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Between parts of a voucher.
const (
	gap       length = 2 * mm
	leastText length = 20 * mm // width of a column of text
	caption   length = 3 * mm  // room for the words below a QR code
	mostCode  length = 28 * mm // no phone needs larger QR codes, …
	largeCode length = 40 * mm // … but a large voucher looks better with them
	leastSide length = 12 * mm
	rollStep  length = 5 * mm // pages of rolls are a multiple of it long
	leastRoll length = 50 * mm
	mostRoll  length = 300 * mm
)

// spot is where a QR code goes within a voucher.
type spot struct {
	box  // a square
	wifi bool
	word string // below it
}

// plan is where everything goes. Boxes of parts are within a voucher's cell.
type plan struct {
	w, h    length // of the page
	cell    box    // of the first voucher
	logo    box    // zero: none
	text    box    // where the text goes
	wide    box    // where it goes if there are no QR codes
	spots   []spot
	centred bool
	base    length
}

// padding is the room between a voucher's edge and what it says.
func padding(l Layout, cell box) length {
	if p := l.paper(); !p.grid {
		return p.margin
	}
	return min(max(min(cell.w, cell.h)/18, 1500), 3500)
}

// newPlan works out the places. The error names the fields at fault.
func newPlan(s *Sheet) (plan, error) {
	p := s.Layout.paper()
	pl := plan{w: p.w, h: p.h, cell: s.Layout.cell(0)}
	roll := p.h == 0
	if roll {
		pl.h, pl.cell.h = mostRoll, mostRoll
	}
	in := box{0, 0, pl.cell.w, pl.cell.h}.inset(padding(s.Layout, pl.cell))
	pl.wide = in
	pl.base = min(max(root((in.w/mm)*(in.h/mm))*mm/18, 2600), 4800)
	pl.centred = in.w*10 < in.h*12
	if roll {
		pl.base = in.w / 16
	}
	if err := pl.placeCodes(s, in); err != nil {
		return pl, err
	}
	pl.placeLogo(s)
	v := s.sample()
	b, left, err := fit(s.paras(&v), pl.base, pl.text.w, pl.text.h)
	if err := refuseLeft(s, left, err); err != nil {
		return pl, err
	}
	pl.base = b.base
	if roll {
		pl.shorten(b.h)
	}
	return pl, nil
}

// root is a whole square root.
func root(n length) length {
	r := length(0)
	for (r+1)*(r+1) <= n {
		r++
	}
	return r
}

// refuseLeft makes an error of what has no room even on a usual voucher.
func refuseLeft(s *Sheet, left []part, err error) error {
	if err != nil {
		return hotspot.Invalid("layout", "a voucher has no room for its code: take fewer columns or rows, or show less")
	}
	if len(left) == 0 {
		return nil
	}
	field := fieldOfPart[left[0]]
	if !strings.HasPrefix(field, "texts.") {
		return hotspot.Invalid("layout", "a voucher has no room for all that shall be shown: take fewer columns or rows, or show less")
	}
	return hotspot.Invalid(field, "has no room on a voucher of this layout: shorten it, show less, or take fewer columns or rows")
}

// placeCodes places the QR codes: beside the text on the side where lines
// end, or below it if the voucher is higher than wide.
func (pl *plan) placeCodes(s *Sheet, in box) error {
	pl.text = in
	if s.Show.WiFiCode {
		pl.spots = append(pl.spots, spot{wifi: true, word: s.Lang.T("print.scan.wifi")})
	}
	if s.Show.LoginCode {
		pl.spots = append(pl.spots, spot{word: s.Lang.T("print.scan.login")})
	}
	switch {
	case len(pl.spots) == 0:
		return nil
	case len(pl.spots) == 1 && pl.spots[0].wifi:
		pl.spots[0].word = s.Lang.T("print.scan.wifi_only")
	case len(pl.spots) == 1:
		pl.spots[0].word = s.Lang.T("print.scan.login_only")
	}
	if pl.centred {
		pl.codesBelow(in, s.Lang.Dir == "rtl")
	} else {
		pl.codesBeside(in, s.Lang.Dir == "rtl")
	}
	if pl.spots[0].w < leastSide {
		return hotspot.Invalid("layout", "a voucher has no room for its QR codes: take fewer columns or rows, or show fewer codes")
	}
	return nil
}

// codesBeside places codes in a column or a row, whichever leaves them larger.
func (pl *plan) codesBeside(in box, rtl bool) {
	n := length(len(pl.spots))
	text := max(leastText, in.w*9/20)
	column := min(mostCode, (in.h-(n-1)*gap)/n-caption, in.w-gap-text)
	row := min(mostCode, in.h-caption, (in.w-gap-text-(n-1)*gap)/n)
	side, dx, dy, used := column, length(0), column+caption+gap, column
	if row > column {
		side, dx, dy, used = row, row+gap, 0, n*row+(n-1)*gap
	}
	x := in.x + in.w - used
	if rtl {
		x = in.x
		pl.text.x += used + gap
	}
	pl.text.w -= used + gap
	y := in.y + (in.h-side-caption-(n-1)*dy)/2
	for i := range pl.spots {
		at := length(i)
		if rtl && dx > 0 {
			at = n - 1 - at
		}
		pl.spots[i].box = box{x + at*dx, y + length(i)*dy, side, side}
	}
}

// codesBelow places codes side by side below the text.
func (pl *plan) codesBelow(in box, rtl bool) {
	n := length(len(pl.spots))
	side := min(largeCode, (in.w-(n-1)*gap)/n, in.h/2-caption)
	if n == 1 {
		side = min(side, in.w*3/5)
	}
	free := in.w - n*side - (n-1)*gap
	y := in.y + in.h - side - caption
	for i := range pl.spots {
		at := length(i)
		if rtl {
			at = n - 1 - at
		}
		pl.spots[i].box = box{in.x + free/2 + at*(side+gap), y, side, side}
	}
	pl.text.h -= side + caption + gap
}

// placeLogo takes the logo's room from the top of the text.
func (pl *plan) placeLogo(s *Sheet) {
	if s.Logo == nil {
		return
	}
	in := pl.wide
	h := min(in.h/5, 18*mm)
	if s.Layout.paper().h == 0 {
		h = in.w / 3
	}
	w := length(int64(h) * int64(s.Logo.Width) / int64(s.Logo.Height))
	if most := pl.text.w * 4 / 5; w > most {
		w, h = most, length(int64(most)*int64(s.Logo.Height)/int64(s.Logo.Width))
	}
	w, h = max(w, 1), max(h, 1)
	x := pl.text.x
	switch {
	case pl.centred:
		x += (pl.text.w - w) / 2
	case s.Lang.Dir == "rtl":
		x += pl.text.w - w
	}
	pl.logo = box{x, pl.text.y, w, h}
	pl.text.y += h + gap/2
	pl.text.h -= h + gap/2
	if pl.wide.y < pl.text.y {
		pl.wide.h -= pl.text.y - pl.wide.y
		pl.wide.y = pl.text.y
	}
}

// shorten cuts a roll's page to what a usual voucher needs.
func (pl *plan) shorten(text length) {
	free := pl.text.h - text - pl.base/2
	h := max((pl.h-free+rollStep-1)/rollStep*rollStep, leastRoll)
	cut := pl.h - h
	pl.h, pl.cell.h = h, h
	pl.text.h -= cut
	pl.wide.h -= cut
	for i := range pl.spots {
		pl.spots[i].y -= cut
	}
}

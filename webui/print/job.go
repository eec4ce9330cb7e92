package print

import (
	"errors"
	"fmt"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Result says what was printed.
type Result struct {
	Vouchers, Pages int
	// NoCode is how many vouchers have no QR code to log in, because what it
	// would have to say is too long for the room that there is.
	NoCode int
}

// Job is a sheet that was checked and planned. It is not for use by several
// goroutines at once.
type Job struct {
	sheet  Sheet
	portal string
	plan   plan
	wifi   qrCode
	codes  encoder
	marks  []segment
	dashed bool
}

// New checks a sheet and works out where everything goes. The error joins a
// [hotspot.Error] for every field that does not do.
func New(s Sheet) (*Job, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	j := &Job{sheet: s}
	if s.Show.LoginCode {
		portal, err := parsePortal(s.Portal)
		if err != nil {
			return nil, err
		}
		j.portal = portal
	}
	var err error
	if j.plan, err = newPlan(&j.sheet); err != nil {
		return nil, err
	}
	if err := j.checkCodes(); err != nil {
		return nil, err
	}
	j.marks, j.dashed = j.cuts(), s.Cut == CutLines || s.Layout.paper().h == 0
	return j, nil
}

// checkCodes makes the QR code of the network, and one to log in as usual
// vouchers have it.
func (j *Job) checkCodes() error {
	for _, sp := range j.plan.spots {
		if sp.wifi {
			var ok bool
			if j.wifi, ok = j.codes.fitting(j.sheet.WiFi.code(), sp.box.w); !ok {
				return hotspot.Invalid("show.wifi_code", "a QR code for this network would be too fine to be read: take fewer columns or rows, or leave it out")
			}
			continue
		}
		v := j.sheet.sample()
		if _, ok := j.codes.fitting(loginURL(j.portal, v.Username, v.Passcode), sp.box.w); !ok {
			return hotspot.Invalid("show.login_code", "a QR code to log in would be too fine to be read: take fewer columns or rows, or leave it out")
		}
	}
	return nil
}

// placed is a voucher with everything in its place.
type placed struct {
	text    block
	at      box // of the text
	wifi    bool
	login   qrCode
	coded   bool // login is there
	noLogin bool // login should be there
}

// usualCode is how long a code may be without a doubt that it has room.
const usualCode = 8

// place works out what a voucher looks like.
func (j *Job) place(v hotspot.VoucherView) (p placed, err error) {
	for _, sp := range j.plan.spots {
		if sp.wifi {
			p.wifi = true
			continue
		}
		p.login, p.coded = j.codes.fitting(loginURL(j.portal, v.Username, v.Passcode), sp.box.w)
		p.noLogin = !p.coded
	}
	ps := j.sheet.paras(&v)
	p.at = j.plan.text
	if p.text, _, err = fit(ps, j.plan.base, p.at.w, p.at.h); err != nil && len(j.plan.spots) > 0 {
		// Rather the code alone, with all the room.
		p.wifi, p.coded, p.noLogin = false, false, j.sheet.Show.LoginCode
		p.at = j.plan.wide
		p.text, _, err = fit(j.sheet.paras(&v), j.plan.base, p.at.w, p.at.h)
	}
	if show := j.sheet.Show; err == nil && !p.coded && !(show.Username && show.Passcode) {
		err = errNoRoom
	}
	if err != nil {
		return p, hotspot.Invalid("vouchers", "the code and passcode of voucher %q are too long for this layout: take one with more room", clip(v.Username, 100))
	}
	return p, nil
}

// check goes through the vouchers before anything is written. text judges the
// texts of each.
func (j *Job) check(vs Vouchers, text func(hotspot.VoucherView) error) (n int, err error) {
	for v, err := range vs {
		if err != nil {
			return n, fmt.Errorf("read the vouchers to print: %w", err)
		}
		if n++; n > MaxVouchers {
			return n, hotspot.Invalid("vouchers", "at most %d vouchers can be printed at once", MaxVouchers)
		}
		if len(v.Username) > usualCode || len(v.Passcode) > usualCode {
			if _, err := j.place(v); err != nil {
				return n, err
			}
		}
		if text == nil {
			continue
		}
		if err := text(v); err != nil {
			return n, err
		}
	}
	if n == 0 {
		return 0, hotspot.Invalid("vouchers", "there is no voucher to print")
	}
	return n, nil
}

// canvas is what a plan is drawn on.
type canvas interface {
	beginPage(n int)
	beginVoucher(v hotspot.VoucherView)
	// text draws a line; x is its left end, middle or right end.
	text(x, y length, a align, f font, size length, s string)
	code(at box, q qrCode, shared bool)
	logo(at box)
	endVoucher()
	endPage(cuts []segment, dashed bool)
	// flush passes on what was drawn, and reports whether that works.
	flush() error
}

// align says which end of a line is given.
type align byte

const (
	atLeft align = iota
	atMiddle
	atRight
)

// errChanged: the vouchers were not the same the second time.
var errChanged = errors.New("vouchers were added while they were printed")

// draw draws every voucher that was checked.
func (j *Job) draw(c canvas, vs Vouchers, most int) (r Result, err error) {
	per := j.sheet.Layout.perPage()
	for v, err := range vs {
		if err != nil {
			return r, fmt.Errorf("read the vouchers to print: %w", err)
		}
		if r.Vouchers == most {
			return r, errChanged
		}
		p, err := j.place(v)
		if err != nil {
			return r, err
		}
		slot := r.Vouchers % per
		if slot == 0 {
			if err := j.endPage(c, r.Pages); err != nil {
				return r, err
			}
			r.Pages++
			c.beginPage(r.Pages)
		}
		j.drawVoucher(c, slot, v, p)
		r.Vouchers++
		if p.noLogin {
			r.NoCode++
		}
	}
	return r, j.endPage(c, r.Pages)
}

// endPage ends a page, if there is one.
func (j *Job) endPage(c canvas, page int) error {
	if page > 0 {
		c.endPage(j.marks, j.dashed)
	}
	return c.flush()
}

// drawVoucher draws one voucher into its slot of the page.
func (j *Job) drawVoucher(c canvas, slot int, v hotspot.VoucherView, p placed) {
	cell := j.plan.cell
	if l := j.sheet.Layout; l.paper().grid {
		if j.sheet.Lang.Dir == "rtl" { // rows begin at the right
			slot += l.Columns - 1 - 2*(slot%l.Columns)
		}
		cell = l.cell(slot)
	}
	moved := func(b box) box { return box{b.x + cell.x, b.y + cell.y, b.w, b.h} }
	c.beginVoucher(v)
	if j.sheet.Logo != nil {
		c.logo(moved(j.plan.logo))
	}
	at := moved(p.at)
	x, a := at.x, atLeft
	switch {
	case j.plan.centred:
		x, a = at.x+at.w/2, atMiddle
	case j.sheet.Lang.Dir == "rtl":
		x, a = at.x+at.w, atRight
	}
	top := at.y
	if j.sheet.Logo == nil {
		top += (at.h - p.text.h) / 2
	}
	for _, l := range p.text.lines {
		c.text(x, top+l.y, a, l.font, l.size, l.text)
	}
	for _, sp := range j.plan.spots {
		b := moved(sp.box)
		switch {
		case sp.wifi && p.wifi:
			c.code(b, j.wifi, true)
		case !sp.wifi && p.coded:
			c.code(b, p.login, false)
		default:
			continue
		}
		size := captionSize(sp.word, min(j.plan.base, caption*4/5), b.w+gap)
		c.text(b.x+b.w/2, b.y+b.h+caption*2/3, atMiddle, sans, size, sp.word)
	}
	c.endVoucher()
}

// captionSize is the size, at most a given one, in which a word fits below a
// code.
func captionSize(word string, most, w length) length {
	em, _ := measure(word, sans)
	return min(most, w*1000/length(max(em, 1)))
}

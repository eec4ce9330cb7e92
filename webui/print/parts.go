package print

import (
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// part is what a paragraph of a voucher tells, in the order in which they are
// left out where there is no room.
type part int

const (
	partTerms part = iota
	partBelow
	partAbove
	partAddress
	partFullName
	partDevices
	partLimits
	partValidity
	partTitle
	partWiFi
	partCode // never left out
)

// para is a paragraph. Sizes are in percent of the voucher's base size.
type para struct {
	part   part
	font   font
	size   int
	before int  // room above
	keep   bool // a code, in which every space counts
	text   string
}

// amounts of what is told in letters.
const (
	sizeTitle = 125
	sizeText  = 95
	sizeLabel = 80
	sizeCode  = 160
	sizeTerms = 68
)

// paras are the paragraphs of a voucher from top to bottom.
func (s *Sheet) paras(v hotspot.VoucherView) []para {
	l, own, show := s.Lang, s.own(), s.Show
	rtl := l.Dir == "rtl"
	ps := make([]para, 0, 16)
	add := func(p part, f font, size, before int, text string) {
		if text != "" {
			ps = append(ps, para{part: p, font: f, size: size, before: before, text: text})
		}
	}
	code := func(label, text string) {
		add(partCode, sans, sizeLabel, 35, label)
		ps = append(ps, para{part: partCode, font: mono, size: sizeCode, text: oneLine(text), keep: true})
	}
	add(partTitle, bold, sizeTitle, 0, printable(s.title()))
	add(partAbove, sans, sizeText, 20, printable(own.Above))
	if show.WiFi {
		add(partWiFi, sans, sizeText, 25, l.T("print.wifi", "ssid", isolated(oneLine(s.WiFi.SSID), rtl)))
	}
	if show.WiFiPassword && s.WiFi.Password != "" {
		add(partWiFi, sans, sizeText, 0, l.T("print.wifi_password", "password", isolated(oneLine(s.WiFi.Password), rtl)))
	}
	if show.Username {
		code(l.T("print.username"), v.Username)
	}
	if show.Passcode {
		code(l.T("print.passcode"), v.Passcode)
	}
	if show.FullName {
		add(partFullName, sans, sizeText, 25, oneLine(v.FullName))
	}
	s.facts(v, add)
	add(partBelow, sans, sizeText, 25, printable(own.Below))
	if show.Address {
		add(partAddress, sans, sizeText, 20, l.T("print.address", "address", isolated(s.Portal, rtl)))
	}
	if show.Terms {
		add(partTerms, sans, sizeTerms, 30, printable(own.Terms))
	}
	return ps
}

// facts adds what the voucher is good for.
func (s *Sheet) facts(v hotspot.VoucherView, add func(p part, f font, size, before int, text string)) {
	l, gap := s.Lang, 35
	fact := func(p part, text string) {
		add(p, sans, sizeText, gap, text)
		gap = 0
	}
	if s.Show.Validity {
		if !v.ValidFrom.IsZero() {
			fact(partValidity, l.T("print.valid.from", "time", s.time(v.ValidFrom)))
		}
		switch {
		case !v.ExpiresAt.IsZero():
			fact(partValidity, l.T("print.valid.until", "time", s.time(v.ExpiresAt)))
		case v.ValidFor == hotspot.Always:
			fact(partValidity, l.T("print.valid.always"))
		default:
			fact(partValidity, l.T("print.valid.for", "time", l.Duration(time.Duration(v.ValidFor))))
		}
	}
	if down, up := v.Limit.Down, v.Limit.Up; s.Show.Limits {
		switch {
		case down > 0 && up > 0:
			fact(partLimits, l.T("print.limits", "down", l.Bytes(down), "up", l.Bytes(up)))
		case down > 0:
			fact(partLimits, l.T("print.limits.down", "down", l.Bytes(down)))
		case up > 0:
			fact(partLimits, l.T("print.limits.up", "up", l.Bytes(up)))
		}
	}
	if s.Show.Devices {
		n := v.Devices
		if n == 0 {
			n = s.Devices
		}
		if n > 0 {
			fact(partDevices, l.N("print.devices", int64(n)))
		}
	}
}

// time writes a moment with its date, even if it is today: paper is read later.
func (s *Sheet) time(t time.Time) string {
	zone := s.Zone
	if zone == nil {
		zone = time.UTC
	}
	return s.Lang.Time(t, time.Time{}.In(zone))
}

// sample is a voucher to plan with: as long in every part as usual ones get.
func (s *Sheet) sample() hotspot.VoucherView {
	var v hotspot.VoucherView
	v.Username, v.Passcode, v.FullName = "WWWWWW", "WWWWWW", "Crimson Cricket"
	v.ValidFor = hotspot.Validity(365 * 24 * time.Hour)
	v.Limit = hotspot.Usage{Down: 1000 * hotspot.MB, Up: 1000 * hotspot.MB}
	v.Devices = 10
	return v
}

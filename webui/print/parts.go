package print

import (
	"cmp"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
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

// fieldOfPart is the field where a part's text comes from; "": the language.
var fieldOfPart = [...]string{
	partTerms: "texts.terms", partBelow: "texts.below", partAbove: "texts.above", partTitle: "texts.title",
	partWiFi: "wifi.ssid", partCode: "vouchers", partFullName: "vouchers",
}

// amounts of what is told in letters.
const (
	sizeTitle = 125
	sizeText  = 95
	sizeLabel = 80
	sizeCode  = 160
	sizeTerms = 68
)

// says collects paragraphs. Its methods are not inlined: a router's flash is
// small.
type says struct {
	lang *webui.Language
	ps   []para
}

//go:noinline
func (s *says) add(p part, f font, size, before int, text string) {
	if text != "" {
		s.ps = append(s.ps, para{part: p, font: f, size: size, before: before, text: text})
	}
}

// told adds a text of the language, with a value in it.
//
//go:noinline
func (s *says) told(p part, before int, key, name, value string) {
	s.add(p, sans, sizeText, before, s.lang.T(key, name, value))
}

// foreign is told with a value that may be written in the other direction.
func (s *says) foreign(p part, before int, key, name, value string) {
	s.told(p, before, key, name, isolated(oneLine(value), s.lang.Dir == "rtl"))
}

// code adds what a guest types, below its name.
func (s *says) code(key, text string) {
	s.add(partCode, sans, sizeLabel, 35, s.lang.T(key))
	s.ps = append(s.ps, para{part: partCode, font: mono, size: sizeCode, text: oneLine(text), keep: true})
}

// paras are the paragraphs of a voucher from top to bottom.
func (s *Sheet) paras(v *hotspot.VoucherView) []para {
	own, show := s.own(), &s.Show
	out := says{s.Lang, make([]para, 0, 16)}
	out.add(partTitle, bold, sizeTitle, 0, printable(s.title()))
	out.add(partAbove, sans, sizeText, 20, printable(own.Above))
	if show.WiFi {
		out.foreign(partWiFi, 25, "print.wifi", "ssid", s.WiFi.SSID)
	}
	if show.WiFiPassword && s.WiFi.Password != "" {
		out.foreign(partWiFi, 0, "print.wifi_password", "password", s.WiFi.Password)
	}
	if show.Username {
		out.code("print.username", v.Username)
	}
	if show.Passcode {
		out.code("print.passcode", v.Passcode)
	}
	if show.FullName {
		out.add(partFullName, sans, sizeText, 25, oneLine(v.FullName))
	}
	s.facts(v, &out)
	out.add(partBelow, sans, sizeText, 25, printable(own.Below))
	if show.Address {
		out.foreign(partAddress, 20, "print.address", "address", s.Portal)
	}
	if show.Terms {
		out.add(partTerms, sans, sizeTerms, 30, printable(own.Terms))
	}
	return out.ps
}

// facts adds what the voucher is good for.
func (s *Sheet) facts(v *hotspot.VoucherView, out *says) {
	l, first := s.Lang, len(out.ps)
	if s.Show.Validity {
		if !v.ValidFrom.IsZero() {
			out.told(partValidity, 0, "print.valid.from", "time", s.time(v.ValidFrom))
		}
		switch {
		case !v.ExpiresAt.IsZero():
			out.told(partValidity, 0, "print.valid.until", "time", s.time(v.ExpiresAt))
		case v.ValidFor == hotspot.Always:
			out.told(partValidity, 0, "print.valid.always", "", "")
		default:
			out.told(partValidity, 0, "print.valid.for", "time", l.Duration(time.Duration(v.ValidFor)))
		}
	}
	if down, up, total := v.Limit.Down, v.Limit.Up, v.LimitTotal; s.Show.Limits {
		if total > 0 {
			out.told(partLimits, 0, "print.limits.total", "total", l.Bytes(total))
		}
		switch {
		case down > 0 && up > 0:
			out.add(partLimits, sans, sizeText, 0, l.T("print.limits", "down", l.Bytes(down), "up", l.Bytes(up)))
		case down > 0:
			out.told(partLimits, 0, "print.limits.down", "down", l.Bytes(down))
		case up > 0:
			out.told(partLimits, 0, "print.limits.up", "up", l.Bytes(up))
		}
	}
	if n := cmp.Or(v.Devices, s.Devices); s.Show.Devices && n > 0 {
		out.add(partDevices, sans, sizeText, 0, l.N("print.devices", int64(n)))
	}
	if first < len(out.ps) {
		out.ps[first].before = 35
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

package print

import (
	"io"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// FromSettings is the sheet that an operator's settings ask for. portal is the
// address of this router's login page, for settings that name none. What says
// nothing is left out: without a network's name there is nothing about Wi-Fi.
// Whoever prints adds the zone and the addresses that the page loads.
func FromSettings(set hotspot.Settings, lang *webui.Language, logo *hotspot.Logo, portal string) (Sheet, error) {
	p := &set.Print
	layout, err := ParseLayout(p.Layout)
	if err != nil {
		return Sheet{}, err
	}
	if p.Portal != "" {
		portal = p.Portal
	}
	if !p.ShowLogo {
		logo = nil
	}
	wifi := p.SSID != ""
	return Sheet{
		Layout: layout, Lang: lang, Venue: set.VenueName, Portal: portal, Cut: Cut(p.Cut), Devices: set.VoucherDevices, Logo: logo,
		WiFi:  WiFi{SSID: p.SSID, Password: p.Password, WPA3: p.Security == "sae", Hidden: p.Hidden},
		Texts: map[string]OwnTexts{"": {Title: p.Title, Above: p.Above, Below: p.Below, Terms: p.Terms}},
		Show: Show{
			Username: true, Passcode: true, FullName: p.ShowName, Validity: p.ShowValidity, Limits: p.ShowLimits, Devices: p.ShowDevices,
			WiFi: wifi, WiFiPassword: wifi && p.ShowPassword, WiFiCode: wifi && p.WiFiCode,
			Address: portal != "" && p.ShowAddress, LoginCode: portal != "" && p.LoginCode, Terms: true,
		},
	}, nil
}

// Pages is how many sheets of paper a number of vouchers takes.
func (j *Job) Pages(vouchers int) int {
	per := j.sheet.Layout.perPage()
	return (vouchers + per - 1) / per
}

// PerPage is how many vouchers a sheet of paper takes.
func (j *Job) PerPage() int { return j.sheet.Layout.perPage() }

// first are as many vouchers as a sheet takes.
func (j *Job) first(vs Vouchers) Vouchers {
	return func(yield func(hotspot.VoucherView, error) bool) {
		n := 0
		for v, err := range vs {
			if n++; !yield(v, err) || n == j.PerPage() {
				return
			}
		}
	}
}

// Preview writes the first sheet of paper as a part of another page, whose style
// has the classes of the printed page's.
func (j *Job) Preview(w io.Writer, vs Vouchers) error {
	vs = j.first(vs)
	n, err := j.check(vs, nil)
	if err != nil {
		return err
	}
	c := j.page(w)
	c.shared()
	_, err = j.draw(c, vs, n)
	return err
}

// CheckPDF tells, by the first sheet's vouchers, whether they can be printed to
// a PDF: [ErrLetters] is the cause if not.
func (j *Job) CheckPDF(vs Vouchers) error {
	if err := j.lettersOfLanguage(); err != nil {
		return err
	}
	_, err := j.check(j.first(vs), j.letters)
	return err
}

// Samples are made-up vouchers that fill a sheet, to see what it looks like.
func (j *Job) Samples() Vouchers {
	return func(yield func(hotspot.VoucherView, error) bool) {
		const letters = "K7MPQ2XV4RTH9WND"
		draw := uint32(1)
		for range j.PerPage() {
			v := j.sheet.sample()
			var code [12]byte
			for k := range code {
				draw = draw*1664525 + 1013904223 // the same ones each time
				code[k] = letters[draw>>28]
			}
			v.Username, v.Passcode, v.FullName = string(code[:6]), string(code[6:]), "Amber Otter"
			v.ValidFor, v.Devices, v.Limit = hotspot.Validity(24*time.Hour), 2, hotspot.Usage{Down: 500 * hotspot.MB}
			if !yield(v, nil) {
				return
			}
		}
	}
}

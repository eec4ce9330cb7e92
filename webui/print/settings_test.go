package print

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, Texts()) }

// settings are those of a venue that has a Wi-Fi with a password.
func settings(t *testing.T, change map[string]string) hotspot.Settings {
	t.Helper()
	set, err := hotspot.DefaultSettings().With(map[string]string{"venue.name": "Harbour Café", "print.wifi_name": "Harbour Guests", "print.wifi_password": "sun and sea"})
	if err == nil {
		set, err = set.With(change)
	}
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// fromSettings is the sheet of settings, with the addresses that it needs.
func fromSettings(t *testing.T, set hotspot.Settings, logo *hotspot.Logo) Sheet {
	t.Helper()
	s, err := FromSettings(set, language(t, "en"), logo, "http://10.20.30.1/")
	if err != nil {
		t.Fatal(err)
	}
	s.Style, s.Icon, s.LogoURL = webui.Local("/print.css", nil), webui.Local("/icon.svg", nil), webui.Local("/logo", nil)
	return s
}

// TestSettings: every layout and every way to cut that can be set can be
// printed, on paper as large as it says.
func TestSettings(t *testing.T) {
	logo, err := hotspot.ParseLogo(logoFiles(t)["alpha"])
	if err != nil {
		t.Fatal(err)
	}
	for _, layout := range hotspot.PrintLayouts() {
		for _, cut := range hotspot.PrintCuts() {
			s := fromSettings(t, settings(t, map[string]string{"print.layout": layout, "print.cut": cut}), logo)
			j, left, err := NewFitting(s)
			if err != nil || j.sheet.Layout.String() != layout {
				t.Errorf("%s %s: %v", layout, cut, err)
				continue
			}
			if strings.HasPrefix(layout, "roll") && len(left) > 0 {
				t.Errorf("%s leaves out %v", layout, left)
			}
			var page, sample bytes.Buffer
			r, err1 := j.HTML(&page, some(30, nil))
			err2 := j.Preview(&sample, j.Samples())
			if err := errors.Join(err1, err2); err != nil || r.Pages != j.Pages(30) || strings.Count(sample.String(), "<section") != 1 ||
				strings.Count(sample.String(), `role="group"`) != j.PerPage() {
				t.Errorf("%s %s: %v, %+v", layout, cut, err, r)
			}
			if err := j.CheckPDF(some(30, nil)); err != nil {
				t.Errorf("%s: %v", layout, err)
			}
		}
	}
}

// TestSettingsSaySo: each setting shows on the voucher, and what says nothing is
// left out.
func TestSettingsSaySo(t *testing.T) {
	page := func(change map[string]string) string {
		j, err := New(fromSettings(t, settings(t, change), nil))
		if err != nil {
			t.Fatalf("%v: %v", change, err)
		}
		var b bytes.Buffer
		if err := j.Preview(&b, some(1, func(_ int, v *hotspot.VoucherView) { v.Devices = 3 })); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, c := range []struct{ key, value, with, without string }{
		{"print.title", "Ahoy", "Ahoy", "Harbour Café"},
		{"print.text_above", "One code for all your stay", "One code", ""},
		{"print.text_below", "Ask at the bar", "Ask at the bar", ""},
		{"print.terms", "Be kind", "Be kind", ""},
		{"print.wifi_name", "", "Scan to log in", "Wi-Fi"},
		{"print.wifi_password", "", "Harbour Guests", "Wi-Fi password"},
		{"print.show_wifi_password", "off", "Harbour Guests", "Wi-Fi password"},
		{"print.wifi_code", "off", "Scan to log in", "Join"},
		{"print.login_code", "off", "Scan to join the Wi-Fi", "2. Log in"},
		{"print.show_name", "on", "Amber Otter", ""},
		{"print.show_devices", "on", "For up to 3 devices", ""},
		{"print.show_validity", "off", "AB0000", "Valid for"},
		{"print.show_limits", "off", "AB0000", "500 MB"},
		{"print.show_address", "on", "http://10.20.30.1/", ""},
	} {
		usual, got := page(nil), page(map[string]string{c.key: c.value})
		if !strings.Contains(got, c.with) || c.without != "" && (strings.Contains(got, c.without) || !strings.Contains(usual, c.without)) || got == usual {
			t.Errorf("%s = %q: %s", c.key, c.value, got)
		}
	}
	address := page(map[string]string{"print.show_address": "on", "print.portal": "https://wifi.example/"})
	if !strings.Contains(address, "https://wifi.example/") {
		t.Errorf("the address that is set is not there: %s", address)
	}
}

// TestWithoutPortal: where the login page's address is not known, vouchers have
// no code to log in.
func TestWithoutPortal(t *testing.T) {
	s, err := FromSettings(settings(t, map[string]string{"print.show_address": "on"}), language(t, "en"), nil, "")
	if err != nil || s.Show.LoginCode || s.Show.Address || !s.Show.WiFiCode {
		t.Errorf("%+v, %v", s.Show, err)
	}
	if _, err := New(s); err != nil {
		t.Error(err)
	}
}

// TestNewFitting: no more is left out than must be, and texts never are.
func TestNewFitting(t *testing.T) {
	logo, err := hotspot.ParseLogo(logoFiles(t)["photo"])
	if err != nil {
		t.Fatal(err)
	}
	everything := map[string]string{"print.layout": "a4-3x8", "print.show_name": "on", "print.show_devices": "on", "print.show_address": "on"}
	_, left, err := NewFitting(fromSettings(t, settings(t, everything), logo))
	if err != nil || len(left) == 0 || len(left) > 5 {
		t.Errorf("left out %v, %v", left, err)
	}
	s := fromSettings(t, settings(t, everything), logo)
	for i := range left {
		fewer := append(append([]Extra{}, left[:i]...), left[i+1:]...)
		if s.without(fewer) != nil {
			t.Errorf("%s had room", left[i])
		}
	}
	if s.Logo == nil || !s.Show.FullName {
		t.Error("the sheet itself was changed")
	}
	everything["print.layout"] = "a6"
	if _, left, err = NewFitting(fromSettings(t, settings(t, everything), logo)); err != nil || left != nil {
		t.Errorf("left out %v, %v", left, err)
	}
	everything["print.layout"], everything["print.terms"] = "card", strings.Repeat("Be kind. ", 220)
	_, _, err = NewFitting(fromSettings(t, settings(t, everything), logo))
	var e *hotspot.Error
	if !errors.As(err, &e) || e.Code != hotspot.CodeInvalid {
		t.Errorf("a text that has no room: %v", err)
	}
}

// TestRowsInReadingOrder: rows and codes begin where lines do.
func TestRowsInReadingOrder(t *testing.T) {
	where := func(lang, layout string) (first, second box) {
		s := venue(t, layout)
		s.Lang = language(t, lang)
		j := job(t, s)
		var c recorder
		if _, err := j.draw(&c, some(2, nil), 2); err != nil {
			t.Fatal(err)
		}
		return c.codes[0], c.codes[len(c.codes)/2]
	}
	for _, layout := range []string{"a4-2x5", "a4-3x8"} {
		a, b := where("en", layout)
		if c, d := where("ar", layout); a.x >= b.x || c.x <= d.x || a.y != b.y || c.y != d.y {
			t.Errorf("%s: %v, %v; %v, %v", layout, a, b, c, d)
		}
	}
	for _, lang := range []string{"en", "ar"} {
		s := venue(t, "a6")
		s.Lang = language(t, lang)
		spots := job(t, s).plan.spots
		if (lang == "ar") != (spots[0].x > spots[1].x) {
			t.Errorf("%s: %v", lang, spots)
		}
	}
}

// recorder notes where codes are drawn.
type recorder struct{ codes []box }

func (*recorder) beginPage(int)                                         {}
func (*recorder) beginVoucher(hotspot.VoucherView)                      {}
func (*recorder) text(_, _ length, _ align, _ font, _ length, _ string) {}
func (c *recorder) code(at box, _ qrCode, _ bool)                       { c.codes = append(c.codes, at) }
func (*recorder) logo(box)                                              {}
func (*recorder) endVoucher()                                           {}
func (*recorder) endPage([]segment, bool)                               {}
func (*recorder) flush() error                                          { return nil }

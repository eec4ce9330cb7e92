package print

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// fields are those of every domain error in a joined error.
func fields(err error) (names []string) {
	var e *hotspot.Error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			names = append(names, fields(err)...)
		}
	} else if errors.As(err, &e) {
		names = append(names, e.Field)
	}
	return names
}

func TestFieldsAtFault(t *testing.T) {
	long := strings.Repeat("long ", 500)
	for name, c := range map[string]struct {
		change func(*Sheet)
		want   []string
	}{
		"paper":     {func(s *Sheet) { s.Layout = Layout{Paper: "a3"} }, []string{"layout.paper"}},
		"roll grid": {func(s *Sheet) { s.Layout = Layout{Paper: Roll58, Columns: 2} }, []string{"layout"}},
		"bounds": {func(s *Sheet) {
			s.Layout = Layout{Paper: A4, Columns: 0, Rows: 21, MarginX: 20, MarginY: 601, GapX: -1, GapY: 301}
		},
			[]string{"layout.margin_x", "layout.margin_y", "layout.gap_x", "layout.gap_y", "layout.columns", "layout.rows"}},
		"too many":   {func(s *Sheet) { s.Layout = Layout{Paper: A4, Columns: 6, Rows: 20, MarginX: 50, MarginY: 50} }, []string{"layout.columns", "layout.rows"}},
		"ssid":       {func(s *Sheet) { s.WiFi.SSID = strings.Repeat("x", 33) }, []string{"wifi.ssid"}},
		"no ssid":    {func(s *Sheet) { s.WiFi.SSID = "" }, []string{"wifi.ssid"}},
		"password":   {func(s *Sheet) { s.WiFi.Password = "short" }, []string{"wifi.password"}},
		"both":       {func(s *Sheet) { s.WiFi = WiFi{SSID: "\xff", Password: strings.Repeat("g", 64)} }, []string{"wifi.ssid", "wifi.password"}},
		"script":     {func(s *Sheet) { s.Portal = "javascript:alert(1)" }, []string{"portal"}},
		"query":      {func(s *Sheet) { s.Portal = "http://a/?b" }, []string{"portal"}},
		"user":       {func(s *Sheet) { s.Portal = "http://a@b/" }, []string{"portal"}},
		"no login":   {func(s *Sheet) { s.Show = Show{Username: true} }, []string{"show"}},
		"password 2": {func(s *Sheet) { s.Show.WiFi, s.Show.WiFiPassword = false, true }, []string{"show.wifi_password"}},
		"cut":        {func(s *Sheet) { s.Cut = "" }, []string{"cut"}},
		"texts": {func(s *Sheet) {
			s.Texts = map[string]OwnTexts{"en": {Title: long, Above: long, Below: long, Terms: long}, "": {Title: "\xff"}}
		}, []string{"texts.en.above", "texts.en.below", "texts.en.terms", "texts.en.title", "texts.title"}},
		"venue":    {func(s *Sheet) { s.Venue = long }, []string{"venue"}},
		"no room":  {func(s *Sheet) { s.Texts = map[string]OwnTexts{"": {Terms: long[:2000]}} }, []string{"texts.terms"}},
		"no room2": {func(s *Sheet) { s.Texts = map[string]OwnTexts{"": {Below: strings.Repeat("line\n", 50)}} }, []string{"texts.below"}},
		"fine code": {func(s *Sheet) {
			s.Layout.Columns, s.Layout.Rows = 4, 8
			s.WiFi = WiFi{SSID: strings.Repeat(";", 32), Password: strings.Repeat(`\`, 63)}
		}, []string{"layout"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := venue(t, "a4-2x5")
			c.change(&s)
			_, err := New(s)
			got := fields(err)
			if name == "texts" { // a map has no order
				slices.Sort(got)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%v\n%s", err, d)
			}
		})
	}
	if _, err := New(Sheet{}); err == nil {
		t.Error("a sheet without a language")
	}
}

func TestLayoutText(t *testing.T) {
	for _, s := range []string{"a4-2x5", "letter-3x8", "a6", "card", "roll58", "roll80", "a4-4x9-10-12-2-0", "a4-1x1-5.5-3-0.1-30"} {
		l, err := ParseLayout(s)
		if err != nil || l.String() != s {
			t.Errorf("%q is %+v, which is %q (%v)", s, l, l, err)
		}
	}
	for _, s := range []string{"", "a3", "a4", "a4-", "a4-2", "a4-x", "a4-2x", "a4-2x5-1", "a4-2x5-10-10-0", "a4-2x5-10-10-0-0-0", "a4--1x5", "a4-+2x5",
		"roll58-2x5", "a4-2x5-1.55-10-0-0", "a4-2x5-1.-10-0-0", "a4-2x5-.5-10-0-0", "a4-9999x1", strings.Repeat("a4-", 1000)} {
		if l, err := ParseLayout(s); hotspot.CodeOf(err) != hotspot.CodeInvalid {
			t.Errorf("%q is taken for %+v (%v)", s, l, err)
		}
	}
}

func FuzzParseLayout(f *testing.F) {
	for _, l := range Layouts() {
		f.Add(l.String())
	}
	f.Add("a4-4x9-10-12.5-2-0")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLayout(s)
		if err != nil {
			return
		}
		if again, err := ParseLayout(l.String()); err != nil || again != l {
			t.Errorf("%q is %+v, and %q is %+v (%v)", s, l, l, again, err)
		}
		p := l.paper()
		for i := range l.perPage() {
			if c := l.cell(i); c.x < 0 || c.y < 0 || c.x+c.w > p.w || c.y+c.h > p.h {
				t.Errorf("%q: voucher %d is off the paper: %+v", s, i, c)
			}
		}
	})
}

func TestOwnTextsByLanguage(t *testing.T) {
	s := venue(t, "a6")
	s.Texts = map[string]OwnTexts{"": {Title: "any"}, "en": {Title: "English"}}
	if got := s.title(); got != "English" {
		t.Errorf("title %q", got)
	}
	s.Lang = &webui.Language{Tag: "pt-BR"}
	if got := s.title(); got != "any" {
		t.Errorf("title %q", got)
	}
	s.Texts["pt"] = OwnTexts{}
	if got := s.title(); got != "Harbour Café" {
		t.Errorf("title %q", got)
	}
}

// TestFacts: what a voucher says of itself.
func TestFacts(t *testing.T) {
	day := hotspot.Validity(24 * time.Hour)
	noon := time.Date(2030, 5, 6, 12, 0, 0, 0, time.UTC)
	for want, change := range map[string]func(*hotspot.VoucherView){
		"Valid for 1 day from the first login|For up to 2 devices": func(v *hotspot.VoucherView) { v.ValidFor = day },
		"No time limit|For one device":                             func(v *hotspot.VoucherView) { v.Devices = 1 },
		"Not before 6 May 2030 at 13:00|Valid until 7 May 2030 at 13:00|Data: 500 MB down, 1 GB up|For up to 3 devices": func(v *hotspot.VoucherView) {
			v.ValidFor, v.ValidFrom, v.ExpiresAt, v.Devices = day, noon, noon.Add(24*time.Hour), 3
			v.Limit = hotspot.Usage{Down: 500 * hotspot.MB, Up: 1024 * hotspot.MB}
		},
		"No time limit|Data: 700 MB down and up together|For up to 2 devices": func(v *hotspot.VoucherView) { v.LimitTotal = 700 * hotspot.MB },
		"No time limit|Data: 5 MB up|For up to 2 devices":                     func(v *hotspot.VoucherView) { v.Limit.Up = 5 * hotspot.MB },
	} {
		s := venue(t, "a6")
		s.Show.Devices, s.Zone = true, time.FixedZone("", 3600)
		var v hotspot.VoucherView
		v.Note = "for staff only"
		change(&v)
		var got []string
		for _, p := range s.paras(&v) {
			if p.part == partValidity || p.part == partLimits || p.part == partDevices {
				got = append(got, p.text)
			}
			if strings.Contains(p.text, "staff") {
				t.Error("a note is printed")
			}
		}
		if d := cmp.Diff(want, strings.Join(got, "|")); d != "" {
			t.Error(d)
		}
	}
}

// TestNothingIsWritten: nothing is written if not all can be printed.
func TestNothingIsWritten(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		vs   Vouchers
		want error
	}{
		"too many": {some(MaxVouchers+1, nil), hotspot.ErrInvalid},
		"none":     {some(0, nil), hotspot.ErrInvalid},
		"fault":    {func(yield func(hotspot.VoucherView, error) bool) { yield(hotspot.VoucherView{}, broken) }, broken},
		"too long": {some(1, func(_ int, v *hotspot.VoucherView) {
			v.Username, v.Passcode = strings.Repeat("漢", 64), strings.Repeat("字", 64)
		}), hotspot.ErrInvalid},
	} {
		small := venue(t, "a4-5x13-3-3-0-0")
		small.Show = Show{Username: true, Passcode: true}
		j := job(t, small)
		for kind, print := range map[string]func(io.Writer, Vouchers) (Result, error){"HTML": j.HTML, "PDF": j.PDF} {
			var b bytes.Buffer
			if _, err := print(&b, c.vs); !errors.Is(err, c.want) || b.Len() > 0 {
				t.Errorf("%s %s: %d bytes written, error %v", kind, name, b.Len(), err)
			}
		}
	}
}

type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteFails(t *testing.T) {
	j := job(t, venue(t, "card"))
	for kind, print := range map[string]func(io.Writer, Vouchers) (Result, error){"HTML": j.HTML, "PDF": j.PDF} {
		for _, left := range []int{0, 3000, 20000} {
			if _, err := print(&failing{left}, some(20, nil)); !errors.Is(err, errFull) {
				t.Errorf("%s after %d bytes: %v", kind, left, err)
			}
		}
	}
}

// TestMoreTheSecondTime: vouchers made meanwhile are not printed unchecked.
func TestMoreTheSecondTime(t *testing.T) {
	rounds := 0
	vs := func(yield func(hotspot.VoucherView, error) bool) {
		rounds++
		some(rounds, nil)(yield)
	}
	if _, err := job(t, venue(t, "card")).HTML(io.Discard, vs); !errors.Is(err, errChanged) {
		t.Errorf("error %v", err)
	}
}

// TestWithoutCode: a voucher whose code is too long for a QR code is printed in
// letters, and counted.
func TestWithoutCode(t *testing.T) {
	vs := some(3, func(i int, v *hotspot.VoucherView) {
		if i == 1 {
			v.Username, v.Passcode = strings.Repeat("é", 64), strings.Repeat("ü", 64)
		}
	})
	j := job(t, venue(t, "a4-2x5"))
	for kind, print := range map[string]func(io.Writer, Vouchers) (Result, error){"HTML": j.HTML, "PDF": j.PDF} {
		r, err := print(io.Discard, vs)
		if want := (Result{Vouchers: 3, Pages: 1, NoCode: 1}); err != nil || r != want {
			t.Errorf("%s: %+v, %v; want %+v", kind, r, err, want)
		}
	}
	s := venue(t, "a4-2x5")
	s.Show.Username = false // then there would be no way to log in
	if _, err := job(t, s).HTML(io.Discard, vs); !errors.Is(err, hotspot.ErrInvalid) {
		t.Errorf("error %v", err)
	}
}

package print

import (
	"cmp"
	"embed"
	"errors"
	"io/fs"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

//go:embed lang/*.deflate static
var files embed.FS

// Texts are the texts of the printed vouchers, to be read with
// [webui.NewLanguages] beside those of the pages.
func Texts() fs.FS { return files }

// Style is the style sheet of the printed pages, the same for every layout.
func Style(urlPath string) (webui.Asset, error) {
	return webui.Style(urlPath, files, "static/print.css")
}

// Script is the script of the printed pages, which can do without it.
func Script(urlPath string) (webui.Asset, error) {
	return webui.Script(urlPath, files, "static/print.js")
}

// MaxVouchers is how many vouchers may be printed at once.
const MaxVouchers = 5000

// Vouchers are the vouchers to print. They are gone through twice, once to
// check them and once to print them; an error ends the printing.
type Vouchers = iter.Seq2[hotspot.VoucherView, error]

// Sheet says what is printed around each voucher, and how.
type Sheet struct {
	Layout Layout
	Lang   *webui.Language // must not be nil, and know [Texts]
	// Venue is the heading of vouchers for which Texts have no title.
	Venue  string
	WiFi   WiFi
	Portal string // address of the login page, for its QR code
	// Texts are the operator's own, by language tag; those of "" stand in for
	// languages that have none.
	Texts map[string]OwnTexts
	Logo  *hotspot.Logo // nil: none
	Show  Show
	Cut   Cut
	// Devices is how many devices may share a voucher that has no number of
	// its own: the setting voucher.devices.
	Devices int
	Zone    *time.Location // of printed times; nil: UTC
	// Style, Icon and LogoURL are addresses that the page loads. The PDF has no
	// use for them.
	Style, Icon, LogoURL webui.URL
	// Script opens the browser's dialog to print; see [Script]. Back leads to
	// where the page was asked for. Both may be zero.
	Script, Back webui.URL
	// Reader is the language of whoever prints, which must know [Texts], too;
	// nil: Lang.
	Reader *webui.Language
}

// OwnTexts are an operator's texts on each voucher, in one language.
type OwnTexts struct {
	Title string // instead of the venue's name
	Above string // above the code
	Below string // below it
	Terms string // in small letters
}

// Show says which parts a voucher has. Notes are the operator's own and never
// printed.
type Show struct {
	Username bool
	Passcode bool
	FullName bool
	Validity bool
	Limits   bool
	Devices  bool
	// WiFi is the network's name, WiFiPassword the password in letters.
	WiFi, WiFiPassword bool
	Address            bool // of the login page, in letters
	WiFiCode           bool // QR code to join the network
	LoginCode          bool // QR code to log in
	Terms              bool
}

// ShowUsual is what most vouchers need.
func ShowUsual() Show {
	return Show{Username: true, Passcode: true, Validity: true, Limits: true, WiFi: true, WiFiCode: true, LoginCode: true, Terms: true}
}

// Cut says how vouchers on the same sheet or roll are told apart.
type Cut string

// The ways to mark where to cut.
const (
	CutMarks Cut = "marks" // ticks in the margins and crosses between
	CutLines Cut = "lines" // dashed lines
	CutNone  Cut = "none"  // labels that are cut already
)

// own returns the texts for the sheet's language.
func (s *Sheet) own() OwnTexts {
	tag := s.Lang.Tag
	for {
		if t, ok := s.Texts[tag]; ok {
			return t
		}
		if tag == "" {
			return OwnTexts{}
		}
		tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
	}
}

// title is the heading of each voucher.
func (s *Sheet) title() string { return cmp.Or(s.own().Title, s.Venue) }

// validate reports every field that does not do by itself; whether all has
// room is known only when the places are worked out.
func (s *Sheet) validate() error {
	if s.Lang == nil || !s.Lang.Has("print.heading") {
		return errors.New("print: Sheet.Lang must know the texts of package print")
	}
	var f faults
	f.add(s.Layout.validate())
	if s.Show.WiFi || s.Show.WiFiCode {
		s.WiFi.validate(&f)
	}
	if s.Show.LoginCode || s.Show.Address {
		_, err := parsePortal(s.Portal)
		f.add(err)
	}
	f.check(s.Show.LoginCode || s.Show.Username && s.Show.Passcode, "show", "nobody could log in with such a voucher: show username and passcode, or the QR code to log in")
	f.check(s.Show.WiFi || !s.Show.WiFiPassword, "show.wifi_password", "show the network's name, too")
	f.check(s.Cut == CutMarks || s.Cut == CutLines || s.Cut == CutNone, "cut", "must be one of marks, lines, none")
	f.text("venue", s.Venue, hotspot.MaxPrintTitle)
	for tag, t := range s.Texts {
		at := "texts."
		if tag != "" {
			at += clip(tag, 40) + "."
		}
		f.text(at+"title", t.Title, hotspot.MaxPrintTitle)
		f.text(at+"above", t.Above, hotspot.MaxPrintLine)
		f.text(at+"below", t.Below, hotspot.MaxPrintLine)
		f.text(at+"terms", t.Terms, hotspot.MaxPrintTerms)
	}
	return errors.Join(f.errs...)
}

// faults collects errors of fields. Its methods are not inlined: they are
// called often, and a router's flash is small.
type faults struct{ errs []error }

//go:noinline
func (f *faults) add(err error) {
	if err != nil {
		f.errs = append(f.errs, err)
	}
}

// check notes what is wrong with a field unless it is in order.
//
//go:noinline
func (f *faults) check(ok bool, field, text string) {
	if !ok {
		f.add(hotspot.Invalid(field, "%s", text))
	}
}

// judge notes what a check found.
//
//go:noinline
func (f *faults) judge(field string, err error) {
	if err != nil {
		f.add(hotspot.Invalid(field, "%s", err))
	}
}

// text checks an operator's text.
func (f *faults) text(field, text string, most int) {
	f.check(utf8.ValidString(text), field, "must be valid UTF-8")
	if n := utf8.RuneCountInString(text); n > most {
		f.add(hotspot.Invalid(field, "must have at most %d characters, not %d", most, n))
	}
}

package hotspot

import (
	"net/url"
	"slices"
	"strings"
)

// PrintSettings say what printed vouchers look like and what they tell.
type PrintSettings struct {
	_ [0]func() // never compared

	Layout   string // one of [PrintLayouts]
	Cut      string // one of [PrintCuts]
	Language string // tag; empty: that of whoever prints
	Portal   string // address of the login page; empty: this router's own

	SSID     string // empty: vouchers do not tell of the network
	Password string // empty: the network is open
	Security string // what the password is of: one of [PrintSecurities]
	Hidden   bool   // the network does not send its name by itself

	Title string // empty: the venue's name
	Above string
	Below string
	Terms string

	ShowName     bool // the voucher's full name
	ShowValidity bool
	ShowLimits   bool
	ShowDevices  bool
	ShowPassword bool // the network's, in letters
	ShowAddress  bool // of the login page, in letters
	ShowLogo     bool
	WiFiCode     bool // QR code to join the network
	LoginCode    bool // QR code to log in
}

// PrintLayouts are the layouts of printed vouchers: a paper, and columns and
// rows of one that takes several.
func PrintLayouts() []string {
	return []string{"a4-2x5", "a4-3x8", "letter-2x5", "letter-3x8", "a6", "card", "roll58", "roll80"}
}

// PrintCuts are the ways to show where to cut.
func PrintCuts() []string { return []string{"marks", "lines", "none"} }

// PrintSecurities are the ways to protect a network with a password: WPA2 with or
// without WPA3, and WPA3 alone.
func PrintSecurities() []string { return []string{"wpa", "sae"} }

// Bounds of the texts on printed vouchers, in characters. What has room depends
// on the layout, too.
const (
	MaxPrintTitle = 100
	MaxPrintLine  = 300
	MaxPrintTerms = 2000
)

// printFlags and printTexts are tables, not calls: each call is code on a
// router's flash.
var printFlags = [...]struct {
	key, def, doc string
	at            func(*Settings) *bool
}{
	{"print.wifi_hidden", "off", "the guests' Wi-Fi does not send its name by itself", func(s *Settings) *bool { return &s.Print.Hidden }},
	{"print.show_name", "off", "print a voucher's full name", func(s *Settings) *bool { return &s.Print.ShowName }},
	{"print.show_validity", "on", "print how long a voucher is good for", func(s *Settings) *bool { return &s.Print.ShowValidity }},
	{"print.show_limits", "on", "print a voucher's data limits", func(s *Settings) *bool { return &s.Print.ShowLimits }},
	{"print.show_devices", "off", "print how many devices may share a voucher", func(s *Settings) *bool { return &s.Print.ShowDevices }},
	{"print.show_wifi_password", "on", "print the password of the guests' Wi-Fi in letters", func(s *Settings) *bool { return &s.Print.ShowPassword }},
	{"print.show_address", "off", "print the address of the login page in letters", func(s *Settings) *bool { return &s.Print.ShowAddress }},
	{"print.show_logo", "on", "print the venue's logo, if there is one", func(s *Settings) *bool { return &s.Print.ShowLogo }},
	{"print.wifi_code", "on", "print a QR code to join the guests' Wi-Fi, if its name is set", func(s *Settings) *bool { return &s.Print.WiFiCode }},
	{"print.login_code", "on", "print a QR code to log in", func(s *Settings) *bool { return &s.Print.LoginCode }},
}

var printTexts = [...]struct {
	key  string
	most int
	doc  string
	at   func(*Settings) *string
}{
	{"print.language", 35, "language of printed vouchers, such as it; empty: that of whoever prints", func(s *Settings) *string { return &s.Print.Language }},
	{"print.title", MaxPrintTitle, "heading of printed vouchers; empty: the venue's name", func(s *Settings) *string { return &s.Print.Title }},
	{"print.text_above", MaxPrintLine, "text above the code of a printed voucher", func(s *Settings) *string { return &s.Print.Above }},
	{"print.text_below", MaxPrintLine, "text below the code of a printed voucher", func(s *Settings) *string { return &s.Print.Below }},
	{"print.terms", MaxPrintTerms, "text in small letters at the foot of a printed voucher", func(s *Settings) *string { return &s.Print.Terms }},
}

func printKeys() []SettingKey {
	keys := []SettingKey{
		oneOf("print.layout", PrintLayouts(), "paper of printed vouchers, and how many columns and rows of them", func(s *Settings) *string { return &s.Print.Layout }),
		oneOf("print.cut", PrintCuts(), "how printed vouchers show where to cut", func(s *Settings) *string { return &s.Print.Cut }),
		checked(text("print.portal", "", MaxPortal, "address of the login page on printed vouchers; empty: this router's own", func(s *Settings) *string { return &s.Print.Portal }), CheckPortal),
		checked(text("print.wifi_name", "", 32, "name (SSID) of the guests' Wi-Fi, for printed vouchers; empty: they do not tell it", func(s *Settings) *string { return &s.Print.SSID }), CheckSSID),
		secret(checked(text("print.wifi_password", "", 64, "password of the guests' Wi-Fi, for printed vouchers; empty: it is open", func(s *Settings) *string { return &s.Print.Password }), CheckWiFiPassword)),
		oneOf("print.wifi_security", PrintSecurities(), "what the password is of: sae if the guests' Wi-Fi takes WPA3 alone, or else wpa", func(s *Settings) *string { return &s.Print.Security }),
	}
	for _, f := range printFlags {
		keys = append(keys, flag(f.key, f.def, f.doc, f.at))
	}
	for _, t := range printTexts {
		keys = append(keys, text(t.key, "", t.most, t.doc, t.at))
	}
	return keys
}

// oneOf is a setting with some values, of which the first is the default.
func oneOf(key string, values []string, doc string, at func(*Settings) *string) SettingKey {
	return SettingKey{Key: key, Kind: strings.Join(values, "|"), Default: values[0], Doc: doc,
		get: func(s *Settings) string { return *at(s) },
		set: func(s *Settings, v string) error {
			if !slices.Contains(values, v) {
				return Worded("%q is not one of %s", v, strings.Join(values, ", "))
			}
			*at(s) = v
			return nil
		}}
}

// checked is a text that must pass a check unless it is empty.
func checked(k SettingKey, check func(string) error) SettingKey {
	set := k.set
	k.set = func(s *Settings, v string) error {
		if v != "" {
			if err := check(v); err != nil {
				return err
			}
		}
		return set(s, v)
	}
	return k
}

// secret is a setting whose value is not for everybody.
func secret(k SettingKey) SettingKey {
	k.Secret = true
	return k
}

// CheckSSID judges the name of a Wi-Fi network.
func CheckSSID(s string) error {
	if s == "" || len(s) > 32 || checkText(s, 32) != nil {
		return Worded("must have 1 to 32 bytes of UTF-8, as the access point's name has")
	}
	return nil
}

// CheckWiFiPassword judges a password of WPA, WPA2 or WPA3: 8 to 63 printable
// ASCII characters, or a key of 64 hexadecimal digits.
func CheckWiFiPassword(s string) error {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			s = ""
			break
		}
	}
	if len(s) >= 8 && len(s) <= 63 || len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == "" {
		return nil
	}
	return Worded("must have 8 to 63 characters of ASCII or 64 hexadecimal digits; leave it empty if the network is open")
}

// MaxPortal bounds the address of the login page: it is a part of every QR
// code.
const MaxPortal = 100

// CheckPortal judges the address of the login page.
func CheckPortal(s string) error {
	u, err := url.Parse(s)
	if err != nil || len(s) > MaxPortal || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return Worded("must be the address of the login page, such as http://10.0.0.1/, without query and at most %d characters long", MaxPortal)
	}
	return nil
}

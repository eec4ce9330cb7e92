package print

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// WiFi is the network that guests join before they log in.
type WiFi struct {
	SSID string // as the access point sends it; at most 32 bytes
	// Password is of WPA, WPA2 or WPA3; empty: the network is open.
	Password string
	Hidden   bool // the access point does not send the SSID by itself
}

// validate notes every field that does not do.
func (w WiFi) validate(f *faults) {
	f.check(w.SSID != "" && len(w.SSID) <= 32 && utf8.ValidString(w.SSID), "wifi.ssid",
		"must have 1 to 32 bytes of UTF-8, as the access point's name has")
	f.check(w.Password == "" || isPassphrase(w.Password), "wifi.password",
		"must have 8 to 63 characters of ASCII or 64 hexadecimal digits; leave it empty if the network is open")
}

// isPassphrase reports whether s can be a WPA password: 8 to 63 printable
// ASCII characters, or a key of 64 hexadecimal digits.
func isPassphrase(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) >= 8 && len(s) <= 63 || len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// code is what a QR code says to have a phone join the network. A name in
// hexadecimal digits is not put in quotes, though the format's first reader
// wanted that: the phones of today would take the quotes for a part of it.
func (w WiFi) code() string {
	var o output
	kind := "nopass"
	if w.Password != "" {
		kind = "WPA"
	}
	o.raw("WIFI:T:" + kind)
	o.wifiField(";S:", w.SSID)
	if w.Password != "" {
		o.wifiField(";P:", w.Password)
	}
	if w.Hidden {
		o.raw(";H:true")
	}
	o.raw(";;")
	return string(o.b)
}

// wifiField writes a field, with a backslash before what has a meaning in the
// code.
func (o *output) wifiField(name, value string) {
	o.raw(name)
	for i := range len(value) {
		switch value[i] {
		case '\\', ';', ',', ':', '"':
			o.raw("\\")
		}
		o.raw(value[i : i+1])
	}
}

// maxPortal bounds the address of the portal: it is a part of every QR code.
const maxPortal = 100

// parsePortal judges the address of the login page. One without a path gets
// the path of the form.
func parsePortal(s string) (string, error) {
	bad := hotspot.Invalid("portal", "must be the address of the login page, such as http://10.0.0.1/, without query and at most %d characters long", maxPortal)
	u, err := url.Parse(s)
	if err != nil || len(s) > maxPortal || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return "", bad
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/welcome"
	}
	return u.String(), nil
}

// loginURL is the login page with the form filled in. The page logs nobody in
// before the guest sends the form.
func loginURL(portal, username, passcode string) string {
	return portal + "?code=" + url.QueryEscape(username) + "&passcode=" + url.QueryEscape(passcode)
}

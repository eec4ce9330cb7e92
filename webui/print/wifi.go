package print

import (
	"net/url"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// WiFi is the network that guests join before they log in.
type WiFi struct {
	SSID string // as the access point sends it; at most 32 bytes
	// Password is of WPA, WPA2 or WPA3; empty: the network is open.
	Password string
	WPA3     bool // it takes nothing older
	Hidden   bool // the access point does not send the SSID by itself
}

// validate notes every field that does not do.
func (w WiFi) validate(f *faults) {
	f.judge("wifi.ssid", hotspot.CheckSSID(w.SSID))
	if w.Password != "" {
		f.judge("wifi.password", hotspot.CheckWiFiPassword(w.Password))
	}
}

// code is what a QR code says to have a phone join the network. A name in
// hexadecimal digits is not put in quotes, though the format's first reader
// wanted that: the phones of today would take the quotes for a part of it. WPA
// stands for WPA3, too, by the Wi-Fi Alliance's specification; phones that go by
// it join a network of WPA3 alone not at all, or by SAE only.
func (w WiFi) code() string {
	var o output
	kind := "nopass"
	if w.Password != "" {
		kind = "WPA"
		if w.WPA3 {
			kind = "SAE"
		}
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

// parsePortal judges the address of the login page. One without a path gets
// the path of the form.
func parsePortal(s string) (string, error) {
	if err := hotspot.CheckPortal(s); err != nil {
		return "", hotspot.Invalid("portal", "%s", err)
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", err
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

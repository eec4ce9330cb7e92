package hotspot_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestPrintSettings(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct{ key, value, refused string }{
		{"print.layout", "roll58", ""},
		{"print.layout", "a4-9x9", `"a4-9x9" is not one of a4-2x5`},
		{"print.cut", "none", ""},
		{"print.portal", "https://wifi.example/login", ""},
		{"print.portal", "javascript:alert(1)", "must be the address of the login page"},
		{"print.portal", "http://a/?x", "without query"},
		{"print.portal", "", ""},
		{"print.wifi_name", strings.Repeat("é", 16), ""},
		{"print.wifi_name", strings.Repeat("é", 17), "1 to 32 bytes"},
		{"print.wifi_name", "a\x00b", "1 to 32 bytes"},
		{"print.wifi_password", "1234567", "8 to 63 characters"},
		{"print.wifi_password", "pässword!", "8 to 63 characters"},
		{"print.wifi_password", strings.Repeat("a0", 32), ""},
		{"print.wifi_password", strings.Repeat("x", 64), "64 hexadecimal"},
		{"print.wifi_password", "", ""},
		{"print.wifi_security", "sae", ""},
		{"print.wifi_security", "wep", `"wep" is not one of wpa, sae`},
		{"print.title", strings.Repeat("x", hotspot.MaxPrintTitle+1), "at most 100"},
		{"print.terms", "one\ntwo", ""},
		{"print.wifi_code", "off", ""},
	} {
		err := h.SetSetting(t.Context(), c.key, c.value)
		switch {
		case c.refused != "" && (hotspot.CodeOf(err) != hotspot.CodeInvalid || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s = %q: %v, want %q", c.key, c.value, err, c.refused)
		case c.refused == "" && err != nil:
			t.Errorf("%s = %q: %v", c.key, c.value, err)
		}
	}
	if p := h.Settings().Print; p.Layout != "roll58" || p.Terms != "one\ntwo" || p.WiFiCode || !p.LoginCode || p.Cut != "none" {
		t.Errorf("%+v", p)
	}
}

// TestWiFiPasswordIsSecret: it is printed for guests, and neither in the log nor
// in the audit log.
func TestWiFiPasswordIsSecret(t *testing.T) {
	var log bytes.Buffer
	h := newHouse(t)
	h.Service = hotspot.New(hotspot.Config{Store: h.store, Gate: h.gate, Hosts: h.hosts, Clock: h.clock,
		Rand: strings.NewReader(""), Log: slog.New(slog.NewTextHandler(&log, nil)), Zone: start.Location()})
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.set("print.wifi_password", "correct horse")
	h.set("print.wifi_password", "battery staple")
	rows, err := h.Audit(t.Context(), 0, 10)
	if err != nil || len(rows) != 2 || rows[0].Changes[0] != (hotspot.Change{Field: "print.wifi_password"}) {
		t.Errorf("%+v, %v", rows, err)
	}
	if s := log.String(); !strings.Contains(s, "print.wifi_password") || strings.Contains(s, "horse") || strings.Contains(s, "staple") {
		t.Errorf("log: %s", s)
	}
}

package hotspot

import (
	"strings"
	"testing"
)

func TestPortalSettings(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"login.order", "free, voucher", "free,voucher,email,mobile,facebook"},
		{"login.order", "voucher,voucher", ""},
		{"login.order", "carrier pigeon", ""},
		{"portal.color", "#AABBcc", "#aabbcc"},
		{"portal.color", "#aabbc", ""},
		{"portal.color", "aabbccd", ""},
		{"portal.color", "#12345g", ""},
		{"portal.color", "#1;}*{x", ""},
		{"portal.languages", "it, pt-BR,it", "it,pt-BR"},
		{"portal.languages", "all", "all"},
		{"portal.languages", "en,", ""},
		{"portal.languages", strings.Repeat("en,", 41) + "en", "en"},
		{"portal.language", "zh-Hant-TW", "zh-Hant-TW"},
		{"portal.language", "en-", ""},
		{"portal.language", `it"><b`, ""},
		{"portal.password", "open sesame", "open sesame"},
		{"portal.password", " padded", ""},
		{"portal.password", "two\nlines", ""},
		{"portal.password", strings.Repeat("x", 65), ""},
		{"portal.field1", "Room number", "Room number"},
		{"portal.field1", "a\x00b", ""},
		{"portal.field3_required", "on", "on"},
		{"portal.terms_accept", "on", "on"},
		{"portal.consent", "You may write to me.", "You may write to me."},
	} {
		s, err := DefaultSettings().With(map[string]string{c.key: c.value})
		if (err == nil) != (c.want != "") || err == nil && s.Value(c.key) != c.want {
			t.Errorf("%s = %q: %q, %v; want %q", c.key, c.value, s.Value(c.key), err, c.want)
		}
	}
	secrets, err := DefaultSettings().With(map[string]string{"portal.password": "sesame"})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range SettingKeys() {
		if strings.Contains(k.shown(&secrets), "sesame") {
			t.Errorf("the log has the value of %s", k.Key)
		}
		if k.Secret != (k.Key == "portal.password") && strings.HasPrefix(k.Key, "portal.") {
			t.Errorf("%s: secret %v", k.Key, k.Secret)
		}
	}
}

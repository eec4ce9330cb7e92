package login_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
)

// house is a list of no vouchers with its settings.
type house struct {
	vouchers
	settings hotspot.Settings
}

func (h house) Settings() hotspot.Settings { return h.settings }

func (h house) method(t *testing.T, name hotspot.Method, l *login.Limiter) login.Method {
	t.Helper()
	for _, m := range login.Methods(h, l) {
		if m.Name() == name {
			return m
		}
	}
	t.Fatalf("no method %s", name)
	return nil
}

// refused is the code and the field of a refusal.
func refused(err error) string {
	e, ok := err.(*hotspot.Error)
	if !ok {
		return ""
	}
	return string(e.Code) + " " + e.Field
}

// TestVenuePassword: each method asks for it, and guessing is slowed down.
func TestVenuePassword(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	h := house{vouchers{"anna": {ID: 1, Passcode: "right"}}, hotspot.Settings{LoginVoucher: true, LoginEmail: true, LoginFree: true,
		Portal: hotspot.PortalSettings{Password: "Open Sesame"}}}
	sent := url.Values{"code": {"anna"}, "passcode": {"right"}, "email": {"a@example.com"}}
	with := func(password string) url.Values {
		f := url.Values{"venue_password": {password}}
		for k, v := range sent {
			f[k] = v
		}
		return f
	}
	for _, name := range []hotspot.Method{hotspot.MethodVoucher, hotspot.MethodEmail, hotspot.MethodFree} {
		m := h.method(t, name, login.NewLimiter(func() time.Time { return now }))
		for range 20 { // not to have filled it in is no guess
			if _, err := m.Claim(t.Context(), device(1), sent); refused(err) != "invalid venue_password" {
				t.Fatalf("%s without: %v", name, err)
			}
		}
		if _, err := m.Claim(t.Context(), device(1), with(" Open Sesame ")); err != nil {
			t.Errorf("%s with it: %v", name, err)
		}
		for range 8 {
			if _, err := m.Claim(t.Context(), device(1), with("open sesame")); refused(err) != "wrong_password venue_password" || strings.Contains(err.Error(), "esame") {
				t.Fatalf("%s with another: %v", name, err)
			}
		}
		if _, err := m.Claim(t.Context(), device(1), with("Open Sesame")); hotspot.CodeOf(err) != hotspot.CodeTryLater {
			t.Errorf("%s after eight wrong ones: %v", name, err)
		}
		if _, err := m.Claim(t.Context(), device(2), with("Open Sesame")); err != nil {
			t.Errorf("%s on another device: %v", name, err)
		}
	}
}

// TestVenuePasswordInDigits: phones in Arabic type Arabic digits.
func TestVenuePasswordInDigits(t *testing.T) {
	h := house{nil, hotspot.Settings{LoginFree: true, Portal: hotspot.PortalSettings{Password: "wifi2026"}}}
	m := h.method(t, hotspot.MethodFree, login.NewLimiter(time.Now))
	if _, err := m.Claim(t.Context(), device(1), url.Values{"venue_password": {"wifi٢٠٢٦"}}); err != nil {
		t.Error(err)
	}
}

func TestTermsAndOwnFields(t *testing.T) {
	set := hotspot.Settings{LoginFree: true, LoginVoucher: true, PortalTerms: "Be kind.", Portal: asking}
	set.Portal.TermsAccept = true
	for _, c := range []struct {
		sent url.Values
		want string
	}{
		{url.Values{}, "invalid terms"},
		{url.Values{"terms": {"1"}}, "invalid comments1"},
		{url.Values{"terms": {"1"}, "comments1": {" \t "}}, "invalid comments1"},
		{url.Values{"terms": {"1"}, "comments1": {strings.Repeat("x", 65)}}, "invalid comments1"},
		{url.Values{"terms": {"1"}, "comments1": {strings.Repeat("\U0001F600", 64)}}, ""},
		{url.Values{"terms": {"1"}, "comments1": {"12"}}, ""},
	} {
		_, err := house{nil, set}.method(t, hotspot.MethodFree, login.NewLimiter(time.Now)).Claim(t.Context(), device(1), c.sent)
		if refused(err) != c.want {
			t.Errorf("%v: %v, want %q", c.sent, err, c.want)
		}
	}
	set.PortalTerms = "" // nothing to agree to
	if _, err := (house{nil, set}).method(t, hotspot.MethodFree, login.NewLimiter(time.Now)).Claim(t.Context(), device(1), url.Values{"comments1": {"12"}}); err != nil {
		t.Error(err)
	}
}

func TestEmailClaim(t *testing.T) {
	set := hotspot.Settings{LoginEmail: true, Portal: hotspot.PortalSettings{Consent: "May we write?"}}
	claim := func(form url.Values) (hotspot.Claim, error) {
		return login.NewEmail(fixed{set}, login.NewLimiter(time.Now)).Claim(t.Context(), device(1), form)
	}
	c, err := claim(url.Values{"email": {" Anna.Lee+x@Example.COM "}, "name": {" Anna \n Lee"}, "consent": {"1"}, "comments": {"unasked"}})
	want := hotspot.User{Method: hotspot.MethodEmail, Key: "anna.lee+x@example.com", Name: "Anna Lee", Marketing: true}
	if err != nil || c.Method != hotspot.MethodEmail || c.Login != want.Key || c.User.Key != want.Key || c.User.Name != want.Name || !c.User.Marketing ||
		c.User.Verified || c.User.Comments != want.Comments {
		t.Errorf("%+v, %v", c, err)
	}
	set.Portal.Consent = "" // it was not asked
	if c, err := claim(url.Values{"email": {"a@example.com"}, "consent": {"1"}}); err != nil || c.User.Marketing {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := claim(url.Values{"email": {"a@example.com"}, "name": {strings.Repeat("x", 65)}}); refused(err) != "invalid name" {
		t.Errorf("a long name: %v", err)
	}
	for address, good := range map[string]bool{
		"a@b.it": true, "müller@bücher.example": true, "o'neil@example.co.uk": true, "a@xn--bcher-kva.example": true,
		"": false, "a": false, "a@": false, "@b.it": false, "a@b": false, "a@b@c.it": false, "a b@c.it": false, "a@b..it": false, ".a@b.it": false,
		"a@-b.it": false, "a@b.it.": false, `"a"@b.it`: false, "<a@b.it>": false, "a@[1.2.3.4]": false, "a@b.it\x00c": false, "a\u202e@b.it": false,
		strings.Repeat("a", 65) + "@b.it": false, "a@" + strings.Repeat("b", 64) + ".it": false, "a@" + strings.Repeat("b.", 130) + "it": false, "a@b.it\nBcc: c@d.it": false,
	} {
		if _, err := claim(url.Values{"email": {address}}); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
	set.LoginEmail = false
	if _, err := claim(url.Values{"email": {"a@b.it"}}); hotspot.CodeOf(err) != hotspot.CodeMethodOff {
		t.Errorf("while off: %v", err)
	}
}

// TestAddressesAreNotMadeUpForEver: each one that a device gives is stored, so
// there is a limit to how fast.
func TestAddressesAreNotMadeUpForEver(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := login.NewEmail(fixed{hotspot.Settings{LoginEmail: true}}, login.NewLimiter(func() time.Time { return now }))
	give := func(d hotspot.Host, n int) error {
		_, err := m.Claim(t.Context(), d, url.Values{"email": {fmt.Sprintf("a%d@example.com", n)}})
		return err
	}
	for i := range 8 {
		if err := give(device(1), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := give(device(1), 8); hotspot.CodeOf(err) != hotspot.CodeTryLater {
		t.Errorf("a ninth: %v", err)
	}
	if err := give(device(2), 9); err != nil {
		t.Errorf("another device: %v", err)
	}
	now = now.Add(31 * time.Second)
	if err := give(device(1), 8); err != nil {
		t.Errorf("half a minute later: %v", err)
	}
}

// FuzzClaim sends what guests may write. Whatever it is, what is kept of it is
// short, and one line of text.
func FuzzClaim(f *testing.F) {
	f.Add("a@example.com", "Anna", "Room 12", "pass")
	f.Add("\xff@\x00", "\u202e\n", "\t", "")
	set := hotspot.Settings{LoginEmail: true, Portal: hotspot.PortalSettings{Password: "pass", Fields: [3]hotspot.OwnField{{Label: "a"}, {Label: "b", Required: true}}}}
	hour := 0
	l := login.NewLimiter(func() time.Time { hour++; return time.Unix(0, 0).Add(time.Duration(hour) * time.Hour) })
	var m login.Method
	for _, each := range login.Methods(house{nil, set}, l) {
		if each.Name() == hotspot.MethodEmail {
			m = each
		}
	}
	f.Fuzz(func(t *testing.T, email, name, answer, password string) {
		c, err := m.Claim(t.Context(), device(1), url.Values{"email": {email}, "name": {name}, "comments": {answer}, "comments1": {answer}, "comments2": {answer}, "venue_password": {password}})
		if err != nil {
			if e, ok := err.(*hotspot.Error); !ok || e.Code == hotspot.CodeInternal {
				t.Fatalf("%v", err)
			}
			return
		}
		if c.User.Comments[1] == "" || c.User.Comments[2] != "" {
			t.Fatalf("%q", c.User.Comments)
		}
		for _, s := range []string{c.Login, c.User.Key, c.User.Name, c.User.Comments[0]} {
			if len(s) > 256 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
				t.Fatalf("%q is kept", s)
			}
		}
	})
}

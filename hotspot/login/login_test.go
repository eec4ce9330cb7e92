package login_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
)

// vouchers is a list of vouchers by lower-case username.
type vouchers map[string]hotspot.Voucher

func (v vouchers) Settings() hotspot.Settings { return hotspot.DefaultSettings() }

func (v vouchers) Voucher(_ context.Context, name string) (hotspot.VoucherView, error) {
	x, ok := v[strings.ToLower(name)]
	if !ok {
		return hotspot.VoucherView{}, hotspot.ErrNotFound
	}
	return hotspot.VoucherView{Voucher: x}, nil
}

type fixed struct{ s hotspot.Settings }

func (f fixed) Settings() hotspot.Settings { return f.s }

func form(code, pass string) url.Values {
	return url.Values{login.FieldCode: {code}, login.FieldPasscode: {pass}}
}

func device(n byte) hotspot.Host { return hotspot.Host{MAC: hotspot.MAC{2, 0, 0, 0, 0, n}} }

func TestVoucherClaim(t *testing.T) {
	db := vouchers{
		"anna":   {ID: 1, Username: "Anna", Passcode: "Pass1"},
		"k7m2qp": {ID: 2, Username: "K7M2QP", Passcode: "ABC234"},
		"open":   {ID: 3, Username: "open"}, // a damaged record must not be an open door
	}
	m := login.NewVoucher(db, login.NewLimiter(time.Now))
	for i, c := range []struct {
		code, pass string
		want       uint64
	}{
		{"Anna", "Pass1", 1}, {"ANNA", "Pass1", 1}, {" anna\t", " Pass1 ", 1}, {"anna", "pass1", 0}, {"anna", "", 0},
		{"k7m2qp", "abc234", 2}, {"K7M2QP", "ABC234", 2}, {"open", "", 0}, {"nobody", "x", 0}, {strings.Repeat("a", 300), "x", 0}, {"a\xff", "x", 0},
	} {
		got, err := m.Claim(t.Context(), device(byte(i)), form(c.code, c.pass))
		if got.Voucher != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("%q/%q: voucher %d, %v", c.code, c.pass, got.Voucher, err)
		}
	}
	_, err := m.Claim(t.Context(), device(99), form("", ""))
	if hotspot.CodeOf(err) != hotspot.CodeInvalid {
		t.Errorf("an empty form: %v", err)
	}
}

func TestUnknownAndWrongAreTheSame(t *testing.T) {
	m := login.NewVoucher(vouchers{"anna": {ID: 1, Passcode: "x"}}, login.NewLimiter(time.Now))
	_, a := m.Claim(t.Context(), device(1), form("anna", "wrong"))
	_, b := m.Claim(t.Context(), device(2), form("bert", "wrong"))
	if a == nil || b == nil || a.Error() != b.Error() {
		t.Errorf("%v / %v", a, b)
	}
}

// asking is a login page with one question, the second.
var asking = hotspot.PortalSettings{Fields: [3]hotspot.OwnField{1: {Label: "Room", Required: true}}}

func TestSwitchedOff(t *testing.T) {
	_, err := login.NewFree(fixed{hotspot.Settings{}}).Claim(t.Context(), device(1), nil)
	if hotspot.CodeOf(err) != hotspot.CodeMethodOff {
		t.Errorf("free while off: %v", err)
	}
	c, err := login.NewFree(fixed{hotspot.Settings{LoginFree: true, Portal: asking}}).Claim(t.Context(), device(1), url.Values{"comments": {"unasked"}, "comments1": {" Room 12 "}})
	if err != nil || c.User.Key != "02:00:00:00:00:01" || c.User.Comments != [3]string{"", "Room 12", ""} {
		t.Errorf("free: %+v, %v", c, err)
	}
	for _, m := range login.Methods(vouchers{}, nil) {
		if got := m.Enabled(hotspot.DefaultSettings()); got != (m.Name() == hotspot.MethodVoucher) {
			t.Errorf("%s is offered on a fresh device: %v", m.Name(), got)
		}
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := login.NewVoucher(vouchers{"anna": {ID: 1, Passcode: "right"}}, login.NewLimiter(func() time.Time { return now }))
	try := func(d hotspot.Host, code, pass string) hotspot.Code {
		_, err := m.Claim(t.Context(), d, form(code, pass))
		if err == nil {
			return ""
		}
		return hotspot.CodeOf(err)
	}
	for i := range 8 {
		if got := try(device(1), fmt.Sprintf("guess%d", i), "x"); got != hotspot.CodeUnknownCode {
			t.Fatalf("attempt %d: %s", i, got)
		}
	}
	if got := try(device(1), "anna", "right"); got != hotspot.CodeTryLater {
		t.Errorf("after eight wrong ones: %q", got)
	}
	if got := try(device(2), "anna", "right"); got != "" {
		t.Errorf("another device of the venue: %q", got)
	}
	_, err := m.Claim(t.Context(), device(1), form("anna", "right"))
	var e *hotspot.Error
	if !errors.As(err, &e) || e.When.Sub(now) <= 0 || e.When.Sub(now) > 31*time.Second {
		t.Errorf("try again at %v", e.When)
	}
	now = now.Add(31 * time.Second)
	if got := try(device(1), "anna", "right"); got != "" {
		t.Errorf("half a minute later: %q", got)
	}
	// Many devices on one voucher: the voucher is closed to guesses.
	for i := range byte(8) {
		try(device(10+i), "anna", "x")
	}
	if got := try(device(50), "ANNA", "y"); got != hotspot.CodeTryLater {
		t.Errorf("a ninth guess at one voucher: %q", got)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	l := login.NewLimiter(time.Now)
	for i := range 100_000 {
		l.Failed(fmt.Sprint("device ", i))
	}
	if n := l.Len(); n > 4096 {
		t.Errorf("%d entries", n)
	}
}

package login

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The fields of the voucher form.
const (
	FieldCode     = "code"
	FieldPasscode = "passcode"
)

// maxTyped bounds what is looked at of a typed code, in bytes: 64 characters
// of UTF-8.
const maxTyped = 256

// Vouchers finds vouchers; [hotspot.Service] does.
type Vouchers interface {
	Settings
	Voucher(ctx context.Context, username string) (hotspot.VoucherView, error)
}

// Voucher is the login by a voucher's username and passcode.
type Voucher struct {
	vouchers Vouchers
	limiter  *Limiter
}

// NewVoucher returns the voucher method. Wrong attempts are counted by l.
func NewVoucher(v Vouchers, l *Limiter) *Voucher { return &Voucher{v, l} }

// Name implements [Method].
func (*Voucher) Name() hotspot.Method { return hotspot.MethodVoucher }

// Enabled implements [Method].
func (*Voucher) Enabled(s hotspot.Settings) bool { return s.LoginVoucher }

// Claim implements [Method]. An unknown username and a wrong passcode are the
// same refusal, so that guessing learns nothing from it.
func (m *Voucher) Claim(ctx context.Context, h hotspot.Host, form url.Values) (hotspot.Claim, error) {
	if !m.Enabled(m.vouchers.Settings()) {
		return hotspot.Claim{}, errOff
	}
	code, pass := clean(form.Get(FieldCode)), clean(form.Get(FieldPasscode))
	if code == "" {
		return hotspot.Claim{}, hotspot.Invalid(FieldCode, "enter the code that is printed on your voucher")
	}
	v, err := m.vouchers.Voucher(ctx, code)
	if other := hotspot.ASCIIDigits(code); other != code && errors.Is(err, hotspot.ErrNotFound) {
		code = other
		v, err = m.vouchers.Voucher(ctx, code)
	}
	if err != nil && !errors.Is(err, hotspot.ErrNotFound) {
		return hotspot.Claim{}, fmt.Errorf("voucher login: %w", err)
	}
	keys := []string{"device " + h.MAC.String()}
	if !slices.Contains(v.Bound, h.MAC) {
		// Others' guesses at a voucher do not keep its own devices out.
		keys = append(keys, "voucher "+strings.ToLower(code))
	}
	if err := m.limiter.Check(keys...); err != nil {
		return hotspot.Claim{}, err
	}
	if !matches(clean(v.Passcode), pass) && !matches(clean(v.Passcode), hotspot.ASCIIDigits(pass)) || err != nil {
		m.limiter.Failed(keys...)
		return hotspot.Claim{}, hotspot.ErrUnknownCode
	}
	return hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: v.ID, Login: v.Username}, nil
}

// matches compares a typed passcode in constant time. A passcode without lower
// case letters, as all drawn ones are, is matched whatever case the phone's
// keyboard chose: no code is easier to guess by that.
func matches(want, typed string) bool {
	if strings.ToUpper(want) == want {
		typed = strings.ToUpper(typed)
	}
	a, b := sha256.Sum256([]byte(want)), sha256.Sum256([]byte(typed))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}

// clean bounds a typed text and takes off what a keyboard adds.
func clean(s string) string {
	if len(s) > maxTyped || !utf8.ValidString(s) {
		return ""
	}
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

package login

import (
	"context"
	"net/url"
	"strings"
	"unicode"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The fields of the form for an e-mail address.
const (
	FieldEmail   = "email"
	FieldName    = "name"
	FieldConsent = "consent" // may be written to, if it is there
)

// Email is the login by an e-mail address. The person is the address, however
// its letters are written. It is taken at its word: nothing is sent to it, and
// [hotspot.User.Verified] stays as it was. A proof will make that true, and
// need no other form.
type Email struct {
	settings Settings
	limiter  *Limiter
}

// NewEmail returns the method by e-mail address. How many a device gives is
// counted by l.
func NewEmail(s Settings, l *Limiter) *Email { return &Email{s, l} }

// Name implements [Method].
func (*Email) Name() hotspot.Method { return hotspot.MethodEmail }

// Enabled implements [Method].
func (*Email) Enabled(s hotspot.Settings) bool { return s.LoginEmail }

// Claim implements [Method].
func (m *Email) Claim(_ context.Context, h hotspot.Host, form url.Values) (hotspot.Claim, error) {
	s := m.settings.Settings()
	if !m.Enabled(s) {
		return hotspot.Claim{}, errOff
	}
	address := strings.ToLower(clean(form.Get(FieldEmail)))
	if !isAddress(address) {
		return hotspot.Claim{}, hotspot.Invalid(FieldEmail, "enter an e-mail address such as anna@example.com")
	}
	if tooLong(form.Get(FieldName)) {
		return hotspot.Claim{}, hotspot.Invalid(FieldName, "must have at most %d characters", maxAnswer)
	}
	comments, err := answers(s, form)
	if err != nil {
		return hotspot.Claim{}, err
	}
	// Each address is another row in the store, for good.
	key := "addresses of " + h.MAC.String()
	if err := m.limiter.Check(key); err != nil {
		return hotspot.Claim{}, err
	}
	m.limiter.Failed(key)
	return hotspot.Claim{Method: hotspot.MethodEmail, Login: address, User: hotspot.User{
		Method: hotspot.MethodEmail, Key: address, Name: oneLine(form.Get(FieldName)), Comments: comments,
		Marketing: s.Portal.Consent != "" && form.Get(FieldConsent) != "",
	}}, nil
}

// The bounds of an address, in bytes (RFC 5321).
const (
	maxAddress = 254
	maxLocal   = 64
)

// isAddress reports whether a text is made like an e-mail address: something,
// then a domain with a dot in it. Quoted names and addresses of machines are
// left out: people have none.
func isAddress(s string) bool {
	local, domain, _ := strings.Cut(s, "@")
	if local == "" || len(local) > maxLocal || len(s) > maxAddress || strings.Trim(local, ".") != local || strings.Contains(s, "..") ||
		strings.ContainsFunc(s, func(r rune) bool {
			return !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune(`<>()[]\,;:"`, r)
		}) {
		return false
	}
	labels := strings.Split(domain, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "-") != l ||
			strings.ContainsFunc(l, func(r rune) bool {
				return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
			}) {
			return false
		}
	}
	return len(labels) > 1
}

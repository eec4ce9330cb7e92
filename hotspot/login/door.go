package login

import (
	"context"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The fields that any form may have beside its method's.
const (
	FieldPassword = "venue_password"
	FieldTerms    = "terms" // agreed to, if it is there
)

// OwnFields are the names of the operator's own fields, as the action API has
// them.
var OwnFields = [hotspot.OwnFields]string{"comments", "comments1", "comments2"}

// door asks what the operator asks of every guest before a method has its say.
type door struct {
	Method
	settings Settings
	limiter  *Limiter
}

// Claim implements [Method]. A guest who has left something out has not
// guessed, so only a password that is wrong counts as an attempt.
func (d *door) Claim(ctx context.Context, h hotspot.Host, form url.Values) (hotspot.Claim, error) {
	s := d.settings.Settings()
	if !d.Enabled(s) {
		return hotspot.Claim{}, errOff
	}
	if s.Portal.TermsAccept && s.PortalTerms != "" && form.Get(FieldTerms) == "" {
		return hotspot.Claim{}, hotspot.Invalid(FieldTerms, "agree to the terms of use")
	}
	if err := d.password(s, h, clean(form.Get(FieldPassword))); err != nil {
		return hotspot.Claim{}, err
	}
	return d.Method.Claim(ctx, h, form)
}

// password compares the venue's password, in constant time.
func (d *door) password(s hotspot.Settings, h hotspot.Host, typed string) error {
	if s.Portal.Password == "" {
		return nil
	}
	if typed == "" {
		return hotspot.Invalid(FieldPassword, "enter the password of this venue")
	}
	key := "device " + h.MAC.String()
	if err := d.limiter.Check(key); err != nil {
		return err
	}
	if !matches(s.Portal.Password, typed) && !matches(s.Portal.Password, hotspot.ASCIIDigits(typed)) {
		d.limiter.Failed(key)
		return &hotspot.Error{Code: hotspot.CodeWrongPassword, Field: FieldPassword, Text: "this is not the password of this venue"}
	}
	return nil
}

// answers are what a guest wrote into the operator's own fields. What was not
// asked is not taken.
func answers(s hotspot.Settings, form url.Values) (c [hotspot.OwnFields]string, err error) {
	for i, f := range s.Portal.Fields {
		if f.Label == "" {
			continue
		}
		c[i] = oneLine(form.Get(OwnFields[i]))
		if c[i] == "" && f.Required || tooLong(form.Get(OwnFields[i])) {
			return c, hotspot.Invalid(OwnFields[i], "must have 1 to %d characters", maxAnswer)
		}
	}
	return c, nil
}

// maxAnswer bounds an answer, in characters.
const maxAnswer = 64

func tooLong(typed string) bool { return utf8.RuneCountInString(strings.TrimSpace(typed)) > maxAnswer }

// oneLine is what was typed as one line of text, without what is not to be seen.
func oneLine(typed string) string {
	return strings.Join(strings.FieldsFunc(clean(typed), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

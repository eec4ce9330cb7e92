package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// Names of form fields and of parameters of links.
const (
	fieldCode     = "code"
	fieldPasscode = "passcode"
	fieldTarget   = "u"
	fieldBye      = "bye" // the guest has just logged out
)

// maxField bounds what is put into a field again, in characters.
const maxField = 64

// welcomeView is the page with the forms.
type welcomeView struct {
	webui.Page
	Heading, Text, Terms string           // the operator's
	Methods              []hotspot.Method // switched on, in order
	Code, Passcode       string           // to start with
	Target               target
	Notice               string         // why the device is offline, or that it logged out
	Refusal              string         // why the last attempt failed
	RefusedMethod        hotspot.Method // of that attempt
	BadFields            []string       // what was filled in wrongly
}

// Refused reports whether the last attempt was with a method.
func (v *welcomeView) Refused(m hotspot.Method) bool { return v.RefusedMethod == m }

// Bad reports whether a field was filled in wrongly.
func (v *welcomeView) Bad(field string) bool { return slices.Contains(v.BadFields, field) }

// OnlyFree reports whether there is nothing to fill in.
func (v *welcomeView) OnlyFree() bool {
	return len(v.Methods) == 1 && v.Methods[0] == hotspot.MethodFree
}

// welcome shows the login page. A link may fill in the code, as the QR code on
// a printed voucher does; it never logs in by itself.
func (p *portal) welcome(w http.ResponseWriter, r *http.Request) {
	h, ok := p.known(w, r)
	if !ok {
		return
	}
	st, err := p.standing(r.Context(), h)
	if err != nil {
		p.fault(w, r, "cannot tell how a guest stands", err)
		return
	}
	if p.keptOut(w, r, st.Why) {
		return
	}
	q := r.URL.Query()
	v := p.welcomeView(r, q)
	if st.Online {
		seeOther(w, v.Local(pathStatus, v.Target.query()))
		return
	}
	v.Passcode = tidyField(q.Get(fieldPasscode))
	switch {
	case q.Has(fieldBye):
		v.Notice = v.T("welcome.bye")
	case st.Why != nil:
		v.Notice = p.ended(v.Lang, st.Why)
	}
	p.render(w, http.StatusOK, v)
}

// welcomeView prepares the login page from the settings and what was sent.
func (p *portal) welcomeView(r *http.Request, sent url.Values) *welcomeView {
	s := p.cfg.Service.Settings()
	v := &welcomeView{Page: p.page(r, "welcome.title"), Text: s.PortalText, Terms: s.PortalTerms,
		Code: tidyField(sent.Get(fieldCode)), Target: p.target(sent.Get(fieldTarget))}
	v.Heading = cmp.Or(s.PortalTitle, v.Title)
	v.Title = v.Heading
	for _, m := range p.cfg.Methods {
		if m.Enabled(s) {
			v.Methods = append(v.Methods, m.Name())
		}
	}
	return v
}

// query carries the target on to another page.
func (t target) query() url.Values {
	if t.URL == "" {
		return nil
	}
	return url.Values{fieldTarget: {t.URL}}
}

// tidyField makes what came from outside fit for a field: one line, bounded.
func tidyField(s string) string {
	if !utf8.ValidString(s) {
		return ""
	}
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
	n := 0
	for i := range s {
		if n++; n > maxField {
			return s[:i]
		}
	}
	return s
}

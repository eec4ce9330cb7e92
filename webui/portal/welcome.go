package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
	"github.com/vouchsafe/vouchsafe/webui"
)

// Names of form fields and of parameters of links.
const (
	fieldCode     = login.FieldCode
	fieldPasscode = login.FieldPasscode
	fieldTarget   = "u"
	fieldBye      = "bye" // the guest has just logged out

	fieldEmail    = login.FieldEmail
	fieldName     = login.FieldName
	fieldConsent  = login.FieldConsent
	fieldPassword = login.FieldPassword
	fieldTerms    = login.FieldTerms
)

// maxField bounds what is put into a field again, in characters. An address may
// be longer than any other.
const (
	maxField = 64
	maxEmail = 254
)

// welcomeView is the page with the forms.
type welcomeView struct {
	webui.Page
	Heading, Text, Terms string // the operator's
	Agree                bool   // to log in is to agree to the terms
	Forms                []formView
	Target               target
	Notice               string // why the device is offline, or that it logged out
	Refusal              string // why the last attempt failed
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
	v := p.welcomeView(r, q, fieldCode, fieldPasscode)
	if st.Online {
		seeOther(w, v.Local(pathStatus, v.Target.query()))
		return
	}
	switch {
	case q.Has(fieldBye):
		v.Notice = v.T("welcome.bye")
	case st.Why != nil:
		v.Notice = p.ended(v.Lang, st.Why)
	}
	p.render(w, http.StatusOK, v)
}

// welcomeView prepares the login page from the settings and what was sent: some
// of its fields are filled in again.
func (p *portal) welcomeView(r *http.Request, sent url.Values, again ...string) *welcomeView {
	v := newWelcome(p.page(r, "welcome.title"), p.cfg.Service.Settings(), p.cfg.Methods)
	v.Target = p.target(sent.Get(fieldTarget))
	for i := range v.Forms {
		for j := range v.Forms[i].Fields {
			if f := &v.Forms[i].Fields[j]; slices.Contains(again, f.Name) {
				f.Value = tidy(sent.Get(f.Name), f.Most())
			}
		}
		for j := range v.Forms[i].Boxes {
			b := &v.Forms[i].Boxes[j]
			b.Checked = slices.Contains(again, b.Name) && sent.Get(b.Name) != ""
		}
	}
	return v
}

// newWelcome is the login page that the settings describe.
func newWelcome(pg webui.Page, s hotspot.Settings, methods []Method) *welcomeView {
	v := &welcomeView{Page: pg, Text: s.PortalText, Terms: s.PortalTerms}
	v.Heading = cmp.Or(s.PortalTitle, v.Title)
	v.Title = v.Heading
	methods = slices.Clone(methods)
	sort.SliceStable(methods, func(i, j int) bool {
		return slices.Index(s.LoginOrder, methods[i].Name()) < slices.Index(s.LoginOrder, methods[j].Name())
	})
	for _, m := range methods {
		if m.Enabled(s) {
			f := newForm(pg, s, m.Name())
			f.Second = len(v.Forms) > 0 && m.Name() == hotspot.MethodFree
			v.Forms = append(v.Forms, f)
		}
	}
	v.Agree = s.PortalTerms != "" && !s.Portal.TermsAccept && len(v.Forms) > 0
	return v
}

// query carries the target on to another page.
func (t target) query() url.Values {
	if t.URL == "" {
		return nil
	}
	return url.Values{fieldTarget: {t.URL}}
}

// tidyField makes what came from outside fit for a field.
func tidyField(s string) string { return tidy(s, maxField) }

// tidy makes a text one line of so many characters at most.
func tidy(s string, most int) string {
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
		if n++; n > most {
			return s[:i]
		}
	}
	return s
}

package portal

import (
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
	"github.com/vouchsafe/vouchsafe/webui"
)

// formView is the form of one login method.
type formView struct {
	Method  hotspot.Method
	To      webui.URL
	Fields  []fieldView
	Boxes   []boxView
	Submit  string
	Second  bool // beside a more likely one
	Refused bool // at the last attempt
}

// fieldKind is what is to be typed into a field.
type fieldKind string

const (
	kindUser  fieldKind = "user"  // a code that browsers may remember
	kindCode  fieldKind = "code"  // letters and digits as they are
	kindEmail fieldKind = "email" //
	kindName  fieldKind = "name"  // of a person
	kindText  fieldKind = "text"  // anything
)

// fieldView is a field to write into.
type fieldView struct {
	Name, ID string
	Kind     fieldKind
	Label    string
	Typed    bool // the label, by the operator
	Optional bool
	Value    string
	Bad      bool // it was filled in wrongly
	First    bool // it is where to go on after a refusal
	Refused  bool // its form was, at the last attempt
}

// boxView is a box to tick.
type boxView struct {
	Name, ID string
	Label    string
	Typed    bool // the label, by the operator
	Checked  bool
	Bad      bool // it must be ticked
}

// Most is how many characters may be typed into the field.
func (f *fieldView) Most() int {
	if f.Kind == kindEmail {
		return maxEmail
	}
	return maxField
}

// Complete is what a browser may fill in by itself.
func (f *fieldView) Complete() string {
	switch f.Kind {
	case kindUser:
		return "username"
	case kindEmail, kindName:
		return string(f.Kind)
	}
	return "off"
}

// Exact reports whether a keyboard shall not change what is typed.
func (f *fieldView) Exact() bool {
	return f.Kind == kindUser || f.Kind == kindCode || f.Kind == kindEmail
}

// newForm is the form for a method, with what the settings ask of every guest.
func newForm(pg webui.Page, s hotspot.Settings, m hotspot.Method) formView {
	f := formView{Method: m, To: pg.To(formPaths[m])}
	switch m {
	case hotspot.MethodFree:
		f.Submit = pg.T("free.submit")
	case hotspot.MethodVoucher:
		f.Submit = pg.T("voucher.submit")
		f.Fields = []fieldView{
			{Name: fieldCode, ID: fieldCode, Kind: kindUser, Label: pg.T("voucher.code")},
			{Name: fieldPasscode, ID: fieldPasscode, Kind: kindCode, Label: pg.T("voucher.passcode")},
		}
	case hotspot.MethodEmail:
		f.Submit = pg.T("email.submit")
		f.Fields = []fieldView{
			{Name: fieldName, ID: "email-name", Kind: kindName, Label: pg.T("email.name"), Optional: true},
			{Name: fieldEmail, ID: "email-email", Kind: kindEmail, Label: pg.T("email.address")},
		}
	}
	id := string(m) + "-"
	for i, own := range s.Portal.Fields {
		if own.Label != "" && m != hotspot.MethodVoucher {
			f.Fields = append(f.Fields, fieldView{Name: login.OwnFields[i], ID: id + login.OwnFields[i], Kind: kindText, Label: own.Label, Typed: true, Optional: !own.Required})
		}
	}
	if s.Portal.Password != "" {
		f.Fields = append(f.Fields, fieldView{Name: fieldPassword, ID: id + "password", Kind: kindCode, Label: pg.T("venue.password")})
	}
	if m == hotspot.MethodEmail && s.Portal.Consent != "" {
		f.Boxes = append(f.Boxes, boxView{Name: fieldConsent, ID: id + fieldConsent, Label: s.Portal.Consent, Typed: true})
	}
	if s.Portal.TermsAccept && s.PortalTerms != "" {
		f.Boxes = append(f.Boxes, boxView{Name: fieldTerms, ID: id + fieldTerms, Label: pg.T("terms.accept")})
	}
	return f
}

// refuse marks the form of the last attempt, and what was wrong in it.
func (v *welcomeView) refuse(m hotspot.Method, why string, bad []string) {
	v.Refusal = why
	for i := range v.Forms {
		f := &v.Forms[i]
		if f.Refused = f.Method == m; !f.Refused {
			continue
		}
		first := 0
		for j := range f.Fields {
			f.Fields[j].Refused = true
			if f.Fields[j].Bad = slices.Contains(bad, f.Fields[j].Name); f.Fields[j].Bad && !f.Fields[first].Bad {
				first = j
			}
		}
		for j := range f.Boxes {
			f.Boxes[j].Bad = slices.Contains(bad, f.Boxes[j].Name)
		}
		if len(f.Fields) > 0 && !slices.ContainsFunc(f.Boxes, func(b boxView) bool { return b.Bad }) {
			f.Fields[first].First = true
		}
	}
}

package entry

import (
	"errors"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// formView is a page with one form, as most pages here are.
type formView struct {
	Steps  *stepsView // of the first run; nil: the page is none of them
	Notice *parts.NoticeView
	Intro  string
	// Facts stand below the form.
	Facts      *parts.FactsView
	FactsTitle string
	Once       string // tells the form from others like it; may be empty
	QR         *qrView
	// Username is a hidden field, for programs that keep passwords.
	Username *parts.FieldView
	Form     parts.FormView
	Legend   string // of the fields, if they are one question
	Fields   []parts.FieldView
	More     []string // below the form, in small letters
	Skip     *parts.LinkView
}

// block is the page's main part.
func (v *formView) block() webui.Block {
	v.Form.StreamFields = v.StreamInputs
	return v.StreamMain
}

// stepsView shows how far the first run has come.
type stepsView struct {
	Label string
	Links []parts.LinkView // one that leads nowhere cannot be gone to yet
}

// qrView is a QR code, and what it says for those who cannot scan it.
type qrView struct {
	Label     string
	Side      int
	Path      string
	SecretFor string // what the secret is for
	Secret    parts.CopyView
}

// codesView shows recovery codes, once.
type codesView struct {
	Lang  *webui.Language
	Text  string
	Codes []string
	Done  parts.LinkView
}

// doneView is the last page of the first run.
type doneView struct {
	Steps        *stepsView
	Title, Text  string
	Print, Start *parts.LinkView
	Next         []string
}

// accountView is the page of an operator's own account.
type accountView struct {
	Details  parts.FactsView
	Name     formView
	Password cardView
	TOTP     cardView
	Sessions parts.TableView
	Others   *parts.FormView // ends all other sessions; nil: there are none
}

// cardView is a matter with a page of its own.
type cardView struct {
	Title string
	Badge *parts.BadgeView
	Text  string
	Links []parts.LinkView
}

// refused shows a form again, each refusal in err at the field it is about; what
// went wrong otherwise has a page of its own.
func refused(q *panel.Request, err error, fields []parts.FieldView, again func()) {
	if errors.Is(err, api.ErrConfirm) || !place(q, err, fields) {
		q.Fail(err)
		return
	}
	again()
}

// place puts each refusal in err at its field. Not ok: err is something else,
// too.
func place(q *panel.Request, err error, fields []parts.FieldView) (ok bool) {
	if all, joined := err.(interface{ Unwrap() []error }); joined {
		ok = true
		for _, e := range all.Unwrap() {
			ok = place(q, e, fields) && ok
		}
		return ok
	}
	name, text, ok := q.RefusedBy("entry", err)
	for i := range fields {
		if ok && fields[i].Name == name {
			fields[i].Error = text
			return true
		}
	}
	return false
}

// formBlock is a form without fields, in the midst of other markup.
func formBlock(v *parts.FormView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamForm(w, v) }
}

func emptyBlock(v *parts.EmptyView) webui.Block {
	return func(w *quicktemplate.Writer) { parts.StreamEmpty(w, v) }
}

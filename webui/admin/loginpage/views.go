package loginpage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// state is what a form holds.
type state struct {
	values  map[string]string
	errors  map[string]string // by key
	unsaved bool
}

// editView is a part of the editor with its preview.
type editView struct {
	Tabs   *parts.TabsView
	Notice *parts.NoticeView
	Form   formView
	Logo   *logoView
	Shown  previewView
}

// formView is the form of a part.
type formView struct {
	To       webui.URL
	Token    string
	Part     string
	Text     string // what the part is about
	ReadOnly bool
	Unsaved  bool
	Order    string
	Methods  []methodView
	Boxes    *boxesView
	Fields   []*parts.FieldView
	Save     parts.ButtonView
	Reset    *parts.LinkView
}

// methodView is a way to log in, with its place on the page.
type methodView struct {
	On       *parts.FieldView
	Up, Down *moveView // nil: it cannot go there
}

// moveView is a button that moves a method.
type moveView struct{ Value, Label string }

// boxesView are boxes that belong together.
type boxesView struct {
	Legend, Error string
	Boxes         []*parts.FieldView
}

// logoView is the venue's logo, and the forms to change it.
type logoView struct {
	Title, Text   string
	Picture       webui.URL // zero: there is none
	Alt           string
	Width, Height int
	Upload        *parts.FormView // nil: it may not be changed
	Remove        *parts.FormView // nil: there is none
}

// previewView is the frame with the login page.
type previewView struct {
	Title, Help string
	From        webui.URL
	Update      string // text of the button; "": there is nothing to update
	To          webui.URL
	Label, Show string
	Languages   []parts.OptionView
}

// framePolicy also lets the page show the preview.
const framePolicy = parts.ContentSecurityPolicy + "; frame-src 'self'"

// show answers with a part of the editor.
func (a *area) show(q *panel.Request, status int, p *part, st *state) {
	v := &editView{Tabs: tabs(q, p), Form: a.form(q, p, st), Shown: a.frame(q)}
	if p.name == "look" {
		v.Logo = a.logo(q, st.errors["logo"])
	}
	if len(st.errors) > 0 {
		v.Notice = &parts.NoticeView{Kind: parts.Bad, Text: q.T("loginpage.refused")}
	} else if p.name == "methods" && !slices.ContainsFunc(a.Preview.Methods(), func(m hotspot.Method) bool { return st.values["login."+string(m)] == "on" }) {
		v.Notice = &parts.NoticeView{Kind: parts.Warning, Text: q.T("loginpage.closed"), Remedy: q.T("loginpage.closed.remedy")}
	}
	q.W.Header().Set("Content-Security-Policy", framePolicy)
	q.ShowStatus(status, q.T("loginpage.title"), v.StreamMain)
}

func tabs(q *panel.Request, current *part) *parts.TabsView {
	v := &parts.TabsView{Label: q.T("loginpage.tabs")}
	for i := range allParts {
		p := &allParts[i]
		v.Links = append(v.Links, parts.LinkView{Text: q.T("loginpage." + p.name), To: q.To(p.address()), Current: p == current})
	}
	return v
}

// form fills in the form of a part.
func (a *area) form(q *panel.Request, p *part, st *state) formView {
	v := formView{To: q.To(path + "/" + p.name), Part: p.name, Text: q.T("loginpage." + p.name + ".text"), Unsaved: st.unsaved,
		Save: parts.ButtonView{Text: q.T("loginpage.save")}, Reset: &parts.LinkView{Text: q.T("loginpage.reset"), To: q.To(path + "/reset/" + p.name)}}
	if v.ReadOnly = !q.May(panel.Writes(api.ScopeSettings)); !v.ReadOnly {
		v.Token = q.Token()
	}
	for _, f := range p.fields {
		switch {
		case f.kind == kindOrder:
			v.Methods = a.methods(q, st)
			v.Order = st.values[f.key]
		case p.name == "methods" && f.kind == kindFlag:
			// It stands in its place of the order.
		case f.kind == kindLanguages:
			v.Boxes = a.languages(q, f, st)
		default:
			v.Fields = append(v.Fields, a.field(q, f, st, v.ReadOnly))
		}
	}
	return v
}

// field is one setting of a form.
func (a *area) field(q *panel.Request, f field, st *state, readOnly bool) *parts.FieldView {
	v := &parts.FieldView{ID: strings.ReplaceAll(f.key, ".", "-"), Name: f.key, Label: q.T("loginpage." + f.key), Value: st.values[f.key],
		Error: st.errors[f.key], MaxLength: f.most, Lines: f.lines, Autocomplete: "off"}
	if help := "loginpage." + f.key + ".help"; q.Lang.Has(help) {
		v.Help = q.T(help)
	}
	switch f.kind {
	case kindFlag:
		v.Checkbox, v.Checked, v.Value, v.Autocomplete = true, v.Value == "on", "on", ""
	case kindColor:
		v.Type = "color"
	case kindLanguage:
		for _, l := range a.Preview.Languages() {
			v.Options = append(v.Options, parts.OptionView{Value: l.Tag, Text: l.Name})
		}
	}
	if readOnly && f.key == "portal.password" {
		v.Value = "" // not for those who may only look
	}
	return v
}

// methods are the ways to log in, in their order.
func (a *area) methods(q *panel.Request, st *state) []methodView {
	order := offerable(st.values["login.order"], a.Preview.Methods())
	var all []methodView
	for i, m := range order {
		v := methodView{On: a.field(q, field{key: "login." + string(m), kind: kindFlag}, st, false)}
		if i > 0 {
			v.Up = &moveView{string(m) + " up", q.T("loginpage.up", "name", v.On.Label)}
		}
		if i+1 < len(order) {
			v.Down = &moveView{string(m) + " down", q.T("loginpage.down", "name", v.On.Label)}
		}
		all = append(all, v)
	}
	return all
}

// languages are boxes for all that there are.
func (a *area) languages(q *panel.Request, f field, st *state) *boxesView {
	v := &boxesView{Legend: q.T("loginpage." + f.key), Error: st.errors[f.key]}
	chosen := strings.Split(st.values[f.key], ",")
	for _, l := range a.Preview.Languages() {
		v.Boxes = append(v.Boxes, &parts.FieldView{ID: "language-" + l.Tag, Name: f.key, Value: l.Tag, Label: l.Name, Checkbox: true,
			Checked: st.values[f.key] == "all" || slices.Contains(chosen, l.Tag)})
	}
	return v
}

func (a *area) logo(q *panel.Request, refused string) *logoView {
	v := &logoView{Title: q.T("loginpage.logo"), Text: q.T("loginpage.logo.none"), Alt: q.T("loginpage.logo")}
	l := a.Service.Logo()
	may := q.May(panel.Writes(api.ScopeSettings))
	if l != nil {
		v.Text = q.T("loginpage.logo.text")
		v.Picture, v.Width, v.Height = q.To(PreviewPath+"/logo", "v", l.Version()), l.Width, l.Height
		if may {
			v.Remove = &parts.FormView{To: q.To(pathNoLogo), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("loginpage.logo.remove"), Second: true}}
		}
	}
	if may {
		file := &parts.FieldView{ID: "logo", Name: "logo", Type: "file", Accept: "image/png,image/jpeg", Label: q.T("loginpage.logo.file"), Help: q.T("loginpage.logo.help"), Error: refused}
		v.Upload = &parts.FormView{To: q.To(pathLogo), Token: q.Token(), File: true, Submit: parts.ButtonView{Text: q.T("loginpage.logo.upload"), Second: true},
			StreamFields: parts.Fields(file)}
	}
	return v
}

// frame is the preview of what is in force; the script or a button bring it up
// to date.
func (a *area) frame(q *panel.Request) previewView {
	show := cmp.Or(q.Form.Get("show"), q.URL.Query().Get("show"), q.Lang.Tag)
	v := previewView{Title: q.T("loginpage.preview"), Help: q.T("loginpage.preview.help"), From: q.To(PreviewPath, "show", show), To: q.To(PreviewPath),
		Label: q.T("loginpage.preview.language"), Show: show}
	if q.May(panel.Writes(api.ScopeSettings)) {
		v.Update = q.T("loginpage.preview.update")
	}
	for _, l := range a.Preview.Languages() {
		v.Languages = append(v.Languages, parts.OptionView{Value: l.Tag, Text: l.Name})
	}
	return v
}

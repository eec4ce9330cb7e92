package loginpage

import (
	"errors"
	"io"
	"net/http"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// edit shows a part as it is in force.
func (a *area) edit(q *panel.Request, p *part) {
	a.show(q, http.StatusOK, p, &state{values: p.stored(a.Service.Settings())})
}

// tags are those of all languages of the login page.
func (a *area) tags() []string {
	var tags []string
	for _, l := range a.Preview.Languages() {
		tags = append(tags, l.Tag)
	}
	return tags
}

// save changes the settings of a part, all of them or none. A button that moves
// a method only shows the form with another order.
func (a *area) save(q *panel.Request, p *part) {
	values := p.read(q.Form, a.tags())
	if move := q.Form.Get("move"); move != "" {
		values["login.order"] = joined(moved(offerable(values["login.order"], a.Preview.Methods()), move))
		a.show(q, http.StatusOK, p, &state{values: values, unsaved: true})
		return
	}
	if err := a.Service.SetSettings(q.Context(), values); err != nil {
		errs, ok := refusals(q, err)
		if !ok {
			q.Fail(err)
			return
		}
		a.show(q, http.StatusUnprocessableEntity, p, &state{values: values, errors: errs, unsaved: true})
		return
	}
	a.done(q, p, "loginpage.saved")
}

// done says what was done, on the part's page.
func (a *area) done(q *panel.Request, p *part, key string) {
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T(key)})
	q.Go(q.To(p.address(), "show", q.Form.Get("show")))
}

// refusals are the texts for the settings that were refused, by key. Not ok: at
// least one error is no refusal.
func refusals(q *panel.Request, err error) (texts map[string]string, ok bool) {
	all := []error{err}
	if joined, is := err.(interface{ Unwrap() []error }); is {
		all = joined.Unwrap()
	}
	texts = map[string]string{}
	for _, err := range all {
		var e *hotspot.Error
		if !errors.As(err, &e) || e.Code != hotspot.CodeInvalid {
			return nil, false
		}
		_, texts[e.Field], _ = q.Refusal(e)
		if key := "loginpage.error." + e.Field; q.Lang.Has(key) {
			texts[e.Field] = q.T(key)
		}
	}
	return texts, true
}

// askReset asks whether a part shall be as on a fresh router.
func (a *area) askReset(q *panel.Request, p *part) {
	now, fresh := a.Service.Settings(), hotspot.DefaultSettings()
	v := &parts.ConfirmView{
		Texts: []string{q.T("loginpage.reset.text", "part", q.T("loginpage."+p.name))},
		Form: parts.FormView{To: q.To(path + "/reset/" + p.name), Token: q.Token(),
			Submit: parts.ButtonView{Text: q.T("loginpage.reset"), Kind: parts.Bad}, Cancel: &parts.LinkView{Text: q.T("panel.cancel"), To: q.To(p.address())}},
	}
	for _, f := range p.fields {
		if now.Value(f.key) != fresh.Value(f.key) {
			v.List = append(v.List, q.T("loginpage."+f.key))
		}
	}
	if len(v.List) == 0 {
		v.Texts = append(v.Texts, q.T("loginpage.reset.nothing"))
	}
	q.Show(q.T("loginpage.reset.title"), func(w *quicktemplate.Writer) { parts.StreamConfirm(w, v) })
}

// reset makes a part as on a fresh router. The logo stays.
func (a *area) reset(q *panel.Request, p *part) {
	if err := a.Service.SetSettings(q.Context(), p.stored(hotspot.DefaultSettings())); err != nil {
		q.Fail(err)
		return
	}
	a.done(q, p, "loginpage.reset.done")
}

// setLogo takes a picture as the venue's logo.
func (a *area) setLogo(q *panel.Request) {
	p := partOf("look")
	var file []byte
	if q.File != nil {
		var err error
		if file, err = io.ReadAll(io.LimitReader(q.File, hotspot.MaxLogo+1)); err != nil {
			q.Fail(hotspot.Invalid("logo", "%s", q.T("loginpage.error.logo")))
			return
		}
	}
	text := q.T("loginpage.error.logo.none")
	if len(file) > 0 {
		_, err := a.Service.SetLogo(q.Context(), file)
		if err == nil {
			a.done(q, p, "loginpage.logo.saved")
			return
		}
		if hotspot.CodeOf(err) != hotspot.CodeInvalid {
			q.Fail(err)
			return
		}
		text = q.T("loginpage.error.logo")
	}
	a.show(q, http.StatusUnprocessableEntity, p, &state{values: p.stored(a.Service.Settings()), errors: map[string]string{"logo": text}})
}

func (a *area) removeLogo(q *panel.Request) {
	if _, err := a.Service.SetLogo(q.Context(), nil); err != nil {
		q.Fail(err)
		return
	}
	a.done(q, partOf("look"), "loginpage.logo.removed")
}

// preview answers with the login page as it would be. What the form holds that
// would be refused is not shown.
func (a *area) preview(q *panel.Request) {
	s, tag := a.Service.Settings(), q.URL.Query().Get("show")
	if q.Method == http.MethodPost {
		if p := partOf(q.Form.Get("part")); p != nil {
			s, _ = s.With(p.read(q.Form, a.tags())) // of which the good ones are taken
		}
		tag = q.Form.Get("show")
	}
	if tag == "" {
		tag = q.Lang.Tag
	}
	a.Preview.Page(q.W, s, a.Service.Logo(), tag)
}

func (a *area) asset(q *panel.Request) {
	a.Preview.Asset(q.W, q.Request, q.PathValue("file"), a.Service.Logo())
}

package integrations

import (
	"net/http"
	"slices"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Bounds of what is typed; the rules have the same.
const (
	maxURL         = 500
	maxDescription = 100
)

// hookFormView is the form of a webhook.
type hookFormView struct {
	Error      *parts.NoticeView // of no field
	Form       parts.FormView
	URL, About *parts.FieldView
	Title      string // of the types
	TypesError string
	Types      []*parts.FieldView
}

// typed is a webhook as the form has it.
type typed struct {
	url, about string
	types      []string // none: all
}

func read(q *panel.Request) typed {
	return typed{q.Form.Get("url"), q.Form.Get("description"), q.Form["types"]}
}

func (a *area) newHookPage(q *panel.Request) {
	a.hookForm(q, typed{types: allTypes()}, pathNewHook, pathHooks, nil)
}

func allTypes() []string {
	var all []string
	for _, t := range hotspot.EventTypes() {
		all = append(all, string(t))
	}
	return all
}

// hookForm shows the form, with why it was refused, if it was.
func (a *area) hookForm(q *panel.Request, in typed, to, back string, refused error) {
	status, field, text := http.StatusOK, "", ""
	if refused != nil {
		var ok bool
		if field, text, ok = q.RefusedBy("integrations", refused); !ok {
			q.Fail(refused)
			return
		}
		status = http.StatusUnprocessableEntity
	}
	wrong := func(name string) string {
		if name == field {
			return text
		}
		return ""
	}
	v := &hookFormView{Title: q.T("integrations.hooks.types"), TypesError: wrong("types"),
		URL: &parts.FieldView{ID: "url", Name: "url", Label: q.T("integrations.hooks.url"), Value: in.url, Help: q.T("integrations.hooks.url_help"), Error: wrong("url"),
			Type: "url", MaxLength: maxURL, Required: true, Autocomplete: "off"},
		About: &parts.FieldView{ID: "description", Name: "description", Label: q.T("integrations.hooks.description"), Value: in.about,
			Help: q.T("integrations.hooks.description_help"), Error: wrong("description"), MaxLength: maxDescription, Autocomplete: "off"},
		Form: parts.FormView{To: q.To(to), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("integrations.hooks.save")},
			Cancel: &parts.LinkView{Text: q.T("integrations.keep"), To: q.To(back)}},
	}
	for _, t := range allTypes() {
		v.Types = append(v.Types, &parts.FieldView{ID: "type-" + t, Name: "types", Value: t, Label: q.T("integrations.event." + t), Help: q.T("integrations.event_help." + t),
			Checkbox: true, Checked: slices.Contains(in.types, t)})
	}
	if text != "" && !slices.Contains([]string{"url", "description", "types"}, field) {
		v.Error = &parts.NoticeView{Kind: parts.Bad, Text: text}
	}
	v.Form.StreamFields = v.StreamFields
	title := "integrations.hooks.edit_title"
	if to == pathNewHook {
		title = "integrations.hooks.new"
	}
	q.ShowStatus(status, q.T(title), v.StreamMain)
}

// noTypes refuses a webhook that is told of nothing: to the rules, none are all.
func (in *typed) noTypes(q *panel.Request) error {
	if len(in.types) > 0 {
		return nil
	}
	return hotspot.Invalid("types", "%s", q.T("integrations.hooks.no_types"))
}

// addHook makes a webhook and leads to the page that shows its secret once.
func (a *area) addHook(q *panel.Request) {
	in := read(q)
	err := in.noTypes(q)
	var h api.Webhook
	secret := ""
	if err == nil {
		h, secret, err = a.Webhooks.Add(q.Context(), api.NewWebhook{URL: in.url, Description: in.about, Types: someTypes(in.types)})
	}
	if err != nil {
		a.hookForm(q, in, pathNewHook, pathHooks, err)
		return
	}
	a.once.Put(q, hookPath(h.ID), secret)
	q.Go(q.To(hookPath(h.ID)))
}

// someTypes is none if all were chosen: then those of later versions belong to
// it, too.
func someTypes(chosen []string) []string {
	if len(chosen) == len(hotspot.EventTypes()) {
		return []string{}
	}
	return chosen
}

func (a *area) editHookPage(q *panel.Request, id api.ID) {
	h, err := a.Webhooks.Get(q.Context(), id)
	if err != nil {
		q.Fail(err)
		return
	}
	a.hookForm(q, typed{h.URL, h.Description, h.Types}, hookPath(id)+"/edit", hookPath(id), nil)
}

func (a *area) editHook(q *panel.Request, id api.ID) {
	in := read(q)
	err := in.noTypes(q)
	if err == nil {
		types := someTypes(in.types)
		_, err = a.Webhooks.Edit(q.Context(), id, api.WebhookEdit{URL: &in.url, Description: &in.about, Types: &types})
	}
	if hotspot.CodeOf(err) == hotspot.CodeNotFound {
		q.Fail(err)
		return
	}
	if err != nil {
		a.hookForm(q, in, hookPath(id)+"/edit", hookPath(id), err)
		return
	}
	done(q, "integrations.hooks.saved", hookPath(id))
}

package integrations

import (
	"strings"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// accessView is the page API Access.
type accessView struct {
	Tabs      *parts.TabsView
	Security  *parts.CardView
	Methods   *parts.CardView
	Form      *parts.FormView // nil: for those who only look
	Fields    []*parts.FieldView
	States    *parts.FactsView // instead of the form
	Local     *parts.CardView
	Address   *parts.CopyView
	Cloud     *parts.CardView
	Internet  *parts.CopyView // nil: there is no address yet
	Manage    *parts.LinkView
	Key       *parts.CardView // nil: for those who may not see it
	Device    *parts.CopyView // nil: it is not shown
	Hidden    string          // instead of it
	Used      *parts.FactsView
	Show      *parts.LinkView // or hide it
	Again     *parts.LinkView
	Reference *referenceView
}

// showAPI shows the page; with a key, that stands on it.
func (a *area) showAPI(q *panel.Request, key string) {
	v := &accessView{Tabs: tabs(q), Reference: a.reference(q, key),
		Security: &parts.CardView{Title: q.T("integrations.security"), List: []string{q.T("integrations.security.lan"), q.T("integrations.security.internet"),
			q.T("integrations.security.post"), q.T("integrations.security.data"), q.T("integrations.security.key")}}}
	a.addMethods(q, v)
	v.Address = &parts.CopyView{Lang: q.Lang, ID: "local", Text: endpoint(q)}
	v.Local = &parts.CardView{Title: q.T("integrations.local"), Texts: []string{q.T("integrations.local_text")}, StreamContent: v.StreamLocalAddress}
	if q.TLS != nil {
		v.Local.Texts = append(v.Local.Texts, q.T("integrations.local_https"))
	}
	a.addCloud(q, v)
	if q.May(panel.Writes(api.ScopeAll)) && !a.addKey(q, v, key) {
		return
	}
	q.Show(q.T("integrations.api"), v.StreamMain)
}

// addMethods adds the switches, or how they stand for those who only look.
func (a *area) addMethods(q *panel.Request, v *accessView) {
	set := a.Service.Settings()
	v.Methods = &parts.CardView{Title: q.T("integrations.methods"), Texts: []string{q.T("integrations.methods_text")}, StreamContent: v.StreamSwitches}
	for _, m := range []struct {
		name string
		on   bool
	}{{"post", set.APIPost}, {"get", set.APIGet}} {
		v.Fields = append(v.Fields, &parts.FieldView{ID: m.name, Name: m.name, Label: q.T("integrations." + m.name), Help: q.T("integrations." + m.name + "_help"),
			Value: "on", Checkbox: true, Checked: m.on})
	}
	if q.May(panel.Writes(api.ScopeSettings)) {
		v.Form = &parts.FormView{To: q.To(pathAPI), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("integrations.save")}, StreamFields: parts.Fields(v.Fields...)}
		return
	}
	v.States = &parts.FactsView{}
	for _, f := range v.Fields {
		badge := &parts.BadgeView{Text: q.T("integrations.off")}
		if f.Checked {
			badge = &parts.BadgeView{Kind: parts.Good, Text: q.T("integrations.on")}
		}
		v.States.Rows = append(v.States.Rows, parts.FactView{Name: f.Label, Badge: badge})
	}
}

// addKey adds what belongs to the device key. Not ok: the answer is given.
func (a *area) addKey(q *panel.Request, v *accessView, key string) (ok bool) {
	at, from, err := a.Keys.DeviceUse(q.Context())
	if err != nil {
		q.Fail(err)
		return false
	}
	used := parts.FactView{Name: q.T("integrations.used"), Text: q.T("integrations.used_never")}
	if !at.IsZero() {
		used.Text = q.Lang.Time(at, q.Now())
	}
	if from.IsValid() {
		used.Detail = q.T("integrations.from", "address", from.String())
	}
	v.Used = &parts.FactsView{Rows: []parts.FactView{used}}
	v.Key = &parts.CardView{ID: "key", Title: q.T("integrations.key"), Texts: []string{q.T("integrations.key_text")}, StreamContent: v.StreamDeviceKey}
	v.Again = &parts.LinkView{Text: q.T("integrations.regenerate"), To: q.To(pathRegenerate)}
	if key != "" {
		v.Device = &parts.CopyView{Lang: q.Lang, ID: "device-key", Text: key}
		v.Show = &parts.LinkView{Text: q.T("integrations.hide"), To: q.To(pathAPI)}
		return true
	}
	v.Hidden = strings.Repeat("•", 12)
	v.Show = &parts.LinkView{Text: q.T("integrations.show"), To: q.To(pathKey)}
	return true
}

// endpoint is the address of the action API as the browser reached the router.
func endpoint(q *panel.Request) string {
	host, scheme := q.Host, "http"
	if q.TLS != nil {
		scheme = "https"
	}
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]") != "" {
		host = "ROUTER" // it is no host's name, whatever it is
	}
	return scheme + "://" + host + "/api/"
}

// switchMethods sets the two switches.
func (a *area) switchMethods(q *panel.Request) {
	state := func(name string) string {
		if q.Form.Get(name) != "" {
			return "on"
		}
		return "off"
	}
	if err := a.Service.SetSettings(q.Context(), map[string]string{"api.post": state("post"), "api.get": state("get")}); err != nil {
		q.Fail(err)
		return
	}
	key := "integrations.saved_on"
	if state("post") == "off" && state("get") == "off" {
		key = "integrations.saved_off"
	}
	done(q, key, pathAPI)
}

// keyPage shows the page with the key on it.
func (a *area) keyPage(q *panel.Request) {
	key, err := a.Keys.DeviceKey(q.Context())
	if err != nil {
		if _, text, ok := q.Refusal(err); ok {
			q.Say(parts.NoticeView{Kind: parts.Bad, Text: text, Remedy: q.T("integrations.unreadable")})
			q.Go(q.To(pathAPI))
			return
		}
		q.Fail(err)
		return
	}
	a.showAPI(q, key)
}

// regeneratePage asks before the key is replaced.
func (a *area) regeneratePage(q *panel.Request) {
	at, from, err := a.Keys.DeviceUse(q.Context())
	if err != nil {
		q.Fail(err)
		return
	}
	v := &parts.ConfirmView{Texts: []string{q.T("integrations.regenerate_ask")},
		List: []string{q.T("integrations.regenerate.programs"), q.T("integrations.regenerate.tokens"), q.T("integrations.regenerate.others")},
		Form: parts.FormView{To: q.To(pathRegenerate), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("integrations.regenerate"), Kind: parts.Bad},
			Cancel: &parts.LinkView{Text: q.T("integrations.keep"), To: q.To(pathAPI)}}}
	if !at.IsZero() {
		where := ""
		if from.IsValid() {
			where = q.T("integrations.from", "address", from.String())
		}
		v.List = append(v.List, q.T("integrations.regenerate.used", "time", q.Lang.Time(at, q.Now()), "from", where))
	}
	q.Show(q.T("integrations.regenerate_title"), func(w *quicktemplate.Writer) { parts.StreamConfirm(w, v) })
}

// regenerate replaces the key, and leads to the new one.
func (a *area) regenerate(q *panel.Request) {
	if _, err := a.Keys.Regenerate(q.Context()); err != nil {
		q.Fail(err)
		return
	}
	done(q, "integrations.regenerated", pathKey)
}

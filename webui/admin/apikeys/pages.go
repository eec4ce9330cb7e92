package apikeys

import (
	"net/http"
	"slices"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const maxLabel = 64

// expiries are the lives of keys to choose from, in the words that the rules
// know, and the keys of those that people read.
var expiries = [...][2]string{
	{"One Day", "apikeys.expires.day"}, {"One Week", "apikeys.expires.week"}, {"One Month", "apikeys.expires.month"},
	{"Three Months", "apikeys.expires.months3"}, {"Six Months", "apikeys.expires.months6"}, {"One Year", "apikeys.expires.year"},
	{"Never", "apikeys.lasts.never"},
}

// scopes are what a key may be for.
var scopes = [...]api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive, api.ScopeKeys, api.ScopeSettings}

// listView is the page of all keys.
type listView struct {
	Start  *parts.CardView // the name of a new key
	Name   *parts.FieldView
	Table  *parts.TableView
	Advice *parts.CardView
}

// newView is the page on which a key is made.
type newView struct {
	Form                   parts.FormView
	Error                  *parts.NoticeView // of no field
	Label, Expires, View   *parts.FieldView
	ScopesTitle, ScopesErr string
	Scopes                 []*parts.FieldView
}

// keyView is the page of one key.
type keyView struct {
	Secret *secretView
	About  *parts.CardView
	Rows   *parts.FactsView
	View   *parts.LinkView
	Rename *parts.CardView
	Name   *parts.FieldView
	Tokens *parts.CardView
	Remove *parts.CardView
	Delete *parts.LinkView
	Back   *parts.LinkView
}

// secretView is a key itself.
type secretView struct {
	Notice parts.NoticeView
	Copy   parts.CopyView
}

func (a *area) listPage(q *panel.Request) {
	all, err := a.Keys.List(q.Context(), q.By)
	if err != nil {
		q.Fail(err)
		return
	}
	v := &listView{
		Name:  &parts.FieldView{ID: "label", Name: "label", Label: q.T("apikeys.name"), MaxLength: maxLabel, Autocomplete: "off"},
		Table: &parts.TableView{Lang: q.Lang, ID: "keys", Caption: q.T("apikeys.current"), Empty: &parts.EmptyView{Title: q.T("apikeys.none"), Text: q.T("apikeys.none_text")}},
		Advice: &parts.CardView{Title: q.T("apikeys.advice"), List: []string{
			q.T("apikeys.advice.private"), q.T("apikeys.advice.each"), q.T("apikeys.advice.least"), q.T("apikeys.advice.unused"), q.T("apikeys.advice.leaked")}},
	}
	for _, key := range []string{"name", "scopes", "created", "last_used", "expires", "actions"} {
		v.Table.Columns = append(v.Table.Columns, parts.ColumnView{Text: q.T("apikeys." + key)})
	}
	for i := range all {
		v.Table.Rows = append(v.Table.Rows, row(q, &all[i]))
	}
	start := &parts.FilterView{To: q.To(pathNew), Submit: q.T("apikeys.create"), StreamFields: parts.Fields(v.Name)}
	v.Start = &parts.CardView{Title: q.T("apikeys.new"), Texts: []string{q.T("apikeys.intro")},
		StreamContent: func(w *quicktemplate.Writer) { parts.StreamFilter(w, start) }}
	q.Show(q.T("apikeys.title"), v.StreamMain)
}

// row is a key in the list.
func row(q *panel.Request, k *api.Key) []parts.CellView {
	actions := []parts.LinkView{{Text: q.T("apikeys.edit"), To: q.To(pageOf(k.ID))}, {Text: q.T("apikeys.delete"), To: q.To(pageOf(k.ID) + "/delete")}}
	if k.Viewable {
		actions = slices.Insert(actions, 0, parts.LinkView{Text: q.T("apikeys.view"), To: q.To(pageOf(k.ID) + "/key")})
	}
	when, from := lastUsed(q, k)
	ends, badge := expires(q, k)
	return []parts.CellView{
		{Text: k.Label, Typed: true, To: q.To(pageOf(k.ID)), StreamContent: func(w *quicktemplate.Writer) { streamcode(w, k.Prefix) }},
		{Text: scopeNames(q, k)}, {Text: q.Lang.Time(k.Created, q.Now())},
		{Text: when, Detail: from}, {Text: ends, Badge: badge},
		{StreamContent: parts.LinksBlock(actions...)},
	}
}

func scopeNames(q *panel.Request, k *api.Key) string {
	text := ""
	for i, s := range k.Scopes {
		if i > 0 {
			text += q.T("apikeys.comma") + " "
		}
		text += q.T("apikeys.scope." + string(s))
	}
	return text
}

// lastUsed tells when a key was last used, and from where.
func lastUsed(q *panel.Request, k *api.Key) (when, from string) {
	if k.LastUsed.IsZero() {
		return q.T("apikeys.unused"), ""
	}
	if k.LastFrom.IsValid() {
		from = q.T("apikeys.from", "address", k.LastFrom.String())
	}
	return q.Lang.Time(k.LastUsed, q.Now()), from
}

// soon is how long before its end a key is marked.
const soon = 7 * 24 * time.Hour

func expires(q *panel.Request, k *api.Key) (string, *parts.BadgeView) {
	switch {
	case k.Expired:
		return q.Lang.Time(k.Expires, q.Now()), &parts.BadgeView{Kind: parts.Bad, Text: q.T("apikeys.expired")}
	case k.Expires.IsZero():
		return q.T("apikeys.expires.never"), nil
	case k.Expires.Sub(q.Now()) < soon:
		return q.Lang.Time(k.Expires, q.Now()), &parts.BadgeView{Kind: parts.Warning, Text: q.T("apikeys.soon")}
	}
	return q.Lang.Time(k.Expires, q.Now()), nil
}

// newPage is the form of a new key. Who fills it in has just entered the
// password, so that it is not asked for in the midst.
func (a *area) newPage(q *panel.Request) {
	if !a.Fresh(q.By) {
		q.Fail(api.ErrConfirm)
		return
	}
	a.showNew(q, api.NewKey{Label: q.URL.Query().Get("label"), Expires: "One Month",
		Scopes: []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive}}, "", "")
}

// showNew shows the form of a new key, with what was wrong with it.
func (a *area) showNew(q *panel.Request, n api.NewKey, field, text string) {
	wrong := func(name string) string {
		if name == field {
			return text
		}
		return ""
	}
	v := &newView{
		Label: &parts.FieldView{ID: "label", Name: "label", Label: q.T("apikeys.name"), Value: n.Label, Help: q.T("apikeys.name_help"), Error: wrong("label"),
			MaxLength: maxLabel, Required: true, Autocomplete: "off"},
		Expires:     &parts.FieldView{ID: "expires", Name: "expires", Label: q.T("apikeys.lasts"), Value: n.Expires, Help: q.T("apikeys.lasts_help"), Error: wrong("expires")},
		View:        &parts.FieldView{ID: "viewable", Name: "viewable", Label: q.T("apikeys.viewable"), Value: "on", Checkbox: true, Checked: n.Viewable, Help: q.T("apikeys.viewable_help")},
		ScopesTitle: q.T("apikeys.scopes"), ScopesErr: wrong("scopes"),
		Form: parts.FormView{To: q.To(pathNew), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("apikeys.create")},
			Cancel: &parts.LinkView{Text: q.T("apikeys.back"), To: q.To(pathList)}},
	}
	for _, e := range expiries {
		v.Expires.Options = append(v.Expires.Options, parts.OptionView{Value: e[0], Text: q.T(e[1])})
	}
	for _, s := range scopes {
		v.Scopes = append(v.Scopes, &parts.FieldView{ID: "scope-" + string(s), Name: "scopes", Value: string(s), Label: q.T("apikeys.scope." + string(s)),
			Help: q.T("apikeys.scope_help." + string(s)), Checkbox: true, Checked: slices.Contains(n.Scopes, s)})
	}
	status := http.StatusOK
	if text != "" {
		status = http.StatusUnprocessableEntity
		if !slices.Contains([]string{"label", "expires", "scopes"}, field) {
			v.Error = &parts.NoticeView{Kind: parts.Bad, Text: text}
		}
	}
	v.Form.StreamFields = v.StreamFields
	q.ShowStatus(status, q.T("apikeys.new"), v.StreamMain)
}

// keyPage shows a key, and right after it was made what it opens with.
func (a *area) keyPage(q *panel.Request, id api.ID) {
	a.showKey(q, id, nil, a.once.Take(q), "apikeys.made")
}

// refused is a name that cannot be.
type refused struct{ label, why string }

// showKey shows a key; with a secret, that stands above, and said is the key of
// what is said of it.
func (a *area) showKey(q *panel.Request, id api.ID, bad *refused, secret, said string) {
	k, err := a.Keys.Get(q.Context(), q.By, id)
	if err != nil {
		q.Fail(err)
		return
	}
	when, from := lastUsed(q, &k)
	ends, badge := expires(q, &k)
	v := &keyView{
		Rows: &parts.FactsView{Rows: []parts.FactView{
			{Name: q.T("apikeys.prefix"), Text: k.Prefix + "…", Code: true}, {Name: q.T("apikeys.scopes"), Text: scopeNames(q, &k)},
			{Name: q.T("apikeys.created"), Text: q.Lang.Time(k.Created, q.Now()), Detail: q.T("apikeys.by", "name", k.CreatedBy)},
			{Name: q.T("apikeys.last_used"), Text: when, Detail: from}, {Name: q.T("apikeys.expires"), Text: ends, Badge: badge},
			{Name: q.T("apikeys.kept"), Text: q.T("apikeys.kept_hash")},
		}},
		Name: &parts.FieldView{ID: "label", Name: "label", Label: q.T("apikeys.name"), Value: k.Label, MaxLength: maxLabel, Required: true, Autocomplete: "off"},
		Back: &parts.LinkView{Text: q.T("apikeys.back"), To: q.To(pathList)},
	}
	if k.Viewable {
		v.Rows.Rows[5].Text = q.T("apikeys.kept_viewable")
	}
	if k.Viewable && secret == "" {
		v.View = &parts.LinkView{Text: q.T("apikeys.view"), To: q.To(pageOf(id) + "/key")}
	}
	v.About = &parts.CardView{Title: q.T("apikeys.facts"), StreamContent: v.StreamFacts}
	if secret != "" {
		v.Secret = &secretView{parts.NoticeView{Kind: parts.Warning, Text: q.T(said), Remedy: q.T(said + "_remedy")}, parts.CopyView{Lang: q.Lang, ID: "secret", Text: secret}}
		if said == "apikeys.made" && k.Viewable {
			v.Secret.Notice.Remedy = q.T("apikeys.viewed_remedy")
		}
	}
	a.addForms(q, v, &k)
	status := http.StatusOK
	if bad != nil {
		status = http.StatusUnprocessableEntity
		v.Name.Value, v.Name.Error = bad.label, bad.why
	}
	q.ShowStatus(status, k.Label, v.StreamMain)
}

// addForms adds what can be done with a key, for whom may.
func (a *area) addForms(q *panel.Request, v *keyView, k *api.Key) {
	if !q.May(panel.Writes(api.ScopeKeys)) {
		return
	}
	rename := &parts.FormView{To: q.To(pageOf(k.ID)), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("apikeys.rename"), Second: true}, StreamFields: parts.Fields(v.Name)}
	tokens := &parts.FormView{To: q.To(pageOf(k.ID) + "/tokens"), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("apikeys.end_tokens"), Second: true}}
	v.Rename = parts.FormCard(q.T("apikeys.rename"), rename)
	v.Tokens = parts.FormCard(q.T("apikeys.tokens"), tokens, q.T("apikeys.tokens_text"))
	v.Delete = &parts.LinkView{Text: q.T("apikeys.delete_key"), To: q.To(pageOf(k.ID) + "/delete"), Kind: parts.Bad}
	v.Remove = &parts.CardView{Title: q.T("apikeys.delete"), Texts: []string{q.T("apikeys.delete_text")}, StreamContent: func(w *quicktemplate.Writer) { parts.StreamAction(w, v.Delete) }}
}

// removePage asks before a key is deleted.
func (a *area) removePage(q *panel.Request, id api.ID) {
	k, err := a.Keys.Get(q.Context(), q.By, id)
	if err != nil {
		q.Fail(err)
		return
	}
	when, from := lastUsed(q, &k)
	v := &parts.ConfirmView{
		Texts: []string{q.T("apikeys.delete_ask", "label", k.Label)},
		List:  []string{q.T("apikeys.delete.programs"), q.T("apikeys.delete.tokens"), q.T("apikeys.delete.forever")},
		Form: parts.FormView{To: q.To(pageOf(id) + "/delete"), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("apikeys.delete_key"), Kind: parts.Bad},
			Cancel: &parts.LinkView{Text: q.T("apikeys.keep"), To: q.To(pageOf(id))}},
	}
	if !k.LastUsed.IsZero() {
		v.List = append(v.List, q.T("apikeys.delete.used", "time", when, "from", from))
	}
	q.Show(q.T("apikeys.delete_title"), func(w *quicktemplate.Writer) { parts.StreamConfirm(w, v) })
}

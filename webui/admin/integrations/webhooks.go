package integrations

import (
	"strconv"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// hooksView is the page of all webhooks.
type hooksView struct {
	Tabs  *parts.TabsView
	About *parts.CardView
	New   *parts.LinkView // nil: for those who only look
	Table *parts.TableView
}

// hookView is the page of one webhook.
type hookView struct {
	Secret  *parts.NoticeView // nil: it is not shown
	Copy    *parts.CopyView
	Stopped *parts.NoticeView
	Warning *parts.NoticeView
	Card    *parts.CardView
	Rows    *parts.FactsView
	Test    *parts.FormView
	State   *parts.FormView
	Links   []parts.LinkView
	Log     *parts.TableView
	Back    *parts.LinkView
}

func hookPath(id api.ID) string { return pathHooks + "/" + id.String() }

func (a *area) hooksPage(q *panel.Request) {
	hooks, err := a.Webhooks.List(q.Context())
	if err != nil {
		q.Fail(err)
		return
	}
	log, err := a.Webhooks.Log(q.Context(), api.ID{})
	if err != nil {
		q.Fail(err)
		return
	}
	v := &hooksView{Tabs: tabs(q), About: &parts.CardView{Title: q.T("integrations.hooks.about"), Texts: []string{q.T("integrations.hooks.about_text"), q.T("integrations.hooks.about_signed")}},
		Table: &parts.TableView{Lang: q.Lang, ID: "webhooks", Caption: q.T("integrations.webhooks"),
			Empty: &parts.EmptyView{Title: q.T("integrations.hooks.none"), Text: q.T("integrations.hooks.none_text")}}}
	if q.May(panel.Writes(api.ScopeSettings)) {
		v.New = &parts.LinkView{Text: q.T("integrations.hooks.new"), To: q.To(pathNewHook)}
		v.Table.Empty.Action, v.Table.Empty.Text = v.New, q.T("integrations.hooks.none_do")
	}
	v.Table.Columns = []parts.ColumnView{{Text: q.T("integrations.hooks.url")}, {Text: q.T("integrations.hooks.state")}, {Text: q.T("integrations.hooks.last")},
		{Text: q.T("integrations.hooks.failures"), Number: true}, {Text: q.T("integrations.hooks.waiting"), Number: true}}
	for i := range hooks {
		h := &hooks[i]
		name, detail := h.URL, h.Description
		if detail != "" {
			name, detail = detail, name
		}
		failed := 0
		for _, d := range log {
			if d.Webhook == h.ID && !d.OK {
				failed++
			}
		}
		last, badge := lastDelivery(q, h)
		v.Table.Rows = append(v.Table.Rows, []parts.CellView{{Text: name, Detail: detail, Typed: true, To: q.To(hookPath(h.ID))}, {Badge: stateBadge(q, h)},
			{Text: last, Badge: badge}, {Text: q.Lang.Number(int64(failed))}, {Text: q.Lang.Number(int64(h.Waiting))}})
	}
	q.Show(q.T("integrations.webhooks"), v.StreamMain)
}

// stateBadge tells whether a webhook is told of anything.
func stateBadge(q *panel.Request, h *api.Webhook) *parts.BadgeView {
	switch {
	case h.Stopped != "":
		return &parts.BadgeView{Kind: parts.Bad, Text: q.T("integrations.hooks.stopped")}
	case h.Enabled:
		return &parts.BadgeView{Kind: parts.Good, Text: q.T("integrations.on")}
	}
	return &parts.BadgeView{Text: q.T("integrations.off")}
}

func lastDelivery(q *panel.Request, h *api.Webhook) (when string, badge *parts.BadgeView) {
	if h.Last.At.IsZero() {
		return q.T("integrations.hooks.nothing_yet"), nil
	}
	return q.Lang.Time(h.Last.At, q.Now()), resultBadge(q, &h.Last)
}

// resultBadge tells how a delivery went.
func resultBadge(q *panel.Request, d *api.WebhookDelivery) *parts.BadgeView {
	kind, text := parts.Good, q.T("integrations.hooks.ok")
	if !d.OK {
		kind, text = parts.Bad, q.T("integrations.hooks.failed")
	}
	if d.Status != 0 {
		text += " " + strconv.Itoa(d.Status)
	}
	return &parts.BadgeView{Kind: kind, Text: text}
}

// hookPage shows a webhook, and right after it was made or got a new one, its
// secret.
func (a *area) hookPage(q *panel.Request, id api.ID) {
	h, err := a.Webhooks.Get(q.Context(), id)
	if err != nil {
		q.Fail(err)
		return
	}
	log, err := a.Webhooks.Log(q.Context(), id)
	if err != nil {
		q.Fail(err)
		return
	}
	v := &hookView{Rows: hookFacts(q, &h), Log: deliveries(q, log), Back: &parts.LinkView{Text: q.T("integrations.hooks.back"), To: q.To(pathHooks)}}
	v.Card = &parts.CardView{Title: q.T("integrations.hooks.facts"), StreamContent: v.StreamFacts}
	if secret := a.once.Take(q); secret != "" {
		v.Secret = &parts.NoticeView{Kind: parts.Warning, Text: q.T("integrations.hooks.secret"), Remedy: q.T("integrations.hooks.secret_remedy")}
		v.Copy = &parts.CopyView{Lang: q.Lang, ID: "secret", Text: secret}
	}
	if h.Stopped != "" {
		v.Stopped = &parts.NoticeView{Kind: parts.Bad, Text: q.T("integrations.hooks.stopped_text", "why", q.Words(hotspot.Said(h.Stopped))), Remedy: q.T("integrations.hooks.stopped_remedy")}
	}
	if h.Warning != "" {
		v.Warning = &parts.NoticeView{Kind: parts.Warning, Text: q.T("integrations.hooks.warning", "why", q.Words(hotspot.Said(h.Warning)))}
	}
	if q.May(panel.Writes(api.ScopeSettings)) {
		addHookForms(q, v, &h)
	}
	title := h.Description
	if title == "" {
		title = h.URL
	}
	q.Show(title, v.StreamMain)
}

func hookFacts(q *panel.Request, h *api.Webhook) *parts.FactsView {
	last, badge := lastDelivery(q, h)
	lastRow := parts.FactView{Name: q.T("integrations.hooks.last"), Text: last, Badge: badge, Detail: q.Words(h.Last.Error)}
	if !h.Last.Next.IsZero() {
		lastRow.Detail += " " + q.T("integrations.hooks.again", "time", q.Lang.Time(h.Last.Next, q.Now()))
	}
	v := &parts.FactsView{Rows: []parts.FactView{
		{Name: q.T("integrations.hooks.url"), Text: h.URL, Code: true}, {Name: q.T("integrations.hooks.state"), Badge: stateBadge(q, h)}, lastRow,
		{Name: q.T("integrations.hooks.waiting"), Text: q.Lang.Number(int64(h.Waiting))}, {Name: q.T("integrations.hooks.types"), Text: typeNames(q, h.Types)},
		{Name: q.T("integrations.hooks.created"), Text: q.Lang.Time(h.Created, q.Now())}}}
	if !h.OldSecretUntil.IsZero() {
		v.Rows = append(v.Rows, parts.FactView{Name: q.T("integrations.hooks.old_secret"), Text: q.T("integrations.hooks.until", "time", q.Lang.Time(h.OldSecretUntil, q.Now()))})
	}
	return v
}

func typeNames(q *panel.Request, types []string) string {
	text := ""
	for i, t := range types {
		if i > 0 {
			text += q.T("integrations.comma") + " "
		}
		text += q.T("integrations.event." + t)
	}
	return text
}

// addHookForms adds what can be done with a webhook.
func addHookForms(q *panel.Request, v *hookView, h *api.Webhook) {
	page := hookPath(h.ID)
	v.Test = &parts.FormView{To: q.To(page + "/test"), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("integrations.hooks.test")}}
	button := parts.ButtonView{Text: q.T("integrations.hooks.disable"), Second: true, Name: "enabled", Value: "off"}
	if !h.Enabled || h.Stopped != "" {
		button = parts.ButtonView{Text: q.T("integrations.hooks.enable"), Second: true, Name: "enabled", Value: "on"}
	}
	v.State = &parts.FormView{To: q.To(page + "/state"), Token: q.Token(), Submit: button}
	for _, do := range []string{"edit", "rotate", "remove"} {
		v.Links = append(v.Links, parts.LinkView{Text: q.T("integrations.hooks." + do), To: q.To(page + "/" + do)})
	}
}

// deliveries is the table of the newest attempts.
func deliveries(q *panel.Request, log []api.WebhookDelivery) *parts.TableView {
	v := &parts.TableView{Lang: q.Lang, ID: "deliveries", Caption: q.T("integrations.hooks.log"),
		Empty: &parts.EmptyView{Title: q.T("integrations.hooks.log_none"), Text: q.T("integrations.hooks.log_none_text")}}
	for _, key := range []string{"when", "event", "result", "attempt", "took"} {
		v.Columns = append(v.Columns, parts.ColumnView{Text: q.T("integrations.hooks." + key), Number: key == "attempt" || key == "took"})
	}
	for i := range log {
		d := &log[i]
		next := q.Words(d.Error)
		if !d.Next.IsZero() {
			next += " " + q.T("integrations.hooks.again", "time", q.Lang.Time(d.Next, q.Now()))
		}
		v.Rows = append(v.Rows, []parts.CellView{{Text: q.Lang.Time(d.At, q.Now())}, {Text: d.Type, Typed: true, Detail: d.Event}, {Badge: resultBadge(q, d), Detail: next},
			{Text: q.Lang.Number(int64(d.Attempt))}, {Text: q.T("integrations.hooks.ms", "n", d.Took.Milliseconds())}})
	}
	return v
}

// testHook sends a test event, and says what became of it.
func (a *area) testHook(q *panel.Request, id api.ID) {
	d, err := a.Webhooks.Test(q.Context(), id)
	if err != nil {
		q.Fail(err)
		return
	}
	n := parts.NoticeView{Kind: parts.Good, Text: q.T("integrations.hooks.tested", "status", strconv.Itoa(d.Status))}
	if !d.OK {
		n = parts.NoticeView{Kind: parts.Bad, Text: q.T("integrations.hooks.test_failed", "why", q.Words(d.Error)), Remedy: q.T("integrations.hooks.test_remedy")}
	}
	q.Say(n)
	q.Go(q.To(hookPath(id)))
}

// switchHook enables or disables a webhook.
func (a *area) switchHook(q *panel.Request, id api.ID) {
	on := q.Form.Get("enabled") == "on"
	if _, err := a.Webhooks.Edit(q.Context(), id, api.WebhookEdit{Enabled: &on}); err != nil {
		q.Fail(err)
		return
	}
	key := "integrations.hooks.disabled"
	if on {
		key = "integrations.hooks.enabled"
	}
	done(q, key, hookPath(id))
}

// ask shows a question about a webhook.
func (a *area) ask(q *panel.Request, id api.ID, what string, bad parts.Kind, list ...string) {
	h, err := a.Webhooks.Get(q.Context(), id)
	if err != nil {
		q.Fail(err)
		return
	}
	key := "integrations.hooks." + what
	v := &parts.ConfirmView{Texts: []string{q.T(key+"_ask", "url", h.URL)}, Form: parts.FormView{To: q.To(hookPath(id) + "/" + what), Token: q.Token(),
		Submit: parts.ButtonView{Text: q.T(key), Kind: bad}, Cancel: &parts.LinkView{Text: q.T("integrations.keep"), To: q.To(hookPath(id))}}}
	for _, k := range list {
		v.List = append(v.List, q.T(key+"."+k))
	}
	q.Show(q.T(key), func(w *quicktemplate.Writer) { parts.StreamConfirm(w, v) })
}

func (a *area) rotateHookPage(q *panel.Request, id api.ID) {
	a.ask(q, id, "rotate", parts.Plain, "once", "day")
}

func (a *area) rotateHook(q *panel.Request, id api.ID) {
	_, secret, err := a.Webhooks.Rotate(q.Context(), id, "")
	if err != nil {
		q.Fail(err)
		return
	}
	a.once.Put(q, hookPath(id), secret)
	q.Go(q.To(hookPath(id)))
}

func (a *area) removeHookPage(q *panel.Request, id api.ID) {
	a.ask(q, id, "remove", parts.Bad, "waiting", "disable")
}

func (a *area) removeHook(q *panel.Request, id api.ID) {
	if err := a.Webhooks.Remove(q.Context(), id); err != nil {
		q.Fail(err)
		return
	}
	done(q, "integrations.hooks.removed", pathHooks)
}

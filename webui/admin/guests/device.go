package guests

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// shownSessions is how many sessions a device's page has.
const shownSessions = 20

// deviceView is the page of one device.
type deviceView struct {
	Blocked  *parts.NoticeView // nil: it is not
	State    parts.BadgeView
	Facts    *parts.FactsView
	Actions  []parts.LinkView
	Links    []parts.LinkView
	Extend   *parts.CardView // nil: nothing that could be extended, or by nobody here
	Sessions *parts.TableView
	Dialogs  []*parts.DialogView
}

// devicePage shows one device.
func (a *area) devicePage(q *panel.Request, m hotspot.MAC) { a.showDevice(q, m, nil) }

// showDevice shows one device; refused is the form for more time as it was
// filled in, if it was refused.
func (a *area) showDevice(q *panel.Request, m hotspot.MAC, refused *extendForm) {
	d, err := a.Service.Device(q.Context(), m)
	var log []hotspot.Session
	if err == nil {
		log, err = a.Service.DeviceSessions(q.Context(), m, shownSessions)
	}
	if err != nil {
		q.Fail(err)
		return
	}
	v := &deviceView{Facts: &parts.FactsView{Rows: facts(q, &d)}, Sessions: sessions(q, log)}
	v.state(q, &d)
	v.actions(q, &d)
	if d.Allowance != nil && d.Last != nil && d.Blocked == nil && q.May(panel.Writes(api.ScopeVouchers)) {
		v.Extend = extendCard(q, &d, refused)
	}
	status := http.StatusOK
	if refused != nil {
		status = http.StatusUnprocessableEntity
	}
	q.ShowStatus(status, titleOf(q, &d), v.StreamMain)
}

// titleOf is what a device's page is called: by who is on it, or its own name.
func titleOf(q *panel.Request, d *hotspot.DeviceView) string {
	switch {
	case d.Guest != nil && d.Guest.Login != d.MAC.String():
		return d.Guest.Login
	case d.Host != nil && d.Host.Name != "":
		return d.Host.Name
	case d.Blocked != nil && d.Blocked.Name != "":
		return d.Blocked.Name
	}
	return q.T("guests.nameless")
}

// state says in a word how a device is.
func (v *deviceView) state(q *panel.Request, d *hotspot.DeviceView) {
	kind, key := parts.Plain, "away"
	switch {
	case d.Blocked != nil:
		kind, key = parts.Bad, "blocked"
		v.Blocked = &parts.NoticeView{Kind: parts.Bad, Text: q.T("guests.is_blocked"), Remedy: q.T("guests.is_blocked.remedy")}
	case d.Guest != nil:
		kind, key = parts.Good, "online"
	case d.Host != nil:
		kind, key = parts.Warning, "waiting"
	}
	v.State = parts.BadgeView{Kind: kind, Text: q.T("guests.state." + key)}
}

// facts are what is known of a device.
func facts(q *panel.Request, d *hotspot.DeviceView) []parts.FactView {
	rows := []parts.FactView{{Name: q.T("guests.column.mac"), Text: d.MAC.String(), Code: true}}
	add := func(key string, f parts.FactView) {
		f.Name = q.T("guests.column." + key)
		rows = append(rows, f)
	}
	if b := d.Blocked; b != nil {
		add("blocked_since", parts.FactView{Text: q.Lang.Time(b.Since, q.Now())})
		add("blocked_by", parts.FactView{Text: b.By, Typed: true})
		add("note", parts.FactView{Text: b.Note, Typed: true})
	}
	if h := d.Host; h != nil {
		add("name", parts.FactView{Text: deviceName(q, h.Name), Typed: true})
		add("seen", parts.FactView{Text: q.Lang.Duration(h.Age), Detail: q.T("guests.heard", "time", q.Lang.Duration(h.Idle))})
	}
	switch g := d.Guest; {
	case g != nil:
		add("address", parts.FactView{Text: strings.Join(texts(g.Addrs), "  "), Code: true})
		add("login", parts.FactView{Text: g.Login, Typed: true})
		if g.FullName != "" {
			add("full_name", parts.FactView{Text: g.FullName, Typed: true})
		}
		add("method", parts.FactView{Text: q.T("guests.method." + string(g.Account.Method))})
		add("since", parts.FactView{Text: q.Lang.Time(g.Started, q.Now()), Detail: q.Lang.Duration(g.Uptime)})
		add("used", pair(amounts(q, "guests.bytes", g.Used.Down, g.Used.Up)))
		time, data := left(q, g)
		add("left", parts.FactView{Text: time, Detail: data})
		add("rate", pair(amounts(q, "guests.rate", g.Rate.Down, g.Rate.Up)))
	case d.Host != nil:
		add("address", parts.FactView{Text: strings.Join(texts(d.Host.Addrs), "  "), Code: true})
	}
	if d.Guest == nil && d.Last != nil {
		add("last_login", parts.FactView{Text: d.Last.Login, Typed: true, Detail: q.Lang.Time(d.Last.LastEnd, q.Now())})
	}
	return rows
}

// pair is a cell as a fact.
func pair(c parts.CellView) parts.FactView { return parts.FactView{Text: c.Text, Detail: c.Detail} }

// actions are what can be done with a device, for whom may. Each asks first: in
// a dialog, or without script on a page.
func (v *deviceView) actions(q *panel.Request, d *hotspot.DeviceView) {
	v.Links = elsewhere(q, d)
	if !q.May(panel.Writes(api.ScopeLive)) {
		return
	}
	var asks []*askView
	if d.Guest != nil {
		asks = append(asks, kickView(q, d))
	}
	if d.Blocked == nil {
		asks = append(asks, blockView(q, d, "", ""))
	} else {
		v.Links = append(v.Links, parts.LinkView{Text: q.T("guests.change_note"), To: q.To(pageOf(d.MAC) + pathBlock)})
		asks = append(asks, unblockView(q, d))
	}
	for _, ask := range asks {
		v.Actions = append(v.Actions, parts.LinkView{Text: ask.Title, To: ask.Form.To, Kind: ask.Kind, Dialog: ask.ID})
		ask.Form.Cancel = nil // the dialog has its own
		v.Dialogs = append(v.Dialogs, &parts.DialogView{Lang: q.Lang, ID: ask.ID, Title: ask.Title, StreamContent: ask.StreamContent})
	}
}

// elsewhere leads to what other areas know of a device: the voucher that it is on,
// or was on last, and its logins.
func elsewhere(q *panel.Request, d *hotspot.DeviceView) (links []parts.LinkView) {
	if d.Last == nil {
		return nil
	}
	if d.Allowance != nil && d.Last.Account.Method == hotspot.MethodVoucher && q.May(panel.Reads(api.ScopeVouchers)) {
		links = append(links, parts.LinkView{Text: q.T("guests.to_voucher"), To: q.To(pathVoucher + strconv.FormatUint(d.Last.Account.ID, 10))})
	}
	if q.May(panel.Reads(api.ScopeUsers)) {
		links = append(links, parts.LinkView{Text: q.T("guests.to_logins"), To: q.To(pathLogins, "q", d.MAC.String())})
	}
	return links
}

// sessions are a device's last sessions.
func sessions(q *panel.Request, log []hotspot.Session) *parts.TableView {
	t := &parts.TableView{Lang: q.Lang, ID: "sessions", Caption: q.T("guests.sessions"),
		Empty: &parts.EmptyView{Title: q.T("guests.sessions.none"), Text: q.T("guests.sessions.none_text")}}
	for _, key := range [...]string{"login", "started", "ended", "used"} {
		t.Columns = append(t.Columns, parts.ColumnView{Text: q.T("guests.column." + key)})
	}
	for i := range log {
		x := &log[i]
		ended := parts.CellView{Text: q.T("guests.goes_on")}
		if !x.Open() {
			ended = parts.CellView{Text: q.Lang.Time(x.Ended, q.Now()), Detail: reason(q, x.Reason)}
		}
		t.Rows = append(t.Rows, []parts.CellView{
			{Text: x.Login, Typed: true, Detail: q.T("guests.method." + string(x.Account.Method))},
			{Text: q.Lang.Time(x.Started, q.Now())}, ended, amounts(q, "guests.bytes", x.Used.Down, x.Used.Up),
		})
	}
	return t
}

// reason says why a session ended.
func reason(q *panel.Request, r hotspot.Reason) string {
	key := "guests.reason." + strings.ReplaceAll(string(r), " ", "_")
	if !q.Lang.Has(key) {
		return string(r)
	}
	return q.T(key)
}

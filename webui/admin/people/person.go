package people

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// latest is how many of a user's sessions their page shows.
const latest = 10

// find asks for something that somebody is known by, and leads to the page about
// that.
func (a *area) find(q *panel.Request) {
	text := strings.TrimSpace(strings.ToValidUTF8(q.URL.Query().Get("who"), ""))
	status := http.StatusOK
	field := &parts.FieldView{ID: "who", Name: "who", Label: q.T("people.find_label"), Help: q.T("people.find_help"), Value: text, Type: "search", MaxLength: maxText, Required: true}
	if text != "" {
		w, err := hotspot.ParseWho(text)
		if err == nil {
			q.Go(q.To(pathList + "/" + w.String()))
			return
		}
		field.Error, status = q.T("people.find_wrong"), http.StatusUnprocessableEntity
	}
	v := &pageView{Filter: &parts.FilterView{To: q.To(pathFind), Submit: q.T("people.search")}, Fields: []*parts.FieldView{field},
		Links: []parts.LinkView{{Text: q.T("people.back"), To: q.To(pathList)}}}
	q.ShowStatus(status, q.T("people.find"), v.streamMain)
}

// person shows one user, or all that is known by an address, a number or a MAC.
func (a *area) person(q *panel.Request) {
	w, err := hotspot.ParseWho(q.PathValue("who"))
	if err != nil {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	if w.Key != "" {
		a.known(q, w)
		return
	}
	u, err := a.Service.User(q.Context(), w.User)
	if err != nil {
		q.Fail(err)
		return
	}
	found, err := a.Service.FindLogins(q.Context(), hotspot.LoginQuery{Account: w.User, Limit: latest, Scan: hotspot.LoginScan})
	if err != nil {
		q.Fail(err)
		return
	}
	set := a.Service.Settings()
	v := &pageView{Cards: []*cardView{userCard(q, &set, &u), loginsCard(q, w, &found)}}
	a.actions(q, w, v)
	v.Links = append(v.Links, parts.LinkView{Text: q.T("people.back"), To: q.To(pathList, "method", string(u.Method))})
	q.Show(q.T("people.person", "name", nameOf(&u.User)), v.streamMain)
}

// actions are what can be done with somebody.
func (a *area) actions(q *panel.Request, w hotspot.Who, v *pageView) {
	path := pathList + "/" + w.String()
	v.Links = append(v.Links, parts.LinkView{Text: q.T("people.export"), To: q.To(path + "/export")})
	if q.May(writes()) {
		v.Actions = append(v.Actions, &parts.LinkView{Text: q.T("people.delete"), To: q.To(path + "/delete"), Kind: parts.Bad})
	}
}

// label is what the operator asks for with one of the own fields.
func label(q *panel.Request, set *hotspot.Settings, i int) string {
	if text := set.Portal.Fields[i].Label; text != "" {
		return text
	}
	return q.T("people.own_n", "n", i+1)
}

// facts are what a card says of somebody; what is empty is left out.
type facts struct {
	q    *panel.Request
	rows []parts.FactView
}

//go:noinline // it takes much code where it is called
func (f *facts) add(name, text string, typed bool) *parts.FactView {
	if strings.TrimSpace(text) == "" {
		return new(parts.FactView)
	}
	f.rows = append(f.rows, parts.FactView{Name: name, Text: text, Typed: typed})
	return &f.rows[len(f.rows)-1]
}

// say adds a fact whose name is a text of the pages.
func (f *facts) say(key, text string) *parts.FactView { return f.add(f.q.T(key), text, false) }

func userCard(q *panel.Request, set *hotspot.Settings, u *hotspot.UserView) *cardView {
	f, m := &facts{q: q}, u.Method
	key := f.add(q.T("people.key."+string(m)), nameOf(&u.User), true)
	key.Code, key.Badge = m == hotspot.MethodFree, online(q, u.Online > 0)
	if m == hotspot.MethodFacebook {
		f.add(q.T("people.fb_id"), u.Key, true)
	} else {
		f.add(q.T("people.name"), u.Name, true)
	}
	f.add(q.T("people.key.email"), u.Email, true)
	for i, text := range u.Comments {
		f.add(label(q, set, i), text, true)
	}
	f.say("people.created", at(q, u.Created))
	f.say("people.last_login", at(q, u.LastLogin))
	f.say("people.visits", visits(q, &u.User))
	f.say("people.device_last", device(&u.User)).Code = true
	f.say("people.used", q.T("people.used_text", "down", q.Lang.Bytes(u.Used.Down), "up", q.Lang.Bytes(u.Used.Up)))
	f.say("people.marketing", yesNo(q, u.Marketing))
	if m == hotspot.MethodEmail || m == hotspot.MethodMobile {
		f.say("people.verified", yesNo(q, u.Verified))
	}
	return &cardView{Card: parts.CardView{Title: q.T("people.about")}, Facts: &parts.FactsView{Rows: f.rows}}
}

// loginsCard shows a user's latest sessions, and the devices in them.
func loginsCard(q *panel.Request, w hotspot.Who, found *hotspot.LoginsFound) *cardView {
	c := &cardView{Table: table(q, "sessions", "people.sessions_latest", "began", "ended", "device", "#down", "#up")}
	c.Table.Empty = &parts.EmptyView{Title: q.T("people.sessions_none"), Text: q.T("people.sessions_none_text")}
	for i := range found.Logins {
		x := &found.Logins[i].Session
		cells := texts(at(q, x.Started), at(q, x.Ended), mac(x.MAC), q.Lang.Bytes(x.Used.Down), q.Lang.Bytes(x.Used.Up))
		if x.Open() {
			cells[1].Text, cells[1].Badge = "", online(q, true)
		}
		if x.Addr().IsValid() {
			cells[2].Detail = x.Addr().String()
		}
		c.Table.Rows = append(c.Table.Rows, cells)
	}
	if found.Next > 0 {
		c.Links = append(c.Links, parts.LinkView{Text: q.T("people.sessions_all"), To: q.To(pathLogins, "user", w.String())})
	}
	return c
}

// known shows all that is known by an e-mail address, a number or a MAC.
func (a *area) known(q *panel.Request, w hotspot.Who) {
	takeTime(q, readsLong)
	p, err := a.Service.Person(q.Context(), w)
	if hotspot.CodeOf(err) == hotspot.CodeNotFound {
		v := &pageView{Notes: []*parts.NoticeView{{Text: q.T("people.unknown"), Remedy: q.T("people.unknown_text"), Action: &parts.LinkView{Text: q.T("people.find"), To: q.To(pathFind)}}}}
		q.ShowStatus(http.StatusNotFound, q.T("people.person", "name", w.Key), v.streamMain)
		return
	}
	if err != nil {
		q.Fail(err)
		return
	}
	v := &pageView{Cards: personCards(q, &p)}
	a.actions(q, w, v)
	v.Links = append(v.Links, parts.LinkView{Text: q.T("people.find"), To: q.To(pathFind)}, parts.LinkView{Text: q.T("people.back"), To: q.To(pathList)})
	q.Show(q.T("people.person", "name", w.Key), v.streamMain)
}

// personCards show what belongs to somebody; what there is none of is left out.
func personCards(q *panel.Request, p *hotspot.Person) []*cardView {
	cards := []*cardView{
		usersCard(q, "people.users", p.Users), devicesCard(q, p), vouchersCard(q, p), usersCard(q, "people.others", p.Others),
	}
	if p.Logins > 0 {
		cards = append(cards, &cardView{Card: parts.CardView{Title: q.T("people.sessions"), Texts: []string{q.T("people.in_log", "n", p.Logins)}}})
	}
	return slices.DeleteFunc(cards, func(c *cardView) bool { return c == nil })
}

func usersCard(q *panel.Request, key string, users []hotspot.User) *cardView {
	if len(users) == 0 {
		return nil
	}
	c := &cardView{Table: table(q, strings.ReplaceAll(key, ".", "-"), key+"_text", "user", "method", "last_login")}
	for i := range users {
		u := &users[i]
		cells := texts(nameOf(u), q.T("people.method."+string(u.Method)), at(q, u.LastLogin))
		cells[0].Detail, cells[0].To, cells[0].Typed = u.Name, who(q, u), true
		c.Table.Rows = append(c.Table.Rows, cells)
	}
	return c
}

func devicesCard(q *panel.Request, p *hotspot.Person) *cardView {
	if len(p.Devices) == 0 {
		return nil
	}
	c := &cardView{Table: table(q, "devices", "people.devices_text", "device", "name_now", "session_ended", "seen")}
	for i := range p.Devices {
		d := &p.Devices[i]
		cells := texts(d.MAC.String(), d.Name, at(q, d.LastEnd), at(q, d.Seen))
		cells[0].Detail, cells[0].To, cells[0].Badge = d.Note, q.To(pathLogins, "q", d.MAC.String()), online(q, d.Online)
		if !d.Blocked.IsZero() {
			cells[0].Badge = &parts.BadgeView{Kind: parts.Bad, Text: q.T("people.blocked")}
		}
		if cells[1].Typed = true; d.Name == "" {
			cells[1].Text = none
		}
		c.Table.Rows = append(c.Table.Rows, cells)
	}
	return c
}

func vouchersCard(q *panel.Request, p *hotspot.Person) *cardView {
	if len(p.Vouchers) == 0 {
		return nil
	}
	c := &cardView{Table: table(q, "vouchers", "people.vouchers_text", "voucher", "note", "last_login")}
	for i := range p.Vouchers {
		x := &p.Vouchers[i]
		cells := texts(x.Username, x.Note, at(q, x.LastUse))
		cells[0].Detail, cells[0].To, cells[0].Typed = x.FullName, q.To(pathVouchers+"/"+strconv.FormatUint(x.ID, 10)), true
		cells[1].Typed = true
		c.Table.Rows = append(c.Table.Rows, cells)
	}
	return c
}

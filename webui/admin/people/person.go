package people

import (
	"net/http"
	"slices"
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

func userCard(q *panel.Request, set *hotspot.Settings, u *hotspot.UserView) *cardView {
	facts := &parts.FactsView{}
	add := func(f parts.FactView, show bool) {
		if show {
			facts.Rows = append(facts.Rows, f)
		}
	}
	m := u.Method
	add(parts.FactView{Name: q.T("people.key." + string(m)), Text: nameOf(&u.User), Typed: m != hotspot.MethodFree, Code: m == hotspot.MethodFree, Badge: online(q, u.Online > 0)}, true)
	add(parts.FactView{Name: q.T("people.fb_id"), Text: u.Key, Typed: true}, m == hotspot.MethodFacebook)
	add(parts.FactView{Name: q.T("people.name"), Text: u.Name, Typed: true}, u.Name != "" && m != hotspot.MethodFacebook)
	add(parts.FactView{Name: q.T("people.key.email"), Text: u.Email, Typed: true}, u.Email != "")
	for i, text := range u.Comments {
		add(parts.FactView{Name: label(q, set, i), Text: text, Typed: true}, strings.TrimSpace(text) != "")
	}
	add(parts.FactView{Name: q.T("people.created"), Text: at(q, u.Created)}, true)
	add(parts.FactView{Name: q.T("people.last_login"), Text: at(q, u.LastLogin)}, true)
	add(parts.FactView{Name: q.T("people.visits"), Text: q.Lang.Number(int64(min(u.Visits, 1<<53)))}, true)
	add(parts.FactView{Name: q.T("people.device_last"), Text: mac(u.MAC), Code: true}, m != hotspot.MethodFree)
	add(parts.FactView{Name: q.T("people.used"), Text: q.T("people.used_text", "down", q.Lang.Bytes(u.Used.Down), "up", q.Lang.Bytes(u.Used.Up))}, true)
	add(parts.FactView{Name: q.T("people.marketing"), Text: yesNo(q, u.Marketing)}, true)
	add(parts.FactView{Name: q.T("people.verified"), Text: yesNo(q, u.Verified)}, m == hotspot.MethodEmail || m == hotspot.MethodMobile)
	return &cardView{Card: parts.CardView{Title: q.T("people.about")}, Facts: facts}
}

// loginsCard shows a user's latest sessions, and the devices in them.
func loginsCard(q *panel.Request, w hotspot.Who, found *hotspot.LoginsFound) *cardView {
	c := &cardView{}
	c.Table = &parts.TableView{Lang: q.Lang, ID: "sessions", Caption: q.T("people.sessions_latest"), Columns: []parts.ColumnView{
		{Text: q.T("people.began")}, {Text: q.T("people.ended")}, {Text: q.T("people.device")}, {Text: q.T("people.down"), Number: true}, {Text: q.T("people.up"), Number: true}},
		Empty: &parts.EmptyView{Title: q.T("people.sessions_none"), Text: q.T("people.sessions_none_text")}}
	for _, x := range found.Logins {
		end := parts.CellView{Text: at(q, x.Ended)}
		if x.Open() {
			end = parts.CellView{Badge: online(q, true)}
		}
		address := ""
		if x.Addr().IsValid() {
			address = x.Addr().String()
		}
		c.Table.Rows = append(c.Table.Rows, []parts.CellView{{Text: at(q, x.Started)}, end, {Text: mac(x.MAC), Detail: address},
			{Text: q.Lang.Bytes(x.Used.Down)}, {Text: q.Lang.Bytes(x.Used.Up)}})
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
	c := &cardView{Table: &parts.TableView{Lang: q.Lang, ID: strings.ReplaceAll(key, ".", "-"), Caption: q.T(key + "_text"),
		Columns: []parts.ColumnView{{Text: q.T("people.user")}, {Text: q.T("people.method")}, {Text: q.T("people.last_login")}}}}
	for i := range users {
		u := &users[i]
		c.Table.Rows = append(c.Table.Rows, []parts.CellView{{Text: nameOf(u), Detail: u.Name, To: who(q, u), Typed: true},
			{Text: q.T("people.method." + string(u.Method))}, {Text: at(q, u.LastLogin)}})
	}
	return c
}

func devicesCard(q *panel.Request, p *hotspot.Person) *cardView {
	if len(p.Devices) == 0 {
		return nil
	}
	c := &cardView{Table: &parts.TableView{Lang: q.Lang, ID: "devices", Caption: q.T("people.devices_text"),
		Columns: []parts.ColumnView{{Text: q.T("people.device")}, {Text: q.T("people.name_now")}, {Text: q.T("people.session_ended")}, {Text: q.T("people.seen")}}}}
	for i := range p.Devices {
		d := &p.Devices[i]
		name := d.Name
		if name == "" {
			name = none
		}
		badge := online(q, d.Online)
		if !d.Blocked.IsZero() {
			badge = &parts.BadgeView{Kind: parts.Bad, Text: q.T("people.blocked")}
		}
		c.Table.Rows = append(c.Table.Rows, []parts.CellView{{Text: d.MAC.String(), Detail: d.Note, To: q.To(pathLogins, "q", d.MAC.String()), Badge: badge},
			{Text: name, Typed: true}, {Text: at(q, d.LastEnd)}, {Text: at(q, d.Seen)}})
	}
	return c
}

func vouchersCard(q *panel.Request, p *hotspot.Person) *cardView {
	if len(p.Vouchers) == 0 {
		return nil
	}
	c := &cardView{Table: &parts.TableView{Lang: q.Lang, ID: "vouchers", Caption: q.T("people.vouchers_text"),
		Columns: []parts.ColumnView{{Text: q.T("people.voucher")}, {Text: q.T("people.note")}, {Text: q.T("people.last_login")}}}}
	for i := range p.Vouchers {
		x := &p.Vouchers[i]
		c.Table.Rows = append(c.Table.Rows, []parts.CellView{{Text: x.Username, Detail: x.FullName, To: q.To(pathVouchers + "/" + x.Username), Typed: true},
			{Text: x.Note, Typed: true}, {Text: at(q, x.LastUse)}})
	}
	return c
}

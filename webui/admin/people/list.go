package people

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/sheet"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// rows is how many people a page lists.
const rows = 50

// maxText bounds what is looked for.
const maxText = 200

// asked is what a list's address asks for.
type asked struct {
	hotspot.UserQuery
	before bool // the page before a place, instead of the one after it
}

// methods are the login methods in the order of the tabs.
func methods() []hotspot.Method {
	return []hotspot.Method{hotspot.MethodEmail, hotspot.MethodFacebook, hotspot.MethodMobile, hotspot.MethodFree}
}

// readAsked reads a list's address. What cannot be used is left out.
func readAsked(q *panel.Request) asked {
	values := q.URL.Query()
	ask := asked{UserQuery: hotspot.UserQuery{Method: hotspot.Method(values.Get("method")), Text: strings.TrimSpace(strings.ToValidUTF8(values.Get("q"), "")), Limit: rows,
		Order: hotspot.UserOrder(values.Get("sort")), Descending: values.Get("dir") != "up"}}
	if len(ask.Text) > maxText {
		ask.Text = strings.ToValidUTF8(ask.Text[:maxText], "")
	}
	if !slices.Contains(hotspot.UserOrders(), ask.Order) {
		ask.Order = hotspot.UsersByCreated
	}
	ask.After = parsePlace(values.Get("after"))
	if p := parsePlace(values.Get("before")); p.ID != 0 {
		ask.After, ask.before = p, true
	}
	return ask
}

// place writes where a list goes on; parsePlace reads it.
func place(p *hotspot.VoucherPlace) string {
	return strconv.FormatUint(p.ID, 10) + "." + strconv.FormatInt(p.Num, 10)
}

func parsePlace(text string) (p hotspot.VoucherPlace) {
	id, num, ok := strings.Cut(text, ".")
	n, err := strconv.ParseUint(id, 10, 64)
	m, err2 := strconv.ParseInt(num, 10, 64)
	if !ok || err != nil || err2 != nil || n == 0 {
		return p
	}
	return hotspot.VoucherPlace{ID: n, Num: m}
}

// to is the address of the list with something else in it.
func (ask *asked) to(q *panel.Request, kv ...string) webui.URL {
	sort, dir := string(ask.Order), "up"
	if ask.Order == hotspot.UsersByCreated && ask.Descending {
		sort = ""
	}
	if ask.Descending {
		dir = ""
	}
	all := map[string]string{"method": string(ask.Method), "q": ask.Text, "sort": sort, "dir": dir}
	for i := 0; i+1 < len(kv); i += 2 {
		all[kv[i]] = kv[i+1]
	}
	return q.To(pathList, "method", all["method"], "q", all["q"], "sort", all["sort"], "dir", all["dir"], "after", all["after"], "before", all["before"])
}

// first is the login method whose tab is shown if the address names none: the
// first that has users.
func (a *area) first(q *panel.Request) (hotspot.Method, error) {
	for _, m := range methods() {
		found, _, err := a.Service.FindUsers(q.Context(), hotspot.UserQuery{Method: m, Limit: 1})
		if err != nil || len(found) > 0 {
			return m, err
		}
	}
	return hotspot.MethodFree, nil
}

// look finds the page that is asked for, and the places before and after it.
func (a *area) look(q *panel.Request, ask asked) (found []hotspot.UserView, before, after *hotspot.VoucherPlace, err error) {
	query := ask.UserQuery
	query.Descending = query.Descending != ask.before
	found, more, err := a.Service.FindUsers(q.Context(), query)
	if err != nil || len(found) == 0 {
		return found, nil, nil, err
	}
	if ask.before {
		slices.Reverse(found)
	}
	firstOne, lastOne := query.Place(&found[0].User), query.Place(&found[len(found)-1].User)
	if more != nil || ask.before {
		after = &lastOne
	}
	if ask.After.ID != 0 && !ask.before || ask.before && more != nil {
		before = &firstOne
	}
	return found, before, after, nil
}

func (a *area) list(q *panel.Request) {
	ask := readAsked(q)
	if !slices.Contains(methods(), ask.Method) {
		m, err := a.first(q)
		if err != nil {
			q.Fail(err)
			return
		}
		ask.Method = m
	}
	found, before, after, err := a.look(q, ask)
	if err != nil {
		q.Fail(err)
		return
	}
	v := &pageView{Tabs: a.tabs(q, ask.Method), Table: a.users(q, &ask, found)}
	if before != nil {
		v.Table.Previous = ask.to(q, "before", place(before))
	}
	if after != nil {
		v.Table.Next = ask.to(q, "after", place(after))
	}
	v.Filter = &parts.FilterView{To: ask.to(q, "q", ""), Submit: q.T("people.search")}
	v.Fields = []*parts.FieldView{{ID: "q", Name: "q", Label: q.T("people.search_label"), Value: ask.Text, Type: "search", MaxLength: maxText}}
	if ask.Text != "" {
		v.Filter.Reset = &parts.LinkView{Text: q.T("people.search_reset"), To: ask.to(q, "q", "")}
	}
	if len(found) > 0 {
		v.Links = append(v.Links, parts.LinkView{Text: q.T("people.csv"), To: q.To(pathExport, "method", string(ask.Method), "q", ask.Text)})
	}
	v.Links = append(v.Links, parts.LinkView{Text: q.T("people.find"), To: q.To(pathFind)})
	if q.May(keeps()) {
		v.Links = append(v.Links, parts.LinkView{Text: q.T("people.retention"), To: q.To(pathRetention)})
	}
	q.Show(q.T("people.title"), v.streamMain)
}

func (a *area) tabs(q *panel.Request, current hotspot.Method) *parts.TabsView {
	v := &parts.TabsView{Label: q.T("people.methods")}
	for _, m := range methods() {
		v.Links = append(v.Links, parts.LinkView{Text: q.T("people.method." + string(m)), To: q.To(pathList, "method", string(m)), Current: m == current})
	}
	return v
}

// users lists users with the columns of the API's lists, as far as they are
// for people.
func (a *area) users(q *panel.Request, ask *asked, found []hotspot.UserView) *parts.TableView {
	m := ask.Method
	v := table(q, "people", "people.caption."+string(m), "key."+string(m), "created", "last_login", "#visits", "own", "marketing")
	for i, o := range hotspot.UserOrders() {
		a.sortable(q, ask, &v.Columns[i+1], o)
	}
	for i := range found {
		v.Rows = append(v.Rows, row(q, &found[i]))
	}
	key, link := "people.none", (*parts.LinkView)(nil)
	switch {
	case ask.Text != "":
		key, link = "people.no_match", &parts.LinkView{Text: q.T("people.search_reset"), To: ask.to(q, "q", "")}
	case ask.After.ID != 0:
		key, link = "people.no_more", &parts.LinkView{Text: q.T("people.to_first"), To: ask.to(q)}
	}
	v.Empty = &parts.EmptyView{Title: q.T(key), Text: q.T(key + "_text"), Action: link}
	return v
}

// sortable makes a column one that the list can be put in order by.
func (a *area) sortable(q *panel.Request, ask *asked, c *parts.ColumnView, o hotspot.UserOrder) {
	dir := ""
	if o == ask.Order {
		c.Order = parts.Ascending
		if ask.Descending {
			c.Order, dir = parts.Descending, "up"
		}
	}
	c.By = ask.to(q, "sort", string(o), "dir", dir)
}

func row(q *panel.Request, u *hotspot.UserView) []parts.CellView {
	cells := texts(nameOf(&u.User), at(q, u.Created), at(q, u.LastLogin), visits(q, &u.User), ownFields(&u.User), yesNo(q, u.Marketing))
	first := &cells[0]
	first.To, first.Typed, first.Badge = who(q, &u.User), true, online(q, u.Online > 0)
	if u.Method == hotspot.MethodFacebook {
		first.Detail = u.Email
	}
	cells[2].Detail, cells[4].Typed = device(&u.User), true
	if u.Verified {
		cells[5].Detail = q.T("people.verified")
	}
	return cells
}

// device is the MAC of a user's last login, if the user is not that device.
func device(u *hotspot.User) string {
	if u.Method == hotspot.MethodFree || u.MAC.IsZero() {
		return ""
	}
	return u.MAC.String()
}

// ownFields are what a person entered in the operator's fields of the form.
func ownFields(u *hotspot.User) string {
	text := strings.Join(slices.DeleteFunc(slices.Clone(u.Comments[:]), func(s string) bool { return strings.TrimSpace(s) == "" }), " · ")
	if text == "" {
		return none
	}
	return text
}

// exportList sends a list as a CSV file, with the names and forms of the API's.
func (a *area) exportList(q *panel.Request) {
	ask := readAsked(q)
	ask.Limit, ask.Order, ask.Descending, ask.After = 500, hotspot.UsersByCreated, false, hotspot.VoucherPlace{}
	if !slices.Contains(methods(), ask.Method) {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	names := columns(ask.Method)
	w := sheet.NewTableWriter(q.Download("users-"+string(ask.Method)+".csv", "text/csv; charset=utf-8"), names...)
	zone, cells := q.Now().Location(), make([]string, len(names))
	for {
		takeTime(q, api.WriteTimeout)
		found, next, err := a.Service.FindUsers(q.Context(), ask.UserQuery)
		if err != nil {
			panic(http.ErrAbortHandler) // a part must not look like the whole
		}
		for i := range found {
			for j, name := range names {
				cells[j] = value(&found[i].User, name, zone)
			}
			if w.Write(cells...) != nil {
				return
			}
		}
		if w.Flush() != nil || next == nil {
			return
		}
		ask.After = *next
	}
}

// columns are those of a method's CSV file: of the API's list, in its order.
func columns(m hotspot.Method) []string {
	list := ""
	switch m {
	case hotspot.MethodEmail:
		list = "id email created_at last_login MAC visits comments comments1 comments2 last_modified marketing verified"
	case hotspot.MethodFacebook:
		list = "id fb_id name email created_at last_login MAC visits last_modified marketing"
	case hotspot.MethodMobile:
		list = "id mobile created_at last_login MAC visits comments comments1 comments2 last_modified marketing verified"
	case hotspot.MethodFree:
		list = "id created_at last_login MAC visits comments comments1 comments2 last_modified marketing"
	}
	return strings.Fields(list)
}

// value is what a column says of a user.
func value(u *hotspot.User, column string, zone *time.Location) string {
	switch column {
	case "id":
		return strconv.FormatUint(u.ID, 10)
	case "email":
		if u.Method == hotspot.MethodFacebook {
			return u.Email
		}
		return u.Key
	case "fb_id", "mobile":
		return u.Key
	case "name":
		return u.Name
	case "MAC":
		if u.MAC.IsZero() {
			return ""
		}
		return u.MAC.String()
	case "visits":
		return strconv.FormatUint(u.Visits, 10)
	case "comments":
		return u.Comments[0]
	case "comments1":
		return u.Comments[1]
	case "comments2":
		return u.Comments[2]
	case "marketing":
		return bit(u.Marketing)
	case "verified":
		return bit(u.Verified)
	}
	t := map[string]time.Time{"created_at": u.Created, "last_login": u.LastLogin, "last_modified": u.Modified}[column]
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.DateTime)
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

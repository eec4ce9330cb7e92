package logins

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the pages need; [hotspot.Service] has it.
type Service interface {
	FindLogins(ctx context.Context, q hotspot.LoginQuery) (hotspot.LoginsFound, error)
}

// Config is what the pages are made of.
type Config struct {
	Service Service // must not be nil
}

// The pages' addresses.
const (
	pathLog      = "/logins"
	pathExport   = pathLog + "/export"
	pathUsers    = "/users" // of other areas
	pathVouchers = "/vouchers/by-id"
)

type area struct{ Config }

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{cfg}
	reads := panel.Reads(api.ScopeUsers)
	return panel.Section{
		Nav: []panel.NavItem{{Key: "logins.nav", Path: pathLog, Access: reads}},
		Pages: []panel.Page{
			{Method: http.MethodGet, Path: pathLog, Access: reads, Serve: a.log},
			{Method: http.MethodGet, Path: pathExport, Access: reads, Serve: a.export},
		},
		Files: Files,
	}
}

// rows is how many logins a page shows.
const rows = 50

// maxText bounds what is looked for.
const maxText = 200

// asked is what the address of the log asks for.
type asked struct {
	values url.Values // as they came, without those that are empty
	query  hotspot.LoginQuery
	wrong  map[string]bool // names of values that cannot be used
}

// filters are the values of an address that say which logins are asked for.
func filters() []string { return []string{"from", "to", "method", "q", "user"} }

// readAsked reads the address of the log.
func readAsked(q *panel.Request) asked {
	given, zone := q.URL.Query(), q.Now().Location()
	ask := asked{values: url.Values{}, wrong: map[string]bool{}, query: hotspot.LoginQuery{Limit: rows, Scan: hotspot.LoginScan}}
	for _, name := range filters() {
		text := strings.TrimSpace(strings.ToValidUTF8(given.Get(name), ""))
		if len(text) > maxText {
			text = strings.ToValidUTF8(text[:maxText], "")
		}
		if text != "" {
			ask.values.Set(name, text)
		}
	}
	day := func(name string) time.Time {
		text := ask.values.Get(name)
		t, err := time.ParseInLocation(time.DateOnly, text, zone)
		if text != "" && err != nil {
			ask.wrong[name] = true
			return time.Time{}
		}
		return t
	}
	ask.query.Since, ask.query.Text = day("from"), ask.values.Get("q")
	if to := day("to"); !to.IsZero() {
		ask.query.Until = to.AddDate(0, 0, 1)
	}
	if m := hotspot.Method(ask.values.Get("method")); slices.Contains(hotspot.Methods(), m) {
		ask.query.Method = m
	} else {
		ask.values.Del("method")
	}
	if w, err := hotspot.ParseWho(ask.values.Get("user")); err == nil {
		ask.query.Account = w.User
	}
	if ask.query.Account == (hotspot.AccountID{}) {
		ask.values.Del("user")
	}
	ask.query.Before, _ = strconv.ParseUint(given.Get("before"), 10, 64)
	return ask
}

// to is the address of a page with the same filters, and something else.
func (ask *asked) to(q *panel.Request, path string, kv ...string) webui.URL {
	for _, name := range filters() {
		kv = append(kv, name, ask.values.Get(name))
	}
	return q.To(path, kv...)
}

// logView is the page.
type logView struct {
	Whose  *parts.NoticeView // of whom these logins are, if of one user
	Filter parts.FilterView
	Fields []*parts.FieldView
	Table  *parts.TableView
	Back   *parts.NoticeView // how far the search came, if not to the end
	Links  []parts.LinkView
}

func (v *logView) streamMain(w *quicktemplate.Writer) {
	if v.Whose != nil {
		parts.StreamNotice(w, v.Whose)
	}
	v.Filter.StreamFields = parts.Fields(v.Fields...)
	parts.StreamFilter(w, &v.Filter)
	if v.Table != nil {
		parts.StreamTable(w, v.Table)
	}
	if v.Back != nil {
		parts.StreamNotice(w, v.Back)
	}
	if len(v.Links) > 0 {
		parts.StreamLinks(w, v.Links)
	}
}

func (a *area) log(q *panel.Request) {
	ask := readAsked(q)
	v := &logView{Filter: parts.FilterView{To: q.To(pathLog, "user", ask.values.Get("user")), Submit: q.T("logins.filter")}, Fields: fields(q, &ask)}
	if len(ask.values) > 0 {
		v.Filter.Reset = &parts.LinkView{Text: q.T("logins.reset"), To: q.To(pathLog)}
	}
	if len(ask.wrong) > 0 {
		q.ShowStatus(http.StatusUnprocessableEntity, q.T("logins.title"), v.streamMain)
		return
	}
	found, err := a.Service.FindLogins(q.Context(), ask.query)
	if err != nil {
		q.Fail(err)
		return
	}
	if user := ask.values.Get("user"); user != "" {
		v.Whose = &parts.NoticeView{Text: q.T("logins.of_user", "name", called(user, found.Logins)), Action: &parts.LinkView{Text: q.T("logins.to_user"), To: q.To(pathUsers + "/" + user)}}
	}
	v.Table = table(q, &ask, &found)
	next := ""
	if found.Next > 0 {
		next = strconv.FormatUint(found.Next, 10)
	}
	switch {
	case !found.Back.IsZero():
		v.Back = &parts.NoticeView{Text: q.T("logins.searched", "time", at(q, found.Back)), Remedy: q.T("logins.searched_text"),
			Action: &parts.LinkView{Text: q.T("logins.go_on"), To: ask.to(q, pathLog, "before", next)}}
	case next != "":
		v.Table.Next = ask.to(q, pathLog, "before", next)
	}
	if ask.query.Before > 0 {
		v.Links = append(v.Links, parts.LinkView{Text: q.T("logins.newest"), To: ask.to(q, pathLog)})
	}
	if len(found.Logins) > 0 || next != "" {
		v.Links = append(v.Links, parts.LinkView{Text: q.T("logins.csv"), To: ask.to(q, pathExport)})
	}
	q.Show(q.T("logins.title"), v.streamMain)
}

// called is what the user whose logins are shown is called.
func called(user string, rows []hotspot.Login) string {
	if len(rows) > 0 && rows[0].Login != "" {
		return rows[0].Login
	}
	return user
}

func fields(q *panel.Request, ask *asked) []*parts.FieldView {
	methods := []parts.OptionView{{Text: q.T("logins.method.any")}}
	for _, m := range hotspot.Methods() {
		methods = append(methods, parts.OptionView{Value: string(m), Text: q.T("logins.method." + string(m))})
	}
	field := func(name, kind string) *parts.FieldView {
		f := &parts.FieldView{ID: name, Name: name, Label: q.T("logins." + name), Value: ask.values.Get(name), Type: kind}
		if ask.wrong[name] {
			f.Error = q.T("logins.day_wrong")
		}
		return f
	}
	text, method := field("q", "search"), field("method", "")
	text.MaxLength, method.Options = maxText, methods
	return []*parts.FieldView{text, field("from", "date"), field("to", "date"), method}
}

func table(q *panel.Request, ask *asked, found *hotspot.LoginsFound) *parts.TableView {
	v := &parts.TableView{Lang: q.Lang, ID: "logins", Caption: q.T("logins.caption")}
	for i, key := range []string{"began", "who", "device", "lasted", "down", "up"} {
		v.Columns = append(v.Columns, parts.ColumnView{Text: q.T("logins." + key), Number: i >= 4})
	}
	for i := range found.Logins {
		v.Rows = append(v.Rows, row(q, &found.Logins[i]))
	}
	key, link := "logins.none", (*parts.LinkView)(nil)
	switch {
	case !found.Back.IsZero():
		key = "logins.none_yet"
	case ask.query.Before > 0:
		key, link = "logins.no_more", &parts.LinkView{Text: q.T("logins.newest"), To: ask.to(q, pathLog)}
	case len(ask.values) > 0:
		key, link = "logins.no_match", &parts.LinkView{Text: q.T("logins.reset"), To: q.To(pathLog)}
	}
	v.Empty = &parts.EmptyView{Title: q.T(key), Text: q.T(key + "_text"), Action: link}
	return v
}

func row(q *panel.Request, x *hotspot.Login) []parts.CellView {
	cells := make([]parts.CellView, 6)
	began, who, device, lasted := &cells[0], &cells[1], &cells[2], &cells[3]
	began.Text = at(q, x.Started)
	if x.Provisional {
		began.Detail = q.T("logins.provisional")
	}
	who.Text, who.Typed, who.Detail = x.Login, true, q.T("logins.method."+string(x.Account.Method))
	if x.Name != "" {
		who.Detail += " · " + x.Name
	}
	switch {
	case x.Login == "":
		who.Text, who.Typed = q.T("logins.anonymous"), false
	case x.Account.Method == hotspot.MethodVoucher:
		who.To = q.To(pathVouchers + "/" + strconv.FormatUint(x.Account.ID, 10))
	default:
		who.To = q.To(pathUsers + "/" + hotspot.Who{User: x.Account}.String())
	}
	device.Text, device.Detail = none, address(&x.Session)
	if !x.MAC.IsZero() {
		device.Text, device.To = x.MAC.String(), q.To(pathLog, "q", x.MAC.String())
	}
	if x.Open() {
		lasted.Badge = &parts.BadgeView{Kind: parts.Good, Text: q.T("logins.online")}
	} else {
		lasted.Text, lasted.Detail = q.Lang.Duration(x.Ended.Sub(x.Started)), reason(q, x.Reason)
	}
	cells[4].Text, cells[5].Text = q.Lang.Bytes(x.Used.Down), q.Lang.Bytes(x.Used.Up)
	return cells
}

// none stands where there is nothing.
const none = "–"

func at(q *panel.Request, t time.Time) string {
	if t.IsZero() {
		return none
	}
	return q.Lang.Time(t, q.Now())
}

func address(x *hotspot.Session) string {
	if !x.Addr().IsValid() {
		return ""
	}
	return x.Addr().String()
}

// reason says why a session ended; one that a later version gave is shown as it
// is.
func reason(q *panel.Request, r hotspot.Reason) string {
	if key := "logins.reason." + strings.ReplaceAll(string(r), " ", "_"); q.Lang.Has(key) {
		return q.T(key)
	}
	return string(r)
}

package guests

import (
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const (
	// perPage is how many rows a page has, and maxPage the last one.
	perPage = 50
	maxPage = 10_000
	// maxText bounds what is looked for.
	maxText = 100
)

// listView is a page with a list.
type listView struct {
	Tabs   *parts.TabsView
	Filter *parts.FilterView
	Search *parts.FieldView
	Table  *parts.TableView
	Add    *parts.CardView // a form; may be nil
}

// listing is which part of a list is asked for: what an address says.
type listing struct {
	text, sort string
	page       int // from 0
}

// listingOf reads an address. What makes no sense is as if it were not there.
func listingOf(q *panel.Request) listing {
	query := q.URL.Query()
	l := listing{text: strings.ToValidUTF8(strings.TrimSpace(query.Get("q")), ""), sort: query.Get("sort")}
	if r := []rune(l.text); len(r) > maxText {
		l.text = string(r[:maxText])
	}
	if n, err := strconv.ParseUint(query.Get("page"), 10, 16); err == nil && n > 1 && n <= maxPage {
		l.page = int(n - 1)
	}
	if !slices.Contains(hotspot.GuestOrders(), hotspot.GuestOrder(strings.TrimPrefix(l.sort, "-"))) {
		l.sort = ""
	}
	return l
}

// at is the address of a list's part.
func (l listing) at(q *panel.Request, path string) webui.URL {
	page := ""
	if l.page > 0 {
		page = strconv.Itoa(l.page + 1)
	}
	return q.To(path, "q", l.text, "sort", l.sort, "page", page)
}

// view begins a page with a list of total rows. name is that of its texts.
func (l listing) view(q *panel.Request, path, name string, total int) *listView {
	v := &listView{
		Tabs:   &parts.TabsView{Label: q.T("guests.tabs")},
		Search: &parts.FieldView{ID: "q", Name: "q", Label: q.T("guests.search"), Value: l.text, Type: "search", MaxLength: maxText, Autocomplete: "off"},
		Table: &parts.TableView{Lang: q.Lang, ID: "list", Caption: q.Lang.N("guests."+name+".count", int64(total)),
			Empty: &parts.EmptyView{Title: q.T("guests." + name + ".none"), Text: q.T("guests." + name + ".none_text")}},
	}
	for _, t := range [...]struct{ key, path string }{{"online", pathList}, {"waiting", pathWaiting}, {"blocked", pathBlocked}} {
		v.Tabs.Links = append(v.Tabs.Links, parts.LinkView{Text: q.T("guests.tab." + t.key), To: q.To(t.path), Current: t.path == path})
	}
	v.Filter = &parts.FilterView{To: q.To(path, "sort", l.sort), Swap: "list", Submit: q.T("guests.find"), StreamFields: parts.Fields(v.Search)}
	if l.text != "" {
		v.Filter.Reset = &parts.LinkView{Text: q.T("guests.all"), To: listing{sort: l.sort}.at(q, path)}
		v.Table.Empty = &parts.EmptyView{Title: q.T("guests.no_match"), Text: q.T("guests.no_match_text"), Action: v.Filter.Reset}
	}
	if l.page > 0 {
		v.Table.Previous = listing{l.text, l.sort, l.page - 1}.at(q, path)
	}
	if (l.page+1)*perPage < total {
		v.Table.Next = listing{l.text, l.sort, l.page + 1}.at(q, path)
	}
	return v
}

// columns adds columns without an order.
func (v *listView) columns(q *panel.Request, keys ...string) {
	for _, key := range keys {
		v.Table.Columns = append(v.Table.Columns, parts.ColumnView{Text: q.T("guests.column." + key)})
	}
}

// ordered adds a column by which the guests can be put in order. Figures begin
// with the largest.
func (v *listView) ordered(q *panel.Request, l listing, key string, by hotspot.GuestOrder) {
	up, down := string(by), "-"+string(by)
	c := parts.ColumnView{Text: q.T("guests.column." + key)}
	first, second := up, down
	if by == hotspot.GuestsByUsage || by == hotspot.GuestsByRate {
		first, second = down, up
	}
	next := first
	switch now := l.sort; {
	case now == first:
		next = second
		fallthrough
	case now == second:
		c.Order = parts.Ascending
		if now == down {
			c.Order = parts.Descending
		}
	}
	c.By = listing{text: l.text, sort: next}.at(q, pathList)
	v.Table.Columns = append(v.Table.Columns, c)
}

// listPage shows who is online.
func (a *area) listPage(q *panel.Request) {
	l := listingOf(q)
	if l.sort == "" {
		l.sort = "-" + string(hotspot.GuestsByStart)
	}
	query := hotspot.GuestQuery{Text: l.text, Limit: perPage, Offset: l.page * perPage}
	order, descending := strings.CutPrefix(l.sort, "-")
	query.Order, query.Descending = hotspot.GuestOrder(order), descending
	found, total, err := a.Service.FindGuests(q.Context(), query)
	if err != nil {
		q.Fail(err)
		return
	}
	v := l.view(q, pathList, "online", total)
	v.Table.Events = q.To(pathEvents)
	if l.text == "" && q.May(panel.Reads(api.ScopeVouchers)) {
		v.Table.Empty.Action = &parts.LinkView{Text: q.T("guests.to_vouchers"), To: q.To("/vouchers")}
	}
	v.ordered(q, l, "guest", hotspot.GuestsByLogin)
	v.columns(q, "device")
	v.ordered(q, l, "since", hotspot.GuestsByStart)
	v.ordered(q, l, "used", hotspot.GuestsByUsage)
	v.ordered(q, l, "left", hotspot.GuestsByEnd)
	v.ordered(q, l, "rate", hotspot.GuestsByRate)
	may := q.May(panel.Writes(api.ScopeLive))
	if may {
		v.columns(q, "action")
	}
	for i := range found {
		v.Table.Rows = append(v.Table.Rows, guestRow(q, &found[i], may))
	}
	q.Show(q.T("guests.title"), v.StreamMain)
}

// guestRow is a guest in the list.
func guestRow(q *panel.Request, g *hotspot.Guest, may bool) []parts.CellView {
	addrs := make([]string, 0, 2)
	if a := g.Addr(); a.IsValid() {
		addrs = append(addrs, a.String())
	}
	time, data := left(q, g)
	who := g.Login
	if who == g.MAC.String() {
		who = deviceName(q, g.Name) // nobody else has a name for it
	}
	row := []parts.CellView{
		{Text: who, Typed: true, To: q.To(pageOf(g.MAC)), StreamContent: typed(g.FullName, q.T("guests.method."+string(g.Account.Method)))},
		{Text: g.Name, Typed: true, StreamContent: codes(append(addrs, g.MAC.String())...)},
		{Text: q.Lang.Time(g.Started, q.Now()), Detail: q.Lang.Duration(g.Uptime)},
		amounts(q, "guests.bytes", g.Used.Down, g.Used.Up),
		{Text: time, Detail: data},
		amounts(q, "guests.rate", g.Rate.Down, g.Rate.Up),
	}
	if may {
		row = append(row, parts.CellView{Text: q.T("guests.kick"), To: q.To(pageOf(g.MAC) + pathKick)})
	}
	return row
}

// amounts are two directions of traffic.
func amounts(q *panel.Request, key string, down, up uint64) parts.CellView {
	return parts.CellView{Text: q.T(key+".down", "n", q.Lang.Bytes(down)), Detail: q.T(key+".up", "n", q.Lang.Bytes(up))}
}

// left says what time and what data a guest has left.
func left(q *panel.Request, g *hotspot.Guest) (time, data string) {
	time = q.T("guests.no_end")
	if !g.Deadline.IsZero() {
		time = q.Lang.Duration(max(g.Deadline.Sub(q.Now()), 0))
	}
	var list []string
	for _, d := range [...]struct {
		direction hotspot.Direction
		key       string
	}{{hotspot.Down, "guests.bytes.down"}, {hotspot.Up, "guests.bytes.up"}, {hotspot.Total, "guests.bytes.total"}} {
		if n, limited := g.Allowance.Left(d.direction); limited {
			list = append(list, q.T(d.key, "n", q.Lang.Bytes(n)))
		}
	}
	return time, strings.Join(list, q.T("guests.comma")+" ")
}

// waitingPage shows the devices that are seen and not let in.
func (a *area) waitingPage(q *panel.Request) {
	l := listingOf(q)
	found, total, err := a.Service.Waiting(l.text, l.page*perPage, perPage)
	var blocked []hotspot.BlockedDevice
	if err == nil {
		blocked, err = a.Service.BlockedDevices(q.Context())
	}
	if err != nil {
		q.Fail(err)
		return
	}
	v := l.view(q, pathWaiting, "waiting", total)
	v.Table.Events = q.To(pathEvents)
	v.columns(q, "device", "address", "seen", "heard")
	for i := range found {
		h := &found[i]
		device := parts.CellView{Text: deviceName(q, h.Name), Typed: true, To: q.To(pageOf(h.MAC)), StreamContent: codes(h.MAC.String())}
		if slices.ContainsFunc(blocked, func(b hotspot.BlockedDevice) bool { return b.MAC == h.MAC }) {
			device.Badge = &parts.BadgeView{Kind: parts.Bad, Text: q.T("guests.state.blocked")}
		}
		v.Table.Rows = append(v.Table.Rows, []parts.CellView{
			device,
			{StreamContent: codes(texts(h.Addrs)...)},
			{Text: q.Lang.Duration(h.Age)},
			{Text: q.T("guests.ago", "time", q.Lang.Duration(h.Idle))},
		})
	}
	q.Show(q.T("guests.title"), v.StreamMain)
}

// blockedPage shows the devices that are blocked.
func (a *area) blockedPage(q *panel.Request) { a.showBlocked(q, "", "", "", "") }

// showBlocked shows the list with its form, as it was filled in, and what was
// wrong with it.
func (a *area) showBlocked(q *panel.Request, mac, note, field, text string) {
	all, err := a.Service.BlockedDevices(q.Context())
	if err != nil {
		q.Fail(err)
		return
	}
	l := listingOf(q)
	if l.text != "" {
		all = slices.DeleteFunc(all, func(b hotspot.BlockedDevice) bool { return !matches(&b, l.text) })
	}
	// The newest first.
	sort.SliceStable(all, func(i, j int) bool { return all[i].Since.After(all[j].Since) })
	v := l.view(q, pathBlocked, "blocked", len(all))
	v.columns(q, "device", "login", "since", "note")
	may := q.May(panel.Writes(api.ScopeLive))
	if may {
		v.columns(q, "action")
		v.Add = blockCard(q, mac, note, field, text)
	}
	from := min(l.page*perPage, len(all))
	for _, b := range all[from:min(from+perPage, len(all))] {
		row := []parts.CellView{
			{Text: deviceName(q, b.Name), Typed: true, To: q.To(pageOf(b.MAC)), StreamContent: codes(b.MAC.String())},
			{Text: b.Login, Typed: true},
			{Text: q.Lang.Time(b.Since, q.Now()), StreamContent: typed(b.By, "")},
			{Text: b.Note, Typed: true},
		}
		if may {
			row = append(row, parts.CellView{Text: q.T("guests.unblock"), To: q.To(pageOf(b.MAC) + pathUnblock)})
		}
		v.Table.Rows = append(v.Table.Rows, row)
	}
	status := http.StatusOK
	if text != "" {
		status = http.StatusUnprocessableEntity
	}
	q.ShowStatus(status, q.T("guests.title"), v.StreamMain)
}

// blockCard is the form that blocks a device by its address.
func blockCard(q *panel.Request, mac, note, field, text string) *parts.CardView {
	address := &parts.FieldView{ID: "mac", Name: "mac", Label: q.T("guests.column.mac"), Value: mac, Help: q.T("guests.mac_help"), MaxLength: 17, Required: true, Autocomplete: "off"}
	why := noteField(q, note)
	if field == "note" {
		why.Error = text
	} else {
		address.Error = text
	}
	return parts.FormCard(q.T("guests.block_address"), &parts.FormView{To: q.To(pathBlocked), Token: q.Token(),
		Submit: parts.ButtonView{Text: q.T("guests.block"), Kind: parts.Bad}, StreamFields: parts.Fields(address, why)}, q.T("guests.block_random"))
}

// noteField is where operators write why a device is blocked.
func noteField(q *panel.Request, note string) *parts.FieldView {
	return &parts.FieldView{ID: "note", Name: "note", Label: q.T("guests.note"), Value: note, Help: q.T("guests.note_help"), MaxLength: 200, Autocomplete: "off"}
}

// matches reports whether a blocked device is one that is looked for.
func matches(b *hotspot.BlockedDevice, text string) bool {
	text = strings.ToLower(text)
	for _, s := range [...]string{b.MAC.String(), b.Note, b.Login, b.Name, b.By} {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}

// deviceName is what a device calls itself, or that it does not.
func deviceName(q *panel.Request, name string) string {
	if name == "" {
		return q.T("guests.nameless")
	}
	return name
}

// texts are addresses as texts.
func texts[T interface{ String() string }](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = x.String()
	}
	return out
}

// codes prints addresses one below the other.
func codes(list ...string) webui.Block {
	return func(w *quicktemplate.Writer) { streamaddresses(w, list) }
}

// typed prints what people typed in small letters, and words of ours.
func typed(text, ours string) webui.Block {
	return func(w *quicktemplate.Writer) { streamsmall(w, text, ours) }
}

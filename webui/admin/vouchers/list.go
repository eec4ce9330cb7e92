package vouchers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const (
	// perPage is how many rows a page has.
	perPage = 50
	// countTo is up to how many are counted on every page: a router takes its
	// time for more.
	countTo = 10_000
)

// listView is the list with its search.
type listView struct {
	Actions []parts.LinkView
	Also    []parts.LinkView // what can be done with all that is listed
	Filter  parts.FilterView
	Table   parts.TableView
	Bulk    *bulkView // nil: nothing can be changed
}

// bulkView is what surrounds the list: what to do with rows of it.
type bulkView struct {
	To     webui.URL
	Token  string
	Search []parts.OptionView // hidden fields: name in Text
	Tick   string
	All    string // empty: there is no more than is on the page
	Do     parts.FieldView
	Submit parts.ButtonView
}

// nameView is a voucher's code, with the box that picks its row.
type nameView struct {
	ID       string
	Pick     string // label of the box; empty: there is none
	Username string
	To       webui.URL
	Passcode string
}

// noteView is a text that people typed, in small letters.
type noteView struct{ Text string }

// listID is what is swapped when the list is sorted, searched or turned over.
const listID = "vouchers"

// list shows a page of vouchers.
func (a *area) list(q *panel.Request) {
	s := parseSearch(q.URL.Query())
	page, err := a.page(q, &s)
	if typed := hotspot.ASCIIDigits(s.text); err == nil && len(page.Vouchers) == 0 && typed != s.text {
		s.text = typed
		page, err = a.page(q, &s)
	}
	if err != nil {
		q.Fail(err)
		return
	}
	v := &listView{Filter: a.filter(q, &s), Table: a.table(q, &s, page)}
	if mayWrite(q) {
		v.Actions = []parts.LinkView{{Text: q.T("vouchers.new"), To: q.To(pathNew)}}
		if len(page.Vouchers) > 0 {
			v.Bulk = a.bulk(q, &s, page)
		}
		v.Actions = append(v.Actions, parts.LinkView{Text: q.T("vouchers.import"), To: q.To(pathImport), Kind: parts.Second})
		if len(page.Vouchers) > 0 {
			v.Also = []parts.LinkView{{Text: q.T("vouchers.all.print"), To: q.To(pathPrint, printQuery(&s)...)}, {Text: q.T("vouchers.all.export"), To: s.to(q, pathExport)}}
		}
	}
	q.Show(q.T("vouchers.title"), v.StreamMain)
}

func (a *area) page(q *panel.Request, s *search) (hotspot.VoucherPage, error) {
	return a.Service.VoucherPage(q.Context(), hotspot.VoucherQuery{Text: s.text, Match: s.match(), Order: s.order,
		Descending: s.descending, After: s.after, Before: s.before, Limit: perPage, CountTo: countTo + 1})
}

// filter is the search above the list.
func (a *area) filter(q *panel.Request, s *search) parts.FilterView {
	options := []parts.OptionView{{Value: "", Text: q.T("vouchers.status.any")}}
	for _, st := range statuses() {
		options = append(options, parts.OptionView{Value: statusWord(st), Text: statusText(q, st)})
	}
	sort := ""
	if s.order != hotspot.ByCreated || !s.descending {
		sort = s.sort()
	}
	f := parts.FilterView{To: q.To(Path, "sort", sort, "ids", spansText(s.ids)), Swap: listID, Submit: q.T("vouchers.search"),
		StreamFields: parts.Fields(
			&parts.FieldView{ID: "q", Name: "q", Type: "search", Label: q.T("vouchers.search.text"), Value: s.text, MaxLength: 200},
			&parts.FieldView{ID: "status", Name: "status", Label: q.T("vouchers.status"), Options: options, Value: statusWord(s.status)})}
	if s.filtered() {
		f.Reset = &parts.LinkView{Text: q.T("vouchers.search.clear"), To: q.To(Path, "sort", sort)}
	}
	return f
}

// table is the list itself.
func (a *area) table(q *panel.Request, s *search, page hotspot.VoucherPage) parts.TableView {
	t := parts.TableView{Lang: q.Lang, ID: "rows", Swap: listID, Caption: a.caption(q, s, page.Count), Empty: a.empty(q, s)}
	t.Columns = append(t.Columns,
		sorted(q, s, "vouchers.column.username", hotspot.ByUsername),
		parts.ColumnView{Text: q.T("vouchers.column.name")},
		parts.ColumnView{Text: q.T("vouchers.column.status")},
		sorted(q, s, "vouchers.column.valid", hotspot.ByExpiry),
		parts.ColumnView{Text: q.T("vouchers.column.used")},
		parts.ColumnView{Text: q.T("vouchers.column.devices"), Number: true, Wide: true},
		sorted(q, s, "vouchers.column.last_use", hotspot.ByLastUse),
		sorted(q, s, "vouchers.column.created", hotspot.ByCreated))
	now, set := q.Now(), a.Service.Settings()
	for i := range page.Vouchers {
		v := &page.Vouchers[i]
		t.Rows = append(t.Rows, a.row(q, s, v, now, &set))
	}
	if page.Previous != nil {
		t.Previous = s.to(q, Path, "before", placeText(page.Previous))
	}
	if page.Next != nil {
		t.Next = s.to(q, Path, "after", placeText(page.Next))
	}
	return t
}

// row is one voucher in the list. Those that were just made show their
// passcodes, to whom they are for.
func (a *area) row(q *panel.Request, s *search, v *hotspot.VoucherView, now time.Time, set *hotspot.Settings) []parts.CellView {
	name := &nameView{ID: strconv.FormatUint(v.ID, 10), Username: v.Username, To: linkTo(q, v.Voucher)}
	if mayWrite(q) {
		name.Pick = q.T("vouchers.pick", "username", v.Username)
		if s.ids != nil {
			name.Passcode = q.T("vouchers.passcode_is", "passcode", v.Passcode)
		}
	}
	who := parts.CellView{Text: v.FullName, Typed: true}
	if v.Note != "" {
		who.StreamContent = (&noteView{v.Note}).StreamSmall
	}
	valid := parts.CellView{}
	valid.Text, valid.Detail = validText(q, v, now)
	return []parts.CellView{{StreamContent: name.StreamCell}, who, {Badge: badge(q, v)}, valid, {StreamContent: usedLines(q, "vouchers.short.", v.Used, v.Limit, v.LimitTotal).StreamLines},
		{Text: devicesText(q, v, set)}, momentCell(q, v.LastUse, now), momentCell(q, v.Created, now)}
}

// momentCell is a moment in a narrow column: the time of today, or the day with
// its time below.
func momentCell(q *panel.Request, t, now time.Time) parts.CellView {
	if t.IsZero() {
		return parts.CellView{Text: q.T("vouchers.never")}
	}
	day, clock := q.Lang.Split(t, now)
	if day == "" {
		day, clock = clock, ""
	}
	return parts.CellView{Text: day, Detail: clock}
}

// caption says what is listed, and how many there are.
func (a *area) caption(q *panel.Request, s *search, n int) string {
	key := "vouchers.listed"
	if s.filtered() {
		key = "vouchers.found"
	}
	if n > countTo {
		return q.T(key+".more", "vouchers", many(q, countTo))
	}
	return q.T(key, "vouchers", many(q, n))
}

// empty says what to do where no row is.
func (a *area) empty(q *panel.Request, s *search) *parts.EmptyView {
	if s.filtered() {
		return &parts.EmptyView{Title: q.T("vouchers.none_found"), Text: q.T("vouchers.none_found.text"),
			Action: &parts.LinkView{Text: q.T("vouchers.search.clear"), To: q.To(Path)}}
	}
	e := &parts.EmptyView{Title: q.T("vouchers.none"), Text: q.T("vouchers.none.read")}
	if mayWrite(q) {
		e.Text = q.T("vouchers.none.text")
		e.Action = &parts.LinkView{Text: q.T("vouchers.none.make"), To: q.To(pathNew, "count", "10")}
	}
	return e
}

// sorted is a column that the list can be sorted by; once more turns it round.
func sorted(q *panel.Request, s *search, key string, by hotspot.VoucherOrder) parts.ColumnView {
	c := parts.ColumnView{Text: q.T(key), Wide: by == hotspot.ByLastUse}
	turned := *s
	turned.order, turned.descending = by, by == hotspot.ByCreated || by == hotspot.ByLastUse
	if s.order == by {
		turned.descending = !s.descending
		c.Order = parts.Ascending
		if s.descending {
			c.Order = parts.Descending
		}
	}
	c.By = turned.to(q, Path)
	return c
}

// bulk is what can be done with the rows.
func (a *area) bulk(q *panel.Request, s *search, page hotspot.VoucherPage) *bulkView {
	b := &bulkView{To: q.To(pathSelect), Token: q.Token(), Tick: q.T("vouchers.tick_page"),
		Do:     parts.FieldView{ID: "do", Name: "do", Label: q.T("vouchers.do")},
		Submit: parts.ButtonView{Text: q.T("vouchers.do.go"), Second: true}}
	asked := s.asked()
	for i := 0; i < len(asked); i += 2 {
		if asked[i+1] != "" {
			b.Search = append(b.Search, parts.OptionView{Text: asked[i], Value: asked[i+1]})
		}
	}
	for _, d := range deeds {
		b.Do.Options = append(b.Do.Options, parts.OptionView{Value: string(d), Text: q.T("vouchers.do." + string(d))})
	}
	switch {
	case page.Count > countTo:
		b.All = q.T("vouchers.tick_all.more", "vouchers", many(q, countTo))
	case page.Count > len(page.Vouchers):
		b.All = q.T("vouchers.tick_all", "vouchers", many(q, page.Count))
	}
	return b
}

// linkTo is the address of a voucher's page.
func linkTo(q *panel.Request, v hotspot.Voucher) webui.URL {
	return q.To(pathOf(v))
}

// done says what happened, offers to take it back if that is possible, and goes
// on to a page. Whoever takes it back comes to the page back: one that is there
// even if a code is another one again.
func (a *area) done(q *panel.Request, text string, u *hotspot.Undo, next, back webui.URL) {
	n := parts.NoticeView{Kind: parts.Good, Text: text}
	if note, ok, err := a.Service.KeepUndo(q.Context(), u); err == nil && ok {
		n.Remedy = q.T("vouchers.undo.until", "time", q.Lang.Time(note.Until, q.Now()))
		n.Form = &parts.FormView{To: q.To(pathUndo, "back", back.Href()), Submit: parts.ButtonView{Text: q.T("vouchers.undo"), Second: true, Name: "undo", Value: note.ID}}
	}
	q.Say(n)
	q.Go(next)
}

// undo takes a change back.
func (a *area) undo(q *panel.Request) {
	back := q.To(Path)
	if to := q.URL.Query().Get("back"); to != "" {
		back = panel.Next(to)
	}
	res, err := a.Service.Undo(q.Context(), q.Form.Get("undo"))
	if hotspot.CodeOf(err) == hotspot.CodeNotFound && err != nil {
		q.Say(parts.NoticeView{Kind: parts.Warning, Text: q.T("vouchers.undo.gone"), Remedy: q.T("vouchers.undo.gone.remedy")})
		q.Go(back)
		return
	}
	if err != nil {
		q.Fail(err)
		return
	}
	n := parts.NoticeView{Kind: parts.Good, Text: q.T("vouchers.undone", "vouchers", many(q, res.Restored))}
	if res.Left > 0 {
		n.Kind = parts.Warning
		n.Remedy = q.T("vouchers.undone.left", "vouchers", many(q, res.Left), "names", joined(res.Names, res.Left))
	}
	q.Say(n)
	q.Go(back)
}

// many is a number of vouchers.
func many(q *panel.Request, n int) string { return q.Lang.N("vouchers.n", int64(n)) }

// statusOK is the status of a page that shows a form for the first time.
const statusOK = http.StatusOK

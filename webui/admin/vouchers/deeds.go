package vouchers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// deed is what can be done with vouchers.
type deed string

const (
	deedDisable deed = "disable"
	deedEnable  deed = "enable"
	deedTopUp   deed = "topup"
	deedNote    deed = "note"
	deedPrint   deed = "print"
	deedExport  deed = "export"
	deedRemove  deed = "remove"
)

// deeds are in the order in which they are offered.
var deeds = [...]deed{deedPrint, deedExport, deedTopUp, deedNote, deedDisable, deedEnable, deedRemove}

func parseDeed(s string) (deed, bool) {
	for _, d := range deeds {
		if string(d) == s {
			return d, true
		}
	}
	return "", false
}

// targets are the vouchers that something is done with: those of a search. Rows
// that were ticked are a search by number.
type targets struct {
	search
	all bool // of a search; not ticked one by one
}

// query says which they are, for an address or a form.
func (t *targets) query() []string {
	list := t.asked()
	if t.all {
		list = append(list, "all", "yes")
	}
	return list
}

// selected takes the list's form: what shall be done with which rows. What
// needs no question is done at once.
func (a *area) selected(q *panel.Request) {
	d, ok := parseDeed(q.Form.Get("do"))
	t := targets{search: parseSearch(q.Form), all: q.Form.Get("all") != ""}
	t.after, t.before = hotspot.VoucherPlace{}, hotspot.VoucherPlace{}
	list := t.to(q, Path)
	if !t.all {
		ids := parseIDs(q.Form["id"])
		if len(ids) == 0 || !ok {
			q.Say(parts.NoticeView{Kind: parts.Warning, Text: q.T("vouchers.nothing_picked"), Remedy: q.T("vouchers.nothing_picked.remedy")})
			q.Go(list)
			return
		}
		t.search = search{ids: spansOf(ids), order: hotspot.ByCreated, descending: true}
	}
	switch {
	case d == deedPrint:
		q.Go(q.To(pathPrint, printQuery(&t.search)...))
	case d == deedExport:
		q.Go(t.to(q, pathExport))
	case (d == deedDisable || d == deedEnable) && !t.all:
		a.carryOut(q, d, &t, hotspot.VoucherEdit{}, list)
	default:
		q.Go(q.To(pathChange, append(t.query(), "do", string(d), "back", list.Href())...))
	}
}

// printQuery is what the area that prints is asked.
func printQuery(s *search) []string {
	if s.filtered() {
		return []string{"q", s.text, "status", statusWord(s.status), "ids", spansText(s.ids)}
	}
	return []string{"status", "all"}
}

// parseIDs reads the numbers of rows that were ticked.
func parseIDs(list []string) (ids []uint64) {
	for _, s := range list {
		if id, err := strconv.ParseUint(s, 10, 64); err == nil && id > 0 && len(ids) < maxSpans {
			ids = append(ids, id)
		}
	}
	return ids
}

// changeView asks what is to be done with vouchers, and says with which.
type changeView struct {
	Confirm parts.ConfirmView
	Query   []parts.OptionView
	Fields  []*parts.FieldView
}

// changePage asks for what a deed needs to know, or whether it is meant.
func (a *area) changePage(q *panel.Request) {
	query := q.URL.Query()
	d, ok := parseDeed(query.Get("do"))
	if !ok || d == deedPrint || d == deedExport {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	t := targets{search: parseSearch(query), all: query.Get("all") != ""}
	a.showChange(q, statusOK, d, &t, query.Get("back"), nil, "")
}

// showChange shows the page, again with what was typed if that was refused.
func (a *area) showChange(q *panel.Request, status int, d deed, t *targets, back string, typed url.Values, refused string) {
	if !t.all && t.ids == nil {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	n, names, err := a.count(q.Context(), t)
	if err != nil {
		q.Fail(err)
		return
	}
	if n == 0 {
		q.Say(parts.NoticeView{Kind: parts.Warning, Text: q.T("vouchers.nothing_there"), Remedy: q.T("vouchers.nothing_there.remedy")})
		q.Go(panel.Next(cmpOr(back, Path)))
		return
	}
	v := &changeView{Query: []parts.OptionView{{Text: "do", Value: string(d)}, {Text: "back", Value: back}}, Fields: deedFields(q, d, typed, refused)}
	list := t.query()
	for i := 0; i < len(list); i += 2 {
		if list[i+1] != "" {
			v.Query = append(v.Query, parts.OptionView{Text: list[i], Value: list[i+1]})
		}
	}
	v.Confirm = parts.ConfirmView{
		Texts: []string{q.T("vouchers.change."+string(d), "vouchers", many(q, n)), joined(names, n)},
		Form: parts.FormView{To: q.To(pathChange), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("vouchers.do." + string(d))},
			Cancel: &parts.LinkView{Text: q.T("vouchers.cancel"), To: panel.Next(cmpOr(back, Path))}, StreamFields: v.StreamInputs},
	}
	switch {
	case n > hotspot.MaxUndo:
		v.Confirm.List = append(v.Confirm.List, q.T("vouchers.change.no_undo", "vouchers", many(q, hotspot.MaxUndo)))
	default:
		v.Confirm.List = append(v.Confirm.List, q.T("vouchers.change.undo", "length", q.Lang.Duration(hotspot.UndoTime)))
	}
	if d == deedRemove {
		v.Confirm.Form.Submit.Kind = parts.Bad
	}
	if d == deedRemove || d == deedDisable {
		v.Confirm.List = append(v.Confirm.List, q.T("vouchers.change.ends"))
	}
	q.ShowStatus(status, q.T("vouchers.do."+string(d)), v.StreamMain)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// deedFields are what a deed needs to know.
func deedFields(q *panel.Request, d deed, typed url.Values, refused string) []*parts.FieldView {
	switch d {
	case deedTopUp:
		return topUpFields(q, typed, refused)
	case deedNote:
		return []*parts.FieldView{{ID: "note", Name: "note", Label: q.T("vouchers.note"), Value: typed.Get("note"), Help: q.T("vouchers.note.help"), Error: refused, Lines: 3, MaxLength: 1000}}
	}
	return nil
}

// topUpFields ask how much more a voucher shall have.
func topUpFields(q *panel.Request, typed url.Values, refused string) []*parts.FieldView {
	down := &parts.FieldView{ID: "more_down", Name: "more_down", Label: q.T("vouchers.more_down"), Value: typed.Get("more_down"), Help: q.T("vouchers.topup.help")}
	up := &parts.FieldView{ID: "more_up", Name: "more_up", Label: q.T("vouchers.more_up"), Value: typed.Get("more_up"), Help: q.T("vouchers.topup.help")}
	total := &parts.FieldView{ID: "more_total", Name: "more_total", Label: q.T("vouchers.more_total"), Value: typed.Get("more_total"), Help: q.T("vouchers.topup.help")}
	length := &parts.FieldView{ID: "more_time", Name: "more_time", Label: q.T("vouchers.more_time"), Value: typed.Get("more_time"), Help: q.T("vouchers.more_time.help"), Options: lengthOptions(q, 0, q.T("vouchers.more_time.none"))}
	switch typed.Get("at fault") {
	case "more_up":
		up.Error = refused
	case "more_total":
		total.Error = refused
	case "more_time":
		length.Error = refused
	default:
		down.Error = refused
	}
	return []*parts.FieldView{down, up, total, length}
}

// count counts the targets and names the first of them.
func (a *area) count(ctx context.Context, t *targets) (n int, names []string, err error) {
	const named = 10
	for found, err := range a.batches(ctx, &t.search) {
		if err != nil {
			return n, names, err
		}
		for _, v := range found {
			if n++; len(names) < named {
				names = append(names, v.Username)
			}
		}
	}
	return n, names, nil
}

// change carries out what its page asked for.
func (a *area) change(q *panel.Request) {
	d, ok := parseDeed(q.Form.Get("do"))
	t := targets{search: parseSearch(q.Form), all: q.Form.Get("all") != ""}
	if !ok || d == deedPrint || d == deedExport || !t.all && t.ids == nil {
		q.Fail(hotspot.ErrNotFound)
		return
	}
	e, field, text := deedEdit(q, d)
	if text != "" {
		q.Form.Set("at fault", field)
		a.showChange(q, http.StatusUnprocessableEntity, d, &t, q.Form.Get("back"), q.Form, text)
		return
	}
	a.carryOut(q, d, &t, e, panel.Next(cmpOr(q.Form.Get("back"), Path)))
}

// deedEdit is the edit that a form asks for, or what is wrong in which field.
func deedEdit(q *panel.Request, d deed) (e hotspot.VoucherEdit, field, refused string) {
	switch d {
	case deedTopUp:
		return topUpEdit(q)
	case deedNote:
		note := q.Form.Get("note")
		e.Note = &note
	}
	return e, "", ""
}

// topUpEdit reads how much more a voucher shall have.
func topUpEdit(q *panel.Request) (e hotspot.VoucherEdit, field, refused string) {
	more := hotspot.Usage{}
	for _, x := range []struct {
		name string
		to   *uint64
	}{{"more_down", &more.Down}, {"more_up", &more.Up}, {"more_total", &e.TopUpTotal}} {
		n, err := parseAmount(q.Form.Get(x.name))
		if err != nil {
			return e, x.name, q.T("vouchers.error.amount")
		}
		*x.to = n
	}
	if more != (hotspot.Usage{}) {
		e.TopUp = &more
	}
	if s := q.Form.Get("more_time"); s != "" {
		length, err := hotspot.ReadValidity(s)
		if err != nil || length == hotspot.Always {
			return e, "more_time", q.T("vouchers.error.length")
		}
		e.Extend = time.Duration(length)
	}
	if e.TopUp == nil && e.TopUpTotal == 0 && e.Extend == 0 {
		return e, "more_down", q.T("vouchers.error.nothing_more")
	}
	return e, "", ""
}

// carryOut does a deed with vouchers, batch by batch, and says what it did.
func (a *area) carryOut(q *panel.Request, d deed, t *targets, e hotspot.VoucherEdit, next webui.URL) {
	off := d == deedDisable
	if off || d == deedEnable {
		e.Disabled = &off
	}
	var u hotspot.Undo
	ctx := hotspot.WithUndo(q.Context(), &u)
	n := 0
	for found, err := range a.batches(ctx, &t.search) {
		patience(q)
		if err == nil {
			var some int
			some, err = a.batch(ctx, d, &t.search, found, e)
			n += some
		}
		if err != nil {
			a.halfway(q, n, &u, err, next)
			return
		}
	}
	a.done(q, q.T("vouchers.done."+string(d), "vouchers", many(q, n)), &u, next, next)
}

// patience lets an answer take its time for one more batch: on a small router, many
// vouchers take longer than an answer may.
func patience(q *panel.Request) {
	// Connections without deadlines need none.
	_ = http.NewResponseController(q.W).SetWriteDeadline(time.Now().Add(api.WriteTimeout))
}

// halfway says what was done before something failed.
func (a *area) halfway(q *panel.Request, n int, u *hotspot.Undo, err error, next webui.URL) {
	if n == 0 {
		q.Fail(err)
		return
	}
	text := q.T("panel.fault.internal")
	var e *hotspot.Error
	if errors.As(err, &e) {
		_, text, _ = q.RefusedBy("vouchers", err)
	}
	a.done(q, q.T("vouchers.halfway", "vouchers", many(q, n), "text", text), u, next, next)
}

// batch does a deed with some vouchers, as far as they still match.
func (a *area) batch(ctx context.Context, d deed, s *search, found []hotspot.VoucherView, e hotspot.VoucherEdit) (int, error) {
	ids := make([]uint64, len(found))
	for i, v := range found {
		ids[i] = v.ID
	}
	var match func(hotspot.VoucherView) bool
	if is := s.match(); is != nil {
		match = func(v hotspot.VoucherView) bool { return is(&v) }
	}
	if d == deedRemove {
		gone, err := a.Service.RemoveVouchers(ctx, ids, match)
		return len(gone), err
	}
	edited, err := a.Service.EditVouchers(ctx, ids, match, e)
	return len(edited), err
}

// batches goes through what a search finds, in order of creation: what is
// changed on the way does not disturb it.
func (a *area) batches(ctx context.Context, s *search) func(yield func([]hotspot.VoucherView, error) bool) {
	return func(yield func([]hotspot.VoucherView, error) bool) {
		query := hotspot.VoucherQuery{Text: s.text, Match: s.match(), Limit: hotspot.MaxBulk}
		for {
			found, next, err := a.Service.FindVouchers(ctx, query)
			if err != nil || len(found) > 0 {
				if !yield(found, err) || err != nil {
					return
				}
			}
			if next == nil {
				return
			}
			query.After = *next
		}
	}
}

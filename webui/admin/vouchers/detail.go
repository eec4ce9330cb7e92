package vouchers

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

const (
	// shownLogins is how many logins a voucher's page has.
	shownLogins = 10
	// changed marks a form that was refused because the voucher is another by now.
	changed = "changed"
)

// oneView is a voucher's page.
type oneView struct {
	Changed *parts.NoticeView // somebody else changed it meanwhile
	First   *parts.CardView   // that of the form that was refused
	Facts   parts.CardView
	Rows    parts.FactsView
	Meters  []meterView
	Print   *parts.LinkView
	Buttons []parts.FormView
	Remove  *parts.LinkView
	Sure    parts.DialogView
	SureFor formView
	TopUp   *parts.CardView
	TopForm formView
	Edit    *parts.CardView
	EditFor formView
	Logins  parts.TableView
}

// meterView is how much of a quota is used.
type meterView struct {
	ID, Text string
	Limited  bool
	Permille int
}

// byName shows the voucher of a username.
func (a *area) byName(q *panel.Request) {
	v, err := a.Service.Voucher(q.Context(), q.PathValue("username"))
	if err != nil {
		q.Fail(err)
		return
	}
	a.show(q, statusOK, v, nil, nil)
}

// byID shows the voucher of a number.
func (a *area) byID(q *panel.Request) {
	v, err := a.numbered(q)
	if err != nil {
		q.Fail(err)
		return
	}
	a.show(q, statusOK, v, nil, nil)
}

// numbered is the voucher that the address names by its number.
func (a *area) numbered(q *panel.Request) (v hotspot.VoucherView, err error) {
	id, err := strconv.ParseUint(q.PathValue("id"), 10, 64)
	if err != nil || id == 0 {
		return v, hotspot.ErrNotFound
	}
	list, err := a.Service.Vouchers(q.Context(), id-1, 1)
	if err != nil {
		return v, err
	}
	if len(list) == 0 || list[0].ID != id {
		return v, hotspot.ErrNotFound
	}
	return list[0], nil
}

// show answers with a voucher's page; with what was typed into one of its forms
// if that was refused.
func (a *area) show(q *panel.Request, status int, v hotspot.VoucherView, typed url.Values, bad faults) {
	logins, err := a.logins(q, v)
	if err != nil {
		q.Fail(err)
		return
	}
	p := &oneView{Rows: a.facts(q, &v), Meters: meters(q, &v), Logins: logins}
	p.Facts = parts.CardView{Title: q.T("vouchers.state"), StreamContent: p.StreamState}
	if bad[changed] != "" {
		p.Changed = &parts.NoticeView{Kind: parts.Bad, Text: bad[changed], Remedy: q.T("vouchers.changed.remedy")}
	}
	if mayWrite(q) {
		a.controls(q, p, &v, typed, bad)
	}
	q.ShowStatus(status, q.T("vouchers.one", "username", v.Username), p.StreamMain)
}

// facts are what is known of a voucher.
func (a *area) facts(q *panel.Request, v *hotspot.VoucherView) parts.FactsView {
	now, set := q.Now(), a.Service.Settings()
	f := parts.FactsView{Rows: make([]parts.FactView, 0, 11)}
	add := func(key, text, detail string) *parts.FactView {
		f.Rows = append(f.Rows, parts.FactView{Name: q.T("vouchers." + key), Text: text, Detail: detail})
		return &f.Rows[len(f.Rows)-1]
	}
	online, bound := "", ""
	if v.Online > 0 {
		online = q.T("vouchers.online", "n", v.Online)
	}
	add("status", "", online).Badge = badge(q, v)
	add("username", v.Username, "").Code = true
	if mayWrite(q) {
		add("passcode", v.Passcode, "").Code = true
	} else {
		add("passcode", q.T("vouchers.passcode.hidden"), "")
	}
	add("full_name", v.FullName, "").Typed = true
	add("note", v.Note, "").Typed = true
	until, from := validText(q, v, now)
	add("valid", until, from)
	for _, m := range v.Bound {
		bound += "\u2066" + m.String() + "\u2069 "
	}
	add("column.devices", devicesText(q, v, &set), bound)
	for _, x := range [...]struct {
		key string
		at  *time.Time
	}{{"first_use", &v.FirstUse}, {"last_use", &v.LastUse}, {"created", &v.Created}, {"modified", &v.Modified}} {
		add(x.key, timeText(q, *x.at, now), "")
	}
	return f
}

// meters are what was used of the quotas.
func meters(q *panel.Request, v *hotspot.VoucherView) []meterView {
	one := func(key string, used, limit uint64, d hotspot.Direction) meterView {
		m := meterView{ID: "used-" + key, Text: usedText(q, "vouchers."+key, used, limit), Limited: limit > 0}
		switch {
		case !m.Limited:
		case v.Exhausted().Has(d):
			m.Permille = 1000
		default:
			m.Permille = int(min(used/max(limit/1000, 1), 1000))
		}
		return m
	}
	list := []meterView{one("down", v.Used.Down, v.Limit.Down, hotspot.Down), one("up", v.Used.Up, v.Limit.Up, hotspot.Up)}
	if v.LimitTotal > 0 {
		list = append(list, one("total", v.Used.Down+v.Used.Up, v.LimitTotal, hotspot.Total))
	}
	return list
}

// controls are the forms of whoever may change the voucher.
func (a *area) controls(q *panel.Request, p *oneView, v *hotspot.VoucherView, typed url.Values, bad faults) {
	ids := strconv.FormatUint(v.ID, 10)
	p.Print = &parts.LinkView{Text: q.T("vouchers.do.print"), To: q.To(pathPrint, "ids", ids)}
	turn := deedDisable
	if v.Disabled {
		turn = deedEnable
	}
	for _, name := range []string{string(turn), "unbind", "reset"} {
		if name == "unbind" && len(v.Bound) == 0 || name == "reset" && v.Used.IsZero() && v.Started.IsZero() {
			continue
		}
		p.Buttons = append(p.Buttons, parts.FormView{To: q.To(byNumber(v.ID) + "/change"), Token: q.Token(),
			Submit: parts.ButtonView{Text: q.T("vouchers.one." + name), Second: true, Name: "do", Value: name}})
	}
	p.Remove = &parts.LinkView{Text: q.T("vouchers.do.remove"), Dialog: "sure", To: q.To(pathChange, "ids", ids, "do", string(deedRemove), "back", Path)}
	p.SureFor = formView{Hidden: []parts.OptionView{{Text: "do", Value: string(deedRemove)}, {Text: "ids", Value: ids}},
		Form: parts.FormView{To: q.To(pathChange), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("vouchers.do.remove"), Kind: parts.Bad}}}
	p.SureFor.Form.StreamFields = p.SureFor.StreamInputs
	p.Sure = parts.DialogView{Lang: q.Lang, ID: "sure", Title: q.T("vouchers.sure", "username", v.Username), StreamContent: p.StreamSurely}

	p.TopForm = formView{Form: parts.FormView{To: q.To(byNumber(v.ID) + "/change"), Token: q.Token(),
		Submit: parts.ButtonView{Text: q.T("vouchers.do.topup"), Second: true, Name: "do", Value: string(deedTopUp)}}}
	var more url.Values
	if typed.Get("do") == string(deedTopUp) {
		more = typed
	}
	p.TopForm.Fields = topUpFields(q, more, bad["more"])
	p.TopForm.Form.StreamFields = p.TopForm.StreamInputs
	p.TopUp = &parts.CardView{ID: "topup", Title: q.T("vouchers.do.topup"), StreamContent: p.TopForm.StreamMain}

	if more != nil {
		typed = nil
	}
	p.EditFor = a.editForm(q, v, typed, bad)
	p.EditFor.Form.StreamFields = p.EditFor.StreamInputs
	p.Edit = &parts.CardView{ID: "edit", Title: q.T("vouchers.edit"), StreamContent: p.EditFor.StreamMain}
	switch {
	case more != nil:
		p.First = p.TopUp
	case typed != nil:
		p.First = p.Edit
	}
}

// editForm is the form with all that can be decided about a voucher.
func (a *area) editForm(q *panel.Request, v *hotspot.VoucherView, typed url.Values, bad faults) formView {
	now := a.values(v.Voucher)
	value := func(name string) string { return now[name] }
	if typed != nil {
		value = typed.Get
	}
	f := fields{q, value, bad}
	length := f.field("valid_for")
	length.Options = lengthOptions(q, v.ValidFor, q.T("vouchers.valid.always"))
	length.Options[0].Value = always
	code, pass, name := f.typed("username", "", 64), f.typed("passcode", "", 64), f.typed("full_name", "", 128)
	code.Help, pass.Help, name.Help = "", "", "" // they are about new vouchers
	return formView{
		Hidden: []parts.OptionView{{Text: "version", Value: v.Version()}},
		Form:   parts.FormView{To: q.To(byNumber(v.ID)), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("vouchers.save")}},
		Fields: []*parts.FieldView{name, f.lines("note", 1000), length, f.typed("valid_from", "datetime-local", 0),
			f.typed("limit_down", "", 30), f.typed("limit_up", "", 30), f.typed("limit_total", "", 30), f.typed("devices", "number", 3),
			code, pass},
	}
}

// values are a voucher's fields as the form has them.
func (a *area) values(v hotspot.Voucher) map[string]string {
	devices := ""
	if v.Devices > 0 {
		devices = strconv.Itoa(v.Devices)
	}
	return map[string]string{"full_name": v.FullName, "note": v.Note, "valid_for": v.ValidFor.String(), "valid_from": localText(v.ValidFrom, a.Service.Zone()),
		"limit_down": amountText(v.Limit.Down), "limit_up": amountText(v.Limit.Up), "limit_total": amountText(v.LimitTotal),
		"devices": devices, "username": v.Username, "passcode": v.Passcode}
}

// logins are the newest of a voucher's logins.
func (a *area) logins(q *panel.Request, v hotspot.VoucherView) (parts.TableView, error) {
	t := parts.TableView{Lang: q.Lang, ID: "logins", Caption: q.T("vouchers.logins"),
		Columns: []parts.ColumnView{{Text: q.T("vouchers.login.began")}, {Text: q.T("vouchers.login.lasted")}, {Text: q.T("vouchers.login.device")},
			{Text: q.T("vouchers.column.used")}, {Text: q.T("vouchers.login.end")}},
		Empty: &parts.EmptyView{Title: q.T("vouchers.logins.none"), Text: q.T("vouchers.logins.none.text")}}
	found, err := a.Service.FindLogins(q.Context(), hotspot.LoginQuery{Account: v.Account(), Limit: shownLogins, Scan: hotspot.LoginScan})
	if err != nil {
		return t, err
	}
	now := q.Now()
	for _, x := range found.Logins {
		end, why := now, q.T("vouchers.login.open")
		if !x.Open() {
			end, why = x.Ended, string(x.Reason)
			if key := "vouchers.end." + statusWord(hotspot.VoucherStatus(x.Reason)); q.Lang.Has(key) {
				why = q.T(key)
			}
		}
		used := usedLines(q, "vouchers.", x.Used, hotspot.Usage{}, 0)
		t.Rows = append(t.Rows, []parts.CellView{{Text: q.Lang.Time(x.Started, now)}, {Text: q.Lang.Duration(end.Sub(x.Started))},
			{Text: x.MAC.String()}, {StreamContent: used.StreamLines}, {Text: why}})
	}
	return t, nil
}

// edit takes the form of a voucher's page.
func (a *area) edit(q *panel.Request) {
	v, err := a.numbered(q)
	if err != nil {
		q.Fail(err)
		return
	}
	e, bad := a.editOf(q, v.Voucher)
	if e.If = q.Form.Get("version"); e.If == "" || e.If != v.Version() {
		a.conflict(q, v)
		return
	}
	if len(bad) > 0 {
		a.show(q, http.StatusUnprocessableEntity, v, q.Form, bad)
		return
	}
	var u hotspot.Undo
	edited, err := a.Service.EditVouchers(hotspot.WithUndo(q.Context(), &u), []uint64{v.ID}, nil, e)
	switch {
	case hotspot.CodeOf(err) == hotspot.CodeChanged && err != nil:
		if v, err = a.numbered(q); err != nil {
			q.Fail(err)
			return
		}
		a.conflict(q, v)
	case err != nil && bad.refusal(q, err):
		a.show(q, http.StatusUnprocessableEntity, v, q.Form, bad)
	case err != nil:
		q.Fail(err)
	case len(edited) == 0:
		q.Fail(hotspot.ErrNotFound)
	default:
		a.done(q, q.T("vouchers.saved"), &u, linkTo(q, edited[0].Voucher), q.To(byNumber(v.ID)))
	}
}

// conflict shows a form again whose voucher somebody else has changed since it
// was looked at: what was typed, and what is there now.
func (a *area) conflict(q *panel.Request, v hotspot.VoucherView) {
	bad := faults{changed: q.T("vouchers.changed")}
	for name, is := range a.values(v.Voucher) {
		if typed := q.Form.Get(name); typed != is {
			if is == "" {
				is = q.T("vouchers.changed.empty")
			}
			bad[name] = q.T("vouchers.changed.now", "value", is)
		}
	}
	a.show(q, http.StatusConflict, v, q.Form, bad)
}

// editOf is the edit that a form asks for: of those fields that are not as they
// were.
func (a *area) editOf(q *panel.Request, v hotspot.Voucher) (e hotspot.VoucherEdit, bad faults) {
	bad = faults{}
	var spec hotspot.VoucherSpec
	a.rules(q, &spec, bad)
	was := a.values(v)
	differs := func(name string) bool {
		_, there := q.Form[name]
		return there && q.Form.Get(name) != was[name]
	}
	text := func(name string, fold bool, to **string) {
		if s := q.Form.Get(name); differs(name) {
			if fold {
				s = hotspot.ASCIIDigits(s)
			}
			*to = &s
		}
	}
	text("full_name", false, &e.FullName)
	text("note", false, &e.Note)
	text("username", true, &e.Username)
	text("passcode", true, &e.Passcode)
	if differs("valid_for") {
		e.ValidFor = spec.ValidFor
	}
	if differs("valid_from") {
		e.ValidFrom = &spec.ValidFrom
	}
	if differs("limit_down") {
		e.LimitDown = &spec.Limit.Down
	}
	if differs("limit_up") {
		e.LimitUp = &spec.Limit.Up
	}
	if differs("limit_total") {
		e.LimitTotal = &spec.LimitTotal
	}
	if differs("devices") {
		e.Devices = &spec.Devices
	}
	return e, bad
}

// changeOne takes the buttons of a voucher's page, and its form for more.
func (a *area) changeOne(q *panel.Request) {
	v, err := a.numbered(q)
	if err != nil {
		q.Fail(err)
		return
	}
	e, do := hotspot.VoucherEdit{}, q.Form.Get("do")
	switch do {
	case string(deedDisable), string(deedEnable):
		off := do == string(deedDisable)
		e.Disabled = &off
	case "unbind":
		e.Unbind = true
	case "reset":
		e.Reset = true
	case string(deedTopUp):
		var field, text string
		if e, field, text = topUpEdit(q); text != "" {
			q.Form.Set("at fault", field)
			a.show(q, http.StatusUnprocessableEntity, v, q.Form, faults{"more": text})
			return
		}
	default:
		q.Fail(hotspot.ErrNotFound)
		return
	}
	var u hotspot.Undo
	if _, err := a.Service.EditVouchers(hotspot.WithUndo(q.Context(), &u), []uint64{v.ID}, nil, e); err != nil {
		q.Fail(err)
		return
	}
	a.done(q, q.T("vouchers.one."+do+".done", "username", v.Username), &u, linkTo(q, v.Voucher), q.To(byNumber(v.ID)))
}

package vouchers

import (
	"net/http"
	"strconv"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// MaxNew is how many vouchers are made at once.
const MaxNew = 5000

// always is what a form says for a validity that never ends.
const always = "always"

// formView is a form with fields that few people need.
type formView struct {
	Form      parts.FormView
	Hidden    []parts.OptionView
	Fields    []*parts.FieldView
	More      string // heading of the others; empty: there are none
	MoreOpen  bool
	MoreField []*parts.FieldView
}

// newPage asks what vouchers shall be made.
func (a *area) newPage(q *panel.Request) {
	query, set := q.URL.Query(), a.Service.Settings()
	value := func(name string) string {
		switch name {
		case "count":
			if n, ok := number(query.Get("count"), MaxNew); ok && n > 0 {
				return strconv.Itoa(n)
			}
			return "1"
		case "valid_for":
			return set.VoucherValidFor.String()
		}
		return ""
	}
	a.showNew(q, statusOK, value, nil)
}

func (a *area) showNew(q *panel.Request, status int, value func(string) string, bad faults) {
	f, set := fields{q, value, bad}, a.Service.Settings()
	length := f.field("valid_for")
	length.Options = lengthOptions(q, set.VoucherValidFor, q.T("vouchers.valid.always"))
	length.Options[0].Value = always
	v := &formView{
		Form: parts.FormView{To: q.To(pathNew), Token: q.Token(), Submit: parts.ButtonView{Text: q.T("vouchers.make")},
			Cancel: &parts.LinkView{Text: q.T("vouchers.cancel"), To: q.To(Path)}},
		Hidden: []parts.OptionView{{Text: "form", Value: newForm()}},
		Fields: []*parts.FieldView{f.typed("count", "number", 5), length, f.typed("limit_down", "", 30), f.typed("limit_up", "", 30),
			f.typed("limit_total", "", 30), f.typed("devices", "number", 3), f.lines("note", 1000)},
		More: q.T("vouchers.more_fields"),
		MoreField: []*parts.FieldView{f.typed("valid_from", "datetime-local", 0), f.typed("prefix", "", 58),
			f.typed("username", "", 64), f.typed("passcode", "", 64), f.typed("full_name", "", 128)},
	}
	v.Form.StreamFields = v.StreamInputs
	v.MoreOpen = open(v.MoreField)
	q.ShowStatus(status, q.T("vouchers.new"), v.StreamMain)
}

// open reports whether fields that few people need are in use.
func open(list []*parts.FieldView) bool {
	for _, f := range list {
		if f.Value != "" || f.Error != "" {
			return true
		}
	}
	return false
}

// create makes the vouchers and leads to the list of them.
func (a *area) create(q *panel.Request) {
	spec, count, bad := a.spec(q)
	if len(bad) == 0 {
		ids, _, err := a.made.once(madeBy{q.By.Session, q.Form.Get("form")}, func() (string, error) {
			return a.makeAll(q, spec, count)
		})
		if err == nil {
			q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T("vouchers.made", "vouchers", many(q, count)),
				Action: &parts.LinkView{Text: q.T("vouchers.made.print"), To: q.To(pathPrint, "ids", ids)}})
			q.Go(q.To(Path, "ids", ids))
			return
		}
		if !bad.refusal(q, err) {
			q.Fail(err)
			return
		}
	}
	a.showNew(q, http.StatusUnprocessableEntity, q.Form.Get, bad)
}

// makeAll makes vouchers alike, and returns their numbers.
func (a *area) makeAll(q *panel.Request, spec hotspot.VoucherSpec, count int) (string, error) {
	specs := make([]hotspot.VoucherSpec, count)
	for i := range specs {
		specs[i] = spec
	}
	vs, err := a.Service.CreateVouchers(q.Context(), specs...)
	if err != nil {
		return "", err
	}
	ids := make([]uint64, len(vs))
	for i, v := range vs {
		ids[i] = v.ID
	}
	return spansText(spansOf(ids)), nil
}

// spec reads the form.
func (a *area) spec(q *panel.Request) (spec hotspot.VoucherSpec, count int, bad faults) {
	bad = faults{}
	form := q.Form
	spec = hotspot.VoucherSpec{Username: hotspot.ASCIIDigits(form.Get("username")), Passcode: hotspot.ASCIIDigits(form.Get("passcode")),
		Prefix: hotspot.ASCIIDigits(form.Get("prefix")), FullName: form.Get("full_name"), Note: form.Get("note")}
	var ok bool
	if count, ok = number(form.Get("count"), MaxNew); !ok || count < 1 {
		bad["count"] = q.T("vouchers.error.count", "most", MaxNew)
	}
	if count > 1 && spec.Username != "" {
		bad["username"] = q.T("vouchers.error.username_many")
	}
	a.rules(q, &spec, bad)
	return spec, count, bad
}

// rules reads what a voucher allows.
func (a *area) rules(q *panel.Request, spec *hotspot.VoucherSpec, bad faults) {
	form := q.Form
	if length, err := hotspot.ReadValidity(form.Get("valid_for")); err != nil {
		bad["valid_for"] = q.T("vouchers.error.length")
	} else {
		spec.ValidFor = &length
	}
	var err error
	if spec.ValidFrom, err = hotspot.ReadTime("valid_from", hotspot.ASCIIDigits(form.Get("valid_from")), a.Service.Zone()); err != nil {
		bad["valid_from"] = q.T("vouchers.error.time")
	}
	if spec.Limit.Down, err = parseAmount(form.Get("limit_down")); err != nil {
		bad["limit_down"] = q.T("vouchers.error.amount")
	}
	if spec.Limit.Up, err = parseAmount(form.Get("limit_up")); err != nil {
		bad["limit_up"] = q.T("vouchers.error.amount")
	}
	if spec.LimitTotal, err = parseAmount(form.Get("limit_total")); err != nil {
		bad["limit_total"] = q.T("vouchers.error.amount")
	}
	var ok bool
	if spec.Devices, ok = number(form.Get("devices"), hotspot.MaxDevices); !ok {
		bad["devices"] = q.T("vouchers.error.devices", "most", hotspot.MaxDevices)
	}
}

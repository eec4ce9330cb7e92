package printing

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// previewView is the page that shows what is to be printed.
type previewView struct {
	Notice  *parts.NoticeView
	Empty   *parts.EmptyView // there is nothing to print
	Choices []parts.LinkView // what could be printed
	Facts   parts.FactsView
	Print   *parts.LinkView // to the sheets
	PDF     *parts.LinkView
	NoPDF   string // why there is none
	Options parts.FilterView
	Fields  []*parts.FieldView // of Options
	Sheet   *sheetView
	More    *parts.LinkView // to the settings
	Links   string          // names Choices
}

// sheetView is a sheet of paper on the screen.
type sheetView struct {
	Title, Text string
	Left        *parts.NoticeView // what has no room
	StreamSheet webui.Block
}

// preview shows what is to be printed, and how it will look.
func (a *area) preview(q *panel.Request) {
	query := q.URL.Query()
	sel, asked, err := parseSelection(query)
	n := 0
	if err == nil && asked {
		n, err = a.count(q.Context(), sel)
	}
	if err != nil {
		if _, _, ok := q.Refusal(err); !ok {
			q.Fail(err)
			return
		}
	}
	set, options := a.chosen(query)
	v := &previewView{Choices: a.choices(q), Links: q.T("printing.choose")}
	switch {
	case err != nil:
		v.Notice = a.notice(q, err)
	case !asked:
	case n == 0:
		v.Empty = &parts.EmptyView{Title: q.T("printing.none"), Text: q.T("printing.none.text")}
	case n > print.MaxVouchers:
		v.Notice = &parts.NoticeView{Kind: parts.Warning, Text: q.T("printing.many", "n", q.Lang.Number(print.MaxVouchers)), Remedy: q.T("printing.many.remedy")}
	default:
		v.Choices = nil
	}
	ready := v.Choices == nil
	v.options(q, a, set, sel.query)
	if q.May(panel.Writes(settingsScope)) {
		v.More = &parts.LinkView{Text: q.T("printing.to_settings"), To: q.To(pathSettings)}
	}
	a.show(q, v, set, sel, options, n, ready)
}

// show fills in what follows from the sheets' plan.
func (a *area) show(q *panel.Request, v *previewView, set hotspot.Settings, sel selection, options url.Values, n int, ready bool) {
	j, left, err := a.job(q, set)
	vs := a.vouchers(q.Context(), sel)
	if err == nil {
		if !ready {
			vs = nil
		}
		v.Sheet, err = sheetOf(q, j, vs, left)
	}
	if err != nil {
		if v.Notice = a.notice(q, err); v.Notice == nil {
			q.Fail(err)
			return
		}
		ready = false
	}
	if ready {
		to := pairs(sel.query, options)
		v.Facts.Rows = []parts.FactView{
			{Name: q.T("printing.vouchers"), Text: q.Lang.Number(int64(n))},
			{Name: q.T("printing.sheets"), Text: q.Lang.Number(int64(j.Pages(n))), Detail: q.Lang.N("printing.per_sheet", int64(j.PerPage()))},
		}
		v.Print = &parts.LinkView{Text: q.T("printing.print"), To: q.To(pathSheet, to...)}
		switch err := j.CheckPDF(vs); {
		case err != nil:
			v.NoPDF = q.T("printing.no_pdf")
		default:
			v.PDF = &parts.LinkView{Text: q.T("printing.pdf"), To: q.To(pathPDF, to...)}
		}
	}
	status := http.StatusOK
	if v.Notice != nil {
		status = http.StatusUnprocessableEntity
	}
	q.ShowStatus(status, q.T("printing.title"), v.StreamMain)
}

// choices are what can be printed without a look at the list.
func (a *area) choices(q *panel.Request) []parts.LinkView {
	return []parts.LinkView{
		{Text: q.T("printing.choose.new"), To: q.To(Path, "status", string(hotspot.VoucherNew))},
		{Text: q.T("printing.choose.list"), To: q.To(pathVouchers)},
	}
}

// options are the form that changes the look this once.
func (v *previewView) options(q *panel.Request, a *area, set hotspot.Settings, sel url.Values) {
	v.Fields = []*parts.FieldView{
		{ID: "layout", Name: "layout", Label: q.T("printing.field.layout"), Value: set.Print.Layout, Options: named(q, hotspot.PrintLayouts(), "printing.layout.")},
		{ID: "cut", Name: "cut", Label: q.T("printing.field.cut"), Value: set.Print.Cut, Options: named(q, hotspot.PrintCuts(), "printing.cut.")},
		{ID: "language", Name: "language", Label: q.T("printing.field.language"), Value: a.language(q, set).Tag, Options: a.languageOptions()},
	}
	v.Options = parts.FilterView{To: q.To(Path, pairs(sel)...), Submit: q.T("printing.show"), StreamFields: parts.Fields(v.Fields...)}
}

// named are the values of a setting, by what they are called under a prefix.
func named(q *panel.Request, values []string, prefix string) (list []parts.OptionView) {
	for _, v := range values {
		list = append(list, parts.OptionView{Value: v, Text: q.T(prefix + v)})
	}
	return list
}

// languageOptions are the languages by their own names.
func (a *area) languageOptions() (list []parts.OptionView) {
	for _, l := range a.langs.All() {
		list = append(list, parts.OptionView{Value: l.Tag, Text: l.Name})
	}
	return list
}

// sheetOf draws the first sheet; nil vouchers: one with made-up ones.
func sheetOf(q *panel.Request, j *print.Job, vs print.Vouchers, left []print.Extra) (*sheetView, error) {
	var b bytes.Buffer
	text := "printing.preview.text"
	if vs == nil {
		vs, text = j.Samples(), "printing.preview.sample"
	}
	if err := j.Preview(&b, vs); err != nil {
		return nil, err
	}
	v := &sheetView{Title: q.T("printing.preview"), Text: q.T(text), Left: leftOut(q, left)}
	// It is markup that package print wrote and escaped, as it does whole pages.
	// The writer goes to memory, which does not fail.
	v.StreamSheet = func(w *quicktemplate.Writer) { _, _ = w.W().Write(b.Bytes()) }
	return v, nil
}

// leftOut tells what vouchers have no room for; nil: nothing.
func leftOut(q *panel.Request, left []print.Extra) *parts.NoticeView {
	if len(left) == 0 {
		return nil
	}
	names := make([]string, len(left))
	for i, e := range left {
		names[i] = q.T("printing.extra." + string(e))
	}
	return &parts.NoticeView{Kind: parts.Warning, Text: q.T("printing.left_out", "what", strings.Join(names, " · ")), Remedy: q.T("printing.left_out.remedy")}
}

// pairs are a query's names and values, one after another.
func pairs(queries ...url.Values) (list []string) {
	for _, q := range queries {
		for name := range q {
			list = append(list, name, q.Get(name))
		}
	}
	return list
}

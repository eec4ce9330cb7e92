package vouchers

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// shown is what a view prints.
func shown(main func(w *quicktemplate.Writer)) string {
	var b strings.Builder
	io.WriteString(&b, "<!doctype html><title>x</title><main>")
	w := quicktemplate.AcquireWriter(&b)
	main(w)
	quicktemplate.ReleaseWriter(w)
	return b.String()
}

// scene is a view with everything shown that it can show.
type scene struct {
	view any
	main func(w *quicktemplate.Writer)
}

func scenes(t testing.TB) []scene {
	langs, err := webui.NewLanguages(parts.Files, panel.Files, Files)
	if err != nil {
		t.Fatal(err)
	}
	l, to := langs.Default(), webui.Local(Path, nil)
	option := func() []parts.OptionView { return []parts.OptionView{{Value: "x", Text: "y"}} }
	link := func() *parts.LinkView { return &parts.LinkView{Text: "x", To: to} }
	fields := func() []*parts.FieldView {
		return []*parts.FieldView{{ID: "a", Name: "b", Label: "c", Value: "d", Error: "e"}, {ID: "f", Name: "g", Label: "h", Help: "i", Options: option()}, {ID: "j", Name: "k", Label: "l", Lines: 2}}
	}
	post := func() parts.FormView {
		return parts.FormView{To: to, Token: "x", Submit: parts.ButtonView{Text: "x", Name: "y", Value: "z"}, Cancel: link()}
	}
	aForm := func() formView {
		return formView{Form: post(), Hidden: option(), Fields: fields(), More: "x", MoreField: fields()[:1]}
	}
	name := &nameView{ID: "x", Pick: "y", Username: "z", To: to, Passcode: "p"}
	small, lines := &noteView{"x"}, &linesView{[]string{"x", "y"}}
	table := func() parts.TableView {
		return parts.TableView{Lang: l, ID: "rows", Swap: "x", Caption: "c", Columns: []parts.ColumnView{{Text: "a", By: to, Wide: true}},
			Rows: [][]parts.CellView{{{Text: "x", Typed: true, Detail: "y", Badge: &parts.BadgeView{Text: "b"}}}}, Next: to}
	}
	list := &listView{Actions: []parts.LinkView{*link()}, Also: []parts.LinkView{*link()}, Table: table(), Filter: parts.FilterView{To: to, Swap: "x", Submit: "y", Reset: link(), StreamFields: parts.Fields(fields()...)},
		Bulk: &bulkView{To: to, Token: "x", Search: option(), Tick: "t", All: "a", Do: *fields()[1], Submit: parts.ButtonView{Text: "go"}}}
	change := &changeView{Query: option(), Fields: fields(), Confirm: parts.ConfirmView{Texts: []string{"x"}, List: []string{"y"}, Form: post()}}
	change.Confirm.Form.StreamFields = change.StreamInputs
	form := new(formView)
	*form = aForm()
	form.Form.StreamFields = form.StreamInputs
	one := &oneView{Changed: &parts.NoticeView{Text: "x", Remedy: "y"}, Rows: parts.FactsView{Rows: []parts.FactView{{Name: "a", Text: "b", Detail: "c", Typed: true}}},
		Meters: []meterView{{ID: "x", Text: "y", Limited: true}}, Print: link(), Buttons: []parts.FormView{post()}, Remove: link(), Sure: parts.DialogView{Lang: l, ID: "x", Title: "y"},
		SureFor: aForm(), TopForm: aForm(), EditFor: aForm(), Logins: table()}
	one.SureFor.Form.StreamFields, one.TopForm.Form.StreamFields, one.EditFor.Form.StreamFields = one.SureFor.StreamInputs, nil, nil
	one.Sure.StreamContent, one.Facts = one.StreamSurely, parts.CardView{Title: "x", StreamContent: one.StreamState}
	one.TopUp, one.Edit = &parts.CardView{Title: "x", StreamContent: one.TopForm.StreamMain}, &parts.CardView{Title: "y", StreamContent: one.EditFor.StreamMain}
	rows := table()
	check := &checkView{Fault: &parts.NoticeView{Text: "x"}, Rows: one.Rows, Table: &rows, Confirm: aForm(), Other: *link(), Again: parts.FilterView{To: to, Submit: "y"}}
	check.Found = parts.CardView{Title: "x", StreamContent: check.StreamFacts}
	card := &cardView{&parts.CardView{Title: "x", Texts: []string{"y"}}}
	return []scene{{list, list.StreamMain}, {name, name.StreamCell}, {small, small.StreamSmall}, {lines, lines.StreamLines}, {change, change.StreamMain},
		{form, form.StreamMain}, {one, one.StreamMain}, {check, check.StreamMain}, {card, card.StreamMain}}
}

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	all := scenes(f)
	f.Fuzz(func(t *testing.T, hostile string) {
		for _, s := range all {
			pagetest.Injection(t, hostile, s.view, func() string { return shown(s.main) })
		}
	})
}

// FuzzSearch: whatever an address says, it is read, and written back the same.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"q=a&status=new&sort=-username&ids=1,3-5&after=1.2.x", "before=zz.-1.a.b", "ids=", "ids=9-1", "ids=0,1", "status=used-up&sort=expires", "q=%00%ff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		s := parseSearch(values)
		again := url.Values{"sort": {s.sort()}}
		list := s.asked()
		for i := 0; i < len(list); i += 2 {
			if list[i+1] != "" {
				again.Set(list[i], list[i+1])
			}
		}
		again.Set("after", placeText(&s.after))
		again.Set("before", placeText(&s.before))
		back := parseSearch(again)
		if got, want := fmt.Sprintf("%+v", back), fmt.Sprintf("%+v", s); got != want {
			t.Errorf("%s\nread %s\nback %s", query, want, got)
		}
		if m := s.match(); m != nil {
			m(&hotspot.VoucherView{})
		}
	})
}

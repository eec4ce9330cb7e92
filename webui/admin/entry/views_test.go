package entry

import (
	"net/http/httptest"
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, Files) }

// part is a view of this package: it makes the main part of a page.
type part interface {
	StreamMain(w *quicktemplate.Writer)
}

// shell puts a part into a page.
type shell struct {
	parts.Shell
	View part
}

// views are all views with everything shown that they can show.
func views(t testing.TB) (all []*shell) {
	langs, err := webui.NewLanguages(Files, parts.Files)
	if err != nil {
		t.Fatal(err)
	}
	l := langs.Default()
	to := webui.Local("/x", nil)
	form := parts.FormView{To: to, Token: "t", Cancel: &parts.LinkView{To: to}, Submit: parts.ButtonView{Name: "n"}}
	notice := &parts.NoticeView{Kind: parts.Bad, Remedy: "r", Action: &parts.LinkView{To: to}}
	badge := parts.BadgeView{Kind: parts.Good}
	progress := &stepsView{Links: []parts.LinkView{{To: to}, {Current: true}, {}}}
	facts := parts.FactsView{Rows: []parts.FactView{{Detail: "d", Badge: &badge, Typed: true}, {}}}
	fields := []parts.FieldView{{ID: "a", Name: "a", Help: "h"}, {ID: "b", Name: "b", Error: "e", Type: "password", Autocomplete: "x", InputMode: "x"},
		{ID: "c", Checkbox: true}, {ID: "d", Options: []parts.OptionView{{Value: "v", Text: "t"}}}}
	card := cardView{Badge: &badge, Links: []parts.LinkView{{To: to}}}
	main := []part{
		&formView{Steps: progress, Notice: notice, Intro: "i", Facts: &facts, FactsTitle: "t", Username: &parts.FieldView{ID: "u", Autocomplete: "username"}, Form: form, Legend: "l", Fields: fields,
			QR: &qrView{Side: 21, Secret: parts.CopyView{Lang: l, ID: "secret"}}, More: []string{"m"}, Skip: &parts.LinkView{To: to}},
		&formView{Form: form, Fields: fields},
		&codesView{Lang: l, Codes: []string{"a", "b"}, Done: parts.LinkView{To: to}},
		&doneView{Steps: progress, Print: &parts.LinkView{To: to}, Start: &parts.LinkView{To: to}, Next: []string{"a", "b"}},
		&doneView{Steps: progress, Start: &parts.LinkView{To: to}},
		&accountView{Details: facts, Name: formView{Form: form, Fields: fields}, Password: card, TOTP: card, Others: &form,
			Sessions: parts.TableView{Lang: l, ID: "s", Columns: make([]parts.ColumnView, 2), Rows: [][]parts.CellView{{{Typed: true, Badge: &badge}, {}}}}},
	}
	for _, v := range main {
		if f, ok := v.(*formView); ok {
			f.block()
		}
		if a, ok := v.(*accountView); ok {
			a.Name.block()
		}
		all = append(all, &shell{parts.Shell{Page: webui.Page{Lang: l}, Bare: true, StreamMain: v.StreamMain}, v})
	}
	return all
}

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	all := views(f)
	f.Fuzz(func(t *testing.T, hostile string) {
		for _, v := range all {
			pagetest.Injection(t, hostile, v.View, func() string {
				w := httptest.NewRecorder()
				webui.Render(w, 200, &v.Shell)
				return w.Body.String()
			})
		}
	})
}

// FuzzIDs: what the address of the last page brings is numbers, or nothing.
func FuzzIDs(f *testing.F) {
	for _, s := range []string{"1,2,3", "", ",", "1,", "18446744073709551615", "18446744073709551616", "+1", "1,\"><script>", "١"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ids, n := readIDs(s)
		if again, m := readIDs(ids); again != ids || m != n {
			t.Errorf("%q is read as %q, and that as %q", s, ids, again)
		}
		for _, c := range ids {
			if c != ',' && (c < '0' || c > '9') {
				t.Errorf("%q is read as %q", s, ids)
			}
		}
	})
}

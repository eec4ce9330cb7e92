package auditlog

import (
	"net/http/httptest"
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	langs, err := webui.NewLanguages(parts.Files, Files)
	if err != nil {
		f.Fatal(err)
	}
	l := langs.Default()
	link := &parts.LinkView{To: webui.Local("/x", nil)}
	all := &struct {
		Page    *listView
		Changes *changesView
	}{&listView{Filter: &parts.FilterView{Reset: link}, Fields: []*parts.FieldView{{Options: []parts.OptionView{{}}}, {Type: "date"}}, Newest: link, Export: link,
		Table: &parts.TableView{Lang: l, Rows: [][]parts.CellView{{{Typed: true, Badge: &parts.BadgeView{}}, {}}}}},
		&changesView{Rows: []changeView{{}, {Hidden: true}}}}
	all.Page.Filter.StreamFields = parts.Fields(all.Page.Fields...)
	all.Page.Table.Rows[0][1].StreamContent = func(w *quicktemplate.Writer) { streamchanges(w, all.Changes) }
	f.Fuzz(func(t *testing.T, hostile string) {
		pagetest.Injection(t, hostile, all, func() string {
			w := httptest.NewRecorder()
			webui.Render(w, 200, &parts.Shell{Page: webui.Page{Lang: l}, StreamMain: all.Page.StreamMain})
			return w.Body.String()
		})
	})
}

package auditlog

import (
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	l := paneltest.English(f, Files)
	link := &parts.LinkView{To: webui.Local("/x", nil)}
	all := &struct {
		Page    *listView
		Changes *changesView
	}{&listView{Filter: &parts.FilterView{Reset: link}, Fields: []*parts.FieldView{{Options: []parts.OptionView{{}}}, {Type: "date"}}, Newest: link, Export: link,
		Table: &parts.TableView{Lang: l, Rows: [][]parts.CellView{{{Typed: true, Badge: &parts.BadgeView{}}, {}}}}},
		&changesView{Rows: []changeView{{}, {Hidden: true}}}}
	all.Page.Filter.StreamFields = parts.Fields(all.Page.Fields...)
	all.Page.Table.Rows[0][1].StreamContent = func(w *quicktemplate.Writer) { streamchanges(w, all.Changes) }
	paneltest.Inject(f, l, all, all.Page.StreamMain)
}

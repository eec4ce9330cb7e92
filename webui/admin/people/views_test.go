package people

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// FuzzViews puts a text into every field that a page prints.
func FuzzViews(f *testing.F) {
	l := paneltest.English(f, Files)
	to := webui.Local("/x", nil)
	table := func() *parts.TableView {
		return &parts.TableView{Lang: l, Columns: []parts.ColumnView{{By: to}, {}}, Rows: [][]parts.CellView{{{To: to, Typed: true, Badge: &parts.BadgeView{}, Detail: "x"}, {Detail: "x"}}}, Next: to}
	}
	v := &pageView{
		Notes: []*parts.NoticeView{{Remedy: "x", Action: &parts.LinkView{To: to}}}, Tabs: &parts.TabsView{Links: []parts.LinkView{{To: to}}},
		Filter: &parts.FilterView{To: to, Reset: &parts.LinkView{To: to}}, Fields: []*parts.FieldView{{Help: "x"}}, Table: table(),
		Cards: []*cardView{{Card: parts.CardView{ID: "x", Texts: []string{"x"}, List: []string{"x"}},
			Facts: &parts.FactsView{Rows: []parts.FactView{{Typed: true, Badge: &parts.BadgeView{}}, {Code: true}, {}}},
			Form:  &parts.FormView{To: to, Cancel: &parts.LinkView{To: to}}, Fields: []*parts.FieldView{{Error: "x"}}, Links: []parts.LinkView{{To: to}}},
			{Table: table(), Links: []parts.LinkView{{To: to}}}},
		Actions: []*parts.LinkView{{To: to}}, Links: []parts.LinkView{{To: to}},
	}
	paneltest.Inject(f, l, v, v.streamMain)
}

package logins

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// FuzzViews puts a text into every field that the page prints.
func FuzzViews(f *testing.F) {
	l := paneltest.English(f, Files)
	link := &parts.LinkView{To: webui.Local("/x", nil)}
	v := &logView{
		Whose: &parts.NoticeView{Action: link}, Back: &parts.NoticeView{Remedy: "x", Action: link}, Links: []parts.LinkView{{To: link.To}},
		Filter: parts.FilterView{To: link.To, Reset: link}, Fields: []*parts.FieldView{{Error: "x"}, {Options: []parts.OptionView{{}}}},
		Table: &parts.TableView{Lang: l, Columns: []parts.ColumnView{{}, {}}, Rows: [][]parts.CellView{{{Typed: true, To: link.To, Detail: "x"}, {Badge: &parts.BadgeView{}}}}, Next: link.To},
	}
	paneltest.Inject(f, l, v, v.streamMain)
}

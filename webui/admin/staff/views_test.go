package staff

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	l := paneltest.English(f, Files)
	link := &parts.LinkView{To: webui.Local("/x", nil)}
	table := func() *parts.TableView {
		return &parts.TableView{Lang: l, Rows: [][]parts.CellView{{{Typed: true, To: link.To}, {Badge: &parts.BadgeView{}}}}}
	}
	facts := func() *parts.FactsView {
		return &parts.FactsView{Rows: []parts.FactView{{Code: true}, {Badge: &parts.BadgeView{}}}}
	}
	notice := func() *parts.NoticeView { return &parts.NoticeView{Action: link} }
	all := &struct {
		List *listView
		New  *newView
		One  *oneView
	}{
		&listView{New: link, Table: table(), Roles: &parts.CardView{}, May: facts()},
		&newView{Error: notice(), Fields: []*parts.FieldView{{}, {Options: []parts.OptionView{{}}}}, Roles: &parts.CardView{}, May: facts()},
		&oneView{Error: notice(), Own: notice(), Only: notice(), Card: &parts.CardView{}, Rows: facts(), Name: &parts.FieldView{}, Role: &parts.FieldView{Options: []parts.OptionView{{}}},
			Password: &parts.FieldView{Type: "password"}, Email: &parts.FieldView{}, May: facts(), Sessions: table(), EndAll: &parts.FormView{}, Remove: &parts.CardView{}, Back: link},
	}
	all.New.Form.StreamFields = parts.Fields(all.New.Fields...)
	form := &parts.FormView{StreamFields: parts.Fields(all.One.Name, all.One.Role)}
	all.One.Forms = []*parts.CardView{parts.FormCard("", form, ""), parts.FormCard("", &parts.FormView{StreamFields: all.One.StreamPasswordFields})}
	paneltest.Inject(f, l, all, all.List.StreamMain, all.New.StreamMain, all.One.StreamMain)
}

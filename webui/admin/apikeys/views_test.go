package apikeys

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
	list := &listView{Start: &parts.CardView{}, Name: &parts.FieldView{}, Table: &parts.TableView{Lang: l, Rows: [][]parts.CellView{{{Typed: true}, {Badge: &parts.BadgeView{}}}}}, Advice: &parts.CardView{List: []string{""}}}
	fresh := &newView{Error: &parts.NoticeView{}, Label: &parts.FieldView{}, Expires: &parts.FieldView{Options: []parts.OptionView{{}}},
		View: &parts.FieldView{Checkbox: true}, Scopes: []*parts.FieldView{{Checkbox: true}}, ScopesErr: "x"}
	fresh.Form.StreamFields = fresh.StreamFields
	one := &keyView{Secret: &secretView{Copy: parts.CopyView{Lang: l}}, About: &parts.CardView{}, Rows: &parts.FactsView{Rows: []parts.FactView{{Code: true}}},
		View: link, Rename: &parts.CardView{}, Name: &parts.FieldView{}, Tokens: &parts.CardView{Texts: []string{""}}, Remove: &parts.CardView{}, Delete: link, Back: link}
	one.About.StreamContent = one.StreamFacts
	list.Start.StreamContent = parts.Fields(list.Name)
	one.Rename.StreamContent = parts.Fields(one.Name)
	all := &struct {
		List *listView
		New  *newView
		One  *keyView
	}{list, fresh, one}
	paneltest.Inject(f, l, all, all.List.StreamMain, all.New.StreamMain, all.One.StreamMain)
}

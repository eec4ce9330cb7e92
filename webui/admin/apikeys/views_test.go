package apikeys

import (
	"net/http/httptest"
	"testing"

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
	f.Fuzz(func(t *testing.T, hostile string) {
		for _, main := range []webui.Block{all.List.StreamMain, all.New.StreamMain, all.One.StreamMain} {
			pagetest.Injection(t, hostile, all, func() string {
				w := httptest.NewRecorder()
				webui.Render(w, 200, &parts.Shell{Page: webui.Page{Lang: l}, StreamMain: main})
				return w.Body.String()
			})
		}
	})
}

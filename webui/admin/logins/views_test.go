package logins

import (
	"net/http/httptest"
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// FuzzViews puts a text into every field that the page prints.
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
	v := &logView{
		Whose: &parts.NoticeView{Action: link}, Back: &parts.NoticeView{Remedy: "x", Action: link}, Links: []parts.LinkView{{To: link.To}},
		Filter: parts.FilterView{To: link.To, Reset: link}, Fields: []*parts.FieldView{{Error: "x"}, {Options: []parts.OptionView{{}}}},
		Table: &parts.TableView{Lang: l, Columns: []parts.ColumnView{{}, {}}, Rows: [][]parts.CellView{{{Typed: true, To: link.To, Detail: "x"}, {Badge: &parts.BadgeView{}}}}, Next: link.To},
	}
	f.Fuzz(func(t *testing.T, hostile string) {
		pagetest.Injection(t, hostile, v, func() string {
			w := httptest.NewRecorder()
			webui.Render(w, 200, &parts.Shell{Page: webui.Page{Lang: l}, StreamMain: v.streamMain})
			return w.Body.String()
		})
	})
}

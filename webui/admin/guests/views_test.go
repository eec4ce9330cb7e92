package guests

import (
	"net/http/httptest"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
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
	small := &struct {
		Text, Ours string
		Codes      []string
	}{"x", "x", []string{"", ""}}
	link := parts.LinkView{To: webui.Local("/x", nil), Dialog: "x"}
	list := &listView{Tabs: &parts.TabsView{Links: []parts.LinkView{link}}, Filter: &parts.FilterView{Reset: &link}, Search: &parts.FieldView{},
		Table: &parts.TableView{Lang: l, Rows: [][]parts.CellView{{{Typed: true, To: link.To}, {}, {}}}}, Add: &parts.CardView{Texts: []string{""}}}
	question := &askView{More: []string{""}}
	one := &deviceView{Blocked: &parts.NoticeView{}, Facts: &parts.FactsView{Rows: []parts.FactView{{Code: true}, {Typed: true}, {Badge: &parts.BadgeView{}}}},
		Actions: []parts.LinkView{link}, Links: []parts.LinkView{link}, Extend: &parts.CardView{}, Sessions: &parts.TableView{Lang: l},
		Dialogs: []*parts.DialogView{{Lang: l, StreamContent: question.StreamContent}}}
	all := &struct {
		List     *listView
		One      *deviceView
		Question *askView
		Small    any
	}{list, one, question, small}
	f.Fuzz(func(t *testing.T, hostile string) {
		for _, main := range []webui.Block{list.StreamMain, one.StreamMain, question.StreamMain} {
			pagetest.Injection(t, hostile, all, func() string {
				list.Table.Rows[0][1].StreamContent = typed(small.Text, small.Ours)
				list.Table.Rows[0][2].StreamContent = codes(small.Codes...)
				w := httptest.NewRecorder()
				webui.Render(w, 200, &parts.Shell{Page: webui.Page{Lang: l}, StreamMain: main})
				return w.Body.String()
			})
		}
	})
}

// FuzzExtension reads what a form may bring: whatever it is, no more is given
// than there may be.
func FuzzExtension(f *testing.F) {
	for _, s := range []string{"", "30", "-1", "0x10", "9437184", "9437185", "18446744073709551616", " 5", "١"} {
		f.Add(s, "7", s)
	}
	f.Fuzz(func(t *testing.T, time, download, upload string) {
		by, field := (&extendForm{time: time, download: download, upload: upload}).read()
		if field != "" {
			if !by.IsZero() || field != "time" && field != "download" && field != "upload" {
				t.Errorf("%q %+v", field, by)
			}
			return
		}
		if by.Time < 0 || by.Data.Down > hotspot.MaxLimitMB*hotspot.MB || by.Data.Up > hotspot.MaxLimitMB*hotspot.MB {
			t.Errorf("%+v", by)
		}
	})
}

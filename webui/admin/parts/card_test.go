package parts

import (
	"net/http/httptest"
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// FuzzCards puts a text into every field of cards, facts and filters.
func FuzzCards(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	langs, err := webui.NewLanguages(Files)
	if err != nil {
		f.Fatal(err)
	}
	to := webui.Local("/x", map[string][]string{"lang": {"it"}})
	all := struct {
		Shell   *Shell
		Card    *CardView
		Facts   *FactsView
		Filter  *FilterView
		Confirm *ConfirmView
		Fields  []*FieldView
		Links   []LinkView
		Form    *FormView
	}{
		Shell:  &Shell{Page: webui.Page{Lang: langs.Default()}},
		Card:   &CardView{Badge: &BadgeView{}, Texts: []string{""}, List: []string{""}},
		Facts:  &FactsView{Rows: []FactView{{Typed: true}, {Code: true, Badge: &BadgeView{}}, {}}},
		Filter: &FilterView{To: to, Reset: &LinkView{}}, Confirm: &ConfirmView{Texts: []string{""}, List: []string{""}},
		Fields: []*FieldView{{}},
		Links:  []LinkView{{}, {}},
		Form:   &FormView{},
	}
	all.Filter.StreamFields = Fields(all.Fields...)
	all.Card.StreamContent = func(w *quicktemplate.Writer) {
		StreamFacts(w, all.Facts)
		StreamFilter(w, all.Filter)
		StreamConfirm(w, all.Confirm)
		LinksBlock(all.Links...)(w)
		FormCard("", all.Form).StreamContent(w)
	}
	all.Shell.StreamMain = func(w *quicktemplate.Writer) { StreamCard(w, all.Card) }
	f.Fuzz(func(t *testing.T, hostile string) {
		pagetest.Injection(t, hostile, &all, func() string {
			w := httptest.NewRecorder()
			webui.Render(w, 200, all.Shell)
			return w.Body.String()
		})
	})
}

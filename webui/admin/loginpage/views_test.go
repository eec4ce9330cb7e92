package loginpage

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

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
	field := func() *parts.FieldView { return &parts.FieldView{Checkbox: true} }
	v := &editView{Tabs: &parts.TabsView{Links: []parts.LinkView{{}}}, Notice: &parts.NoticeView{},
		Form: formView{Unsaved: true, Methods: []methodView{{On: field(), Up: &moveView{}, Down: &moveView{}}}, Boxes: &boxesView{Error: "x", Boxes: []*parts.FieldView{field()}},
			Fields: []*parts.FieldView{{Lines: 2}, {Options: []parts.OptionView{{}}}}, Reset: &parts.LinkView{}},
		Logo:  &logoView{Picture: webui.Local("/x", nil), Upload: &parts.FormView{}, Remove: &parts.FormView{}},
		Shown: previewView{Update: "x", Languages: []parts.OptionView{{}}}}
	f.Fuzz(func(t *testing.T, hostile string) {
		pagetest.Injection(t, hostile, v, func() string {
			w := httptest.NewRecorder()
			webui.Render(w, 200, &parts.Shell{Page: webui.Page{Lang: langs.Default()}, StreamMain: v.StreamMain})
			return w.Body.String()
		})
	})
}

// FuzzForm reads arbitrary forms. What the rules take of them stays what it is
// when the form is shown and sent again, and an order never loses a method.
func FuzzForm(f *testing.F) {
	f.Add("login.order=free,voucher&login.free=on&move=voucher+up", 0)
	f.Add("portal.text=a%0D%0Ab&portal.title=%00", 1)
	f.Add("portal.languages=it&portal.languages=x&portal.language=it", 4)
	f.Add("portal.color=%23AABBCC", 3)
	tags, methods := []string{"en", "ar", "it"}, []hotspot.Method{hotspot.MethodVoucher, hotspot.MethodEmail, hotspot.MethodFree}
	f.Fuzz(func(t *testing.T, body string, n int) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		p := &allParts[uint(n)%uint(len(allParts))]
		values := p.read(form, tags)
		if len(values) != len(p.fields) {
			t.Fatalf("%d values of %d", len(values), len(p.fields))
		}
		s, _ := hotspot.DefaultSettings().With(values)
		again := p.stored(s)
		if s, err := s.With(again); err != nil {
			t.Fatalf("%q, stored as %q: %v", values, again, err)
		} else if second := p.stored(s); strings.Join(keysAndValues(again), "\n") != strings.Join(keysAndValues(second), "\n") {
			t.Fatalf("%q became %q", again, second)
		}
		for _, v := range again {
			if !utf8.ValidString(v) {
				t.Fatalf("%q is kept", v)
			}
		}
		if order := moved(offerable(form.Get("login.order"), methods), form.Get("move")); len(order) != len(methods) {
			t.Fatalf("order %q", order)
		}
	})
}

func keysAndValues(m map[string]string) []string {
	var all []string
	for _, p := range allParts {
		for _, f := range p.fields {
			if v, ok := m[f.key]; ok {
				all = append(all, f.key, v)
			}
		}
	}
	return all
}

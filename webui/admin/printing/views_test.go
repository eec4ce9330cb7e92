package printing

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// part is a view of this package: it makes the main part of a page.
type part interface {
	StreamMain(w *quicktemplate.Writer)
}

// shell puts a part into a page.
type shell struct {
	parts.Shell
	View part
}

// views are all views with everything shown that they can show.
func views(t testing.TB) (all []*shell) {
	langs, err := webui.NewLanguages(Files, parts.Files)
	if err != nil {
		t.Fatal(err)
	}
	to := webui.Local("/x", nil)
	link := &parts.LinkView{To: to}
	notice := &parts.NoticeView{Kind: parts.Bad, Remedy: "r", Action: link}
	sheet := &sheetView{Left: notice, StreamSheet: func(*quicktemplate.Writer) {}}
	form := parts.FormView{To: to, Token: "t", Cancel: link}
	options := parts.FilterView{To: to}
	for _, v := range []part{
		&previewView{Notice: notice, Empty: &parts.EmptyView{Action: link}, Choices: []parts.LinkView{{To: to}, {To: to}}, Options: options, Sheet: sheet, More: link},
		&previewView{Facts: parts.FactsView{Rows: []parts.FactView{{Detail: "d"}, {}}}, Print: link, PDF: link, Options: options},
		&previewView{Facts: parts.FactsView{Rows: []parts.FactView{{}}}, Print: link, NoPDF: "n", Options: options},
		&settingsView{Notice: notice, Sheet: sheet, Form: form, Groups: []groupView{{Fields: []parts.FieldView{{ID: "a", Error: "e"}, {ID: "b", Help: "h", Lines: 2},
			{ID: "c", Options: []parts.OptionView{{Value: "v"}}}, {ID: "d", Checkbox: true}}}}, Logo: logoView{Picture: to, Upload: form, Remove: &parts.FormView{To: to}}},
		&settingsView{Form: form, Logo: logoView{Upload: form}},
	} {
		if s, ok := v.(*settingsView); ok {
			s.Form.StreamFields = s.StreamInputs
		}
		all = append(all, &shell{parts.Shell{Page: webui.Page{Lang: langs.Default()}, Bare: true, StreamMain: v.StreamMain}, v})
	}
	return all
}

// FuzzViews puts a text into every field that a template prints.
func FuzzViews(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	all := views(f)
	f.Fuzz(func(t *testing.T, hostile string) {
		for _, v := range all {
			pagetest.Injection(t, hostile, v.View, func() string {
				w := httptest.NewRecorder()
				webui.Render(w, 200, &v.Shell)
				return w.Body.String()
			})
		}
	})
}

// FuzzSelection: what is taken names no more vouchers than can be printed, each
// once and in order, and says the same when it is read again.
func FuzzSelection(f *testing.F) {
	for _, s := range []string{"ids=5,9-14", "ids=1-5000", "ids=3,2-9,1", "ids=18446744073709551615", "ids=18446744073709551610-18446744073709551615,1", "q=a&status=new", "status=used-up", "ids=-", "ids=1,,2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		s, asked, err := parseSelection(values)
		if err != nil {
			return
		}
		n, before := uint64(0), uint64(0)
		for i, x := range s.ids {
			if x.last < x.first || i > 0 && x.first <= before+1 {
				t.Fatalf("%v", s.ids)
			}
			if !s.has(x.first) || !s.has(x.last) || i > 0 && s.has(x.first-1) {
				t.Fatalf("%v lacks its ends", s.ids)
			}
			n, before = n+x.last-x.first+1, x.last
		}
		if n > print.MaxVouchers || asked == (len(s.query) == 0) {
			t.Fatalf("%d vouchers, asked %v of %v", n, asked, s.query)
		}
		if again, _, err := parseSelection(s.query); err != nil || again.text != s.text || again.status != s.status || len(again.ids) != len(s.ids) {
			t.Fatalf("%v, %v", again, err)
		}
	})
}

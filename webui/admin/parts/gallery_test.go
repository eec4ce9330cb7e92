package parts

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/webui"
)

// gallery serves one page for each use of the parts, as the panel would.
type gallery struct {
	*httptest.Server
	lang          *webui.Language
	style, script webui.Asset
	mu            sync.Mutex // guards the rest
	online        int        // guests, on the live page
	saved         string     // what the form sent
	events        chan struct{}
}

func newGallery(t testing.TB) *gallery {
	t.Helper()
	langs, err := webui.NewLanguages(Files)
	if err != nil {
		t.Fatal(err)
	}
	g := &gallery{lang: langs.Default(), events: make(chan struct{}), online: 3}
	if g.style, err = webui.Style("/panel.css", Files, StyleFile); err != nil {
		t.Fatal(err)
	}
	if g.script, err = webui.Script("/panel.js", Files, ScriptFile); err != nil {
		t.Fatal(err)
	}
	icon, err := webui.Icon("/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/panel.css", g.style)
	mux.Handle("/panel.js", g.script)
	mux.Handle("/icon.svg", icon)
	mux.HandleFunc("/events", g.stream)
	mux.HandleFunc("/save", g.save)
	for _, name := range galleryPages {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) { webui.Render(w, http.StatusOK, g.page(name, r)) })
	}
	g.Server = httptest.NewServer(webui.SecurityHeaders(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", ContentSecurityPolicy)
		mux.ServeHTTP(w, r)
	})))
	t.Cleanup(g.Close)
	return g
}

// galleryPages are the pages' names.
var galleryPages = []string{"list", "empty", "form", "plots", "notices", "live"}

func (g *gallery) page(name string, r *http.Request) *Shell {
	s := &Shell{Page: webui.Page{Lang: g.lang, Title: "The " + name + " page", Site: "Harbour Café",
		Style: g.style.URL(), Icon: webui.Local("/icon.svg", nil), Script: g.script.URL()}}
	for _, n := range galleryPages {
		s.Nav = append(s.Nav, LinkView{Text: "Page " + n, To: webui.Local("/"+n, nil), Current: n == name})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch name {
	case "list":
		t := listView(g.lang, r.URL.Query().Get("page") == "2")
		s.StreamMain = func(w *quicktemplate.Writer) { StreamTable(w, t) }
	case "empty":
		t := &TableView{Lang: g.lang, ID: "none", Empty: &EmptyView{Title: "No vouchers yet", Text: "Make ten and print them.",
			Action: &LinkView{Text: "Make vouchers", To: webui.Local("/form", nil)}}}
		s.StreamMain = func(w *quicktemplate.Writer) { StreamTable(w, t) }
	case "form":
		f := formView(g.saved)
		s.StreamMain = func(w *quicktemplate.Writer) { StreamForm(w, f) }
	case "plots":
		line, bars := plotViews(g.lang)
		s.StreamMain = func(w *quicktemplate.Writer) { StreamPlot(w, line); StreamPlot(w, bars) }
	case "notices":
		s.Notice = &NoticeView{Kind: Good, Text: "Saved."}
		s.StreamMain = g.notices
	case "live":
		t := &TableView{Lang: g.lang, ID: "guests", Caption: "Guests", Columns: []ColumnView{{Text: "Online", Number: true}},
			Rows: [][]CellView{{{Text: fmt.Sprint(g.online)}}}, Events: webui.Local("/events", nil)}
		s.StreamMain = func(w *quicktemplate.Writer) { StreamTable(w, t) }
	}
	return s
}

func (g *gallery) notices(w *quicktemplate.Writer) {
	for _, k := range []Kind{Plain, Good, Warning, Bad} {
		StreamNotice(w, &NoticeView{Kind: k, Text: "The clock is not set.", Remedy: "Connect the router to the internet.",
			Action: &LinkView{Text: "Set it", To: webui.Local("/form", nil)}})
		StreamBadge(w, &BadgeView{Kind: k, Text: "State"})
	}
	StreamTabs(w, &TabsView{Label: "Settings", Links: []LinkView{{Text: "Network", To: webui.Local("/notices", nil), Current: true}, {Text: "Clock", To: webui.Local("/form", nil)}}})
	StreamCopy(w, &CopyView{Lang: g.lang, ID: "key", Text: "0123456789abcdef0123456789abcdef"})
	StreamAction(w, &LinkView{Text: "End the session", To: webui.Local("/form", nil), Dialog: "kick"})
	StreamDialog(w, &DialogView{Lang: g.lang, ID: "kick", Title: "End this session?", StreamContent: func(w *quicktemplate.Writer) {
		StreamForm(w, &FormView{To: webui.Local("/save", nil), Submit: ButtonView{Text: "End it", Kind: Bad}})
	}})
}

// save takes the form and answers as a page would: by a redirect to it.
func (g *gallery) save(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.saved = r.FormValue("name")
	g.mu.Unlock()
	w.Header().Set("Location", "/form")
	w.WriteHeader(http.StatusSeeOther)
}

// stream tells a page, each time that the test says so, that it is old.
func (g *gallery) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	for {
		if err := rc.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-g.events:
			fmt.Fprint(w, "data: guests\n\n")
		}
	}
}

func listView(l *webui.Language, second bool) *TableView {
	t := &TableView{Lang: l, ID: "vouchers", Caption: "Vouchers", Columns: []ColumnView{
		{Text: "Code", By: webui.Local("/list", nil), Order: Ascending}, {Text: "State"},
		{Text: "Used", By: webui.Local("/list", nil), Number: true}, {Text: "Note"},
	}}
	for i, kind := range []Kind{Good, Warning, Bad, Plain} {
		code := fmt.Sprintf("K7MPQ%d", i)
		if second {
			code = fmt.Sprintf("SECOND%d", i)
		}
		t.Rows = append(t.Rows, []CellView{{Text: code, To: webui.Local("/form", nil)}, {Badge: &BadgeView{kind, "online"}},
			{Text: "312 MB", Detail: "of 500 MB"}, {Text: "Zimmer 12, أهلا وسهلا Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", Typed: true}})
	}
	if second {
		t.Previous = webui.Local("/list", nil)
	} else {
		t.Next = webui.Local("/list", map[string][]string{"page": {"2"}})
	}
	return t
}

func fieldViews(saved string) []*FieldView {
	return []*FieldView{
		{ID: "name", Name: "name", Label: "Name of the venue", Value: saved, Help: "Guests see it.", MaxLength: 64, Required: true, Autocomplete: "organization"},
		{ID: "mail", Name: "mail", Label: "Email", Value: "a@b.example", Type: "email", Error: "This is another venue’s address.", Help: "For receipts."},
		{ID: "text", Name: "text", Label: "Text", Value: "\nTwo\nlines", Lines: 3, MaxLength: 500},
		{ID: "lang", Name: "lang", Label: "Language", Value: "it", Options: []OptionView{{"en", "English"}, {"it", "Italiano"}}},
		{ID: "free", Name: "free", Label: "Free access", Value: "on", Checkbox: true, Checked: true, Help: "Without a voucher."},
	}
}

func formView(saved string) *FormView {
	fields := fieldViews(saved)
	return &FormView{To: webui.Local("/save", nil), Token: "token", Swap: "main", Submit: ButtonView{Text: "Save", Name: "do", Value: "save"},
		Cancel: &LinkView{Text: "Back", To: webui.Local("/list", nil)},
		StreamFields: func(w *quicktemplate.Writer) {
			for _, f := range fields {
				StreamField(w, f)
			}
		}}
}

func plotViews(l *webui.Language) (line, bars *PlotView) {
	names := []string{"Monday", "Tuesday", "Wednesday", "Thursday"}
	texts := []string{"1 GB", "no data", "4 GB", "2 GB"}
	line = &PlotView{Lang: l, ID: "data", Title: "Data by day", Description: "Most on Wednesday: 4 GB.", Names: names, Axis: "Day", Top: "4 GB",
		Series: []SeriesView{{"Download", []float64{1, 0, 4, 2}, texts}, {"Upload", []float64{.5, 0, .25, 1}, texts}}}
	bars = &PlotView{Lang: l, ID: "logins", Title: "Logins by day", Description: "Most on Tuesday: 9.", Names: names, Axis: "Day", Bars: true, Top: "9",
		Series: []SeriesView{{"Logins", []float64{0, 9, 3, 1}, []string{"0", "9", "3", "1"}}}}
	return line, bars
}

package parts

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/valyala/quicktemplate"
	"golang.org/x/net/html"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// FuzzParts puts a text into every field of every part.
func FuzzParts(f *testing.F) {
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	langs, err := webui.NewLanguages(Files)
	if err != nil {
		f.Fatal(err)
	}
	l := langs.Default()
	link := &LinkView{To: webui.Local("/", nil), Current: true, Dialog: "d"}
	line, bars := plotViews(l)
	line.Description, bars.Top = "x", "x"
	all := struct {
		Shell   *Shell
		Notice  *NoticeView
		Empty   *EmptyView
		Badge   *BadgeView
		Dialog  *DialogView
		Tabs    *TabsView
		Copy    *CopyView
		Table   *TableView
		Nothing *TableView
		Form    *FormView
		Fields  []*FieldView
		Plots   []*PlotView
	}{
		Shell:  &Shell{Page: webui.Page{Lang: l}, Nav: []LinkView{*link}},
		Notice: &NoticeView{Kind: Bad, Action: link}, Empty: &EmptyView{Action: link}, Badge: &BadgeView{},
		Dialog: &DialogView{Lang: l, StreamContent: func(*quicktemplate.Writer) {}}, Tabs: &TabsView{Links: []LinkView{*link}},
		Copy: &CopyView{Lang: l}, Table: listView(l, true), Nothing: &TableView{Lang: l, Empty: &EmptyView{}},
		Form: &FormView{Cancel: link}, Fields: fieldViews(""), Plots: []*PlotView{line, bars},
	}
	all.Shell.StreamMain = func(w *quicktemplate.Writer) {
		StreamNotice(w, all.Notice)
		StreamEmpty(w, all.Empty)
		StreamBadge(w, all.Badge)
		StreamDialog(w, all.Dialog)
		StreamTabs(w, all.Tabs)
		StreamCopy(w, all.Copy)
		StreamTable(w, all.Table)
		StreamTable(w, all.Nothing)
		StreamForm(w, all.Form)
		for _, v := range all.Fields {
			StreamField(w, v)
		}
		for _, v := range all.Plots {
			StreamPlot(w, v)
		}
	}
	f.Fuzz(func(t *testing.T, hostile string) {
		pagetest.Injection(t, hostile, &all, func() string {
			w := httptest.NewRecorder()
			webui.Render(w, 200, all.Shell)
			return w.Body.String()
		})
	})
}

// TestPlotFigures: a plot draws what it is given, nothing beyond its edges.
func TestPlotFigures(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		want   string
	}{
		"none":     {nil, ""},
		"one":      {[]float64{5}, "0,0"},
		"zeros":    {[]float64{0, 0}, "0,200 600,200"},
		"small":    {[]float64{1e9, 1}, "0,0 600,199"},
		"negative": {[]float64{-1, 4, 2}, "0,200 300,0 600,100"},
	} {
		v := &PlotView{Series: []SeriesView{{Values: c.values}}}
		if got := v.points(&v.Series[0]); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		for _, b := range v.bars() {
			if b.x < 0 || b.x+b.width > plotWidth || b.y < 0 || b.y+b.height != plotHeight {
				t.Errorf("%s: bar %v", name, b)
			}
		}
	}
	if (&PlotView{}).bars() != nil || (&PlotView{}).end(true) != "" || (&SeriesView{}).text(3) != "" {
		t.Error("an empty plot has something")
	}
}

// TestTexts: every key that is used has a text, and every text is used.
func TestTexts(t *testing.T) {
	names, err := fs.Glob(os.DirFS("."), "*.qtpl")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	used := map[string]bool{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`T\("([^"]+)"`).FindAllSubmatch(b, -1) {
			used[string(m[1])] = true
		}
	}
	var file struct{ Text map[string]string }
	b, err := webui.TextFile(Files, "en")
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for key := range file.Text {
		if !used[key] {
			t.Errorf("the text %q is not used", key)
		}
	}
	for key := range used {
		if file.Text[key] == "" && !strings.HasPrefix(key, "page.") { // those are shared
			t.Errorf("there is no text %q", key)
		}
	}
}

// TestWeight: what every page of the panel loads first.
func TestWeight(t *testing.T) {
	const budget = 8 << 10 // of the whole panel's 120 KB
	total := 0
	for _, name := range []string{StyleFile, ScriptFile} {
		b, err := fs.ReadFile(Files, name)
		if err != nil {
			t.Fatal(err)
		}
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%-16s %5d bytes gzipped", name, z.Len())
		total += z.Len()
	}
	if total > budget {
		t.Errorf("%d bytes, more than %d", total, budget)
	}
}

// TestTextareaKeepsLines: a parser drops the first line break of a textarea.
func TestTextareaKeepsLines(t *testing.T) {
	w := quicktemplate.AcquireByteBuffer()
	defer quicktemplate.ReleaseByteBuffer(w)
	WriteField(w, &FieldView{Lines: 2, Value: "\n a  b\n"})
	doc, err := html.Parse(bytes.NewReader(w.B))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data == "textarea" && n.Data != "\n a  b\n" {
			t.Errorf("%q", n.Data)
		}
	}
}

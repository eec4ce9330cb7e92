package paneltest

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

// English is the language of views for [Inject], with an area's texts.
func English(f *testing.F, files fs.FS) *webui.Language {
	f.Helper()
	langs, err := webui.NewLanguages(parts.Files, files)
	if err != nil {
		f.Fatal(err)
	}
	return langs.Default()
}

// Inject puts hostile texts, and those that the fuzzer thinks of, into every
// field that views have, and compares what a parser sees of their pages. views
// is a pointer to a struct with all of them; each has something in every field,
// so that its page shows all that it can.
func Inject(f *testing.F, l *webui.Language, views any, pages ...webui.Block) {
	f.Helper()
	for _, s := range pagetest.Hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, hostile string) {
		for _, main := range pages {
			pagetest.Injection(t, hostile, views, func() string {
				w := httptest.NewRecorder()
				webui.Render(w, http.StatusOK, &parts.Shell{Page: webui.Page{Lang: l}, StreamMain: main})
				return w.Body.String()
			})
		}
	})
}

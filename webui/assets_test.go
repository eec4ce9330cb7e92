package webui

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// TestTokensAgree: the colours are written three times for three kinds of
// browsers, and must be the same.
func TestTokensAgree(t *testing.T) {
	b, err := shared.ReadFile("static/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(b)
	blocks := regexp.MustCompile(`(?s):root\{(.*?)\}`).FindAllStringSubmatch(css, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of tokens", len(blocks))
	}
	token := regexp.MustCompile(`--([a-z-]+):([^;]+)`)
	var sets [3]map[string]string
	for i, block := range blocks {
		sets[i] = map[string]string{}
		for _, m := range token.FindAllStringSubmatch(block[1], -1) {
			sets[i][m[1]] = strings.TrimSpace(m[2])
		}
	}
	light, dark, both := sets[0], sets[1], sets[2]
	if len(light) == 0 || len(light) != len(dark) || len(light) != len(both) {
		t.Fatalf("%d, %d and %d tokens", len(light), len(dark), len(both))
	}
	for name, v := range both {
		if want := "light-dark(" + light[name] + "," + dark[name] + ")"; v != want {
			t.Errorf("--%s: %s, want %s", name, v, want)
		}
	}
}

func TestAsset(t *testing.T) {
	a, err := Style("/s.css", fstest.MapFS{"own.css": {Data: []byte("p{margin:0}")}}, "own.css")
	if err != nil {
		t.Fatal(err)
	}
	for query, cached := range map[string]bool{strings.TrimPrefix(a.URL(), a.Path): true, "": false, "?v=old": false} {
		w := httptest.NewRecorder()
		SecurityHeaders(a).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/s.css"+query, nil))
		if got := strings.Contains(w.Header().Get("Cache-Control"), "immutable"); got != cached {
			t.Errorf("%q: cached %v", query, got)
		}
		if !strings.HasSuffix(w.Body.String(), "p{margin:0}") || !strings.Contains(w.Header().Get("Content-Type"), "text/css") {
			t.Errorf("%q: %v %q", query, w.Header(), w.Body)
		}
	}
	if _, err := Style("/s.css", fstest.MapFS{}, "own.css"); err == nil {
		t.Error("a missing style sheet is accepted")
	}
	if icon, err := Icon("/i.svg"); err != nil || !strings.Contains(icon.URL(), "/i.svg?v=") {
		t.Errorf("icon %q, %v", icon.URL(), err)
	}
}

func TestPages(t *testing.T) {
	ps, err := NewPages(fstest.MapFS{
		"templates/one.html":        {Data: []byte(`{{define "main"}}{{.Title}} {{.Missing}}{{end}}`)},
		"templates/two.html":        {Data: []byte(`{{define "main"}}<p>{{.Title}}</p>{{end}}`)},
		"templates/parts/body.html": {Data: []byte(`{{define "body"}}<main>{{template "main" .}}</main>{{end}}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	view := Page{Lang: english(t), Title: "<b>", Site: "Bar & Grill", Style: "/s.css", Icon: "/i.svg"}
	w := httptest.NewRecorder()
	if err := ps.Render(w, http.StatusTeapot, "two", view); err != nil {
		t.Fatal(err)
	}
	body := w.Body.String()
	for _, want := range []string{`<html lang="en" dir="ltr">`, "<main><p>&lt;b&gt;</p></main>", "<title>&lt;b&gt; – Bar &amp; Grill</title>"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if w.Code != http.StatusTeapot || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, name := range []string{"one", "three"} {
		w := httptest.NewRecorder()
		if err := ps.Render(w, http.StatusOK, name, view); err == nil || w.Body.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes sent", name, err, w.Body.Len())
		}
	}
	if _, err := NewPages(fstest.MapFS{"templates/bad.html": {Data: []byte(`{{`)}}); err == nil {
		t.Error("a broken template is accepted")
	}
}

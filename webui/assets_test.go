package webui

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/valyala/quicktemplate"
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

// TestAssetPacked: who can read gzip gets it.
func TestAssetPacked(t *testing.T) {
	text := strings.Repeat("p{margin:0}", 100)
	a, err := Style("/s.css", fstest.MapFS{"own.css": {Data: []byte(text)}}, "own.css")
	if err != nil {
		t.Fatal(err)
	}
	get := func(encodings string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, a.URL().Href(), nil)
		r.Header.Set("Accept-Encoding", encodings)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Header().Get("Vary") != "Accept-Encoding" || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%q: %v", encodings, w.Header())
		}
		return w
	}
	plain := get("")
	for encodings, packed := range map[string]bool{"": false, "br": false, "gzip;q=0": false, "xgzip": false, "gzip": true, "br, GZIP;q=0.5, *;q=0": true} {
		w := get(encodings)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("%q: packed %v", encodings, got)
			continue
		}
		body := w.Body.Bytes()
		if packed {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(body, plain.Body.Bytes()) {
			t.Errorf("%q: another body", encodings)
		}
	}
	if small := newAsset("/a", "text/plain", []byte("a")); small.packed != nil {
		t.Error("a body grows")
	}
}

func TestAsset(t *testing.T) {
	a, err := Style("/s.css", fstest.MapFS{"own.css": {Data: []byte("p{margin:0}")}}, "own.css")
	if err != nil {
		t.Fatal(err)
	}
	for query, cached := range map[string]bool{strings.TrimPrefix(a.URL().Href(), a.Path): true, "": false, "?v=old": false} {
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
	if icon, err := Icon("/i.svg"); err != nil || !strings.Contains(icon.URL().Href(), "/i.svg?v=") {
		t.Errorf("icon %q, %v", icon.URL().Href(), err)
	}
}

// plainView is the smallest page.
type plainView struct{ Page }

func (v plainView) StreamBody(w *quicktemplate.Writer) { w.E().S(v.Title) }

func TestRender(t *testing.T) {
	view := plainView{Page{Lang: english(t), Title: "<b>", Site: "Bar & Grill", Style: Local("/s.css", nil), Icon: URL{}}}
	w := httptest.NewRecorder()
	Render(w, http.StatusTeapot, view)
	body := w.Body.String()
	for _, want := range []string{`<html lang="en" dir="ltr">`, "<body> &lt;b&gt; </body>", "<title>&lt;b&gt; – Bar &amp; Grill</title>",
		`href="/s.css"`, `href="#"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	h := w.Header()
	if w.Code != http.StatusTeapot || h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Content-Length") != strconv.Itoa(len(body)) {
		t.Errorf("%d %v, %d bytes", w.Code, h, len(body))
	}
}

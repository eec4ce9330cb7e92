package webui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed templates
var frames embed.FS

// Page is what the frame of every page needs; each page's view embeds it.
type Page struct {
	Lang  *Language
	Title string // of this page
	Site  string // of the venue; operator's text
	Style string // address of the style sheet
	Icon  string // address of the icon
}

// T looks up a text in the page's language.
func (p Page) T(key string, args ...any) string { return p.Lang.T(key, args...) }

// Pages is a set of page templates.
type Pages struct {
	byName map[string]*template.Template
}

// NewPages reads the templates of a package of pages: each file of templates/
// is one page, and those of templates/parts/ belong to all of them. Together
// they define "body", which the shared frame surrounds.
func NewPages(fsys fs.FS) (*Pages, error) {
	base, err := template.ParseFS(frames, "templates/frame.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(fsys, "templates/*.html")
	if err != nil {
		return nil, err
	}
	parts, err := fs.Glob(fsys, "templates/parts/*.html")
	if err != nil {
		return nil, err
	}
	ps := &Pages{byName: map[string]*template.Template{}}
	for _, f := range names {
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if t, err = t.ParseFS(fsys, append([]string{f}, parts...)...); err != nil {
			return nil, err
		}
		ps.byName[strings.TrimSuffix(path.Base(f), ".html")] = t
	}
	return ps, nil
}

// Render answers with a page. Nothing is sent unless the whole page could be
// made; the error is for the log.
func (ps *Pages) Render(w http.ResponseWriter, status int, name string, view any) error {
	t := ps.byName[name]
	if t == nil {
		return fmt.Errorf("no page is called %q", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "frame", view); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	// A failed write means that the guest went away.
	_, _ = w.Write(b.Bytes())
	return nil
}

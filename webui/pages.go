package webui

import (
	"net/http"
	"strconv"

	"github.com/valyala/quicktemplate"
)

// Page is what the frame of every page needs; each page's view embeds it.
type Page struct {
	Lang  *Language
	Title string // of this page
	Site  string // of the venue; operator's text
	Style URL    // of the style sheet
	Theme URL    // of another one, that of the venue, if it has one
	Icon  URL    // of the icon
	// Script is the address of the page's script module, if it has one: every
	// page must do without it.
	Script URL
	// Chosen is the tag of the language if the reader has chosen it; see
	// [Languages.For] and [Page.Local].
	Chosen string
	// Languages lead to this page in each language; see [Languages.Links].
	Languages []LanguageLink
}

// T looks up a text in the page's language.
func (p Page) T(key string, args ...any) string { return p.Lang.T(key, args...) }

// Head returns what the frame needs; views have it from the Page that they
// embed.
func (p Page) Head() Page { return p }

// View is a page to show. Its StreamBody is what the compiler of the templates
// makes of {% func (v …) Body() %}.
type View interface {
	Head() Page
	StreamBody(w *quicktemplate.Writer)
}

// Block is markup that a template function surrounds: the Stream… function that
// the compiler makes of another template.
type Block = func(w *quicktemplate.Writer)

// Render answers with a page. Nothing is sent before the whole page is made.
func Render(w http.ResponseWriter, status int, v View) { RenderWith(w, status, v, nil) }

// RenderWith is Render with the page passed through a function before it is
// sent; nil: none. What it returns may be valid until it is called again.
func RenderWith(w http.ResponseWriter, status int, v View, through func(page []byte) []byte) {
	b := quicktemplate.AcquireByteBuffer()
	defer quicktemplate.ReleaseByteBuffer(b)
	writeframe(b, v.Head(), v)
	page := b.B
	if through != nil {
		page = through(page)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Language")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	// A failed write means that the guest went away.
	_, _ = w.Write(page)
}

package v1

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// docsStyle is the page's only asset. It stands in the page; the policy names
// its hash.
const docsStyle = `:root{color-scheme:light dark;background:Canvas;color:CanvasText}body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:0 auto;padding:1rem}` +
	`pre,code{font:14px/1.4 ui-monospace,monospace}pre{overflow-x:auto;padding:.6rem;border:1px solid #8886;border-radius:4px}` +
	`table{border-collapse:collapse;width:100%;table-layout:fixed}td,th{text-align:start;vertical-align:top;padding:.3rem .5rem;border-top:1px solid #8886;overflow-wrap:anywhere}` +
	`h3{margin-top:2rem;border-top:2px solid #8886;padding-top:.5rem}nav ul{columns:18rem}nav a{display:block;padding:.2rem 0}small{opacity:.8}`

// docs serves the reference as a page: made here, of the OpenAPI document,
// without anything from elsewhere and without a script.
func (s *server) docs() http.Handler {
	sum := sha256.Sum256([]byte(docsStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		p := &docsPage{doc: s.doc, base: baseOf(r), to: readerOf(r)}
		p.page()
		if _, err := w.Write([]byte(p.b.String())); err != nil {
			cutShort(r, err)
		}
	})
}

// PathDocs is where the reference is.
const PathDocs = Prefix + "/docs"

// Reader is who reads the reference. The zero Reader reads English.
type Reader struct {
	Lang, Dir string
	// Tell says in that language what the page itself says. What the OpenAPI
	// document says stays as it is.
	Tell func(hotspot.Text) string
}

type readerKey struct{}

// ForReader is a request for the reference by somebody.
func ForReader(r *http.Request, to Reader) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), readerKey{}, to))
}

func readerOf(r *http.Request) Reader {
	to, ok := r.Context().Value(readerKey{}).(Reader)
	if !ok {
		to = Reader{"en", "ltr", hotspot.Text.String}
	}
	return to
}

// baseOf is this router's address as the reader's browser knows it. A name or
// an address is taken from the request; anything else is nobody's address.
func baseOf(r *http.Request) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	if _, err := netip.ParseAddrPort(r.Host); err == nil {
		return scheme + r.Host
	}
	for _, c := range r.Host {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]", c) {
			return scheme + "ROUTER"
		}
	}
	return scheme + cmp.Or(r.Host, "ROUTER")
}

// docsPage writes the reference.
type docsPage struct {
	doc  *huma.OpenAPI
	base string
	to   Reader
	b    strings.Builder
}

// english marks what is so in every language: the API's own words.
const english = ` lang="en" dir="ltr"`

// say is what the page itself says, in the reader's language.
//
//go:noinline // as put
func (p *docsPage) say(format string, args ...any) string {
	return esc(p.to.Tell(hotspot.Textf(format, args...)))
}

// documented is an operation with its place.
type documented struct {
	method, path string
	op           *huma.Operation
}

// groups are the operations by what they are about, in order of path.
func (p *docsPage) groups() (names []string, all map[string][]documented) {
	all = map[string][]documented{}
	for path, item := range p.doc.Paths {
		group, _, _ := strings.Cut(strings.TrimPrefix(path, Prefix+"/"), "/")
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete} {
			if op != nil {
				all[group] = append(all[group], documented{method, path, op})
			}
		}
	}
	for name, list := range all {
		names = append(names, name)
		sort.Slice(list, func(i, j int) bool { return list[i].path+list[i].method < list[j].path+list[j].method })
	}
	slices.Sort(names)
	return names, all
}

// put writes markup of ours; text goes through esc.
//
//go:noinline // it takes much code where it is called
func (p *docsPage) put(parts ...string) {
	for _, s := range parts {
		p.b.WriteString(s)
	}
}

//go:noinline // the same
func esc(s string) string { return html.EscapeString(s) }

func (p *docsPage) page() {
	names, all := p.groups()
	p.put(`<!doctype html><html lang="`, esc(p.to.Lang), `" dir="`, esc(p.to.Dir), `"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
		`<title>Vouchsafe API</title><style>`, docsStyle, `</style></head><body><main><h1><bdi>Vouchsafe API</bdi></h1>`)
	if p.to.Lang != "en" {
		p.put(`<p>`, p.say("The API's own words are English, and so are its descriptions here."), `</p>`)
	}
	p.put(`<p`, english, `>`, esc(p.doc.Info.Description), `</p><p><a href="openapi.json">`, p.say("For programs: the same as OpenAPI 3.1"), `</a></p><p>`,
		p.say("Put an API key or an access token in the place of %s. It goes with every request, as %s or %s, and opens what its scopes say.",
			"$KEY", "Authorization: Bearer", "x-api-key"), `</p>`)
	p.put(`<nav><ul`, english, `>`)
	for _, name := range names {
		for _, d := range all[name] {
			p.put(`<li><a href="#`, esc(d.op.OperationID), `">`, esc(d.op.Summary), `</a>`)
		}
	}
	p.put(`</ul></nav>`)
	for _, name := range names {
		p.put(`<h2`, english, `>`, esc(name), `</h2>`)
		for _, d := range all[name] {
			p.operation(d)
		}
	}
	p.problems()
	p.put(`</main></body></html>`)
}

func (p *docsPage) operation(d documented) {
	p.put(`<section id="`, esc(d.op.OperationID), `"><h3`, english, `>`, esc(d.op.Summary), `</h3><p><code dir="ltr">`, d.method, ` `, esc(d.path), `</code><br><small>`, p.needs(d.op), `</small></p>`)
	if d.op.Description != "" {
		p.put(`<p`, english, `>`, esc(d.op.Description), `</p>`)
	}
	if len(d.op.Parameters) > 0 {
		p.put(`<h4>`, p.say("Parameters"), `</h4><table>`)
		for _, param := range d.op.Parameters {
			p.row(param.Name, param.In+", "+kind(param.Schema), param.Required, param.Description)
		}
		p.put(`</table>`)
	}
	if d.op.RequestBody != nil {
		p.body(p.say("Body"), d.op.RequestBody.Content)
	}
	p.put(`<h4>`, p.say("Example"), `</h4><pre dir="ltr" tabindex="0">`, esc(p.curl(d)), `</pre>`)
	for status, answer := range d.op.Responses {
		if status != "default" {
			p.body(p.say("Answer %s", status), answer.Content)
		}
	}
	p.put(`</section>`)
}

// needs says what a caller must have.
func (p *docsPage) needs(op *huma.Operation) string {
	var out string
	switch {
	case len(op.Security) == 0:
		out = p.say("Needs no credential.")
	case len(op.Security[0][bearerScheme]) == 0:
		out = p.say("Needs any valid credential.")
	default:
		out = p.say("Needs the scope %s.", op.Security[0][bearerScheme][0])
	}
	if op.Extensions["x-writes"] == true {
		out += " " + p.say("Not for read-only callers.")
	}
	return out
}

// body lists the fields of a body under a title, which is markup.
func (p *docsPage) body(title string, content map[string]*huma.MediaType) {
	p.put(`<h4>`, title, `</h4>`)
	if len(content) == 0 {
		p.put(`<p>`, p.say("It has no body."), `</p>`)
	}
	for mediaType, m := range content {
		p.put(`<p><code dir="ltr">`, esc(mediaType), `</code></p>`)
		if m.Schema != nil {
			p.fields(m.Schema, "", 0)
		}
	}
}

// maxDepth is how deep fields in fields are shown.
const maxDepth = 3

func (p *docsPage) fields(s *huma.Schema, prefix string, depth int) {
	s = p.resolve(s)
	if s.Type == "array" && s.Items != nil {
		s = p.resolve(s.Items)
		prefix += "[]"
	}
	if len(s.Properties) == 0 || depth > maxDepth {
		return
	}
	if depth == 0 {
		p.put(`<table>`)
		defer p.put(`</table>`)
	}
	for _, name := range sortedKeys(s.Properties) {
		field := s.Properties[name]
		full := name
		if prefix != "" {
			full = prefix + "." + name
		}
		p.row(full, kind(p.resolve(field)), slices.Contains(s.Required, name), field.Description)
		p.fields(field, full, depth+1)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (p *docsPage) resolve(s *huma.Schema) *huma.Schema {
	if len(s.AnyOf) > 0 { // as orNull makes it
		to := *p.resolve(s.AnyOf[0])
		to.Nullable = true
		return &to
	}
	if s.Ref != "" {
		if to := p.doc.Components.Schemas.SchemaFromRef(s.Ref); to != nil {
			return to
		}
	}
	return s
}

func (p *docsPage) row(name, kind string, required bool, doc string) {
	p.put(`<tr><td><code dir="ltr">`, esc(name), `</code><td><span`, english, `>`, esc(kind), `</span>`)
	if required {
		p.put(` (`, p.say("required"), `)`)
	}
	p.put(`<td`, english, `>`, esc(doc), `</tr>`)
}

func kind(s *huma.Schema) string {
	k := s.Type
	if s.Nullable {
		k += " or null"
	}
	for i, v := range s.Enum {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		if text, ok := v.(string); ok {
			k += sep + text
		}
	}
	return k
}

// curl is a request to be copied.
func (p *docsPage) curl(d documented) string {
	out := "curl -X " + d.method
	if len(d.op.Security) > 0 {
		out += ` -H "Authorization: Bearer $KEY"`
	}
	if d.op.RequestBody != nil {
		for mediaType, m := range d.op.RequestBody.Content {
			out += " \\\n  -H 'Content-Type: " + mediaType + "'"
			switch {
			case m.Schema != nil:
				out += " \\\n  -d '" + p.sample(m.Schema) + "'"
			default:
				out += " \\\n  --data-binary @file"
			}
		}
	}
	path := strings.NewReplacer("{username}", "anna", "{mac}", "02:00:5E:10:00:01", "{key}", "api.post", "{", "", "}", "").Replace(d.path)
	return out + " \\\n  " + p.base + path
}

// sample is a body with its required fields, or the first one.
func (p *docsPage) sample(s *huma.Schema) string {
	s = p.resolve(s)
	var out []string
	for _, name := range sortedKeys(s.Properties) {
		if slices.Contains(s.Required, name) {
			out = append(out, strconv.Quote(name)+":"+p.value(s.Properties[name]))
		}
	}
	return "{" + strings.Join(out, ",") + "}"
}

func (p *docsPage) value(s *huma.Schema) string {
	s = p.resolve(s)
	switch s.Type {
	case "object":
		return p.sample(s)
	case "array":
		return "[]"
	case "integer", "number":
		return "1"
	case "boolean":
		return "true"
	}
	return `"text"`
}

// problems describes the answers that say no.
func (p *docsPage) problems() {
	p.put(`<h2>`, p.say("Errors"), `</h2><p>`, p.say("Every error is %s (RFC 9457). Its code is for programs:", problemType), `</p><table>`)
	for _, row := range statuses {
		p.row(string(row.code), strconv.Itoa(row.status), false, http.StatusText(row.status))
	}
	p.row(string(CodeUnauthorized), "401", false, http.StatusText(http.StatusUnauthorized))
	p.row(string(CodeInProgress), "409", false, errReceiptBusy.Error())
	p.row(string(CodeKeyReused), "422", false, errReceiptOther.Error())
	p.put(`</table>`)
}

package panel

import (
	"fmt"
	"io/fs"
	"net/http"
	"slices"

	"github.com/vouchsafe/vouchsafe/api"
)

// Section is an area of the panel.
type Section struct {
	Nav   []NavItem
	Pages []Page
	Files fs.FS // with its texts in lang/
}

// NavItem is an entry of the navigation.
type NavItem struct {
	_ [0]func() // never compared

	Key    string // of its text
	Path   string
	Access Access // to whom it is shown
}

// Page is what is served at one address.
type Page struct {
	Method string // GET answers HEAD, too
	// Path is a pattern of [http.ServeMux]: "/vouchers/{username}". It names a
	// page, not a tree: "/" is the first page only.
	Path   string
	Access Access // must be given
	Serve  func(q *Request)
	// MaxBody bounds the body of a POST, in bytes; 0: 64 KiB. Where it is given,
	// the form may bring a file, as its last field: [Request.File].
	MaxBody int64
}

// PageOf is a [Page] that is served by a method of A, given as (*area).list.
// As a.list, it would be a function more in the program.
type PageOf[A any] struct {
	Method  string
	Path    string
	Access  Access
	Serve   func(of A, q *Request)
	MaxBody int64
}

// PagesOf makes pages of methods. A is a pointer, so that PagesOf is compiled once.
func PagesOf[A any](of A, pages []PageOf[A]) []Page {
	list := make([]Page, 0, len(pages))
	for _, p := range pages {
		page := Page{Method: p.Method, Path: p.Path, Access: p.Access, MaxBody: p.MaxBody}
		if p.Serve != nil {
			page.Serve = func(q *Request) { p.Serve(of, q) }
		}
		list = append(list, page)
	}
	return list
}

// pattern is the page's for the mux.
func (p *Page) pattern() string {
	if p.Path == "/" {
		return p.Method + " /{$}"
	}
	return p.Method + " " + p.Path
}

// check panics if the page is not fit to be served: a mistake in our own code.
func (p *Page) check() {
	if p.Access.kind == 0 || p.Serve == nil || p.Method != http.MethodGet && p.Method != http.MethodPost {
		panic(fmt.Sprintf("panel: %s %s needs an access, a method that is GET or POST, and something to serve it", p.Method, p.Path))
	}
	if p.Method == http.MethodPost && p.Access.kind == accessReads {
		panic(fmt.Sprintf("panel: POST %s is open to those who may only read", p.Path))
	}
}

// Access says who may open a page. The zero Access is nobody's decision: it
// panics when the panel is made.
type Access struct {
	kind  accessKind
	scope api.Scope
}

type accessKind uint8

const (
	accessOpen accessKind = iota + 1
	accessSignedIn
	accessReads
	accessWrites
)

// Open is for everybody on the LAN, signed in or not.
func Open() Access { return Access{kind: accessOpen} }

// SignedIn is for every operator.
func SignedIn() Access { return Access{kind: accessSignedIn} }

// Reads is for operators with a scope.
func Reads(s api.Scope) Access { return Access{accessReads, s} }

// Writes is for operators with a scope who may change things. What shows
// credentials counts as writing.
func Writes(s api.Scope) Access { return Access{accessWrites, s} }

// Lets reports whether the access lets somebody in.
func (a Access) Lets(p *api.Principal) bool {
	switch a.kind {
	case accessOpen:
		return true
	case accessSignedIn:
		return signedIn(p)
	case accessReads:
		return signedIn(p) && p.May(a.scope)
	case accessWrites:
		return signedIn(p) && p.May(a.scope) && !p.ReadOnly
	}
	return false
}

func signedIn(p *api.Principal) bool {
	return p != nil && p.Kind == api.CallerOperator && p.Session != (api.ID{}) && !p.Revoked()
}

// String describes the access for people.
func (a Access) String() string {
	switch a.kind {
	case accessOpen:
		return "everybody on the LAN"
	case accessSignedIn:
		return "every operator"
	case accessReads:
		return "operators with the scope " + string(a.scope)
	case accessWrites:
		return "operators with the scope " + string(a.scope) + ", not read-only"
	}
	return "nobody"
}

// pages lists those of all sections.
func pages(sections []Section) []Page {
	var all []Page
	for _, s := range sections {
		all = slices.Concat(all, s.Pages)
	}
	return all
}

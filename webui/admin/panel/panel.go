package panel

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel/machine"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel/rules"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the kit's own texts.
//
//go:embed lang/*.deflate
var Files embed.FS

// People knows who is signed in; *operators.Operators does.
type People interface {
	// Empty reports whether nobody is an operator yet.
	Empty(ctx context.Context) (bool, error)
	// Session returns who is signed in with a cookie, or [api.ErrWrongKey]. used
	// says that somebody does something: without that, a session ends in time.
	Session(ctx context.Context, cookie string, from netip.Addr, used bool) (*api.Principal, error)
	// CheckForm refuses a form that did not come from a page of that session.
	CheckForm(r *http.Request, token string) error
	// CheckOrigin refuses a request of another site.
	CheckOrigin(r *http.Request) error
}

// Config is what a panel is made of.
type Config struct {
	People People // must not be nil
	// FormToken is what a page's form sends back to [People.CheckForm], for the
	// session of a cookie. Must not be nil.
	FormToken func(cookie string) string
	Site      func() string // the venue's name; must not be nil
	// Now tells the house's time, in the venue's zone. Must not be nil.
	Now func() time.Time
	Log *slog.Logger // must not be nil
	// Sections are the areas, in the order of the navigation.
	Sections []Section
}

// Addresses of pages that the kit leads to, and those of its assets.
const (
	PathSignIn  = "/sign-in"
	PathSignOut = "/sign-out"
	PathConfirm = "/confirm"
	PathSetup   = "/setup"
	PathAccount = "/account"
	pathStyle   = "/assets/panel.css"
	pathScript  = "/assets/panel.js"
	pathIcon    = "/assets/icon.svg"
)

// Panel serves the operator's pages.
type Panel struct {
	cfg     Config
	log     *slog.Logger
	langs   *webui.Languages
	style   webui.Asset
	script  webui.Asset
	icon    webui.Asset
	mux     *http.ServeMux
	pages   []Page
	notices notices
	packer  packer
}

// New returns the panel's handler. The listener's front door must have refused
// requests for other hosts.
func New(cfg Config) (*Panel, error) {
	p := &Panel{cfg: cfg, log: cfg.Log.With("component", "panel"), mux: http.NewServeMux(), pages: pages(cfg.Sections)}
	texts := []fs.FS{parts.Files, Files, rules.Files, machine.Files}
	for _, s := range cfg.Sections {
		if s.Files != nil {
			texts = append(texts, s.Files)
		}
	}
	var errs [4]error
	p.langs, errs[0] = webui.NewLanguages(texts...)
	p.style, errs[1] = webui.Style(pathStyle, parts.Files, parts.StyleFile)
	p.script, errs[2] = webui.Script(pathScript, parts.Files, parts.ScriptFile)
	p.icon, errs[3] = webui.Icon(pathIcon)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("panel: %w", err)
	}
	for _, a := range []webui.Asset{p.style, p.script, p.icon} {
		p.mux.Handle("GET "+a.Path, webui.SecurityHeaders(a))
	}
	for i := range p.pages {
		page := &p.pages[i]
		page.check()
		p.mux.Handle(page.pattern(), p.handler(page))
	}
	return p, nil
}

// Pages lists every page, for tests that try all of them.
func (p *Panel) Pages() []Page { return p.pages }

// Languages are those that the pages can be shown in.
func (p *Panel) Languages() *webui.Languages { return p.langs }

// Reader is who asks for a page that is not the panel's: the language's tag and
// direction, and what tells texts of package machine in it.
func (p *Panel) Reader(r *http.Request) (lang, dir string, tell func(hotspot.Text) string) {
	l, _ := p.langs.For(r)
	return l.Tag, l.Dir, func(t hotspot.Text) string { return argument(l, "v", t) }
}

// ServeHTTP implements http.Handler.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	api.Recover(p.log, p.broken, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.has(r) {
			p.mux.ServeHTTP(w, r)
			return
		}
		p.handler(&Page{Access: Open(), Serve: p.nowhere}).ServeHTTP(w, r)
	})).ServeHTTP(w, r)
}

// has reports whether there is a page for a request. Odd paths have none: the mux
// would redirect from them, and nobody is led there by us.
func (p *Panel) has(r *http.Request) bool {
	_, pattern := p.mux.Handler(r)
	return pattern != "" && path.Clean(r.URL.EscapedPath()) == r.URL.EscapedPath()
}

// nowhere answers for an address that no page has, or not for this method.
func (p *Panel) nowhere(q *Request) {
	other := q.Request.Clone(q.Context())
	other.Method = http.MethodGet
	if q.Method == http.MethodGet || q.Method == http.MethodHead {
		other.Method = http.MethodPost
	}
	if p.has(other) {
		q.W.Header().Set("Allow", other.Method)
		q.fault(http.StatusMethodNotAllowed, "method", "")
		return
	}
	q.fault(http.StatusNotFound, "not_found", "")
}

// broken answers after a panic.
func (p *Panel) broken(w http.ResponseWriter, r *http.Request) {
	p.request(w, r, nil).fault(http.StatusInternalServerError, "internal", "")
}

// handler serves one page to whom its access lets in.
func (p *Panel) handler(page *Page) http.Handler {
	return webui.SecurityHeaders(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", parts.ContentSecurityPolicy)
		by, err := p.who(r)
		if err != nil {
			p.request(w, r, nil).Fail(err)
			return
		}
		q := p.request(w, r, by)
		if !page.Access.Lets(by) {
			p.turnAway(q)
			return
		}
		if by != nil {
			notes := api.NotesOf(r.Context())
			notes.Caller, notes.Quiet = by.String(), q.Renews() // an open log would have news of itself
			ctx, end := by.Within(r.Context())
			defer end()
			q.Request = r.WithContext(ctx)
		}
		if page.Method == http.MethodPost && !q.readForm(page) {
			return
		}
		page.Serve(q)
	}))
}

// who finds out who is signed in: nil for nobody.
func (p *Panel) who(r *http.Request) (*api.Principal, error) {
	cookie := api.SessionCookie(r)
	if cookie == "" {
		return nil, nil
	}
	by, err := p.cfg.People.Session(r.Context(), cookie, api.Peer(r), !api.Unattended(r))
	if errors.Is(err, api.ErrWrongKey) {
		return nil, nil
	}
	return by, err
}

// turnAway answers somebody whom a page's access does not let in.
func (p *Panel) turnAway(q *Request) {
	if signedIn(q.By) {
		q.fault(http.StatusForbidden, "forbidden", "")
		return
	}
	empty, err := p.cfg.People.Empty(q.Context())
	if err != nil {
		q.Fail(err)
		return
	}
	if empty {
		q.Go(q.To(PathSetup))
		return
	}
	next := "/"
	if q.Method == http.MethodGet {
		next = q.URL.RequestURI()
	} else if back := q.from(); back != "" {
		next = back
	}
	q.Go(q.To(PathSignIn, "next", next))
}

// request makes what a page's Serve gets.
func (p *Panel) request(w http.ResponseWriter, r *http.Request, by *api.Principal) *Request {
	if by == nil {
		by = new(api.Principal)
	}
	q := &Request{Request: r, W: w, By: by, panel: p, Form: url.Values{}}
	q.Lang, q.chosen = p.langs.For(r)
	return q
}

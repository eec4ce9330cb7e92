package account

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Account is whose page it is.
type Account struct {
	ID, Name     string
	Token        string // name of the token that opened it
	Usage, Limit int    // of routers
	Licensed     bool
	Expires      time.Time // of the licence; zero: never
	Ended        time.Time // of a licence that has expired; zero: it has none
	EndedLimit   int       // what that one allowed
}

// Router is one of an account's.
type Router struct {
	Prefix, Host, Name, Version string
	Online                      bool
	LastSeen                    time.Time // zero: never
}

// Token is one of an account's.
type Token struct {
	Name    string
	Expires time.Time // zero: never
}

// Service is what the pages ask and do.
type Service interface {
	// Open returns the account that a token opens.
	Open(ctx context.Context, token string) (Account, error)
	// Routers lists some of an account's routers, behind the one that next was for
	// on the page before. Without a next, there are no more.
	Routers(ctx context.Context, account, after string) (page []Router, next string, err error)
	// Router returns an account's router.
	Router(ctx context.Context, account, prefix string) (Router, error)
	NewClaim(ctx context.Context, account string) (code string, expires time.Time, err error)
	Rotate(ctx context.Context, account, prefix string) error
	RemoveRouter(ctx context.Context, account, prefix string) error
	Tokens(ctx context.Context, account string) ([]Token, error)
	// CreateToken makes a token for so many days, -1 for ever.
	CreateToken(ctx context.Context, account, name string, days int) (token string, err error)
	RemoveToken(ctx context.Context, account, name string) error
	SetLicense(ctx context.Context, account, text string) error
}

// Config is what the pages are made of.
type Config struct {
	Service Service // must not be nil
	// Status is the HTTP status of a refusal, and 0 for what is no refusal but a
	// failure. Must not be nil.
	Status func(err error) int
	Site   string // the cloud's domain
	// Secret seals cookies: 32 bytes, the same at each of a cloud's relays.
	Secret []byte
	Now    func() time.Time // must not be nil
	Log    *slog.Logger     // must not be nil
}

// Addresses of assets.
const (
	pathStyle  = "/assets/panel.css"
	pathScript = "/assets/panel.js"
	pathIcon   = "/assets/icon.svg"
)

// Pages serves the account page.
type Pages struct {
	cfg                 Config
	log                 *slog.Logger
	sealed              *sealer
	langs               *webui.Languages
	style, script, icon webui.Asset
	mux                 *http.ServeMux
	origins             *http.CrossOriginProtection
}

// New returns the pages' handler.
func New(cfg Config) (*Pages, error) {
	p := &Pages{cfg: cfg, log: cfg.Log.With("component", "account"), mux: http.NewServeMux(), origins: http.NewCrossOriginProtection()}
	var errs [5]error
	p.langs, errs[0] = webui.NewLanguages(parts.Files, Files)
	p.style, errs[1] = webui.Style(pathStyle, parts.Files, parts.StyleFile)
	p.script, errs[2] = webui.Script(pathScript, parts.Files, parts.ScriptFile)
	p.icon, errs[3] = webui.Icon(pathIcon)
	p.sealed, errs[4] = newSealer(cfg.Secret)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("account page: %w", err)
	}
	for _, a := range []webui.Asset{p.style, p.script, p.icon} {
		p.mux.Handle("GET "+a.Path, webui.SecurityHeaders(a))
	}
	for _, page := range []struct {
		pattern string
		open    bool // to those who are not signed in
		serve   func(*request)
	}{
		{"GET /{$}", false, (*request).routers}, {"POST /claims", false, (*request).claim},
		{"GET /routers/{prefix}/rotate", false, (*request).askRotate}, {"POST /routers/{prefix}/rotate", false, (*request).rotate},
		{"GET /routers/{prefix}/remove", false, (*request).askRemove}, {"POST /routers/{prefix}/remove", false, (*request).remove},
		{"GET /tokens", false, (*request).tokens}, {"POST /tokens", false, (*request).createToken},
		{"GET /tokens/{name}/remove", false, (*request).askRemoveToken}, {"POST /tokens/{name}/remove", false, (*request).removeToken},
		{"GET /license", false, (*request).license}, {"POST /license", false, (*request).setLicense},
		{"GET /sign-in", true, (*request).askSignIn}, {"POST /sign-in", true, (*request).signIn}, {"POST /sign-out", false, (*request).signOut},
	} {
		p.mux.Handle(page.pattern, p.handler(page.open, page.serve))
	}
	p.mux.Handle("/", p.handler(true, (*request).nowhere))
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// maxForm bounds a form, in bytes.
const maxForm = 16 << 10

// handler serves one page.
func (p *Pages) handler(open bool, serve func(*request)) http.Handler {
	return webui.SecurityHeaders(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", parts.ContentSecurityPolicy)
		q := &request{Request: r, w: w, p: p}
		q.lang, q.chosen = p.langs.For(r)
		if err := q.who(); err != nil {
			q.fail(err)
			return
		}
		if r.Method == http.MethodPost && !q.readForm() {
			return
		}
		if !open && !q.signedIn {
			q.forget()
			q.goTo("/sign-in")
			return
		}
		serve(q)
	}))
}

// request is one request.
type request struct {
	*http.Request
	w        http.ResponseWriter
	p        *Pages
	lang     *webui.Language
	chosen   string
	form     url.Values
	cookie   string
	signedIn bool
	account  Account
}

func (q *request) t(key string, args ...any) string { return q.lang.T(key, args...) }

// who finds out who is signed in.
func (q *request) who() error {
	c, err := q.Cookie(cookieName)
	if err != nil {
		return nil // nobody is
	}
	token, ok := q.p.sealed.open(c.Value, q.p.cfg.Now())
	if !ok {
		return nil
	}
	acc, err := q.p.cfg.Service.Open(q.Context(), token)
	if err != nil && q.p.cfg.Status(err) == http.StatusUnauthorized {
		return nil // it was removed, or has expired
	}
	q.cookie, q.account, q.signedIn = c.Value, acc, err == nil
	return err
}

// readForm reads a form, which must come from a page of ours.
func (q *request) readForm() bool {
	q.Body = http.MaxBytesReader(q.w, q.Body, maxForm)
	err := q.ParseForm()
	if err != nil || q.p.origins.Check(q.Request) != nil || q.signedIn && !q.p.sealed.isForm(q.cookie, q.PostForm.Get("token")) {
		q.fault(http.StatusForbidden, "foreign")
		return false
	}
	q.form = q.PostForm
	for _, values := range q.form {
		for i := range values {
			values[i] = strings.TrimSpace(strings.ToValidUTF8(values[i], "\uFFFD"))
		}
	}
	return true
}

// to is the address of a page, in the chosen language.
func (q *request) to(path string, query ...string) webui.URL {
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	return q.page("").Local(path, values)
}

func (q *request) goTo(path string, query ...string) {
	q.w.Header().Set("Location", q.to(path, query...).Href())
	q.w.WriteHeader(http.StatusSeeOther)
}

func (q *request) page(title string) webui.Page {
	p := q.p
	return webui.Page{Lang: q.lang, Title: title, Site: p.cfg.Site, Style: p.style.URL(), Script: p.script.URL(), Icon: p.icon.URL(), Chosen: q.chosen}
}

// show answers with a page.
func (q *request) show(status int, title string, blocks ...webui.Block) {
	webui.Render(q.w, status, q.shell(title, blocks...))
}

// shell is a page with its frame.
func (q *request) shell(title string, blocks ...webui.Block) *parts.Shell {
	s := &parts.Shell{Page: q.page(title), Bare: !q.signedIn, StreamMain: stack(blocks...)}
	query, path := q.URL.Query(), q.URL.Path
	if q.Method == http.MethodPost { // its address may lead nowhere without a form
		query, path = nil, "/"
	}
	s.Languages = q.p.langs.Links(q.lang, path, query)
	if !q.signedIn {
		return s
	}
	for _, n := range [...]struct{ key, path string }{{"routers", "/"}, {"tokens", "/tokens"}, {"license", "/license"}} {
		s.Nav = append(s.Nav, parts.LinkView{Text: q.t("account.nav." + n.key), To: q.to(n.path), Current: q.URL.Path == n.path})
	}
	s.Account = &parts.LinkView{Text: q.account.Name, To: q.to("/")}
	s.SignOut = &parts.FormView{To: q.to("/sign-out"), Token: q.token(), Submit: parts.ButtonView{Text: q.t("account.sign_out"), Second: true}}
	s.Notice = q.notice()
	return s
}

// notices are what a page may say after something was done, by the word in its
// address: no text comes from there.
var notices = map[string]parts.Kind{"rotated": parts.Good, "removed": parts.Good, "token_removed": parts.Good, "license": parts.Good, "gone": parts.Warning}

func (q *request) notice() *parts.NoticeView {
	word := q.URL.Query().Get("done")
	kind, ok := notices[word]
	if !ok || q.Method == http.MethodPost {
		return nil
	}
	return &parts.NoticeView{Kind: kind, Text: q.t("account.done." + word)}
}

// token is what every form of this session carries.
func (q *request) token() string {
	if !q.signedIn {
		return ""
	}
	return q.p.sealed.formToken(q.cookie)
}

func (q *request) nowhere() { q.fault(http.StatusNotFound, "not_found") }

// fault answers with a page that says what is wrong.
func (q *request) fault(status int, key string) {
	q.show(status, q.t("account.fault."+key), notice(&parts.NoticeView{Kind: parts.Warning, Text: q.t("account.fault." + key + ".text"),
		Action: &parts.LinkView{Text: q.t("account.back"), To: q.to("/")}}))
}

// fail answers for what was refused without a place to say so, and for failures.
func (q *request) fail(err error) {
	switch status := q.p.cfg.Status(err); status {
	case http.StatusNotFound, http.StatusConflict:
		q.goTo("/", "done", "gone")
	case 0:
		q.p.log.Error("the account page failed", "error", err)
		q.fault(http.StatusInternalServerError, "busy")
	default:
		q.fault(status, "busy")
	}
}

// time writes a moment in UTC, whole.
func (q *request) time(key string, t time.Time) string {
	return q.t(key, "time", q.lang.Time(t.UTC(), q.p.cfg.Now().UTC()))
}

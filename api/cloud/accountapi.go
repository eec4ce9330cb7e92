package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// accountRoute is a call of the account API.
type accountRoute struct {
	pattern string // of [http.ServeMux]
	serve   func(r *Relay, c *call) (any, error)
}

// accountRoutes is the account API.
func accountRoutes() []accountRoute {
	return []accountRoute{
		{"GET /v1/account", (*Relay).getAccount},
		{"GET /v1/account/license", (*Relay).getLicense},
		{"POST /v1/account/license", (*Relay).postLicense},
		{"GET /v1/account/tokens", (*Relay).getTokens},
		{"POST /v1/account/tokens", (*Relay).postToken},
		{"DELETE /v1/account/tokens/{name}", (*Relay).deleteToken},
		{"GET /v1/account/routers", (*Relay).getRouters},
		{"POST /v1/account/routers/{prefix}/rotate", (*Relay).postRotate},
		{"DELETE /v1/account/routers/{prefix}", (*Relay).deleteRouter},
		{"POST /v1/account/claims", (*Relay).postClaim},
	}
}

// call is one call, by an account.
type call struct {
	*http.Request
	account Account
	fields  map[string]json.RawMessage
}

// accountAPI serves api.<domain>.
func (r *Relay) accountAPI() http.Handler {
	mux := http.NewServeMux()
	for _, route := range accountRoutes() {
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, req *http.Request) {
			v, err := r.call(w, req, route)
			r.answer(w, v, err)
		})
	}
	mux.HandleFunc("POST /v1/enrol", r.enrol)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.cfg.Pages != nil && req.URL.Path != "/v1" && !strings.HasPrefix(req.URL.Path, "/v1/") {
			noteOf(w).kind = kindPage
			r.pages(w, req)
			return
		}
		noteOf(w).kind = kindAccount
		// A path that is not clean would be answered with a page that leads elsewhere.
		if _, pattern := mux.Handler(req); pattern == "" || path.Clean(req.URL.Path) != req.URL.Path {
			r.answer(w, nil, refuse(http.StatusNotFound, "there is nothing at this path for this method"))
			return
		}
		mux.ServeHTTP(w, req)
	})
}

// pages serves the account page.
func (r *Relay) pages(w http.ResponseWriter, req *http.Request) {
	if req.Method == http.MethodPost {
		noteOf(w).call = "POST " + clip(req.URL.Path)
		if !r.clients.take(clientKey(api.Peer(req))) {
			r.tooMany(w)
			return
		}
	}
	r.cfg.Pages.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), pageKey{}, noteOf(w))))
}

// pageKey is what a request of the account page carries what is remembered of it as.
type pageKey struct{}

// Opened notes, for the log, whose a request of the account page is.
func Opened(ctx context.Context, account, token string) {
	if rec, ok := ctx.Value(pageKey{}).(*recorder); ok {
		rec.account, rec.token = account, token
	}
}

// call finds out whose call it is, reads its body, and serves it.
func (r *Relay) call(w http.ResponseWriter, req *http.Request, route accountRoute) (any, error) {
	client := clientKey(api.Peer(req))
	if !r.clients.take(client) {
		return nil, refuse(http.StatusTooManyRequests, "too many requests; slow down")
	}
	token := req.Header.Get("X-Api-Key")
	if scheme, bearer, ok := strings.Cut(req.Header.Get("Authorization"), " "); ok && token == "" && strings.EqualFold(scheme, "Bearer") {
		token = bearer
	}
	acc, t, err := r.cfg.Accounts.Open(req.Context(), token)
	if err != nil {
		return nil, err
	}
	rec := noteOf(w)
	rec.account, rec.token, rec.call = acc.ID, t.Name, route.pattern
	c := &call{Request: req, account: acc}
	if req.Method == http.MethodPost {
		if c.fields, err = readFields(w, req); err != nil {
			return nil, err
		}
	}
	return route.serve(r, c)
}

// readFields reads a body that is a JSON object, whatever its type says: the
// source's own examples send none.
func readFields(w http.ResponseWriter, req *http.Request) (map[string]json.RawMessage, error) {
	b, err := readBody(w, req)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	if len(strings.TrimSpace(string(b))) > 0 && json.Unmarshal(b, &fields) != nil {
		return nil, refuse(http.StatusBadRequest, "the body is not a JSON object")
	}
	return fields, nil
}

// text returns a field that must be a text.
func (c *call) text(name string) (string, error) {
	var s string
	raw, ok := c.fields[name]
	if !ok || json.Unmarshal(raw, &s) != nil || s == "" {
		return "", refuse(http.StatusUnprocessableEntity, "%s: a text is needed", name)
	}
	return s, nil
}

// number returns a field that must be a whole number, or its default.
func (c *call) number(name string, def int) (int, error) {
	raw, ok := c.fields[name]
	if !ok {
		return def, nil
	}
	var f float64
	if json.Unmarshal(raw, &f) != nil || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0, refuse(http.StatusUnprocessableEntity, "%s: a whole number is needed", name)
	}
	return int(f), nil
}

func (r *Relay) answer(w http.ResponseWriter, v any, err error) {
	if err == nil {
		writeJSON(w, http.StatusOK, v)
		return
	}
	refusal := r.refusal(err)
	if refusal.Status == http.StatusTooManyRequests || refusal.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, refusal.Status, struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
	}{refusal.Status, refusal.Text})
}

type accountAnswer struct {
	Account struct {
		Prefix          string `json:"prefix"`
		ActivationUsage int    `json:"activationUsage"`
		ActivationLimit int    `json:"activationLimit"`
	} `json:"account"`
	Status   int      `json:"status"`
	Products Products `json:"products"`
}

func (r *Relay) getAccount(c *call) (any, error) {
	var a accountAnswer
	a.Account.Prefix, a.Account.ActivationUsage, a.Account.ActivationLimit = c.account.ID, c.account.Usage, c.account.Limit(r.cfg.Now())
	a.Status, a.Products = http.StatusOK, Products{[]Product{}, []Product{}}
	if r.cfg.Products != nil {
		a.Products = r.cfg.Products()
	}
	return a, nil
}

type licenseAnswer struct {
	Status  int `json:"status"`
	License struct {
		Limit   int   `json:"limit"`
		Expires int64 `json:"expires"`
	} `json:"license"`
}

func licenseOf(l *License) licenseAnswer {
	a := licenseAnswer{Status: http.StatusOK}
	a.License.Limit, a.License.Expires = 1, -1
	if l != nil {
		a.License.Limit, a.License.Expires = l.Limit, l.Expires
	}
	return a
}

func (r *Relay) getLicense(c *call) (any, error) { return licenseOf(c.account.License), nil }

func (r *Relay) postLicense(c *call) (any, error) {
	text, err := c.text("license")
	if err != nil {
		return nil, err
	}
	l, err := r.cfg.Accounts.SetLicense(c.Context(), c.account.ID, text)
	if err != nil {
		return nil, err
	}
	return licenseOf(&l), nil
}

type tokenView struct {
	Token   string `json:"token,omitempty"`
	Name    string `json:"name"`
	Expires int64  `json:"expires"`
}

// unix is a moment in an answer; never is -1.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return t.Unix()
}

func (r *Relay) getTokens(c *call) (any, error) {
	tokens, err := r.cfg.Accounts.Tokens(c.Context(), c.account.ID)
	if err != nil {
		return nil, err
	}
	a := struct {
		Status int         `json:"status"`
		Tokens []tokenView `json:"tokens"`
	}{http.StatusOK, []tokenView{}}
	for _, t := range tokens {
		a.Tokens = append(a.Tokens, tokenView{Name: t.Name, Expires: unix(t.Expires)})
	}
	return a, nil
}

func (r *Relay) postToken(c *call) (any, error) {
	name, err := c.text("name")
	if err != nil {
		return nil, err
	}
	days, err := c.number("expires", 0)
	if err != nil {
		return nil, err
	}
	t, token, err := r.cfg.Accounts.CreateToken(c.Context(), c.account.ID, name, days)
	if err != nil {
		return nil, err
	}
	return struct {
		Status int       `json:"status"`
		Token  tokenView `json:"token"`
	}{http.StatusOK, tokenView{token, t.Name, unix(t.Expires)}}, nil
}

// done is the answer of a call with nothing to tell.
type done struct {
	Status  int     `json:"status"`
	Message *string `json:"message"`
}

func (r *Relay) deleteToken(c *call) (any, error) {
	return done{Status: http.StatusOK}, r.cfg.Accounts.RemoveToken(c.Context(), c.account.ID, c.PathValue("name"))
}

type routerView struct {
	Prefix   string `json:"prefix"`
	Host     string `json:"host"`
	Name     string `json:"name"`
	Online   bool   `json:"online"`
	LastSeen int64  `json:"lastSeen"`
	Version  string `json:"version"`
}

func (r *Relay) viewOf(ctx context.Context, x Router) routerView {
	s := r.stateOf(ctx, x)
	return routerView{s.Prefix, s.Host, s.Name, s.Online, unix(s.LastSeen), s.Version}
}

// getRouters lists the account's routers: all, or by pages of as many as asked for.
func (r *Relay) getRouters(c *call) (any, error) {
	a := struct {
		Status  int          `json:"status"`
		Routers []routerView `json:"routers"`
		Next    string       `json:"next,omitempty"`
	}{http.StatusOK, []routerView{}, ""}
	var routers []Router
	limit, after, err := c.page()
	switch {
	case err != nil:
	case limit == 0:
		routers, err = r.cfg.Accounts.Routers(c.Context(), c.account.ID)
	default:
		routers, a.Next, err = r.cfg.Accounts.RoutersPage(c.Context(), c.account.ID, after, limit)
	}
	if err != nil {
		return nil, err
	}
	for _, x := range routers {
		a.Routers = append(a.Routers, r.viewOf(c.Context(), x))
	}
	return a, nil
}

// page reads which page of a list is asked for; limit 0: the whole list.
func (c *call) page() (limit int, after string, err error) {
	q := c.URL.Query()
	after = q.Get("after")
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxPage {
			return 0, "", refuse(http.StatusUnprocessableEntity, "limit: 1 to %d", maxPage)
		}
	} else if after != "" {
		limit = maxPage
	}
	return limit, after, nil
}

func (r *Relay) postRotate(c *call) (any, error) {
	x, err := r.Rotate(c.Context(), c.account.ID, c.PathValue("prefix"))
	if err != nil {
		return nil, err
	}
	return struct {
		Status int        `json:"status"`
		Router routerView `json:"router"`
	}{http.StatusOK, r.viewOf(c.Context(), x)}, nil
}

func (r *Relay) deleteRouter(c *call) (any, error) {
	_, err := r.RemoveRouter(c.Context(), c.account.ID, c.PathValue("prefix"))
	return done{Status: http.StatusOK}, err
}

func (r *Relay) postClaim(c *call) (any, error) {
	code, expires, err := r.cfg.Accounts.NewClaim(c.Context(), c.account.ID)
	if err != nil {
		return nil, err
	}
	return struct {
		Status int `json:"status"`
		Claim  struct {
			Code    string `json:"code"`
			Expires int64  `json:"expires"`
		} `json:"claim"`
	}{Status: http.StatusOK, Claim: struct {
		Code    string `json:"code"`
		Expires int64  `json:"expires"`
	}{code, expires.Unix()}}, nil
}

// enrolled is what a router is told when it has enrolled.
type enrolled struct {
	Status      int    `json:"status"`
	Certificate string `json:"certificate"` // PEM
	Host        string `json:"host"`
	Tunnel      string `json:"tunnel"` // name of the relay's end for tunnels
}

// enrol makes a router of an account. The claim code is the credential: who
// shows wrong ones has to wait.
func (r *Relay) enrol(w http.ResponseWriter, req *http.Request) {
	peer := api.Peer(req)
	if !r.clients.take(clientKey(peer)) || r.guesses.Wait(peer) > 0 {
		r.answer(w, nil, refuse(http.StatusTooManyRequests, "too many requests, or too many wrong claim codes; try again in a minute"))
		return
	}
	v, err := r.enrolRouter(w, req)
	if no := (*Error)(nil); errors.As(err, &no) && no.Status == http.StatusForbidden {
		r.guesses.Fail(peer)
	}
	r.answer(w, v, err)
}

func (r *Relay) enrolRouter(w http.ResponseWriter, req *http.Request) (any, error) {
	fields, err := readFields(w, req)
	if err != nil {
		return nil, err
	}
	c := &call{Request: req, fields: fields}
	var in Enrollment
	var request string
	for name, at := range map[string]*string{"code": &in.Code, "name": &in.Name, "version": &in.Version, "csr": &request} {
		if *at, err = c.text(name); err != nil {
			return nil, err
		}
	}
	csr, err := readRequest(request)
	if err != nil {
		return nil, err
	}
	var certificate string
	x, err := r.cfg.Accounts.Enrol(req.Context(), in, func(id string) (fingerprint string, err error) {
		certificate, fingerprint, err = r.authority.sign(csr, id)
		return fingerprint, err
	})
	if err != nil {
		return nil, err
	}
	rec := noteOf(w)
	rec.router, rec.account, rec.call = x.ID, x.Account, "POST /v1/enrol"
	r.log.Info("router enrolled", "router", x.ID, "account", x.Account)
	return enrolled{http.StatusOK, certificate, x.Prefix + "." + r.cfg.Domain, r.tunnelName()}, nil
}

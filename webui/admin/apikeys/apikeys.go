package apikeys

import (
	"context"
	"embed"
	"net/http"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Keys keeps the keys; *keys.Keys does. What it is asked to do, it does if the
// caller may.
type Keys interface {
	List(ctx context.Context, by *api.Principal) ([]api.Key, error)
	Get(ctx context.Context, by *api.Principal, id api.ID) (api.Key, error)
	// View returns a key that was made to be viewable.
	View(ctx context.Context, by *api.Principal, id api.ID) (string, error)
	// Create returns also the key itself.
	Create(ctx context.Context, by *api.Principal, n api.NewKey) (api.Key, string, error)
	Rename(ctx context.Context, by *api.Principal, id api.ID, label string) (api.Key, error)
	Remove(ctx context.Context, by *api.Principal, id api.ID) error
	// EndTokens makes the access tokens refused that were issued for a key.
	EndTokens(ctx context.Context, by *api.Principal, id api.ID) error
}

// Config is what the pages are made of.
type Config struct {
	Keys Keys // must not be nil
	// Fresh reports whether somebody has entered the password a short while ago.
	// Must not be nil.
	Fresh func(by *api.Principal) bool
}

// The pages' addresses.
const (
	pathList   = "/settings/api"
	pathNew    = pathList + "/new"
	pathKey    = pathList + "/{id}"
	pathView   = pathKey + "/key"
	pathTokens = pathKey + "/tokens"
	pathRemove = pathKey + "/delete"
)

type area struct {
	Config
	once panel.Once
}

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{Config: cfg}
	reads, writes := panel.Reads(api.ScopeKeys), panel.Writes(api.ScopeKeys)
	get, post := http.MethodGet, http.MethodPost
	return panel.Section{
		Nav: []panel.NavItem{{Key: "apikeys.nav", Path: pathList, Access: reads}},
		Pages: []panel.Page{
			{Method: get, Path: pathList, Access: reads, Serve: a.listPage},
			{Method: get, Path: pathNew, Access: writes, Serve: a.newPage},
			{Method: post, Path: pathNew, Access: writes, Serve: a.create},
			{Method: get, Path: pathKey, Access: reads, Serve: on(a.keyPage)},
			{Method: post, Path: pathKey, Access: writes, Serve: on(a.rename)},
			{Method: get, Path: pathView, Access: writes, Serve: on(a.view)},
			{Method: post, Path: pathTokens, Access: writes, Serve: on(a.endTokens)},
			{Method: get, Path: pathRemove, Access: writes, Serve: on(a.removePage)},
			{Method: post, Path: pathRemove, Access: writes, Serve: on(a.remove)},
		},
		Files: Files,
	}
}

// on serves a page about the key that its address names.
func on(serve func(q *panel.Request, id api.ID)) func(*panel.Request) {
	return func(q *panel.Request) {
		id, err := api.ParseID(q.PathValue("id"))
		if err != nil || id == (api.ID{}) {
			q.Fail(hotspot.ErrNotFound)
			return
		}
		serve(q, id)
	}
}

func pageOf(id api.ID) string { return pathList + "/" + id.String() }

// create makes a key and leads to the page that shows it once.
func (a *area) create(q *panel.Request) {
	if !a.Fresh(q.By) {
		q.Fail(api.ErrConfirm)
		return
	}
	n := api.NewKey{Label: q.Form.Get("label"), Expires: q.Form.Get("expires"), Scopes: []api.Scope{}, Viewable: q.Form.Get("viewable") != ""}
	for _, s := range q.Form["scopes"] {
		n.Scopes = append(n.Scopes, api.Scope(s))
	}
	k, secret, err := a.Keys.Create(q.Context(), q.By, n)
	if err != nil {
		field, text, ok := q.RefusedBy("apikeys", err)
		if !ok {
			q.Fail(err)
			return
		}
		a.showNew(q, n, field, text)
		return
	}
	a.once.Put(q, pageOf(k.ID), secret)
	q.Go(q.To(pageOf(k.ID)))
}

func (a *area) rename(q *panel.Request, id api.ID) {
	label := q.Form.Get("label")
	if _, err := a.Keys.Rename(q.Context(), q.By, id, label); err != nil {
		field, text, ok := q.RefusedBy("apikeys", err)
		if !ok || field != "label" {
			q.Fail(err)
			return
		}
		a.showKey(q, id, &refused{label, text}, "", "")
		return
	}
	done(q, "apikeys.renamed", pageOf(id))
}

// view shows a key again, to whoever has just entered the password.
func (a *area) view(q *panel.Request, id api.ID) {
	if !a.Fresh(q.By) {
		q.Fail(api.ErrConfirm)
		return
	}
	secret, err := a.Keys.View(q.Context(), q.By, id)
	if err != nil {
		q.Fail(err)
		return
	}
	a.showKey(q, id, nil, secret, "apikeys.viewed")
}

func (a *area) endTokens(q *panel.Request, id api.ID) {
	if err := a.Keys.EndTokens(q.Context(), q.By, id); err != nil {
		q.Fail(err)
		return
	}
	done(q, "apikeys.tokens_ended", pageOf(id))
}

func (a *area) remove(q *panel.Request, id api.ID) {
	if err := a.Keys.Remove(q.Context(), q.By, id); err != nil {
		q.Fail(err)
		return
	}
	done(q, "apikeys.removed", pathList)
}

// done says what was done, on the next page.
func done(q *panel.Request, key, next string) {
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T(key)})
	q.Go(q.To(next))
}

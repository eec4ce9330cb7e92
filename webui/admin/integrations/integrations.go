package integrations

import (
	"context"
	"embed"
	"net/http"
	"net/netip"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/parts"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the pages need of [hotspot.Service].
type Service interface {
	Settings() hotspot.Settings
	SetSettings(ctx context.Context, values map[string]string) error
}

// Keys keeps the device key; *keys.Keys does.
type Keys interface {
	DeviceKey(ctx context.Context) (string, error)
	// Regenerate replaces the key and returns the new one. The old one is
	// refused from then on.
	Regenerate(ctx context.Context) (string, error)
	// DeviceUse tells when the device key was last used, and from where.
	DeviceUse(ctx context.Context) (time.Time, netip.Addr, error)
}

// Webhooks keeps the endpoints that are told of events; *webhooks.Webhooks does.
type Webhooks interface {
	List(ctx context.Context) ([]api.Webhook, error)
	Get(ctx context.Context, id api.ID) (api.Webhook, error)
	// Add and Rotate return also the secret.
	Add(ctx context.Context, n api.NewWebhook) (api.Webhook, string, error)
	Edit(ctx context.Context, id api.ID, e api.WebhookEdit) (api.Webhook, error)
	Rotate(ctx context.Context, id api.ID, secret string) (api.Webhook, string, error)
	Remove(ctx context.Context, id api.ID) error
	// Test sends a test event, once.
	Test(ctx context.Context, id api.ID) (api.WebhookDelivery, error)
	// Log returns the newest deliveries, newest first; the zero id: to all.
	Log(ctx context.Context, id api.ID) ([]api.WebhookDelivery, error)
}

// Config is what the pages are made of.
type Config struct {
	Service  Service  // must not be nil
	Keys     Keys     // must not be nil
	Webhooks Webhooks // must not be nil
	// Cloud keeps the address on the internet; must not be nil.
	Cloud api.CloudEndpoint
	// Fresh reports whether somebody has entered the password a short while ago.
	// Must not be nil.
	Fresh func(by *api.Principal) bool
}

// The pages' addresses.
const (
	pathFirst      = "/integrations"
	pathAPI        = pathFirst + "/api"
	pathKey        = pathAPI + "/key"
	pathRegenerate = pathAPI + "/regenerate"
	pathHooks      = pathFirst + "/webhooks"
	pathNewHook    = pathHooks + "/new"
	pathHook       = pathHooks + "/{id}"
	pathKeys       = "/settings/api" // another area's
)

type area struct {
	Config
	once panel.Once
}

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{Config: cfg}
	reads, writes, owner := panel.Reads(api.ScopeSettings), panel.Writes(api.ScopeSettings), panel.Writes(api.ScopeAll)
	get, post := http.MethodGet, http.MethodPost
	return panel.Section{
		Nav: []panel.NavItem{{Key: "integrations.nav", Path: pathFirst, Access: reads}},
		Pages: append(a.cloudPages(), []panel.Page{
			{Method: get, Path: pathFirst, Access: reads, Serve: func(q *panel.Request) { q.Go(q.To(pathAPI)) }},
			{Method: get, Path: pathAPI, Access: reads, Serve: func(q *panel.Request) { a.showAPI(q, "") }},
			{Method: post, Path: pathAPI, Access: writes, Serve: a.switchMethods},
			{Method: get, Path: pathKey, Access: owner, Serve: a.confirmed(a.keyPage)},
			{Method: get, Path: pathRegenerate, Access: owner, Serve: a.confirmed(a.regeneratePage)},
			{Method: post, Path: pathRegenerate, Access: owner, Serve: a.confirmed(a.regenerate)},

			{Method: get, Path: pathHooks, Access: reads, Serve: a.hooksPage},
			{Method: get, Path: pathNewHook, Access: writes, Serve: a.confirmed(a.newHookPage)},
			{Method: post, Path: pathNewHook, Access: writes, Serve: a.confirmed(a.addHook)},
			{Method: get, Path: pathHook, Access: reads, Serve: on(a.hookPage)},
			{Method: get, Path: pathHook + "/edit", Access: writes, Serve: a.confirmed(on(a.editHookPage))},
			{Method: post, Path: pathHook + "/edit", Access: writes, Serve: a.confirmed(on(a.editHook))},
			{Method: post, Path: pathHook + "/state", Access: writes, Serve: on(a.switchHook)},
			{Method: post, Path: pathHook + "/test", Access: writes, Serve: on(a.testHook)},
			{Method: get, Path: pathHook + "/rotate", Access: writes, Serve: a.confirmed(on(a.rotateHookPage))},
			{Method: post, Path: pathHook + "/rotate", Access: writes, Serve: a.confirmed(on(a.rotateHook))},
			{Method: get, Path: pathHook + "/remove", Access: writes, Serve: on(a.removeHookPage)},
			{Method: post, Path: pathHook + "/remove", Access: writes, Serve: on(a.removeHook)},
		}...),
		Files: Files,
	}
}

// confirmed serves a page to whoever has just entered the password.
func (a *area) confirmed(serve func(*panel.Request)) func(*panel.Request) {
	return func(q *panel.Request) {
		if !a.Fresh(q.By) {
			q.Fail(api.ErrConfirm)
			return
		}
		serve(q)
	}
}

// on serves a page about the webhook that its address names.
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

// tabs lead to the pages of programs.
func tabs(q *panel.Request) *parts.TabsView {
	v := &parts.TabsView{Label: q.T("integrations.nav"), Links: []parts.LinkView{
		{Text: q.T("integrations.api"), To: q.To(pathAPI), Current: q.URL.Path != pathHooks},
		{Text: q.T("integrations.webhooks"), To: q.To(pathHooks), Current: q.URL.Path == pathHooks},
	}}
	if q.May(panel.Reads(api.ScopeKeys)) {
		v.Links = append(v.Links, parts.LinkView{Text: q.T("integrations.keys"), To: q.To(pathKeys)})
	}
	return v
}

// done says what was done, on the next page.
func done(q *panel.Request, key, next string) {
	q.Say(parts.NoticeView{Kind: parts.Good, Text: q.T(key)})
	q.Go(q.To(next))
}

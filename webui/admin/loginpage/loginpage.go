// Package loginpage holds the panel's editor of the guests' login page: the ways
// to log in and their order, texts, the operator's own questions, colour and
// logo, languages, and the venue's password, with a preview beside them.
//
// Each part of the editor is a form of some settings, saved all at once or not
// at all. The preview is the portal's own page, in a frame, made of what the
// form holds and of what is in force for the rest.
package loginpage

import (
	"context"
	"embed"
	"net/http"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service keeps the settings; *hotspot.Service does.
type Service interface {
	Settings() hotspot.Settings
	SetSettings(ctx context.Context, values map[string]string) error
	Logo() *hotspot.Logo // nil: none
	SetLogo(ctx context.Context, file []byte) (*hotspot.Logo, error)
}

// Preview shows the login page that settings make; *portal.Preview does.
type Preview interface {
	// Languages are those that the page can be shown in, and Methods those that
	// it can offer.
	Languages() []*webui.Language
	Methods() []hotspot.Method
	// Page answers with the page, and Asset with what it needs.
	Page(w http.ResponseWriter, s hotspot.Settings, logo *hotspot.Logo, language string)
	Asset(w http.ResponseWriter, r *http.Request, name string, logo *hotspot.Logo)
}

// Config is what the pages are made of.
type Config struct {
	Service Service // must not be nil
	Preview Preview // of [PreviewPath]; must not be nil
}

// PreviewPath is where the preview is served.
const PreviewPath = path + "/preview"

// The pages' addresses.
const (
	path       = "/login-page"
	pathPart   = path + "/{part}"
	pathAsset  = PreviewPath + "/{file}"
	pathReset  = path + "/reset/{part}"
	pathLogo   = path + "/logo"
	pathNoLogo = path + "/logo/remove"
)

// maxLogo bounds the form with a logo, so that one that is a bit too large is
// refused in words.
const maxLogo = 8 * hotspot.MaxLogo

type area struct{ Config }

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{cfg}
	reads, writes := panel.Reads(api.ScopeSettings), panel.Writes(api.ScopeSettings)
	get, post := http.MethodGet, http.MethodPost
	return panel.Section{
		Nav: []panel.NavItem{{Key: "loginpage.nav", Path: path, Access: reads}},
		Pages: []panel.Page{
			{Method: get, Path: path, Access: reads, Serve: func(q *panel.Request) { a.edit(q, &allParts[0]) }},
			{Method: get, Path: pathPart, Access: reads, Serve: on(a.edit)},
			{Method: post, Path: pathPart, Access: writes, MaxBody: maxForm, Serve: on(a.save)},
			{Method: get, Path: pathReset, Access: writes, Serve: on(a.askReset)},
			{Method: post, Path: pathReset, Access: writes, Serve: on(a.reset)},
			{Method: post, Path: pathLogo, Access: writes, MaxBody: maxLogo, Serve: a.setLogo},
			{Method: post, Path: pathNoLogo, Access: writes, Serve: a.removeLogo},
			{Method: get, Path: PreviewPath, Access: reads, Serve: a.preview},
			{Method: post, Path: PreviewPath, Access: writes, MaxBody: maxForm, Serve: a.preview},
			{Method: get, Path: pathAsset, Access: reads, Serve: a.asset},
		},
		Files: Files,
	}
}

// maxForm has room for terms of use in any script, as forms encode it.
const maxForm = 512 << 10

// on serves a page about the part that its address names.
func on(serve func(q *panel.Request, p *part)) func(*panel.Request) {
	return func(q *panel.Request) {
		p := partOf(q.PathValue("part"))
		if p == nil {
			q.Fail(hotspot.ErrNotFound)
			return
		}
		serve(q, p)
	}
}

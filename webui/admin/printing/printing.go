package printing

import (
	"context"
	"embed"
	"fmt"
	"net/http"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// Files are the area's texts.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the area needs of [hotspot.Service].
type Service interface {
	FindVouchers(ctx context.Context, q hotspot.VoucherQuery) ([]hotspot.VoucherView, *hotspot.VoucherPlace, error)
	Settings() hotspot.Settings
	SetSettings(ctx context.Context, values map[string]string) error
	Logo() *hotspot.Logo
	SetLogo(ctx context.Context, file []byte) (*hotspot.Logo, error)
	Zone() *time.Location
}

// Config is what the area is made of.
type Config struct {
	Service Service // must not be nil
	// Portal tells the address of the guests' login page, or "" if it is not
	// known. Must not be nil.
	Portal func() string
}

// Path is the address of the page that prints.
const Path = "/print"

// The addresses of the other pages.
const (
	pathSheet    = "/print/sheet"
	pathPDF      = "/print/pdf"
	pathSettings = "/print/settings"
	pathLogo     = "/print/logo"
	pathNoLogo   = "/print/logo/remove"
	pathStyle    = "/print/print.css"
	pathScript   = "/print/print.js"
	pathVouchers = "/vouchers"
)

// area serves the pages.
type area struct {
	Config
	style, script, icon webui.Asset
	langs               *webui.Languages // of the sheets
}

// New returns the area. Its files are embedded: that one of them cannot be read
// is a mistake in our own code.
func New(cfg Config) panel.Section {
	a := &area{Config: cfg}
	var err [4]error
	a.style, err[0] = print.Style(pathStyle)
	a.script, err[1] = print.Script(pathScript)
	a.icon, err[2] = webui.Icon("/assets/icon.svg")
	a.langs, err[3] = webui.NewLanguages(print.Texts())
	for _, e := range err {
		if e != nil {
			panic(fmt.Sprintf("printing: %v", e))
		}
	}
	section := panel.Section{Files: Files, Nav: []panel.NavItem{{Key: "printing.nav", Path: Path, Access: panel.Writes(api.ScopeVouchers)}}}
	for _, p := range pages {
		page := panel.Page{Method: p.method, Path: p.path, Access: panel.Writes(api.ScopeVouchers), MaxBody: p.most, Serve: func(q *panel.Request) { p.serve(a, q) }}
		if p.sets {
			page.Access = panel.Writes(settingsScope)
		}
		section.Pages = append(section.Pages, page)
	}
	return section
}

// settingsScope is what settings want. Vouchers are printed by whoever may make
// them: paper tells passcodes, which viewers are not shown.
const settingsScope = api.ScopeSettings

// pages is the table of the area's pages.
var pages = [...]struct {
	method, path string
	sets         bool // it is about settings
	most         int64
	serve        func(*area, *panel.Request)
}{
	{http.MethodGet, Path, false, 0, (*area).preview},
	{http.MethodGet, pathSheet, false, 0, (*area).sheet},
	{http.MethodGet, pathPDF, false, 0, (*area).pdf},
	{http.MethodGet, pathLogo, false, 0, (*area).logo},
	{http.MethodGet, pathStyle, false, 0, func(a *area, q *panel.Request) { a.style.ServeHTTP(q.W, q.Request) }},
	{http.MethodGet, pathScript, false, 0, func(a *area, q *panel.Request) { a.script.ServeHTTP(q.W, q.Request) }},
	{http.MethodGet, pathSettings, true, 0, (*area).settings},
	{http.MethodPost, pathSettings, true, 0, (*area).setSettings},
	{http.MethodPost, pathLogo, true, maxUpload, (*area).setLogo},
	{http.MethodPost, pathNoLogo, true, 0, (*area).dropLogo},
}

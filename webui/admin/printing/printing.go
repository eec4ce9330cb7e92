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
//go:embed lang
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
	prints, sets := panel.Reads(api.ScopeVouchers), panel.Writes(api.ScopeSettings)
	get := func(path string, who panel.Access, serve func(*panel.Request)) panel.Page {
		return panel.Page{Method: http.MethodGet, Path: path, Access: who, Serve: serve}
	}
	post := func(path string, most int64, serve func(*panel.Request)) panel.Page {
		return panel.Page{Method: http.MethodPost, Path: path, Access: sets, Serve: serve, MaxBody: most}
	}
	return panel.Section{
		Files: Files,
		Nav:   []panel.NavItem{{Key: "printing.nav", Path: Path, Access: prints}},
		Pages: []panel.Page{
			get(Path, prints, a.preview),
			get(pathSheet, prints, a.sheet),
			get(pathPDF, prints, a.pdf),
			get(pathLogo, prints, a.logo),
			get(pathStyle, prints, asset(a.style)),
			get(pathScript, prints, asset(a.script)),
			get(pathSettings, sets, a.settings),
			post(pathSettings, 0, a.setSettings),
			post(pathLogo, maxUpload, a.setLogo),
			post(pathNoLogo, 0, a.dropLogo),
		},
	}
}

// asset serves a file of the sheets.
func asset(f webui.Asset) func(*panel.Request) {
	return func(q *panel.Request) { f.ServeHTTP(q.W, q.Request) }
}

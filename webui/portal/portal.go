package portal

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

//go:embed lang/*.deflate static
var files embed.FS

// Service is what the portal asks of the rules; *hotspot.Service answers.
type Service interface {
	Identify(a netip.Addr) (hotspot.Host, error)
	Login(ctx context.Context, h hotspot.Host, c hotspot.Claim) (hotspot.GuestStatus, error)
	Return(ctx context.Context, h hotspot.Host) (st hotspot.GuestStatus, ok bool, err error)
	Logout(ctx context.Context, m hotspot.MAC) error
	Status(ctx context.Context, h hotspot.Host) (hotspot.GuestStatus, error)
	Settings() hotspot.Settings
	Logo() *hotspot.Logo // nil: none
	Now() (t time.Time, believed bool)
}

// Method turns a form into a claim. Attempts are limited by the method: a
// refusal with [hotspot.CodeTryLater] says until when.
type Method interface {
	Name() hotspot.Method
	// Enabled reports whether the operator offers the method.
	Enabled(s hotspot.Settings) bool
	Claim(ctx context.Context, h hotspot.Host, form url.Values) (hotspot.Claim, error)
}

// Config is what a portal is made of.
type Config struct {
	Service Service // must not be nil
	// Methods are the login methods there are. The settings have their order on
	// the page; those that they switch off are not shown.
	Methods []Method
	Log     *slog.Logger // must not be nil
	// Addresses returns the router's addresses on the guest network, those to
	// send guests to first: per family the first one is used. It is asked for
	// every request, so it must be quick. Must not be nil.
	Addresses func() []netip.Addr
	// Names are host names that are the portal's too, if any.
	Names []string
	// Port is the TCP port of the portal at these addresses.
	Port uint16
	// ClientAddr returns the guest's address; nil: the connection's. Only a
	// test or a lab has a reason to set it.
	ClientAddr func(*http.Request) netip.Addr
	// Now is the clock by which the methods say when to try again; only
	// differences to it are shown. nil: time.Now. The time of day that guests
	// are shown is the Service's.
	Now func() time.Time
}

// validate reports every field that is not set.
func (c Config) validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"Service", c.Service != nil}, {"Log", c.Log != nil},
		{"Addresses", c.Addresses != nil}, {"Port", c.Port != 0},
	} {
		if !f.ok {
			errs = append(errs, fmt.Errorf("portal: Config.%s must be set", f.name))
		}
	}
	for _, m := range c.Methods {
		if _, ok := formPaths[m.Name()]; !ok {
			errs = append(errs, fmt.Errorf("portal: no form for login method %q", m.Name()))
		}
	}
	return errors.Join(errs...)
}

// portal is the handler.
type portal struct {
	cfg     Config
	log     *slog.Logger
	all     *webui.Languages // of which the settings offer some
	style   webui.Asset
	icon    webui.Asset
	routes  map[string]map[string]http.HandlerFunc // path → method
	bounces bounces
}

// New returns the handler of the portal's listener. See [Server].
func New(cfg Config) (http.Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	p := &portal{cfg: cfg, log: cfg.Log.With("component", "portal")}
	if p.cfg.ClientAddr == nil {
		p.cfg.ClientAddr = connectionAddr
	}
	if p.cfg.Now == nil {
		p.cfg.Now = time.Now
	}
	var errs [3]error
	p.all, errs[0] = webui.NewLanguages(files)
	p.style, errs[1] = webui.Style("/style.css", files, "static/portal.css")
	p.icon, errs[2] = webui.Icon("/icon.svg")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	p.routes = map[string]map[string]http.HandlerFunc{}
	for _, rt := range p.table() {
		if p.routes[rt.path] == nil {
			p.routes[rt.path] = map[string]http.HandlerFunc{}
		}
		p.routes[rt.path][rt.method] = rt.handler
	}
	return webui.SecurityHeaders(p), nil
}

// connectionAddr is the address at the other end of the connection.
func connectionAddr(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

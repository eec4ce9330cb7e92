package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// The portal's paths.
const (
	pathHome    = "/"
	pathWelcome = "/welcome"
	pathLogin   = "/login"
	pathFree    = "/free"
	pathEmail   = "/email"
	pathStatus  = "/status"
	pathLogout  = "/logout"
	pathStyle   = "/style.css"
	pathIcon    = "/icon.svg"
	pathTheme   = "/theme.css"
	pathLogo    = "/logo"
)

// formPaths are where the forms of the login methods go.
var formPaths = map[hotspot.Method]string{
	hotspot.MethodVoucher: pathLogin,
	hotspot.MethodFree:    pathFree,
	hotspot.MethodEmail:   pathEmail,
}

// Paths lists every path that the portal serves on its own host.
func Paths() []string {
	return []string{pathHome, pathWelcome, pathLogin, pathFree, pathEmail, pathStatus, pathLogout, pathStyle, pathIcon, pathTheme, pathLogo}
}

type route struct {
	method, path string
	handler      http.HandlerFunc
}

// table is every page of the portal. A GET also answers HEAD.
func (p *portal) table() []route {
	return []route{
		{http.MethodGet, pathHome, p.elsewhere(pathWelcome)},
		{http.MethodGet, pathWelcome, p.welcome},
		{http.MethodPost, pathLogin, p.login(hotspot.MethodVoucher)},
		{http.MethodPost, pathFree, p.login(hotspot.MethodFree)},
		{http.MethodPost, pathEmail, p.login(hotspot.MethodEmail)},
		{http.MethodGet, pathStatus, p.status},
		{http.MethodPost, pathLogout, p.logout},
		// Sign-in sheets reload the page that they show, and guests bookmark it.
		{http.MethodGet, pathLogin, p.elsewhere(pathWelcome)},
		{http.MethodGet, pathFree, p.elsewhere(pathWelcome)},
		{http.MethodGet, pathEmail, p.elsewhere(pathWelcome)},
		{http.MethodGet, pathLogout, p.elsewhere(pathStatus)},
		{http.MethodGet, pathStyle, p.style.ServeHTTP},
		{http.MethodGet, pathIcon, p.icon.ServeHTTP},
		{http.MethodGet, pathTheme, serveTheme},
		{http.MethodGet, pathLogo, p.logo},
	}
}

func (p *portal) logo(w http.ResponseWriter, r *http.Request) {
	serveLogo(w, r, p.cfg.Service.Logo())
}

// ServeHTTP implements http.Handler.
func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	own := p.own(r.Host)
	if !own.here {
		p.catch(w, r, own.elsewhere)
		return
	}
	methods, ok := p.routes[r.URL.Path]
	if !ok {
		p.message(w, r, http.StatusNotFound, "not_found")
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h, ok := methods[method]
	if !ok {
		w.Header().Set("Allow", allowed(methods))
		p.message(w, r, http.StatusMethodNotAllowed, "wrong_method")
		return
	}
	h(w, r)
}

func allowed(methods map[string]http.HandlerFunc) string {
	var names []string
	for m := range methods {
		names = append(names, m)
		if m == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// elsewhere sends a guest on to another page, with what a link may carry.
func (p *portal) elsewhere(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		seeOther(w, webui.Local(path, p.carried(r)))
	}
}

// carried is what a link to the portal may carry on to the page that it leads
// to, cut to size.
func (p *portal) carried(r *http.Request) url.Values {
	from, keep := r.URL.Query(), url.Values{}
	for _, name := range []string{fieldCode, fieldPasscode} {
		if v := tidyField(from.Get(name)); v != "" {
			keep.Set(name, v)
		}
	}
	if t, ok := parseTarget(from.Get(fieldTarget)); ok {
		keep.Set(fieldTarget, t.URL)
	}
	if _, chosen := p.langs().For(r); chosen != "" {
		keep.Set(webui.LanguageField, chosen)
	}
	return keep
}

// seeOther redirects within the portal: a full navigation with GET, as sign-in
// sheets need it to look again whether they are online.
func seeOther(w http.ResponseWriter, to webui.URL) {
	w.Header().Set("Location", to.Href())
	w.WriteHeader(http.StatusSeeOther)
}

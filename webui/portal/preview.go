package portal

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// Preview shows the login page to the operator who makes it: the page that
// guests will see, with settings that are not in force yet, and with links and
// forms that lead nowhere.
type Preview struct {
	base    string
	methods []Method
	all     *webui.Languages
	style   webui.Asset
	icon    webui.Asset
}

// previewPolicy lets pages of the same host show the page in a frame, and
// nothing be sent from it.
const previewPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors 'self'; base-uri 'none'"

// NewPreview returns a preview whose style sheets and pictures are asked for at
// addresses below base, which must lead to [Preview.Asset].
func NewPreview(base string, methods []Method) (*Preview, error) {
	p := &Preview{base: base, methods: methods}
	var errs [3]error
	p.all, errs[0] = webui.NewLanguages(files)
	p.style, errs[1] = webui.Style(base+pathStyle, files, "static/portal.css")
	p.icon, errs[2] = webui.Icon(base + pathIcon)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("preview of the portal: %w", err)
	}
	return p, nil
}

// Languages are those that the login page can be shown in.
func (p *Preview) Languages() []*webui.Language { return p.all.All() }

// Methods are those that the login page can offer.
func (p *Preview) Methods() []hotspot.Method {
	all := make([]hotspot.Method, len(p.methods))
	for i, m := range p.methods {
		all[i] = m.Name()
	}
	return all
}

// Page answers with the login page that settings and a logo make, in the
// language of a tag if they offer it.
func (p *Preview) Page(w http.ResponseWriter, s hotspot.Settings, logo *hotspot.Logo, tag string) {
	langs := offered(p.all, s)
	l := langs.Find(tag)
	links := langs.Links(l, p.base, nil)
	for i := range links {
		links[i].To = webui.URL{}
	}
	pg := webui.Page{Lang: l, Languages: links, Title: l.T("welcome.title"), Site: cmp.Or(s.VenueName, l.T("site.name")),
		Style: p.style.URL(), Theme: themeURL(p.base+pathTheme, s), Icon: p.icon.URL()}
	v := newWelcome(pg, s, p.methods)
	for i := range v.Forms {
		v.Forms[i].To = webui.URL{}
	}
	h := w.Header()
	h.Set("Content-Security-Policy", previewPolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	render(w, http.StatusOK, newLogo(p.base+pathLogo, logo), v)
}

// Asset answers with a style sheet or a picture of the page, by the last part of
// its address.
func (p *Preview) Asset(w http.ResponseWriter, r *http.Request, name string, logo *hotspot.Logo) {
	switch "/" + name {
	case pathStyle:
		p.style.ServeHTTP(w, r)
	case pathTheme:
		serveTheme(w, r)
	case pathIcon:
		p.icon.ServeHTTP(w, r)
	case pathLogo:
		serveLogo(w, r, logo)
	default:
		http.Error(w, http.StatusText(http.StatusNotFound), http.StatusNotFound)
	}
}

package portal

import (
	"net/http"
	"net/url"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// langs are the languages that the settings offer.
func (p *portal) langs() *webui.Languages { return offered(p.all, p.cfg.Service.Settings()) }

func offered(all *webui.Languages, s hotspot.Settings) *webui.Languages {
	return all.Only(s.Portal.Languages, s.Portal.Language)
}

// local is the address of a page of the portal in the language that the guest
// has chosen.
func (p *portal) local(r *http.Request, path string, query url.Values) webui.URL {
	_, chosen := p.langs().For(r)
	return webui.Page{Chosen: chosen}.Local(path, query)
}

// languages lead to the page that answers a request in each language. Choosing
// another one loses nothing that was typed and sent, but for the passcode.
func (p *portal) languages(r *http.Request, current *webui.Language) []webui.LanguageLink {
	switch r.URL.Path {
	case pathStatus, pathLogout:
		return p.langs().Links(current, pathStatus, p.target(r.URL.Query().Get(fieldTarget)).query())
	}
	keep := p.carried(r)
	if r.URL.Query().Has(fieldBye) {
		keep.Set(fieldBye, "1")
	}
	if code := tidyField(r.PostForm.Get(fieldCode)); code != "" {
		keep.Set(fieldCode, code)
	}
	if t := p.target(r.PostForm.Get(fieldTarget)); t.URL != "" {
		keep.Set(fieldTarget, t.URL)
	}
	return p.langs().Links(current, pathWelcome, keep)
}

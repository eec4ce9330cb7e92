package portal

import (
	"cmp"
	"net/http"

	"github.com/valyala/quicktemplate"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
)

// page fills in the frame of a page. The title is a key.
func (p *portal) page(r *http.Request, title string) webui.Page {
	s := p.cfg.Service.Settings()
	l, chosen := offered(p.all, s).For(r)
	return webui.Page{
		Lang:      l,
		Chosen:    chosen,
		Languages: p.languages(r, l),
		Title:     l.T(title),
		Site:      cmp.Or(s.VenueName, l.T("site.name")),
		Style:     p.style.URL(),
		Theme:     themeURL(pathTheme, s),
		Icon:      p.icon.URL(),
	}
}

// view is what differs from page to page: the template's {% func (v …) Main() %}.
type view interface {
	Head() webui.Page
	StreamMain(w *quicktemplate.Writer)
}

// sheet is a page of the portal: the venue's name above, the view below.
type sheet struct {
	webui.Page
	Logo *logoView
	view view
}

func (p *portal) render(w http.ResponseWriter, status int, v view) {
	render(w, status, newLogo(pathLogo, p.cfg.Service.Logo()), v)
}

func render(w http.ResponseWriter, status int, logo *logoView, v view) {
	webui.Render(w, status, &sheet{v.Head(), logo, v})
}

// messageView is a page that says one thing.
type messageView struct {
	webui.Page
	Text string
	Link string // to the login page
}

// message answers with an error page; what names its texts.
func (p *portal) message(w http.ResponseWriter, r *http.Request, status int, what string) {
	v := &messageView{Page: p.page(r, "message."+what+".title")}
	v.Text, v.Link = v.T("message."+what), v.T("message.home")
	p.render(w, status, v)
}

// keptOut answers a device that the operator has blocked. It is told so in place
// of a form that cannot help it. The status is that of an answer to the guest;
// see refuse.
func (p *portal) keptOut(w http.ResponseWriter, r *http.Request, why *hotspot.Error) bool {
	if why == nil || why.Code != hotspot.CodeBlocked {
		return false
	}
	v := &messageView{Page: p.page(r, "message.blocked.title")}
	v.Text, v.Link = v.T("message.blocked"), v.T("status.refresh")
	p.render(w, http.StatusOK, v)
	return true
}

// identify returns the device at the other end of the connection.
func (p *portal) identify(r *http.Request) (hotspot.Host, error) {
	return p.cfg.Service.Identify(p.cfg.ClientAddr(r))
}

// known is identify for pages: without a device it answers by itself.
func (p *portal) known(w http.ResponseWriter, r *http.Request) (hotspot.Host, bool) {
	h, err := p.identify(r)
	switch {
	case err == nil:
		return h, true
	case hotspot.CodeOf(err) == hotspot.CodeUnknownDevice:
		p.message(w, r, http.StatusForbidden, "unknown_device")
	default:
		p.fault(w, r, "cannot identify a device", err)
	}
	return h, false
}

// fault logs what went wrong and says only that something did.
func (p *portal) fault(w http.ResponseWriter, r *http.Request, what string, err error) {
	if r.Context().Err() != nil {
		return // the guest went away
	}
	p.log.Error(what, "path", r.URL.Path, "addr", p.cfg.ClientAddr(r), "err", err)
	status := http.StatusInternalServerError
	if hotspot.CodeOf(err) == hotspot.CodeUnavailable {
		status = http.StatusServiceUnavailable
	}
	p.message(w, r, status, "internal")
}

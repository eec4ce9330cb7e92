package portal

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// catch answers a request that was not meant for us. The answer is a redirect,
// which every system's probe takes as the sign of a portal; a 511 would make
// Android show nothing. The connection is closed so that the next request goes
// out over a new one, which the gate judges afresh.
func (p *portal) catch(w http.ResponseWriter, r *http.Request, ownRouter bool) {
	w.Header().Set("Connection", "close")
	if ownRouter {
		// Such as a voucher's QR code that leaves out the port.
		p.toPortal(w, r, p.carried(r))
		return
	}
	back, ok := requested(r)
	if host, in := p.letIn(r); in && ok && p.bounces.allow(host.MAC, p.cfg.Now()) {
		p.bounce(w, r, back)
		return
	}
	var t target
	if ok && openedByHuman(r) {
		t = p.target(back)
	}
	p.toPortal(w, r, t.query())
}

// letIn reports whether the device of a caught request may pass after all: it
// has just logged in and this connection is from before, or it is let in again
// without the form.
func (p *portal) letIn(r *http.Request) (hotspot.Host, bool) {
	h, err := p.identify(r)
	if err != nil {
		return h, false
	}
	st, err := p.standing(r.Context(), h)
	if err != nil {
		p.log.Error("cannot tell whether a guest is online", "mac", h.MAC, "err", err)
	}
	return h, err == nil && st.Online
}

// standing is the status of a device, after letting it in again if it may be.
func (p *portal) standing(ctx context.Context, h hotspot.Host) (hotspot.GuestStatus, error) {
	st, err := p.cfg.Service.Status(ctx, h)
	if err != nil || st.Online {
		return st, err
	}
	back, ok, err := p.cfg.Service.Return(ctx, h)
	if err != nil {
		// The form still works.
		p.log.Error("cannot let a known device in again", "mac", h.MAC, "err", err)
	}
	if ok {
		return back, nil
	}
	return st, nil
}

// bounce sends a device that may pass back to where it wanted to go.
func (p *portal) bounce(w http.ResponseWriter, r *http.Request, to string) {
	status := http.StatusTemporaryRedirect // keeps method and body
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		status = http.StatusFound
	}
	p.redirect(w, r, status, to, "bounce")
}

// toPortal sends a device to the welcome page.
func (p *portal) toPortal(w http.ResponseWriter, r *http.Request, query url.Values) {
	base, ok := p.base(r)
	if !ok {
		p.log.Error("no address on the guest network to send a guest to")
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	to := base + pathWelcome
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	status := http.StatusFound
	if r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	p.redirect(w, r, status, to, "catch")
}

// redirect answers with a Location and, as some systems only believe in a
// portal that says something, a short page.
func (p *portal) redirect(w http.ResponseWriter, r *http.Request, status int, to, texts string) {
	l := p.langs().Asked(r) // the address is another site's
	title, link := html.EscapeString(l.T(texts+".title")), html.EscapeString(l.T(texts+".link"))
	body := `<!doctype html><html lang="` + l.Tag + `" dir="` + l.Dir + `"><meta charset="utf-8"><title>` + title +
		`</title><p>` + title + `: <a href="` + html.EscapeString(to) + `">` + link + "</a></p></html>\n"
	h := w.Header()
	h.Set("Location", to)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Language")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// A failed write means that the device went away.
		_, _ = io.WriteString(w, body)
	}
}

// openedByHuman guesses whether somebody typed an address or followed a link:
// a browser asking for a page, and not one of the systems' probes.
func openedByHuman(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") &&
		!strings.HasPrefix(r.UserAgent(), "CaptiveNetworkSupport") && !isProbe(r.Host, r.URL.Path)
}

// probes are the pages that systems fetch to find out whether they are online.
// They get the same answer as any other page; only offering them as "the page
// you wanted" after login would be silly. An empty list means every page.
var probes = map[string][]string{
	"captive.apple.com":                      nil,
	"www.apple.com":                          {"/library/test/success.html"},
	"connectivitycheck.gstatic.com":          nil,
	"connectivitycheck.android.com":          nil,
	"clients1.google.com":                    {"/generate_204"},
	"clients3.google.com":                    {"/generate_204"},
	"www.google.com":                         {"/gen_204", "/generate_204"},
	"www.gstatic.com":                        {"/generate_204"},
	"play.googleapis.com":                    {"/generate_204"},
	"connectivitycheck.platform.hicloud.com": nil,
	"connect.rom.miui.com":                   nil,
	"connectivity.samsung.com.cn":            nil,
	"wifi.vivo.com.cn":                       nil,
	"conn1.oppomobile.com":                   nil,
	"conn2.oppomobile.com":                   nil,
	"connectivitycheck.grapheneos.network":   nil,
	"www.msftconnecttest.com":                nil,
	"ipv6.msftconnecttest.com":               nil,
	"www.msftncsi.com":                       nil,
	"ipv6.msftncsi.com":                      nil,
	"edge-http.microsoft.com":                {"/captiveportal/generate_204"},
	"detectportal.firefox.com":               nil,
	"nmcheck.gnome.org":                      nil,
	"networkcheck.kde.org":                   nil,
	"connectivity-check.ubuntu.com":          nil,
	"network-test.debian.org":                nil,
	"fedoraproject.org":                      {"/static/hotspot.txt"},
	"ping.archlinux.org":                     nil,
	"conncheck.opensuse.org":                 nil,
	"spectrum.s3.amazonaws.com":              {"/kindle-wifi/wifistub.html"},
}

func isProbe(hostport, path string) bool {
	host, _ := splitHost(hostport)
	paths, ok := probes[strings.ToLower(strings.TrimSuffix(host, "."))]
	return ok && (paths == nil || slices.Contains(paths, path))
}

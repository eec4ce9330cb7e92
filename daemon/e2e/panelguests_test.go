package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// cookie is the operator's, as the browser has it.
func (d *desk) cookie() string {
	d.t.Helper()
	r, err := chromedp.Run(d.ctx, func(ctx context.Context, t *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{})
	})
	if err != nil || len(r.Cookies) == 0 {
		d.t.Fatalf("cookies: %v", err)
	}
	return r.Cookies[0].Name + "=" + r.Cookies[0].Value
}

var pageLine = regexp.MustCompile(`(?m)^(GET|POST) +(/\S*)`)

// panelIsNotForGuests tries, from the guest network, let in and not, every page
// of the panel at every address of the router, under every name, with the
// operator's own cookie: nothing of it answers.
func (h *house) panelIsNotForGuests(cookie string) {
	h.t.Helper()
	table, err := os.ReadFile("../testdata/panel.txt")
	if err != nil {
		h.t.Fatal(err)
	}
	pages := pageLine.FindAllStringSubmatch(string(table), -1)
	if len(pages) < 100 {
		h.t.Fatalf("the table of the panel's pages has %d", len(pages))
	}
	tried, open := 0, 0
	for _, g := range h.Guests() {
		c := g.HTTPClient(netlab.ClientOptions{KeepAlive: true, Timeout: patience})
		for _, addr := range []string{netlab.RouterGuest4, netlab.RouterGuest6, netlab.RouterLAN4, netlab.RouterWAN4, netlab.RouterWAN6} {
			for _, port := range []string{"80", "443", "8080", "8443", "2050"} {
				at := net.JoinHostPort(addr, port)
				if !h.opens(g, at) {
					continue
				}
				open++
				for _, host := range []string{at, netlab.RouterLAN4, "router.lan"} {
					for _, p := range pages {
						if p[1] == "GET" || host == at {
							h.notThePanel(c, p[1], at, host, p[2], cookie)
							tried++
						}
					}
				}
			}
		}
	}
	h.t.Logf("%d requests for the panel at the %d doors that open to guests: none led there", tried, open)
	if open == 0 {
		h.t.Error("not even the portal opens")
	}
}

func (h *house) opens(g *netlab.Guest, at string) bool {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Second)
	defer cancel()
	c, err := g.DialContext(ctx, "tcp", at)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// notThePanel asks for a page and complains if the answer is one of the panel.
func (h *house) notThePanel(c *http.Client, method, at, host, path, cookie string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+at+strings.NewReplacer("{", "", "}", "").Replace(path), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Cookie", cookie)
	// The portal hangs up on idle connections, of which the client may not know yet:
	// a POST is sent again like a GET.
	r.Header["Idempotency-Key"] = nil
	resp, err := c.Do(r)
	if err != nil {
		h.t.Errorf("%s %s at %s: %v", method, path, at, err)
		return
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	to := resp.Header.Get("Location")
	if err != nil || strings.Contains(string(b), "/assets/panel") || strings.Contains(to, "/sign-in") || strings.Contains(to, "/setup") || resp.Header.Get("Set-Cookie") != "" {
		h.t.Errorf("%s %s at %s as %s: %s to %q, %v", method, path, at, host, resp.Status, to, err)
	}
}

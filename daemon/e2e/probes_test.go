package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestProbes sends every system's captive check before and after the login,
// through the real resolver, redirect and portal.
func TestProbes(t *testing.T) {
	h := newHouse(t, "probes", netlab.Options{Guests: 1})
	g := h.Guest(1)
	for _, p := range netlab.Probes() {
		resp, page, err := h.get(g.Host, p.URL())
		switch {
		case err != nil:
			t.Errorf("%s, %s, before: %v", p.System, p.URL(), err)
		case resp.StatusCode != http.StatusFound || !strings.HasPrefix(resp.Header.Get("Location"), "http://192.168.0.1:2050/welcome") && !strings.HasPrefix(resp.Header.Get("Location"), "http://["+netlab.RouterGuest6+"]:2050/welcome"):
			t.Errorf("%s, %s, before: %d to %q", p.System, p.URL(), resp.StatusCode, resp.Header.Get("Location"))
		case resp.Header.Get("Cache-Control") != "no-store" || !resp.Close:
			t.Errorf("%s, %s, before: headers %v", p.System, p.URL(), resp.Header)
		case p.Body != "" && strings.Contains(page, p.Body):
			t.Errorf("%s, %s, before: the success text is shown", p.System, p.URL())
		}
	}
	user, pass := h.voucher(nil)
	h.login(g, user, pass)
	for _, p := range netlab.Probes() {
		eventually(t, p.System+" reaches "+p.URL(), func() bool {
			resp, page, err := h.get(g.Host, p.URL())
			return err == nil && resp.StatusCode == p.Status && page == p.Body
		})
	}
}

package e2e

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestBadInput sends what no client should to the API and to the portal while
// a guest is online: each gets a clear answer, nothing breaks, and the guest
// notices nothing.
func TestBadInput(t *testing.T) {
	h := newHouse(t, "input", netlab.Options{Guests: 2})
	good, bad := h.Guest(1), h.Guest(2)
	const script = `<script>alert("x")</script>`
	user, pass := h.voucher(map[string]any{"username": script, "fullname": script})
	if page := h.login(good, user, pass); strings.Contains(page, "<script") {
		t.Error("a script in a username stands on the status page")
	}
	h.cli("settings", "set", "venue.name", script)
	if _, page, err := h.get(bad.Host, netlab.PortalURL+"/welcome?code="+url.QueryEscape(script)); err != nil || strings.Contains(page, "<script") {
		t.Errorf("a script in the venue's name or the code stands on the welcome page, %v", err)
	}
	c := h.LAN().HTTPClient(netlab.ClientOptions{})
	for name, in := range map[string]struct {
		kind, body string
		status     int
	}{
		"broken JSON":    {"application/json", `{"api-key":`, 400},
		"array":          {"application/json", `[1,2]`, 400},
		"wrong type":     {"application/json", fmt.Sprintf(`{"api-key":%q,"action":"create_voucher","username":{"a":1}}`, h.key), 200},
		"1 MB":           {"application/json", `{"api-key":"` + strings.Repeat("a", mb) + `"}`, 413},
		"unknown type":   {"text/xml", `<a/>`, 415},
		"unknown action": {"application/json", fmt.Sprintf(`{"api-key":%q,"action":"drop_table"}`, h.key), 200},
	} {
		resp, err := c.Post("http://192.168.10.1/api/", in.kind, strings.NewReader(in.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != in.status || !strings.Contains(string(answer), `"error":true`) && !strings.Contains(string(answer), `"error": true`) {
			t.Errorf("%s: %d %s %v, want %d", name, resp.StatusCode, answer, err, in.status)
		}
	}
	h.halfOpen(bad)
	if resp, err := bad.HTTPClient(netlab.ClientOptions{}).Post(netlab.PortalURL+"/login", "application/x-www-form-urlencoded", strings.NewReader(strings.Repeat("a", mb))); err == nil {
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("a form of 1 MB: %d", resp.StatusCode)
		}
	}
	h.released(good)
	user, pass = h.voucher(nil)
	h.login(bad, user, pass)
	select {
	case <-h.daemon.Done():
		t.Error("the daemon ended")
	default:
	}
}

// halfOpen opens connections to the portal and says nothing on them; others
// are still served.
func (h *house) halfOpen(g *netlab.Guest) {
	h.t.Helper()
	for range 300 {
		c, err := g.DialContext(h.t.Context(), "tcp", "192.168.0.1:2050")
		if err != nil {
			break // its share is used up
		}
		defer c.Close()
	}
	begun := time.Now()
	if _, _, err := h.get(h.Guest(1).Host, netlab.PortalURL+"/status"); err != nil {
		h.t.Errorf("another guest is not served beside half-open connections: %v", err)
	}
	h.t.Logf("another guest was served in %v beside half-open connections", time.Since(begun))
}

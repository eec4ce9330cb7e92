package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	c := h.LAN().HTTPClient(netlab.ClientOptions{Timeout: patience})
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
	resp, err := bad.HTTPClient(netlab.ClientOptions{Timeout: patience}).Post(netlab.PortalURL+"/login", "application/x-www-form-urlencoded", strings.NewReader(strings.Repeat("a", mb)))
	switch {
	case err == nil:
		resp.Body.Close()
		if resp.StatusCode != 413 {
			t.Errorf("a form of 1 MB: %d", resp.StatusCode)
		}
	case !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET): // hung up on while it was still sending
		t.Errorf("a form of 1 MB: %v", err)
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
// are still served, over both families.
func (h *house) halfOpen(g *netlab.Guest) {
	h.t.Helper()
	for family, host := range map[string]string{"IPv4": netlab.RouterGuest4, "IPv6": netlab.RouterGuest6} {
		portal := net.JoinHostPort(host, "2050")
		open := 0
		for range 300 {
			c, err := g.DialContext(h.t.Context(), "tcp", portal)
			if err != nil {
				break // its share is used up
			}
			defer c.Close()
			open++
		}
		begun := time.Now()
		if _, _, err := h.get(h.Guest(1).Host, "http://"+portal+"/status"); err != nil || open == 0 {
			h.t.Errorf("%s: another guest is not served beside %d half-open connections: %v", family, open, err)
		}
		h.t.Logf("%s: another guest was served in %v beside %d half-open connections", family, time.Since(begun), open)
	}
}

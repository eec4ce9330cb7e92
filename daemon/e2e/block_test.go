package e2e

import (
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestBlockedDevice is out of the kernel at once, whatever it tries, through a
// crash of the daemon; unblocked, it is let in again by itself.
func TestBlockedDevice(t *testing.T) {
	h := newHouse(t, "block", netlab.Options{Guests: 2})
	g, other := h.Guest(1), h.Guest(2)
	user, pass := h.voucher(map[string]any{"valid_for": "1 day"})
	h.login(g, user, pass)
	h.cli("device", "block", "02:5A:9C:00:00:01", "--note", "room 9")
	if out := h.cli("device", "list"); !strings.Contains(out, "02:5A:9C:00:00:01") || !strings.Contains(out, "room 9") {
		t.Errorf("listed: %s", out)
	}
	out := func(when string) {
		t.Helper()
		if r := h.send(netlab.Flow{Guest: g, Bytes: mb}); r.Received > 0 {
			t.Errorf("%s: %d bytes passed", when, r.Received)
		}
		again, secret := h.voucher(nil)
		for _, form := range [][2]string{{user, pass}, {again, secret}} {
			page, where := h.post(g, netlab.PortalURL+"/login", map[string][]string{"code": {form[0]}, "passcode": {form[1]}})
			if !strings.Contains(text(page), "This device has been blocked") || strings.Contains(page, "<form") {
				t.Errorf("%s: %s says %s", when, where, text(page))
			}
		}
	}
	out("blocked")
	h.kill()
	h.start()
	out("after a crash")
	free, secret := h.voucher(nil)
	h.login(other, free, secret) // nobody else is kept out

	h.cli("device", "unblock", "02:5A:9C:00:00:01")
	if r := h.send(netlab.Flow{Guest: g, Bytes: mb}); r.End != netlab.EndComplete {
		t.Errorf("unblocked, and the download ended as %q after %d bytes", r.End, r.Received)
	}
}

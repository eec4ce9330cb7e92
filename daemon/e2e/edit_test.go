package e2e

import (
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestEdits changes vouchers under their guests from the command line; the
// kernel follows at once.
func TestEdits(t *testing.T) {
	h := newHouse(t, "edits", netlab.Options{Guests: 1})
	g := h.Guest(1)
	user, pass := h.voucher(map[string]any{"download_limit": 5})
	h.login(g, user, pass)
	online := func() bool { return h.row("get_active_guests", "data", "logins", user) != nil }

	first := h.send(netlab.Flow{Guest: g, Bytes: 20 * mb})
	eventually(t, "the session ends", func() bool { return !online() })
	h.cli("voucher", "edit", user, "--top-up-download", "5")
	if !online() {
		t.Error("topped up, and the guest is not let in again")
	}
	second := h.send(netlab.Flow{Guest: g, Bytes: 20 * mb})
	if got := first.Down + second.Down; got > 10*mb || got < 10*mb-netGSO {
		t.Errorf("%d bytes passed of 5 MB and 5 MB more", got)
	}

	h.cli("voucher", "edit", user, "--download", "0")
	if r := h.send(netlab.Flow{Guest: g, Bytes: 20 * mb}); r.End != netlab.EndComplete {
		t.Errorf("unlimited, and the download ended as %q after %d bytes", r.End, r.Received)
	}
	h.cli("voucher", "edit", user, "--download", "40")
	down, _ := h.used(user)
	third := h.send(netlab.Flow{Guest: g, Bytes: 40 * mb})
	if got := down + third.Down; got > 40*mb || got < 40*mb-netGSO {
		t.Errorf("%d bytes passed after the limit was set to 40 MB", got)
	}

	h.cli("voucher", "edit", user, "--download", "0")
	for _, step := range []struct {
		args []string
		says string
	}{
		{[]string{"--disable"}, "disabled"},
		{[]string{"--valid-from", "2099-01-01 00:00:00", "--enable"}, "not valid"},
	} {
		if !online() {
			t.Fatalf("before %v the guest is offline", step.args)
		}
		h.cli(append([]string{"voucher", "edit", user}, step.args...)...)
		if online() {
			t.Errorf("after %v the guest is online", step.args)
		}
		if r := h.send(netlab.Flow{Guest: g, Bytes: mb}); r.Received > 0 {
			t.Errorf("after %v %d bytes passed", step.args, r.Received)
		}
		page, _ := h.post(g, netlab.PortalURL+"/login", map[string][]string{"code": {user}, "passcode": {pass}})
		if !strings.Contains(text(page), step.says) {
			t.Errorf("after %v the guest is told: %s", step.args, text(page))
		}
		h.cli("voucher", "edit", user, "--enable", "--valid-from", "2020-01-01 00:00:00")
	}
	h.cli("guest", "kick", "02:5A:9C:00:00:01")
	if online() {
		t.Error("kicked, and online")
	}
	h.caught(g)
	h.login(g, user, pass)
	h.cli("voucher", "remove", user)
	h.caught(g)
}

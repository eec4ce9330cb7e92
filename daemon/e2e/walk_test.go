package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

const mb = 1 << 20

// TestWalk is the main job, from lease to cut-off, for IPv4 and IPv6: two
// guests share a voucher, a third has one of its own.
func TestWalk(t *testing.T) {
	h := newHouse(t, "walk", netlab.Options{Privacy: true})
	a, b, c := h.Guest(1), h.Guest(2), h.Guest(3)
	for _, g := range h.Guests() {
		h.caught(g)
	}
	h.cli("settings", "set", "voucher.devices", "2")
	shared, sharedPass := h.voucher(map[string]any{"download_limit": 20, "upload_limit": 30, "fullname": "Room 12"})
	own, ownPass := h.voucher(map[string]any{"username": "Anna", "passcode": "Pass1", "valid_for": "2 hours"})

	if page := text(h.login(a, shared, sharedPass)); !strings.Contains(page, shared) {
		t.Errorf("the status page does not name the voucher: %s", page)
	}
	h.login(b, strings.ToLower(shared), sharedPass)
	if page, _ := h.post(c, netlab.PortalURL+"/login", map[string][]string{"code": {shared}, "passcode": {sharedPass}}); !strings.Contains(text(page), "another device") {
		t.Errorf("a third device on a voucher for two is told: %s", text(page))
	}
	h.login(c, strings.ToUpper(own), ownPass)
	for _, g := range h.Guests() {
		h.released(g)
	}

	for _, g := range h.Guests() {
		h.rest(g, netlab.ExampleIPv4)
		h.rest(g, netlab.ExampleIPv6)
	}

	// Traffic is counted to the byte, by session and by voucher.
	h.counted(a, shared)
	h.counted(c, own)

	// The quota ends both who share it, at the byte, and nobody else.
	down, _ := h.used(shared)
	r := h.send(netlab.Flow{Guest: b, Bytes: 40 * mb, Network: "tcp6"})
	t.Logf("IPv6 download until the cut-off: %d + %d of %d bytes", down, r.Down, 20*mb)
	if got := down + r.Down; got > 20*mb || got < 20*mb-netGSO {
		t.Errorf("%d bytes passed of a quota of %d", got, 20*mb)
	}
	var got uint64
	eventually(t, "the voucher's sessions end and are booked", func() bool {
		if h.row("get_active_guests", "data", "logins", shared) != nil {
			return false
		}
		got, _ = h.used(shared)
		return got >= 20*mb-netGSO
	})
	if got != down+r.Down {
		t.Errorf("the API says %d bytes, %d arrived", got, down+r.Down)
	}
	for _, g := range []*netlab.Guest{a, b} {
		_, page, err := h.get(g.Host, netlab.PortalURL+"/status")
		if err != nil || !strings.Contains(text(page), "download") {
			t.Errorf("%s is told %q, %v", g.Name(), text(page), err)
		}
		h.caught(g)
	}
	h.released(c)
	if row := h.row("get_logins", "logins", "reason", "download used up"); row == nil {
		t.Error("the login log has no row for the cut-off")
	}
	h.removalCuts(c, own)
}

// netGSO is the largest packet that the kernel hands over in one piece.
const netGSO = 64 * 1024

// caught checks that a guest who is not let in meets the portal and nothing
// else.
func (h *house) caught(g *netlab.Guest) {
	h.t.Helper()
	for family, site := range map[string]string{"IPv4": netlab.ExampleIPv4, "IPv6": netlab.ExampleIPv6} {
		resp, _, err := h.get(g.Host, "http://"+site+"/")
		if err != nil || resp.StatusCode != 302 || !strings.Contains(resp.Header.Get("Location"), ":2050/welcome") {
			h.t.Errorf("%s, %s: not caught: %v, %v", g.Name(), family, resp, err)
			continue
		}
		if _, page, err := h.get(g.Host, resp.Header.Get("Location")); err != nil || !strings.Contains(page, "name=\"code\"") {
			h.t.Errorf("%s, %s: no login form: %v %s", g.Name(), family, err, text(page))
		}
		if c, err := g.DialContext(h.t.Context(), "tcp", site+":443"); err == nil {
			c.Close()
			h.t.Errorf("%s, %s: port 443 opens", g.Name(), family)
		} else if isTimeout(err) {
			h.t.Errorf("%s, %s: port 443 is not refused: %v", g.Name(), family, err)
		}
	}
}

// released checks that a guest who is let in reaches the real servers.
func (h *house) released(g *netlab.Guest) {
	h.t.Helper()
	for _, site := range []string{netlab.ExampleIPv4, netlab.ExampleIPv6} {
		eventually(h.t, g.Name()+" reaches "+site, func() bool {
			resp, _, err := h.get(g.Host, "http://"+site+"/")
			return err == nil && resp.StatusCode == 200
		})
	}
}

// counted sends known flows and compares what the API says with what arrived.
func (h *house) counted(g *netlab.Guest, voucher string) {
	h.t.Helper()
	for _, f := range []netlab.Flow{
		{Network: "tcp4", Bytes: 2 * mb}, {Network: "tcp6", Bytes: 2 * mb}, {Network: "udp4", Bytes: mb / 2, Rate: 8 * mb}, {Network: "udp6", Bytes: mb / 2, Rate: 8 * mb},
		{Network: "tcp4", Bytes: mb, Upload: true}, {Network: "tcp6", Bytes: mb, Upload: true}, {Network: "udp4", Bytes: mb / 2, Rate: 8 * mb, Upload: true},
	} {
		f.Guest = g
		down, up := h.used(voucher)
		r := h.send(f)
		name := fmt.Sprintf("%s %s upload=%v", g.Name(), f.Network, f.Upload)
		if r.End != netlab.EndComplete {
			h.t.Errorf("%s: %s after %d bytes", name, r.End, r.Received)
		}
		var d, u uint64
		if !soon(func() bool {
			d, u = h.used(voucher)
			return d-down == r.Down && u-up == r.Up
		}) {
			h.t.Fatalf("%s: counted %d down %d up, arrived %d and %d", name, d-down, u-up, r.Down, r.Up)
		}
		h.t.Logf("%s: counted %d down %d up, as arrived", name, d-down, u-up)
	}
}

func diff(a, b uint64) uint64 { return max(a, b) - min(a, b) }

// removalCuts removes a voucher under a running download.
func (h *house) removalCuts(g *netlab.Guest, voucher string) {
	h.t.Helper()
	type result struct {
		netlab.FlowResult
		err error
	}
	done := make(chan result, 1)
	before, err := g.Counters()
	if err != nil {
		h.t.Fatal(err)
	}
	go func() {
		r, err := h.Send(h.t.Context(), netlab.Flow{Guest: g, Time: patience, Rate: 20 * mb})
		done <- result{r, err}
	}()
	eventually(h.t, "the download runs", func() bool {
		now, err := g.Counters()
		return err == nil && now.RxBytes > before.RxBytes+mb
	})
	if out := h.api("remove_voucher", map[string]any{"username": voucher}); out["message"] != "User removed successfully" {
		h.t.Fatalf("remove_voucher: %v", out)
	}
	after, err := g.Counters()
	if err != nil {
		h.t.Fatal(err)
	}
	r := <-done
	if r.err != nil || r.End == netlab.EndTime || r.End == netlab.EndComplete {
		h.t.Fatalf("the download ended as %q, %v", r.End, r.err)
	}
	last, err := g.Counters()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Logf("removal: %d bytes had passed; %d bytes in all reached the guest's link afterwards", r.Down, last.RxBytes-after.RxBytes)
	// What still arrives is the router's own: refusals and housekeeping.
	if more := last.RxBytes - after.RxBytes; more > 10_000 {
		h.t.Errorf("%d bytes passed after the voucher was removed", more)
	}
	h.caught(g)
}

// TestRoaming changes a guest's address, and gives it new IPv6 addresses: it
// stays online with the same quota.
func TestRoaming(t *testing.T) {
	h := newHouse(t, "roam", netlab.Options{Guests: 1})
	g := h.Guest(1)
	user, pass := h.voucher(map[string]any{"download_limit": 10})
	h.login(g, user, pass)
	h.send(netlab.Flow{Guest: g, Bytes: mb})
	if err := g.SetAddr(netip.MustParseAddr("192.168.0.222")); err != nil {
		t.Fatal(err)
	}
	if err := g.AddAddr(netip.MustParsePrefix("fd5a:9c3e:71b4:1::beef/64")); err != nil {
		t.Fatal(err)
	}
	h.released(g)
	from := netip.MustParseAddr("fd5a:9c3e:71b4:1::beef")
	eventually(t, "a new IPv6 address is let through", func() bool {
		c, err := g.DialFrom(t.Context(), from, "tcp6", "["+netlab.Upstream6+"]:80")
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	down, _ := h.used(user)
	r := h.send(netlab.Flow{Guest: g, Bytes: 20 * mb})
	if got := down + r.Down; got > 10*mb || got < 10*mb-netGSO {
		t.Errorf("%d bytes passed of a quota of %d", got, 10*mb)
	}
}

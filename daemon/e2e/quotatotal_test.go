package e2e

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestCombinedQuota runs into a limit of both directions together, both ways at
// once: alone at a pace that leaves room for all, and at full speed beside the
// download's own limit. Not one packet may pass beyond it, and what is counted is
// what passed.
func TestCombinedQuota(t *testing.T) {
	h := newHouse(t, "combined", netlab.Options{})
	h.cli("settings", "set", "voucher.devices", "2")
	for name, most := range map[string]uint64{"paced": 0, "beside": 4} {
		for _, network := range []string{"tcp4", "tcp6", "udp4", "udp6"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				h.t = t
				made := strings.Fields(h.cli("voucher", "create", "--total", "5", "--download", strconv.FormatUint(most, 10)))
				h.bothWays(network, most*mb, made[0], made[1])
			})
		}
	}
}

// bothWays sends as much as passes. most is the download's own limit; 0: it has
// none.
func (h *house) bothWays(network string, most uint64, user, pass string) {
	h.t.Helper()
	const limit, devices = 5 * mb, 2
	for i := range devices {
		h.login(h.Guest(i+1), user, pass)
		h.released(h.Guest(i + 1)) // names and pages are not caught any more
	}
	pace := uint64(0)
	if most == 0 {
		pace = 2 * mb
	}
	var wg sync.WaitGroup
	var results [2 * devices]netlab.FlowResult
	var errs [2 * devices]error
	for i := range results {
		wg.Go(func() {
			results[i], errs[i] = h.Send(h.t.Context(), netlab.Flow{Guest: h.Guest(i%devices + 1), Network: network, Upload: i < devices,
				Bytes: 20 * mb, Rate: pace, Time: patience})
		})
	}
	wg.Wait()
	var down, up uint64
	for i, r := range results {
		if errs[i] != nil {
			h.t.Fatalf("flow %d: %v", i, errs[i])
		}
		down, up = down+r.Down, up+r.Up
	}
	h.t.Logf("%d bytes down and %d up passed of %d: %d short", down, up, limit, int64(limit)-int64(down+up))
	if down+up > limit {
		h.t.Errorf("%d bytes passed beyond the limit", down+up-limit)
	}
	if most > 0 && down > most {
		h.t.Errorf("%d bytes passed beyond the download's limit", down-most)
	}
	const pages = 16 << 10 // that the devices got before; they count, too
	if down+up < limit-2*netGSO-pages && (most == 0 || down < most-netGSO-pages) || pace > 0 && min(down, up) < mb {
		h.t.Errorf("cut off %d bytes early, with %d down and %d up", limit-down-up, down, up)
	}
	var counted, sent uint64
	eventually(h.t, "the voucher's sessions end and are booked", func() bool {
		if h.row("get_active_guests", "data", "logins", user) != nil {
			return false
		}
		counted, sent = h.used(user)
		return counted+sent > 0
	})
	if counted+sent > limit || diff(counted, down) > netGSO || diff(sent, up) > netGSO {
		h.t.Errorf("counted %d down and %d up, arrived %d and %d", counted, sent, down, up)
	}
	if show := h.cli("voucher", "show", user); !strings.Contains(show, "used up") || !strings.Contains(show, "of 5 MB") {
		h.t.Errorf("the voucher is shown as\n%s", show)
	}
	h.api("remove_voucher", map[string]any{"username": user})
}

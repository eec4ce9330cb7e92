package e2e

import (
	"fmt"
	"sync"
	"testing"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// TestQuotaOvershoot runs at full speed into quotas: TCP and UDP, each
// direction, one and three devices on a voucher. Not one packet may pass beyond
// the limit.
func TestQuotaOvershoot(t *testing.T) {
	h := newHouse(t, "quota", netlab.Options{})
	h.cli("settings", "set", "voucher.devices", "3")
	for _, devices := range []int{1, 3} {
		for _, network := range []string{"tcp4", "tcp6", "udp4", "udp6"} {
			for _, upload := range []bool{false, true} {
				name := fmt.Sprintf("%s/%s/devices=%d", network, direction(upload), devices)
				t.Run(name, func(t *testing.T) {
					h.t = t
					h.overshoot(network, upload, devices)
				})
			}
		}
	}
}

func direction(upload bool) string {
	if upload {
		return "upload"
	}
	return "download"
}

func (h *house) overshoot(network string, upload bool, devices int) {
	h.t.Helper()
	const limit = 5 * mb
	user, pass := h.voucher(map[string]any{direction(upload) + "_limit": 5})
	for i := range devices {
		h.login(h.Guest(i+1), user, pass)
	}
	var wg sync.WaitGroup
	results := make([]netlab.FlowResult, devices)
	errs := make([]error, devices)
	for i := range devices {
		wg.Go(func() {
			results[i], errs[i] = h.Send(h.t.Context(), netlab.Flow{Guest: h.Guest(i + 1), Network: network, Upload: upload,
				Bytes: 20 * mb, Time: patience})
		})
	}
	wg.Wait()
	var passed, packets uint64
	for i, r := range results {
		if errs[i] != nil {
			h.t.Fatalf("flow %d: %v", i, errs[i])
		}
		if upload {
			passed, packets = passed+r.Up, packets+r.UpPackets
		} else {
			passed, packets = passed+r.Down, packets+r.DownPackets
		}
	}
	h.t.Logf("%d bytes in %d packets passed of %d: %d short", passed, packets, limit, int64(limit)-int64(passed))
	if passed > limit {
		h.t.Errorf("%d bytes passed beyond the limit", passed-limit)
	}
	if passed < limit-uint64(devices)*netGSO {
		h.t.Errorf("cut off %d bytes early", limit-passed)
	}
	var down, up uint64
	eventually(h.t, "the voucher's sessions end and are booked", func() bool {
		if h.row("get_active_guests", "data", "logins", user) != nil {
			return false
		}
		down, up = h.used(user)
		return down+up > 0
	})
	counted := down
	if upload {
		counted = up
	}
	// The portal's own pages are not metered, so the count is the flow's.
	if counted > limit || diff(counted, passed) > netGSO {
		h.t.Errorf("counted %d, arrived %d", counted, passed)
	}
	h.api("remove_voucher", map[string]any{"username": user})
}

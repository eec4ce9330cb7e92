package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const sizeHow = `The daemon with 1,000 guests in, who log in and out no more: its resident memory as
the kernel counts it, after counters were read, usage was stored and the lists were asked for
several times. RssFile is the program and the store's file, which are mapped, and
which the kernel can take back at any time; RssAnon is the rest. The start is as after
a reboot, with an empty kernel: when the daemon is ready, every guest is in.`

// size measures the daemon with 1,000 guests.
func size(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "The daemon with 1,000 guests", How: sizeHow}
	crowd := pick(r, 1000, 100)
	h, err := newHouse(ctx, r, houseOptions{suffix: "size", seed: seedGuests(crowd), period: time.Second, flush: 2 * time.Second})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	var start, rss, anon Sample
	for range pick(r, 7, 1) {
		took, err := h.restart(ctx, true)
		if err != nil {
			return s, err
		}
		start = append(start, took)
		for range pick(r, 4, 1) {
			for _, list := range []string{"get_active_guests", "get_guest_hosts", "get_logins", "get_voucher_users"} {
				if _, err := h.call(ctx, list, nil); err != nil {
					return s, err
				}
			}
			if err := wait(ctx, pick(r, time.Second, 100*time.Millisecond)); err != nil {
				return s, err
			}
		}
		m, err := memoryOf(h.daemon.PID())
		if err != nil {
			return s, err
		}
		rss, anon = append(rss, m.rss), append(anon, m.anon)
	}
	u := mbUnit()
	s.figure(fmt.Sprintf("daemon's RSS, %d guests", crowd), u.spread(rss), "of it anonymous: "+u.with(anon.Median()), "≤ 40 MB", atMost(rss.Median(), 40))
	s.figure(fmt.Sprintf("start to enforcing, %d guests", crowd), msUnit().spread(start), "", "≤ 300 ms", atMost(start.Median(), 300))
	s.Plots = append(s.Plots, Plot{Name: "size-start", Title: "Start to enforcing, 1,000 guests", Unit: "ms", Goal: 300, GoalText: "300 ms",
		Rows: []PlotRow{{"start", start, false}}},
		Plot{Name: "size-memory", Title: "Resident memory, 1,000 guests", Unit: "MB", Goal: 40, GoalText: "40 MB",
			Rows: []PlotRow{{"RSS", rss, false}, {"of it anonymous", anon, false}}})
	return s, nil
}

// residence is a process's resident memory in MB (of 2^20 bytes).
type residence struct{ rss, anon, file, peak float64 }

func memoryOf(pid int) (m residence, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(line, ":")
		for name, to := range map[string]*float64{"VmRSS": &m.rss, "RssAnon": &m.anon, "RssFile": &m.file, "VmHWM": &m.peak} {
			if key != name {
				continue
			}
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			if err != nil {
				return m, err
			}
			*to = kb / 1024
		}
	}
	return m, nil
}

// forgetPeak makes the kernel count a process's peak anew.
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

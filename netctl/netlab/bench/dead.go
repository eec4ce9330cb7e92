package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

const deadHow = `Guests log in, and the daemon is killed with SIGKILL before their limits are reached.
One has a session of a few seconds: the time is from the moment it should have ended, which
lies between the form's POST and its answer (the answer counts), to the arrival of the last byte. The
other has a quota: its download at full speed ends at the quota, or less than one
packet before it. A packet that the kernel merged on its way (GRO) counts as one.`

// quotaMB is the quota that is used up.
const quotaMB = 5

// dead watches limits hold while no daemon runs.
func dead(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "Limits without a daemon", How: deadHow}
	const length = 3 * time.Second
	h, err := newHouse(ctx, r, houseOptions{suffix: "dead", guests: 1})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	var late, over, under Sample
	for range pick(r, 5, 1) {
		v, err := h.deadExpiry(ctx, length)
		for longer := 3 * length; errors.Is(err, errLate) && longer < 5*time.Minute; longer *= 3 {
			v, err = h.deadExpiry(ctx, longer)
		}
		if err != nil {
			return s, fmt.Errorf("expiry: %w", err)
		}
		late = append(late, v)
		for _, network := range []string{"tcp4", "udp4"} {
			got, err := h.deadQuota(ctx, network)
			if err != nil {
				return s, fmt.Errorf("quota over %s: %w", network, err)
			}
			over = append(over, max(got-quotaMB<<20, 0))
			under = append(under, max(quotaMB<<20-got, 0))
		}
	}
	s.figure("daemon dead at the expiry: last byte, after the expiry (negative: before)", msUnit().spread(late), "", "≤ 1000 ms", atMost(late.Max(), 1000))
	s.figure("daemon dead at the end of a quota: bytes past it", byteUnit().spread(over), "", "0", atMost(over.Max(), 0))
	s.figure("daemon dead at the end of a quota: bytes left of it", byteUnit().spread(under), "", "less than a packet (64 KiB merged)",
		atMost(under.Max(), 65536))
	s.Plots = append(s.Plots, Plot{Name: "dead-expiry", Title: "Daemon dead: from the expiry to the last byte", Unit: "ms", Goal: 1000, GoalText: "1 s",
		Rows: []PlotRow{{"last byte after expiry", positive(late), false}}})
	return s, nil
}

// positive draws what was early as on time.
func positive(s Sample) Sample {
	out := make(Sample, len(s))
	for i, v := range s {
		out[i] = max(v, 0)
	}
	return out
}

// errLate says that a session was over before its traffic began, as happens on a
// machine that is busy with something else.
var errLate = errors.New("the session ended before anything was sent")

// deadExpiry returns the milliseconds from a session's end to its last byte.
func (h *house) deadExpiry(ctx context.Context, length time.Duration) (float64, error) {
	if _, err := h.cli(ctx, "settings", "set", "session.timeout", length.String()); err != nil {
		return 0, err
	}
	user, pass, err := h.voucher(ctx, nil)
	if err != nil {
		return 0, err
	}
	if err := h.login(ctx, h.Guest(1), user, pass); err != nil {
		return 0, err
	}
	end := time.Now().Add(length)
	h.daemon.Kill()
	begun := time.Now()
	r, err := h.Send(ctx, netlab.Flow{Guest: h.Guest(1), Rate: 20 << 20, Time: length + 5*time.Second, Stall: 2 * time.Second})
	if err != nil {
		return 0, err
	}
	late := millis(begun.Add(r.Elapsed).Sub(end))
	if err := h.daemon.Start(ctx); err != nil {
		return 0, err
	}
	if _, err := h.cli(ctx, "settings", "set", "session.timeout", "0s"); err != nil {
		return 0, err
	}
	if r.Received == 0 {
		return 0, errLate
	}
	return late, nil
}

// deadQuota returns the bytes that passed of a quota.
func (h *house) deadQuota(ctx context.Context, network string) (float64, error) {
	user, pass, err := h.voucher(ctx, map[string]any{"download_limit": quotaMB})
	if err != nil {
		return 0, err
	}
	if err := h.login(ctx, h.Guest(1), user, pass); err != nil {
		return 0, err
	}
	h.daemon.Kill()
	r, err := h.Send(ctx, netlab.Flow{Guest: h.Guest(1), Network: network, Bytes: 4 * quotaMB << 20, Time: time.Minute, Stall: 2 * time.Second})
	if err != nil {
		return 0, err
	}
	return float64(r.Down), h.daemon.Start(ctx)
}

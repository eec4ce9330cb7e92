package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

const restartHow = `A guest downloads over one TCP connection while the daemon is restarted (SIGTERM),
killed (SIGKILL) or upgraded (stopped, and another program started in its place).
The bytes that arrived are counted by a rule of the guest's own kernel; the bytes
that were billed are what the action API says afterwards. The documented bound is
nothing: the kernel counts, also while no daemon runs.`

// restarts replaces the daemon under a running download.
func restarts(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "Restart, kill and upgrade under a download", How: restartHow}
	h, err := newHouse(ctx, r, houseOptions{suffix: "rst", guests: 1})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	user, pass, err := h.voucher(ctx, nil)
	if err != nil {
		return s, err
	}
	if err := h.login(ctx, h.Guest(1), user, pass); err != nil {
		return s, err
	}
	for _, way := range []struct {
		name    string
		program string
		stop    func() error
	}{
		{"restart", r.cfg.Binary, func() error { return h.daemon.Stop() }},
		{"kill -9", r.cfg.Binary, func() error { h.daemon.Kill(); return nil }},
		{"upgrade", r.cfg.Next, func() error { return h.daemon.Stop() }},
	} {
		var lost int
		var off, gap Sample
		for range pick(r, 5, 1) {
			d, err := h.download(ctx, user, way.program, way.stop)
			if err != nil {
				return s, fmt.Errorf("%s: %w", way.name, err)
			}
			if d.end != netlab.EndComplete {
				lost++
			}
			off = append(off, float64(d.arrived)-float64(d.billed))
			gap = append(gap, millis(d.gone))
		}
		s.figure(way.name+" under a download: connections lost", fmt.Sprintf("%d of %d", lost, len(off)), "", "0", atMost(float64(lost), 0))
		worst := max(off.Max(), 0)
		s.figure(way.name+" under a download: bytes arrived and not billed", byteUnit().spread(off),
			"the daemon was away for "+msUnit().with(gap.Median()), "0", atMost(worst, 0))
	}
	return s, nil
}

// interrupted is a download that saw the daemon go.
type interrupted struct {
	end             netlab.End
	arrived, billed uint64
	gone            time.Duration // from the signal to the next daemon's readiness
}

// download replaces the daemon in the midst of a download.
func (h *house) download(ctx context.Context, user, program string, stop func() error) (d interrupted, err error) {
	before, err := h.downloaded(ctx, user)
	if err != nil {
		return d, err
	}
	total, rate := pick(h.run, uint64(30<<20), 10<<20), uint64(20<<20)
	var progress atomic.Uint64
	type outcome struct {
		r   netlab.FlowResult
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := h.Send(ctx, netlab.Flow{Guest: h.Guest(1), Bytes: total, Rate: rate, Time: 2 * time.Minute, Stall: time.Minute, Progress: &progress})
		done <- outcome{r, err}
	}()
	for progress.Load() < total/5 {
		if err := wait(ctx, time.Millisecond); err != nil {
			return d, err
		}
		select {
		case o := <-done:
			return d, errors.Join(fmt.Errorf("the download ended early: %s", o.r.End), o.err)
		default:
		}
	}
	begun := time.Now()
	if err := stop(); err != nil {
		return d, err
	}
	if err := h.start(ctx, program); err != nil {
		return d, err
	}
	d.gone = time.Since(begun)
	o := <-done
	if o.err != nil {
		return d, o.err
	}
	after, err := h.downloaded(ctx, user)
	d.end, d.arrived, d.billed = o.r.End, o.r.Down, after-before
	return d, err
}

const adoptHow = `10,000 guests are in the store, and in the kernel once the daemon has started for
the first time. Then it is killed with SIGKILL and started again, over and over: from
the start of the process until its health page answers on the LAN, which it does
after every session was taken up. After a reboot the kernel holds nobody; then every
guest is let in again before the daemon is ready.`

// adoption times a start with 10,000 guests.
func adoption(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "Taking up 10,000 guests", How: adoptHow}
	crowd := pick(r, 10000, 500)
	none, err := r.starts(ctx, 0)
	if err != nil {
		return s, err
	}
	full, err := r.starts(ctx, crowd)
	if err != nil {
		return s, err
	}
	u := msUnit()
	s.figure(fmt.Sprintf("daemon start to ready, %d guests in store and kernel", crowd), u.spread(full.warm),
		"with nobody in: "+u.with(none.warm.Median()), "≤ 1000 ms", atMost(full.warm.Median(), 1000))
	s.figure(fmt.Sprintf("daemon start to ready after a reboot, %d guests in the store", crowd), u.spread(full.cold),
		"with nobody in: "+u.with(none.cold.Median()), "", NoGoal)
	s.Plots = append(s.Plots, Plot{Name: "adopt", Title: "From the start of the process to readiness", Unit: "ms", Goal: 1000, GoalText: "1 s",
		Rows: []PlotRow{{"nobody", none.warm, true}, {fmt.Sprintf("%d guests, kernel full", crowd), full.warm, false},
			{fmt.Sprintf("%d guests, after a reboot", crowd), full.cold, false}}})
	return s, nil
}

type startTimes struct{ warm, cold Sample }

// starts kills and starts the daemon with a crowd in, with the kernel's table
// and without.
func (r *run) starts(ctx context.Context, crowd int) (t startTimes, err error) {
	h, err := newHouse(ctx, r, houseOptions{suffix: "adopt", seed: seedGuests(crowd)})
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	for range pick(r, 7, 1) {
		took, err := h.restart(ctx, false)
		if err != nil {
			return t, err
		}
		t.warm = append(t.warm, took)
		if took, err = h.restart(ctx, true); err != nil {
			return t, err
		}
		t.cold = append(t.cold, took)
	}
	return t, nil
}

// restart kills the daemon, empties the kernel as a reboot would if asked to,
// and returns the milliseconds until the next one is ready.
func (h *house) restart(ctx context.Context, empty bool) (float64, error) {
	h.daemon.Kill()
	if empty {
		if err := command(ctx, h.Router(), "", "nft", "delete", "table", "inet", gateTable); err != nil {
			return 0, err
		}
	}
	begun := time.Now()
	err := h.daemon.Start(ctx)
	return millis(time.Since(begun)), err
}

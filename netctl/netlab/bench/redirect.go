package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	"github.com/vouchsafe/vouchsafe/netctl/nft"
)

const redirectHow = `Guests who are not logged in ask for captive.apple.com, 16 at a time (four guests,
four each), a new connection for each request, and are redirected to the portal. The
baseline is a second lab just like it, with the same table in its router, where a bare
net/http server in a process of its own listens at the portal's port and answers the very bytes that the
portal answered. Turns alternate. The clients run on the same processors as the server.`

const (
	redirectGuests = 4
	redirectEach   = 4
	redirectTo     = netlab.Upstream4 + ":80"
	redirectAsk    = "GET /hotspot-detect.html HTTP/1.1\r\nHost: captive.apple.com\r\nUser-Agent: CaptiveNetworkSupport\r\nAccept: */*\r\nConnection: close\r\n\r\n"
)

// redirects compares the portal's redirect with a bare server's.
func redirects(ctx context.Context, r *run) (s Section, err error) {
	s = Section{Title: "The portal's redirect", How: redirectHow}
	h, err := newHouse(ctx, r, houseOptions{suffix: "redir", guests: redirectGuests})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	answer, err := record(ctx, h.Guest(1).Host, redirectTo, redirectAsk)
	if err != nil {
		return s, err
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 302")) {
		return s, fmt.Errorf("the portal answered %.60q", answer)
	}
	twin, err := r.newTwin(ctx, answer)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, twin.close()) }()
	var ours, bare crowdResult
	for i := range pick(r, 14, 2) {
		for _, own := range []bool{i%2 == 0, i%2 == 1} {
			lab, res := twin.Lab, &bare
			if own {
				lab, res = h.Lab, &ours
			}
			if err := res.turn(ctx, lab, pick(r, 700*time.Millisecond, 100*time.Millisecond)); err != nil {
				return s, err
			}
		}
	}
	reportRedirects(&s, ours, bare)
	return s, nil
}

// twin is a lab with the gate's table and a bare server for a portal.
type twin struct {
	*netlab.Lab
	ns     netns.NsHandle
	gate   *nft.Gate
	server *bare
}

func (r *run) newTwin(ctx context.Context, answer []byte) (t *twin, err error) {
	t = &twin{ns: netns.None()}
	if t.Lab, err = r.lab(ctx, "twin", redirectGuests); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if err := t.Leases(ctx); err != nil {
		return nil, err
	}
	if t.ns, err = netns.GetFromName(t.Router().Namespace()); err != nil {
		return nil, err
	}
	t.gate, err = nft.New(nft.Config{
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), GuestInterface: netlab.GuestBridge, Portal: netlab.PortalPort,
		Uplinks: []string{netlab.WANLink}, Protected: []string{netlab.LANLink}, NetNS: int(t.ns),
	})
	if err != nil {
		return nil, err
	}
	if err := t.gate.Open(ctx); err != nil {
		return nil, err
	}
	at := fmt.Sprintf(":%d", netlab.PortalPort)
	t.server, err = r.startBare(ctx, t.Router(), t.Guest(1).Host, at, netlab.RouterGuest4+at, answer)
	return t, err
}

func (t *twin) close() error {
	var errs []error
	if t.server != nil {
		errs = append(errs, t.server.stop())
	}
	if t.gate != nil {
		errs = append(errs, t.gate.Close())
	}
	if t.ns.IsOpen() {
		errs = append(errs, t.ns.Close())
	}
	return errors.Join(append(errs, t.Lab.Close())...)
}

// crowdResult is what many clients saw, turn by turn.
type crowdResult struct {
	rate, p50, p99 Sample
	failed         int
}

// turn lets all clients ask for a while.
func (res *crowdResult) turn(ctx context.Context, lab *netlab.Lab, d time.Duration) error {
	var mu sync.Mutex // guards all
	var all Sample
	var failed atomic.Int64
	begun := time.Now()
	var g errgroup.Group
	for n := range redirectGuests * redirectEach {
		g.Go(func() error {
			return lab.Guest(n%redirectGuests + 1).Do(func() error {
				var own Sample
				for first := true; (first || time.Since(begun) < d) && ctx.Err() == nil; first = false {
					took, err := timed(func() error { return askOnce(ctx) })
					if err != nil {
						failed.Add(1)
						continue
					}
					own = append(own, took)
				}
				mu.Lock()
				all = append(all, own...)
				mu.Unlock()
				return nil
			})
		})
	}
	err := g.Wait()
	took := time.Since(begun)
	if len(all) == 0 {
		return errors.Join(err, errBlocked)
	}
	res.rate = append(res.rate, float64(len(all))/took.Seconds())
	res.p50, res.p99 = append(res.p50, all.Median()), append(res.p99, all.Quantile(0.99))
	res.failed += int(failed.Load())
	return err
}

var errAnswer = errors.New("not the answer expected")

// askOnce makes one request on a connection of its own.
func askOnce(ctx context.Context) error {
	d := net.Dialer{Timeout: time.Minute}
	c, err := d.DialContext(ctx, "tcp4", redirectTo)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, redirectAsk); err != nil {
		return err
	}
	var buf [4096]byte
	n, err := io.ReadFull(c, buf[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 302")) {
		return errAnswer
	}
	return nil
}

func reportRedirects(s *Section, ours, bare crowdResult) {
	u, m := rateUnit(), msUnit()
	ratio, tail := ours.rate.Over(bare.rate), ours.p99.Over(bare.p99)
	s.figure("portal redirect, 16 connections, throughput", u.with(ours.rate.Median())+", ratio "+ratioUnit().spread(ratio),
		"bare net/http "+u.with(bare.rate.Median()), "≥ 0.6 of bare net/http", atLeast(ratio.Median(), 0.6))
	s.figure("portal redirect, 16 connections, p99", m.with(ours.p99.Median())+", ratio "+ratioUnit().spread(tail),
		"bare net/http "+m.with(bare.p99.Median()), "≤ 3 × bare net/http", atMost(tail.Median(), 3))
	s.figure("portal redirect, 16 connections, median", m.with(ours.p50.Median()), "bare net/http "+m.with(bare.p50.Median()), "", NoGoal)
	s.note(fmt.Sprintf("Requests that failed: %d at the portal, %d at the bare server.", ours.failed, bare.failed))
	s.Plots = append(s.Plots,
		Plot{Name: "redirect-rate", Title: "Redirects a second, 16 connections", Unit: "/s",
			Rows: []PlotRow{{"bare net/http", bare.rate, true}, {"portal", ours.rate, false}}},
		Plot{Name: "redirect-p99", Title: "Redirects, 99th percentile", Unit: "ms",
			Rows: []PlotRow{{"bare net/http", bare.p99, true}, {"portal", ours.p99, false}}})
}

package hosts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The rhythm of a table.
const (
	leasePeriod = 2 * time.Second
	sweepPeriod = time.Minute
	retryFirst  = 250 * time.Millisecond
	retryMost   = 5 * time.Second
	stable      = time.Minute // after which a failure starts from retryFirst again
)

// Run keeps the table up to date until ctx ends, which is the only nil return.
// It survives that the interface goes away and comes back.
//
// changed, which may be nil, is called for a device that appears, whose
// addresses change, or that is heard of again after half a minute of silence.
// Calls come one after another from one goroutine; while one takes its time,
// the news of each device is kept as one, and nothing else waits.
func (t *Table) Run(ctx context.Context, changed func(hotspot.MAC)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return t.report(ctx, changed) })
	g.Go(func() error { return t.housekeeping(ctx) })
	g.Go(func() error { return t.attend(ctx) })
	if err := g.Wait(); err != nil {
		return fmt.Errorf("hosts: %w", err)
	}
	return nil
}

// report passes news on.
func (t *Table) report(ctx context.Context, changed func(hotspot.MAC)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.wake:
		}
		for _, m := range t.takeNews() {
			if changed != nil && ctx.Err() == nil {
				changed(m)
			}
		}
	}
}

// housekeeping reads the lease file and forgets what is old.
func (t *Table) housekeeping(ctx context.Context) error {
	poll, sweep := time.NewTicker(leasePeriod), time.NewTicker(sweepPeriod)
	defer poll.Stop()
	defer sweep.Stop()
	file := leaseFile{now: time.Now}
	broken := false
	for {
		if _, path := t.configured(); path != file.path {
			file = leaseFile{path: path, now: time.Now}
			t.setLeases(leases{}) // none, or another's
		}
		if file.path != "" {
			broken = t.pollLeases(&file, broken)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			t.sweep()
		case <-poll.C:
		}
	}
}

// pollLeases takes up a changed lease file, and says once when it cannot.
func (t *Table) pollLeases(file *leaseFile, broken bool) bool {
	l, changed, err := file.changed()
	if err != nil {
		if !broken {
			t.log.Warn("the lease file cannot be read", "path", file.path, "error", err)
		}
		return true
	}
	if changed {
		t.setLeases(l)
	}
	return false
}

// attend watches the interface as often as it comes up.
func (t *Table) attend(ctx context.Context) error {
	wait, missing := retryFirst, false
	for {
		begun := time.Now()
		select {
		case <-t.look: // what was raised before this look is answered by it
		default:
		}
		err := t.watch(ctx)
		iface, _ := t.configured()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, fs.ErrPermission), errors.Is(err, ErrUnsupported):
			return err
		case errors.Is(err, errNoInterface):
			if !missing {
				t.log.Warn("the guest interface is missing; waiting for it", "interface", iface)
			}
			missing, wait = true, min(wait, time.Second)
		default:
			t.log.Info("watching the guest interface starts anew", "interface", iface, "error", err)
			missing = false
		}
		if time.Since(begun) > stable {
			wait = retryFirst
		}
		if !t.pauseOrLook(ctx, wait) {
			return nil
		}
		wait = min(2*wait, retryMost)
	}
}

// errNoInterface says that the interface does not exist now.
var errNoInterface = errors.New("no such interface")

// pauseOrLook is pause, cut short by [Table.Configure].
func (t *Table) pauseOrLook(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.look:
	case <-timer.C:
	}
	return true
}

// pause waits, and reports whether ctx is still running.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

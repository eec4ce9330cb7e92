package daemon

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// queue is how many events may wait; beyond it the gate is read whole.
	queue = 256
	// tick is the longest time between two looks at the clock.
	tick = time.Second
	// The store is copied this long after a start, and then this often.
	snapshotFirst, snapshotEvery = 10 * time.Minute, 24 * time.Hour
)

// goTasks starts every task that serves no connections.
func (d *hotspotDaemon) goTasks(ctx context.Context, tasks *errgroup.Group) {
	gateEvents := newGateBox()
	hostEvents := newMailbox[hotspot.MAC](queue)
	tasks.Go(func() error { return d.gate.Watch(ctx, gateEvents.put) })
	tasks.Go(func() error { return d.hosts.Run(ctx, hostEvents.put) })
	tasks.Go(func() error { return d.onSignal(ctx, gateEvents.lost, d.takeLost) })
	// A poll finds every quota that is used up at once.
	tasks.Go(func() error { return d.onSignal(ctx, gateEvents.depleted, d.service.Poll) })
	tasks.Go(func() error { return d.takeSightings(ctx, gateEvents) })
	tasks.Go(func() error { return d.takeHostEvents(ctx, hostEvents) })
	tasks.Go(func() error { return d.account(ctx) })
	tasks.Go(func() error { return d.keepSnapshots(ctx) })
	tasks.Go(func() error { return d.webhooks.Run(ctx) })
	tasks.Go(func() error { return d.cloud.Run(ctx) })
	tasks.Go(func() error { return d.followLinks(ctx) })
	tasks.Go(func() error { return d.takeChanges(ctx) })
	tasks.Go(func() error { return d.certs.Run(ctx) })
}

// mailbox hands events from a watcher, which must not block, to a task. What
// does not fit is not lost: full tells the task to look at everything.
type mailbox[T any] struct {
	events chan T
	full   chan struct{}
}

func newMailbox[T any](n int) mailbox[T] {
	return mailbox[T]{make(chan T, n), make(chan struct{}, 1)}
}

func (m mailbox[T]) put(e T) {
	select {
	case m.events <- e:
	default:
		select {
		case m.full <- struct{}{}:
		default:
		}
	}
}

// atOnce is how many events may wait for the disk together. None waits behind
// another: while the disk stalls, the new address of a guest who needs nothing
// stored must still be let in.
const atOnce = 32

// onSignal runs f whenever a signal is raised.
func (d *hotspotDaemon) onSignal(ctx context.Context, raised <-chan struct{}, f func(context.Context) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-raised:
			d.reportGate(ctx, f(ctx))
		}
	}
}

// takeLost sets the gate up again.
func (d *hotspotDaemon) takeLost(ctx context.Context) error {
	return d.service.GateEvent(ctx, hotspot.GateEvent{Lost: true})
}

// takeSightings lets in addresses that guests have begun to use.
func (d *hotspotDaemon) takeSightings(ctx context.Context, box *gateBox) error {
	var events errgroup.Group
	events.SetLimit(atOnce)
	defer func() { _ = events.Wait() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-box.sighted:
		}
		for _, seen := range box.take() {
			events.Go(func() error {
				d.reportGate(ctx, d.service.GateEvent(ctx, hotspot.GateEvent{Seen: seen}))
				return nil
			})
		}
	}
}

func (d *hotspotDaemon) reportGate(ctx context.Context, err error) {
	d.report(ctx, "an event of the firewall could not be handled; it will be tried again", err)
}

func (d *hotspotDaemon) takeHostEvents(ctx context.Context, box mailbox[hotspot.MAC]) error {
	var events errgroup.Group
	events.SetLimit(atOnce)
	defer func() { _ = events.Wait() }()
	changed := func(m hotspot.MAC) {
		events.Go(func() error {
			d.report(ctx, "a change on the guest network could not be handled", d.service.HostChanged(ctx, m))
			return nil
		})
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-box.events:
			changed(m)
		case <-box.full:
			for _, h := range d.hosts.List() {
				changed(h.MAC)
			}
		}
	}
}

// account reads the gate every period, stores usage every flush, watches the
// clock, and is there at the moment when a session's time ends.
func (d *hotspotDaemon) account(ctx context.Context) error {
	lastPoll, lastFlush := time.Now(), time.Now()
	for {
		period, flush := d.conf().Accounting.Period, d.conf().Accounting.Flush
		wait := min(tick, period-time.Since(lastPoll), d.service.Next())
		if err := sleep(ctx, wait); err != nil {
			return nil
		}
		due := d.service.Next() == 0 || time.Since(lastPoll) >= period
		var err error
		if due {
			err = d.service.Poll(ctx)
			lastPoll = time.Now()
			d.health.polled(err)
		} else {
			err = d.service.Tick(ctx)
		}
		d.report(ctx, "accounting failed; it will be tried again", err)
		if time.Since(lastFlush) >= flush {
			var err error
			if d.flushDue() {
				err = d.flush(ctx)
			}
			lastFlush = time.Now()
			d.health.flushed(err)
			d.report(ctx, "usage could not be stored; it will be tried again", err)
		}
	}
}

// keepSnapshots copies the store soon after a start, for routers that are
// switched off every night, and then once a day.
func (d *hotspotDaemon) keepSnapshots(ctx context.Context) error {
	for wait := snapshotFirst; ; wait = snapshotEvery {
		if err := sleep(ctx, wait); err != nil {
			return nil
		}
		if d.conf().Store.Snapshots > 0 {
			d.report(ctx, "the store could not be copied", d.snapshot(ctx))
		}
	}
}

// snapshot copies the store, unless a copy of today is there: a daemon that is
// restarted again and again must not push the older days out.
func (d *hotspotDaemon) snapshot(ctx context.Context) error {
	if age, ok := newestSnapshot(filepath.Join(d.conf().Data, snapshotsDir), time.Now()); ok && age >= 0 && age < snapshotEvery-time.Hour {
		return nil
	}
	_, err := d.db.SnapshotTo(ctx, filepath.Join(d.conf().Data, snapshotsDir), d.conf().Store.Snapshots)
	return err
}

// newestSnapshot is the age of the newest file among the snapshots. It is below
// zero where the clock went back.
func newestSnapshot(dir string, now time.Time) (age time.Duration, ok bool) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, false
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() && (!ok || now.Sub(info.ModTime()) < age) {
			age, ok = now.Sub(info.ModTime()), true
		}
	}
	return age, ok
}

// report logs an error that the daemon lives with. A stop is no error.
func (d *hotspotDaemon) report(ctx context.Context, text string, err error) {
	if err != nil && ctx.Err() == nil {
		d.log.Error(text, "error", err)
	}
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

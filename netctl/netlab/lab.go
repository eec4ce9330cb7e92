package netlab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options choose how a lab is made.
type Options struct {
	// ID tells labs on one machine apart: 1 to 20 of a-z and 0-9. Must be set.
	ID string
	// Guests is how many there are; 0: three.
	Guests int
	// Privacy gives the guests temporary IPv6 addresses besides the one made
	// of the MAC, and lets them prefer it, as phones do.
	Privacy bool
	// LeaseTime of the DHCP server; 0: an hour. dnsmasq's least is two minutes.
	LeaseTime time.Duration
	// Log gets what the lab does; nil: nothing is logged.
	Log *slog.Logger
}

func (o *Options) complete() error {
	if err := checkID(o.ID); err != nil {
		return err
	}
	if o.Guests == 0 {
		o.Guests = 3
	}
	if o.Guests < 1 || o.Guests > maxGuests {
		return fmt.Errorf("netlab: %d guests: want 1 to %d", o.Guests, maxGuests)
	}
	if o.LeaseTime == 0 {
		o.LeaseTime = time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("component", "netlab", "lab", o.ID)
	return nil
}

// Lab is a network of namespaces on this machine.
type Lab struct {
	opts Options
	dir  string
	lock net.Listener

	upstream, router, lan *Host
	guests                []*Guest
	internet              *Internet
	dnsmasq               *process

	mu       sync.Mutex // guards closers
	closers  []func()   // end what runs in this process or for it, last first
	once     sync.Once  // guards Close
	closeErr error
}

// New makes a lab, after it has removed what a crashed one of the same id
// left behind. If one of that id runs, the error is a *[RunningError].
// Guests have no lease yet: see [Lab.Leases].
func New(ctx context.Context, o Options) (*Lab, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := Check(); err != nil {
		return nil, err
	}
	l := &Lab{opts: o, dir: stateDir(o.ID)}
	var err error
	if l.lock, err = lock(ctx, o.ID); err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := l.build(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("make lab %q: %w", o.ID, err), l.Close())
	}
	o.Log.Info("lab is up", "guests", o.Guests, "took", time.Since(begin))
	return l, nil
}

// ID returns the lab's id.
func (l *Lab) ID() string { return l.opts.ID }

// Dir returns a directory that lives as long as the lab.
func (l *Lab) Dir() string { return l.dir }

// leaseFile returns the path of the DHCP server's lease file.
func (l *Lab) leaseFile() string { return filepath.Join(l.dir, "dnsmasq.leases") }

// Upstream returns the internet.
func (l *Lab) Upstream() *Host { return l.upstream }

// Router returns the router, where the daemon runs.
func (l *Lab) Router() *Host { return l.router }

// LAN returns the operator's computer.
func (l *Lab) LAN() *Host { return l.lan }

// Guest returns guest n, counted from 1. It panics if there is none.
func (l *Lab) Guest(n int) *Guest { return l.guests[n-1] }

// Guests returns all guests.
func (l *Lab) Guests() []*Guest { return append([]*Guest(nil), l.guests...) }

// Internet returns the servers of the upstream.
func (l *Lab) Internet() *Internet { return l.internet }

// Leases starts every guest's DHCP client, and waits until each has an
// address of both families.
func (l *Lab) Leases(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, guest := range l.guests {
		g.Go(func() error {
			_, err := guest.DHCP(ctx)
			return err
		})
	}
	return g.Wait()
}

// onClose registers what Close must end.
func (l *Lab) onClose(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers = append(l.closers, f)
}

// Close removes every namespace, process and file of the lab. It may be
// called again, and then returns the same.
func (l *Lab) Close() error {
	l.once.Do(func() { l.closeErr = l.close() })
	return l.closeErr
}

func (l *Lab) close() error {
	l.mu.Lock()
	closers := l.closers
	l.mu.Unlock()
	for i := len(closers) - 1; i >= 0; i-- {
		closers[i]()
	}
	for _, h := range l.hosts() {
		h.close()
	}
	// The caller's context has often ended by now; this must happen anyway.
	err := removeRemains(context.Background(), l.opts.ID)
	if err != nil {
		err = fmt.Errorf("close lab %q: %w", l.opts.ID, err)
	}
	return errors.Join(err, l.lock.Close())
}

// hosts returns those that were made.
func (l *Lab) hosts() []*Host {
	var all []*Host
	for _, h := range []*Host{l.upstream, l.router, l.lan} {
		if h != nil {
			all = append(all, h)
		}
	}
	for _, g := range l.guests {
		all = append(all, g.Host)
	}
	return all
}

// run starts a process that ends with the lab at the latest.
func (l *Lab) run(name string, h *Host, args ...string) (*process, error) {
	cmd := h.Command(context.Background(), args[0], args[1:]...)
	cmd.Dir = l.dir
	p, err := start(name, cmd, nil)
	if err != nil {
		return nil, err
	}
	l.onClose(p.kill)
	return p, nil
}

func (l *Lab) writeFile(name, text string, mode os.FileMode) (string, error) {
	path := filepath.Join(l.dir, name)
	return path, os.WriteFile(path, []byte(text), mode)
}

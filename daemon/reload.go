package daemon

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/netip"
	"runtime/debug"
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/links"
)

// takeChanges takes up what changes around the daemon: the network interfaces
// and the configuration.
func (d *hotspotDaemon) takeChanges(ctx context.Context) error {
	again := time.NewTicker(tick)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case d.state = <-d.links:
			d.arrange(ctx)
		case <-again.C:
			d.sayNotices(d.view.Load())
			if d.unfit {
				d.arrange(ctx)
			}
		case <-d.opts.Reload:
			d.reload(ctx)
		}
	}
}

// followLinks watches the network interfaces. Without a guest network there is
// nothing to watch.
func (d *hotspotDaemon) followLinks(ctx context.Context) error {
	if d.conf().Network.Backend == config.BackendMemory {
		return nil
	}
	newest := func(s links.State) {
		select {
		case <-d.links: // an older one, which nobody has taken
		default:
		}
		d.links <- s
	}
	for {
		err := links.Watch(ctx, newest, d.metrics.linksLost)
		if err == nil {
			return nil
		}
		d.report(ctx, "the network interfaces could not be followed; it will be tried again", err)
		if sleep(ctx, tick) != nil {
			return nil
		}
	}
}

// view is what the rest of the daemon sees of the network's layout.
type view struct {
	guest   []netip.Addr // the router's addresses on the guest network
	addrs   []netip.Addr // those of the portal
	notices hotspot.Texts
	since   time.Time
}

// arrange sets the gate, the watch of the guests and the listeners up for the
// interfaces that there are. What fails is tried again.
func (d *hotspotDaemon) arrange(ctx context.Context) {
	err := d.apply(ctx, d.conf())
	d.unfit = err != nil
	d.report(ctx, "the firewall could not be set up for the network interfaces as they are now; it will be tried again", err)
}

// apply makes a configuration the gate's, and tells everybody of the interfaces
// as they are now.
func (d *hotspotDaemon) apply(ctx context.Context, cfg *config.Config) error {
	plan := d.guests.update(d.state, cfg)
	if err := d.gate.Configure(ctx, cfg, plan); err != nil {
		return err
	}
	d.hosts.Configure(plan.guest, cfg.Network.Leases)
	if d.servers != nil {
		d.servers.linksChanged(d.state)
	}
	d.see(plan, cfg)
	if d.certs != nil {
		d.certs.Check()
	}
	return nil
}

// see takes up the layout for those who ask.
func (d *hotspotDaemon) see(plan layout, cfg *config.Config) {
	v := &view{notices: plan.notices(d.state, cfg), since: time.Now()}
	if l, ok := d.state.ByName(plan.guest); ok {
		v.guest = l.Addresses()
	}
	v.addrs = portalAddresses(cfg.Guest.Addresses, v.guest)
	if d.view.Swap(v) == nil {
		d.sayNotices(&view{notices: v.notices}) // at the start nothing is just under way
	}
}

// sayNotices logs what is not as configured, once it has stood for a moment: an
// interface that comes up gets its addresses a little later.
func (d *hotspotDaemon) sayNotices(v *view) {
	if time.Since(v.since) < tick {
		return
	}
	said := v.notices.Strings()
	for _, n := range said {
		if !slices.Contains(d.said, n) {
			d.log.Warn(n)
		}
	}
	d.said = said
}

// reload reads the configuration again and puts it into use, or says why it
// does not.
func (d *hotspotDaemon) reload(ctx context.Context) {
	begun := time.Now()
	next, err := d.opts.Reread()
	if err == nil {
		err = d.replace(ctx, next)
	}
	d.metrics.reloaded(err)
	if err != nil {
		text := notInUse(err)
		d.badConfig.Store(&text)
		d.log.Error("the configuration was read again and is not in use; the one before it still is", "error", err)
		return
	}
	d.badConfig.Store(nil)
	d.log.Info("the configuration was read again", "took", time.Since(begun).Round(time.Microsecond))
}

// notInUse is what the operator reads of a configuration that is not used.
func notInUse(err error) hotspot.Text {
	return hotspot.Textf("the configuration was read again and is not in use: %s", hotspot.Because(err))
}

// replace puts another configuration into use, or changes nothing.
func (d *hotspotDaemon) replace(ctx context.Context, next config.Config) error {
	old := *d.conf()
	changed := config.Changed(old, next)
	next = next.KeepFixed(old)
	if err := next.Validate(); err != nil {
		return err
	}
	cert, err := suppliedCert(&next)
	if err != nil {
		return err
	}
	before := d.guests
	before.known = maps.Clone(d.guests.known)
	d.guests.reset(d.state, &next)
	err = d.servers.change(d.endpoints(&next), func() error { return d.apply(ctx, &next) })
	if err != nil {
		d.guests = before
		return errors.Join(err, d.apply(ctx, &old))
	}
	d.live.Store(&next)
	d.certs.Configure(len(next.LAN.HTTPS.Listen) > 0, cert, nil)
	d.limitMemory(&next)
	d.service.SetZone(next.Zone)
	d.clock.SetTrust(trusted(next))
	if d.opts.Level != nil {
		d.opts.Level.Set(next.Log.Level)
	}
	for _, f := range changed {
		if config.NeedsRestart(f.Path) {
			d.log.Warn("a changed setting waits for a restart", "key", f.Path)
		} else {
			d.log.Info("a setting has changed", "key", f.Path)
		}
	}
	return nil
}

// limitMemory sets the garbage collector's soft limit.
func (d *hotspotDaemon) limitMemory(cfg *config.Config) {
	limit := d.preset
	if cfg.Limits.Memory > 0 {
		limit = cfg.Limits.Memory
	}
	if limit <= 0 {
		limit = math.MaxInt64
	}
	debug.SetMemoryLimit(limit)
}

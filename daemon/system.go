package daemon

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/daemon/certs"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/daemon/doctor"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// systemPort implements [api.System] for a run.
type systemPort struct{ d *hotspotDaemon }

var _ api.System = systemPort{}

// About implements [api.System].
func (s systemPort) About(ctx context.Context) api.About {
	d := s.d
	st := d.status(ctx)
	free, size := diskSpace(d.conf().Data)
	m := readMachine()
	host, _ := os.Hostname() // empty: it has none
	a := api.About{Version: st.Version, Go: runtime.Version(), Arch: runtime.GOARCH, Backend: st.Backend, Kernel: m.kernel, Host: host,
		Uptime: st.Uptime, HostUptime: int64(m.up.Seconds()),
		Resident: known(residentMemory()), Memory: m.memory, MemoryFree: m.available,
		Flash: known(size), FlashFree: known(free),
		Store: d.db.Stats().Size, StoreFree: d.db.Stats().Free,
		Run: st.Run, RestoreError: hotspot.Because(d.restoreFailed), Notices: append(hotspot.Texts{}, d.notices()...), Modules: []api.Module{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			a.Modules = append(a.Modules, api.Module{Path: m.Path, Version: m.Version})
		}
		for _, set := range info.Settings {
			if set.Key == "vcs.revision" {
				a.Revision = set.Value
			}
		}
	}
	return a
}

// known is an amount that may be below zero for not known.
func known(n float64) uint64 { return uint64(max(0, n)) }

// Configuration implements [api.System].
func (s systemPort) Configuration() api.Configuration {
	d := s.d
	out := api.Configuration{File: d.opts.ConfigFile, Values: []api.ConfigValue{}}
	if bad := d.badConfig.Load(); bad != nil {
		out.Problem = *bad
	}
	for _, v := range d.conf().Sets() {
		out.Values = append(out.Values, api.ConfigValue{Key: v.Path, Value: v.Value, Default: v.Default, Set: v.Changed,
			Restart: config.NeedsRestart(v.Path), Doc: v.Doc})
	}
	if p := d.certs.Serving(); p != nil {
		out.Certificate = certificate(p, d.service.Zone())
		out.Certificate.Own = d.certs.Own()
		out.Certificate.Problems = append(out.Certificate.Problems, d.certs.Problems()...)
	}
	return out
}

func certificate(p *certs.Pair, zone *time.Location) *api.Certificate {
	begins, ends := p.Leaf.NotBefore.In(zone), p.Leaf.NotAfter.In(zone)
	c := &api.Certificate{Fingerprint: p.Fingerprint(), Begins: &begins, Ends: &ends, Names: []string{}, Problems: hotspot.Texts{}}
	c.Names = append(c.Names, p.Leaf.DNSNames...)
	for _, a := range p.Leaf.IPAddresses {
		c.Names = append(c.Names, a.String())
	}
	return c
}

// Clock implements [api.System].
func (s systemPort) Clock() api.Clock {
	st := s.d.service.Clock()
	c := api.Clock{Time: &st.Now, System: &st.Wall, Believed: st.Believed, Zone: s.d.service.Zone().String()}
	if c.Zone == "Local" || c.Zone == "" {
		c.Zone = st.Now.Format("MST") // the zone has no name but this
	}
	if !st.Since.IsZero() {
		c.Since = &st.Since
	}
	if !st.Believed {
		return c
	}
	trusted, declared, synced, kept := s.d.clock.Vouches()
	switch {
	case synced:
		c.By = api.VouchNTP
	case declared:
		c.By = api.VouchDeclared
	case trusted:
		c.By = api.VouchSystem
	case kept:
		c.By = api.VouchBattery
	default:
		c.By = api.VouchEarlier
	}
	return c
}

// SayClockRight implements [api.System]. Time clients say it again and again:
// the first time is a change.
func (s systemPort) SayClockRight(ctx context.Context) error {
	if !s.d.clock.MarkSynced() {
		return s.d.service.Tick(ctx)
	}
	if err := s.d.service.Tick(ctx); err != nil {
		return err
	}
	at, believed := s.d.service.Now()
	row := hotspot.NewAudit(ctx, at, believed, hotspot.AuditClockDeclared, "")
	return s.d.db.Update(ctx, func(tx hotspot.Tx) error {
		row.ID = 0
		return tx.PutAudit(&row)
	})
}

// Examine implements [api.System].
func (s systemPort) Examine(ctx context.Context, report func(api.Finding)) {
	d := s.d
	_, believed := d.service.Now()
	o := doctor.Options{Config: *d.conf(), Source: "the daemon's own",
		Daemon: &doctor.Daemon{Version: d.opts.Version, Backend: string(d.conf().Network.Backend), ClockBelieved: believed, Uptime: time.Since(d.started), Notices: d.notices()}}
	doctor.Run(ctx, o, func(f doctor.Finding) {
		report(api.Finding{Check: f.Check, Verdict: string(f.Verdict), Found: f.Found, Remedy: f.Remedy})
	})
}

// LogLines implements [api.System].
func (s systemPort) LogLines(q api.LogQuery) []api.LogLine {
	lines := s.d.opts.ring.find(q)
	for i := range lines {
		at := lines[i].Time.In(s.d.service.Zone())
		lines[i].Time = &at
	}
	return lines
}

// LogNews implements [api.System].
func (s systemPort) LogNews(ctx context.Context) <-chan struct{} { return s.d.opts.ring.news(ctx) }

// machine is what the kernel tells of itself.
type machine struct {
	kernel    string
	up        time.Duration
	memory    uint64 // in bytes
	available uint64 // what of it programs could still have
}

package daemon

import (
	"context"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/daemon/doctor"
	"github.com/vouchsafe/vouchsafe/webui/admin/entry"
)

// facts finds out how the parts of the hotspot are, for the dashboard.
func (d *hotspotDaemon) facts(ctx context.Context) (out []api.Finding) {
	_, believed := d.service.Now()
	o := doctor.Options{Config: *d.conf(), Source: "the daemon's own",
		Daemon: &doctor.Daemon{Version: d.opts.Version, Backend: string(d.conf().Network.Backend), ClockBelieved: believed, Uptime: time.Since(d.started)}}
	doctor.Brief(ctx, o, func(f doctor.Finding) {
		out = append(out, api.Finding{Check: f.Check, Verdict: string(f.Verdict), Found: f.Found, Remedy: f.Remedy})
	})
	return out
}

// detected are the facts as the first run shows them. That a new router has no
// snapshot yet is not worth a warning.
func (d *hotspotDaemon) detected(ctx context.Context) (out []entry.Fact) {
	for _, f := range d.facts(ctx) {
		if f.Check != "snapshots" {
			out = append(out, entry.Fact(f))
		}
	}
	return out
}

// stopping is closed when the run ends: an answer that goes on must not hold it
// up.
func (d *hotspotDaemon) stopping() <-chan struct{} {
	if d.servers == nil {
		return nil
	}
	return d.servers.ctx.Done()
}

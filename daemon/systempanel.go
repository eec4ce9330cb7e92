package daemon

import (
	"context"

	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/system"
)

// systemArea is the panel's pages about the hotspot as a whole.
func (d *hotspotDaemon) systemArea(streams *panel.Streams) panel.Section {
	return system.New(system.Config{Service: d.service, System: systemPort{d}, Backups: d.backups, Fresh: d.people.Fresh,
		Go: d.beside, Streams: streams, Log: d.opts.Log})
}

// beside runs what goes on beside a request, as a task of the run: it ends with
// the run, which waits for it.
func (d *hotspotDaemon) beside(f func(ctx context.Context)) {
	d.servers.tasks.Go(func() error {
		f(d.servers.ctx)
		return nil
	})
}

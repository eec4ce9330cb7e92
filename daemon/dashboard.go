package daemon

import (
	"context"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/webui/admin/dashboard"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// dashboardArea is the panel's first page.
func (d *hotspotDaemon) dashboardArea(streams *panel.Streams) panel.Section {
	return dashboard.New(dashboard.Config{Service: d.service, Streams: streams,
		Health: func(ctx context.Context) []api.Finding {
			found, _ := d.checks.Facts(ctx)
			return found
		},
		Notices: d.notices,
	})
}

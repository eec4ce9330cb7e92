package daemon

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api/operators"
	"github.com/vouchsafe/vouchsafe/webui/admin/apikeys"
	"github.com/vouchsafe/vouchsafe/webui/admin/auditlog"
	"github.com/vouchsafe/vouchsafe/webui/admin/entry"
	"github.com/vouchsafe/vouchsafe/webui/admin/guests"
	"github.com/vouchsafe/vouchsafe/webui/admin/integrations"
	"github.com/vouchsafe/vouchsafe/webui/admin/loginpage"
	"github.com/vouchsafe/vouchsafe/webui/admin/logins"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/people"
	"github.com/vouchsafe/vouchsafe/webui/admin/printing"
	"github.com/vouchsafe/vouchsafe/webui/admin/staff"
	"github.com/vouchsafe/vouchsafe/webui/admin/vouchers"
	"github.com/vouchsafe/vouchsafe/webui/portal"
)

// panel makes the operators' pages.
func (d *hotspotDaemon) panel() (*panel.Panel, error) {
	areas, err := d.areas()
	if err != nil {
		return nil, fmt.Errorf("panel: %w", err)
	}
	p, err := panel.New(panel.Config{
		People: d.people, FormToken: operators.FormToken, Log: d.opts.Log,
		Site:     func() string { return d.service.Settings().VenueName },
		Now:      d.houseTime,
		Sections: areas,
	})
	if err != nil {
		return nil, fmt.Errorf("panel: %w", err)
	}
	return p, nil
}

// areas are those of the panel, in the order of its navigation.
func (d *hotspotDaemon) areas() ([]panel.Section, error) {
	preview, err := portal.NewPreview(loginpage.PreviewPath, d.methods())
	if err != nil {
		return nil, err
	}
	streams := &panel.Streams{Stopping: d.stopping()}
	return []panel.Section{
		d.dashboardArea(streams),
		guests.New(guests.Config{Service: d.service, Streams: streams}),
		entry.New(entry.Config{Operators: d.people, Service: d.service, Detected: d.detected}),
		vouchers.New(vouchers.Config{Service: d.service}),
		people.New(people.Config{Service: d.service}),
		logins.New(logins.Config{Service: d.service}),
		printing.New(printing.Config{Service: d.service, Portal: d.loginPage}),
		loginpage.New(loginpage.Config{Service: d.service, Preview: preview}),
		integrations.New(integrations.Config{Service: d.service, Keys: d.keys, Webhooks: d.webhooks, Cloud: d.cloud, Fresh: d.people.Fresh}),
		apikeys.New(apikeys.Config{Keys: d.keys, Fresh: d.people.Fresh}),
		d.systemArea(streams),
		staff.New(staff.Config{Operators: d.people}),
		auditlog.New(auditlog.Config{Service: d.service, Log: d.opts.Log}),
	}, nil
}

// loginPage is the address of the guests' pages, for printed vouchers; "" while
// it is not known.
func (d *hotspotDaemon) loginPage() string {
	cfg := d.conf()
	addrs := []netip.Addr{firstLAN(cfg).Addr()} // without a guest network, the portal is there
	if cfg.Guest.Interface != "" {
		addrs = d.guestAddresses()
	}
	if len(addrs) == 0 {
		return ""
	}
	at := netip.AddrPortFrom(addrs[0], cfg.Guest.PortalPort).String()
	return "http://" + strings.TrimSuffix(at, ":80") + "/"
}

// houseTime is the time as the venue's clocks show it.
func (d *hotspotDaemon) houseTime() time.Time {
	now, _ := d.service.Now()
	return now.In(d.service.Zone())
}

// unmade answers where the panel could not be made.
func unmade(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "the panel could not be made; the log says why", http.StatusInternalServerError)
}

package guests

import (
	"context"
	"embed"
	"net/http"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// Files are the texts of the pages.
//
//go:embed lang/*.deflate
var Files embed.FS

// Service is what the pages ask of the rules; *hotspot.Service answers.
type Service interface {
	FindGuests(ctx context.Context, q hotspot.GuestQuery) ([]hotspot.Guest, int, error)
	Waiting(text string, offset, limit int) ([]hotspot.Host, int, error)
	BlockedDevices(ctx context.Context) ([]hotspot.BlockedDevice, error)
	Device(ctx context.Context, m hotspot.MAC) (hotspot.DeviceView, error)
	DeviceSessions(ctx context.Context, m hotspot.MAC, most int) ([]hotspot.Session, error)
	Kick(ctx context.Context, m hotspot.MAC) error
	Extend(ctx context.Context, m hotspot.MAC, by hotspot.Extension) error
	Block(ctx context.Context, m hotspot.MAC, note string) (hotspot.BlockedDevice, error)
	Unblock(ctx context.Context, m hotspot.MAC) error
	Readings(ctx context.Context) <-chan struct{}
}

// Config is what the pages are made of.
type Config struct {
	Service Service        // must not be nil
	Streams *panel.Streams // must not be nil
}

// The pages' addresses, and those of other areas that they lead to.
const (
	pathList    = "/guests"
	pathWaiting = pathList + "/waiting"
	pathBlocked = pathList + "/blocked"
	pathEvents  = pathList + "/events"
	pathDevice  = pathList + "/{mac}"
	pathKick    = "/kick"
	pathBlock   = "/block"
	pathUnblock = "/unblock"
	pathExtend  = "/extend"
	pathVoucher = "/vouchers/by-id/"
	pathLogins  = "/logins"
)

type area struct {
	Config
}

// New returns the pages.
func New(cfg Config) panel.Section {
	a := &area{cfg}
	reads, writes := panel.Reads(api.ScopeLive), panel.Writes(api.ScopeLive)
	get, post := http.MethodGet, http.MethodPost
	pages := []panel.Page{
		{Method: get, Path: pathList, Access: reads, Serve: a.listPage},
		{Method: get, Path: pathWaiting, Access: reads, Serve: a.waitingPage},
		{Method: get, Path: pathBlocked, Access: reads, Serve: a.blockedPage},
		{Method: post, Path: pathBlocked, Access: writes, Serve: a.blockTyped},
		{Method: get, Path: pathEvents, Access: reads, Serve: a.events},
		{Method: get, Path: pathDevice, Access: reads, Serve: on(a.devicePage)},
		{Method: post, Path: pathDevice + pathExtend, Access: panel.Writes(api.ScopeVouchers), Serve: on(a.extend)},
	}
	for _, x := range []struct {
		path     string
		ask, act func(*panel.Request, hotspot.MAC)
	}{{pathKick, a.askKick, a.kick}, {pathBlock, a.askBlock, a.block}, {pathUnblock, a.askUnblock, a.unblock}} {
		pages = append(pages, panel.Page{Method: get, Path: pathDevice + x.path, Access: writes, Serve: on(x.ask)},
			panel.Page{Method: post, Path: pathDevice + x.path, Access: writes, Serve: on(x.act)})
	}
	return panel.Section{Nav: []panel.NavItem{{Key: "guests.nav", Path: pathList, Access: reads}}, Pages: pages, Files: Files}
}

// on serves a page about the device that its address names.
func on(serve func(q *panel.Request, m hotspot.MAC)) func(*panel.Request) {
	return func(q *panel.Request) {
		m, err := hotspot.ParseMAC(q.PathValue("mac"))
		if err != nil {
			q.Fail(hotspot.ErrNotFound)
			return
		}
		serve(q, m)
	}
}

// pageOf is the path of a device's page.
func pageOf(m hotspot.MAC) string { return pathList + "/" + m.String() }

// events tells the lists when the counters were read.
func (a *area) events(q *panel.Request) {
	a.Streams.Serve(q, a.Service.Readings(q.Context()), panel.RenewEvery)
}

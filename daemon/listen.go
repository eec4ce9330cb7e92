package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/action"
	"github.com/vouchsafe/vouchsafe/api/keys"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
	"github.com/vouchsafe/vouchsafe/webui/portal"
)

// Connections open at a time, in all and of one device. A phone opens a
// handful. Each takes some 40 kB at worst, which a small router must be able to
// spare under attack; beyond the limits, silent ones make room for new ones.
const (
	lanConns, lanConnsPerPeer       = 128, 32
	portalConns, portalConnsPerPeer = 256, 16
)

// listener is a server and where it listens.
type listener struct {
	name   string
	server *http.Server
	ln     net.Listener
}

// run serves until ctx ends, then lets requests in flight finish.
func (s listener) run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(s.ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("%s: %w", s.name, err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	err := s.server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	<-done
	return err
}

// listen opens every listener, or none.
func (d *hotspotDaemon) listen(ctx context.Context) (all []listener, err error) {
	defer func() {
		if err != nil {
			for _, s := range all {
				s.ln.Close()
			}
		}
	}()
	lan := d.lanHandler()
	for _, a := range d.cfg.LAN.Listen {
		lc := listenConfig(a.Addr(), d.cfg.LAN.Interface)
		ln, err := lc.Listen(ctx, "tcp", a.String())
		if err != nil {
			return all, fmt.Errorf("lan.listen: %w%s", err, portRemedy(a.Port()))
		}
		srv := api.NewServer(ctx, lan, d.opts.Log)
		all = append(all, listener{"LAN", srv, api.LimitListener(srv, ln, lanConns, lanConnsPerPeer, nil)})
	}
	guests, err := d.portalListener(ctx)
	if err != nil {
		return all, err
	}
	all = append(all, guests)
	control, err := d.controlListener(ctx)
	if err != nil {
		return all, err
	}
	return append(all, control), nil
}

// portRemedy says what helps when a port cannot be had.
func portRemedy(port uint16) string {
	if port < 1024 {
		return fmt.Sprintf(" (is another web server on port %d? move it, or choose another lan.listen)", port)
	}
	return " (is another daemon running?)"
}

// lanHandler is what operators and integrations reach.
func (d *hotspotDaemon) lanHandler() http.Handler {
	act := action.New(action.Config{Service: d.service, Keys: d.keys, Log: d.opts.Log})
	credentials := keys.NewHandler(d.keys, nil)
	// Not a ServeMux: it answers odd paths with a redirect of its own, which no
	// client of the API expects.
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p := r.URL.Path; {
		case keys.Serves(p):
			credentials.ServeHTTP(w, r)
		case p == "/api" || strings.HasPrefix(p, "/api/"):
			act.ServeHTTP(w, r)
		case p == "/healthz":
			d.serveHealth(w, r)
		case p == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			d.serveIndex(w, r)
		default:
			api.WriteFailure(w, http.StatusNotFound, "An error occurred", "there is nothing here; the API is at /api/")
		}
	})
	internal := func(w http.ResponseWriter, _ *http.Request) {
		api.WriteFailure(w, http.StatusInternalServerError, "An error occurred", "internal error")
	}
	return api.LogRequests(d.opts.Log, api.Recover(d.opts.Log, internal, routes))
}

// portalListener is what guests reach. With a guest interface it listens on
// every address, since the redirect leads to whichever the interface has; the
// firewall lets nobody but guests in.
func (d *hotspotDaemon) portalListener(_ context.Context) (listener, error) {
	limiter := login.NewLimiter(time.Now)
	addrs, port := d.guestAddresses, d.cfg.Guest.PortalPort
	at := ":" + strconv.Itoa(int(port))
	if d.cfg.Guest.Interface == "" {
		at = d.opts.Portal
		if at == "" {
			at = netip.AddrPortFrom(d.firstLAN().Addr(), port).String()
		}
	}
	ln, err := net.Listen("tcp", at)
	if err != nil {
		return listener{}, fmt.Errorf("portal at %s: %w (is another daemon running? choose another guest.portal_port)", at, err)
	}
	if d.cfg.Guest.Interface == "" {
		if ap, err := netip.ParseAddrPort(ln.Addr().String()); err == nil {
			port = ap.Port()
			addrs = func() []netip.Addr { return []netip.Addr{ap.Addr().Unmap()} }
			if ap.Addr().IsUnspecified() {
				addrs = machineAddresses
			}
		}
	}
	h, err := portal.New(portal.Config{
		Service:   d.service,
		Methods:   []portal.Method{login.NewVoucher(d.service, limiter), login.NewFree(d.service)},
		Log:       d.opts.Log,
		Addresses: addrs,
		Port:      port,
	})
	if err != nil {
		ln.Close()
		return listener{}, fmt.Errorf("portal: %w", err)
	}
	srv := portal.Server(h, d.opts.Log)
	return listener{"portal", srv, api.LimitListener(srv, ln, portalConns, portalConnsPerPeer, d.whose)}, nil
}

// whose names the device that an address belongs to: one with many addresses is
// still one.
func (d *hotspotDaemon) whose(a netip.Addr) string {
	if h, ok := d.hosts.ByAddr(a); ok {
		return h.MAC.String()
	}
	return a.String()
}

func (d *hotspotDaemon) firstLAN() netip.AddrPort {
	if len(d.cfg.LAN.Listen) == 0 {
		return netip.MustParseAddrPort("127.0.0.1:0")
	}
	return d.cfg.LAN.Listen[0]
}

// controlListener is the command line's way in: whoever may open the socket
// may do everything.
func (d *hotspotDaemon) controlListener(ctx context.Context) (listener, error) {
	path := d.cfg.ControlSocket()
	// The store's lock is held, so a socket that is there is left over.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return listener{}, fmt.Errorf("control socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return listener{}, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return listener{}, fmt.Errorf("control socket: %w", err)
	}
	h := v1.New(v1.Config{Service: d.service, Keys: d.keys, Log: d.opts.Log, Info: d.status,
		Backups: &backups{db: d.db, cfg: d.cfg, run: d.run, replace: d.startOver,
			flush: func(ctx context.Context) error { return d.service.Flush(ctx) }},
		ClockSynced: func(ctx context.Context) error {
			d.clock.MarkSynced()
			return d.service.Tick(ctx)
		}})
	return listener{"control", &http.Server{Handler: api.As(api.Local(), h), BaseContext: func(net.Listener) context.Context { return ctx }}, ln}, nil
}

// ready describes the listeners for people.
func (d *hotspotDaemon) ready(all []listener) Ready {
	r := Ready{Control: d.cfg.ControlSocket()}
	for _, s := range all {
		addr := s.ln.Addr().String()
		switch s.name {
		case "LAN":
			if r.API == "" {
				r.API = "http://" + strings.TrimSuffix(addr, ":80") + "/api/"
			}
		case "portal":
			r.Portal = "http://" + addr + "/"
			if guest := d.guestAddresses(); d.cfg.Guest.Interface != "" && len(guest) > 0 {
				r.Portal = "http://" + netip.AddrPortFrom(guest[0], d.cfg.Guest.PortalPort).String() + "/"
			}
		}
	}
	return r
}

// status is what the control API tells of the daemon.
func (d *hotspotDaemon) status(context.Context) v1.Status {
	st := v1.Status{Version: d.opts.Version, Running: true, Backend: string(d.cfg.Network.Backend),
		Uptime: int64(time.Since(d.started).Seconds()), Run: d.run}
	if d.restoreFailed != nil {
		st.RestoreError = d.restoreFailed.Error()
	}
	st.Notices = append(st.Notices, d.health.problems(time.Now())...)
	st.Notices = append(st.Notices, notices(d.db, d.cfg.Data)...)
	if d.cfg.Network.Backend == config.BackendMemory {
		st.Notices = append(st.Notices, "the memory backend lets nobody through: it is for trying things out")
	}
	return st
}

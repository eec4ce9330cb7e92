package daemon

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/action"
	"github.com/vouchsafe/vouchsafe/api/keys"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/login"
	"github.com/vouchsafe/vouchsafe/webui/admin/printing"
	"github.com/vouchsafe/vouchsafe/webui/portal"
)

// Connections open at a time, in all and of one device. A phone opens a
// handful. Each takes some 40 kB at worst, which a small router must be able to
// spare under attack; beyond the limits, silent ones make room for new ones.
const (
	lanConns, lanConnsPerPeer       = 128, 32
	portalConns, portalConnsPerPeer = 256, 32
)

// endpoints are all places where a configuration wants the daemon to listen.
func (d *hotspotDaemon) endpoints(cfg *config.Config) []endpoint {
	var all []endpoint
	rest := sync.OnceValue(d.restAPI)
	lan := sync.OnceValue(func() http.Handler { return d.counted("lan", d.front(d.lanHandler(rest()))) })
	for _, a := range cfg.LAN.Listen {
		all = append(all, d.operators("LAN", "lan.listen", a, cfg, lan))
	}
	for _, a := range cfg.LAN.HTTPS.Listen {
		all = append(all, d.httpsEndpoint(a, cfg, lan))
	}
	for _, a := range cfg.Metrics.Listen {
		all = append(all, d.operators("metrics", "metrics.listen", a, cfg, func() http.Handler { return d.known(d.metricsHandler()) }))
	}
	return append(all, d.portalEndpoint(cfg), d.controlEndpoint(cfg, rest))
}

// operators is an endpoint on the LAN's side.
func (d *hotspotDaemon) operators(name, key string, a netip.AddrPort, cfg *config.Config, h func() http.Handler) endpoint {
	e := endpoint{place: place{name: name, network: "tcp", address: a.String(), port: a.Port()}}
	if a.Addr().IsUnspecified() {
		e.device = cfg.LAN.Interface
	}
	device := e.device
	e.open = func(ctx context.Context) (net.Listener, error) {
		if slices.Contains(d.view.Load().guest, a.Addr()) {
			return nil, fmt.Errorf("%s: %s is an address on the guest network; write the router's LAN address", key, a)
		}
		lc := listenConfig(a.Addr(), device)
		open := func() (net.Listener, error) { return lc.Listen(ctx, "tcp", a.String()) }
		var ln net.Listener
		var err error
		if device == "" {
			ln, err = open()
		} else {
			ln, err = newDeviceListener(device, net.TCPAddrFromAddrPort(a), d.log, open)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w%s", key, err, portRemedy(key, a.Port()))
		}
		return ln, nil
	}
	e.serve = func(ctx context.Context, ln net.Listener) (*http.Server, net.Listener, error) {
		srv := api.NewServer(ctx, h(), d.opts.Log)
		return srv, api.LimitListener(srv, ln, lanConns, lanConnsPerPeer, nil), nil
	}
	return e
}

// portRemedy says what helps when a port cannot be had.
func portRemedy(key string, port uint16) string {
	if port < 1024 {
		return fmt.Sprintf(" (is another web server on port %d? move it, or choose another %s)", port, key)
	}
	return " (is another daemon running?)"
}

// lanHandler is what operators and integrations reach.
func (d *hotspotDaemon) lanHandler(rest *v1.API) http.Handler {
	act := action.New(action.Config{Service: d.service, Keys: d.keys, Log: d.opts.Log})
	credentials := keys.NewHandler(d.keys, nil)
	programs := rest.For(keys.NewAuthenticator(d.keys, nil), d.people.Authenticate)
	people := http.Handler(http.HandlerFunc(unmade))
	reference := programs
	if pages, err := d.panel(); err == nil {
		people = pages
		reference = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			lang, dir, tell := pages.Reader(r)
			programs.ServeHTTP(w, v1.ForReader(r, v1.Reader{Lang: lang, Dir: dir, Tell: tell}))
		})
	} else {
		d.log.Error("the panel cannot be served", "error", err)
	}
	// Not a ServeMux: it answers odd paths with a redirect of its own, which no
	// client of the API expects.
	routes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p := r.URL.Path; {
		case keys.Serves(p):
			credentials.ServeHTTP(w, r)
		case p == v1.PathDocs:
			reference.ServeHTTP(w, r)
		case strings.HasPrefix(p, v1.Prefix+"/"):
			programs.ServeHTTP(w, r)
		case p == "/api" || strings.HasPrefix(p, "/api/"):
			act.ServeHTTP(w, r)
		case p == "/healthz":
			d.serveHealth(w, r)
		default:
			people.ServeHTTP(w, r)
		}
	})
	internal := func(w http.ResponseWriter, _ *http.Request) {
		api.WriteFailure(w, http.StatusInternalServerError, "An error occurred", "internal error")
	}
	return api.LogRequests(d.opts.Log, api.Recover(d.opts.Log, internal, routes))
}

// portalEndpoint is what guests reach. With a guest interface it listens on
// every address, since the redirect leads to whichever the interface has; the
// firewall lets nobody but guests in.
func (d *hotspotDaemon) portalEndpoint(cfg *config.Config) endpoint {
	port := cfg.Guest.PortalPort
	at := ":" + strconv.Itoa(int(port))
	if cfg.Guest.Interface == "" {
		at = d.opts.Portal
		if at == "" {
			at = netip.AddrPortFrom(firstLAN(cfg).Addr(), port).String()
		}
	}
	e := endpoint{place: place{name: "portal", network: "tcp", address: at, port: port}}
	e.open = func(ctx context.Context) (net.Listener, error) {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", at)
		if err != nil {
			return nil, fmt.Errorf("portal at %s: %w (is another daemon running? choose another guest.portal_port)", at, err)
		}
		return ln, nil
	}
	e.serve = func(_ context.Context, ln net.Listener) (*http.Server, net.Listener, error) {
		addrs, port := d.guestAddresses, port
		if cfg.Guest.Interface == "" {
			addrs, port = reachedAt(ln.Addr(), port)
		}
		h, err := d.portal(addrs, port)
		if err != nil {
			return nil, nil, err
		}
		srv := portal.Server(d.counted("portal", h), d.opts.Log)
		return srv, api.LimitListener(srv, ln, portalConns, portalConnsPerPeer, d.whose), nil
	}
	return e
}

// reachedAt tells where a portal without a guest network is reached.
func reachedAt(at net.Addr, port uint16) (addrs func() []netip.Addr, p uint16) {
	ap, err := netip.ParseAddrPort(at.String())
	if err != nil || ap.Addr().IsUnspecified() {
		return machineAddresses, max(port, ap.Port())
	}
	return func() []netip.Addr { return []netip.Addr{ap.Addr().Unmap()} }, ap.Port()
}

// portal makes the guests' pages.
func (d *hotspotDaemon) portal(addrs func() []netip.Addr, port uint16) (http.Handler, error) {
	h, err := portal.New(portal.Config{
		Service:   countedService{d.service, d.metrics},
		Methods:   d.methods(),
		Log:       d.opts.Log,
		Addresses: addrs,
		Port:      port,
	})
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	return h, nil
}

// methods are the ways to log in, whose attempts are counted.
func (d *hotspotDaemon) methods() []portal.Method {
	var all []portal.Method
	for _, m := range login.Methods(d.service, d.limiter) {
		all = append(all, countedMethod{m, d.metrics})
	}
	return all
}

// whose names the device that an address belongs to: one with many addresses is
// still one.
func (d *hotspotDaemon) whose(a netip.Addr) string {
	if h, ok := d.hosts.ByAddr(a); ok {
		return h.MAC.String()
	}
	return a.String()
}

func firstLAN(cfg *config.Config) netip.AddrPort {
	if len(cfg.LAN.Listen) == 0 {
		return netip.MustParseAddrPort("127.0.0.1:0")
	}
	return cfg.LAN.Listen[0]
}

// controlEndpoint is the command line's way in: whoever may open the socket
// may do everything.
func (d *hotspotDaemon) controlEndpoint(cfg *config.Config, rest func() *v1.API) endpoint {
	path := cfg.ControlSocket()
	e := endpoint{place: place{name: "control", network: "unix", address: path}}
	e.open = func(ctx context.Context) (net.Listener, error) {
		ln, err := listenUnix(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
		return ln, nil
	}
	e.serve = func(ctx context.Context, ln net.Listener) (*http.Server, net.Listener, error) {
		h := d.counted("control", api.As(api.Local(), rest()))
		return &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }}, ln, nil
	}
	return e
}

func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	// The store's lock is held, so a socket that is there is left over.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

// restAPI is what the command line and programs on the LAN reach.
func (d *hotspotDaemon) restAPI() *v1.API {
	return v1.New(v1.Config{Service: d.service, Keys: d.keys, Operators: d.people, Webhooks: d.webhooks, Cloud: d.cloud, PDF: printing.NewPDF(printing.Config{Service: d.service, Portal: d.loginPage}), Log: d.opts.Log, Info: d.status,
		Health: d.checks, Stopping: d.stopping(),
		Backups:  d.backups,
		Receipts: d.receipts,
		System:   systemPort{d}, ClockSynced: systemPort{d}.SayClockRight})
}

// ready describes the listeners for people.
func (d *hotspotDaemon) ready(all []*server) Ready {
	r := Ready{Control: d.conf().ControlSocket()}
	for _, s := range all {
		addr := s.ln.Addr().String()
		switch s.name {
		case "LAN":
			if r.API == "" {
				r.API = "http://" + strings.TrimSuffix(addr, ":80") + "/api/"
			}
		case "HTTPS":
			if r.HTTPS == "" {
				r.HTTPS = "https://" + strings.TrimSuffix(addr, ":443") + "/"
			}
		case "portal":
			r.Portal = "http://" + addr + "/"
			if guest := d.guestAddresses(); d.conf().Guest.Interface != "" && len(guest) > 0 {
				r.Portal = "http://" + netip.AddrPortFrom(guest[0], d.conf().Guest.PortalPort).String() + "/"
			}
		}
	}
	return r
}

// status is what the control API tells of the daemon.
func (d *hotspotDaemon) status(context.Context) v1.Status {
	st := v1.Status{Version: d.opts.Version, Running: true, Backend: string(d.conf().Network.Backend),
		Uptime: int64(time.Since(d.started).Seconds()), Run: d.run}
	if d.restoreFailed != nil {
		st.RestoreError = hotspot.Because(d.restoreFailed).String()
	}
	if p := d.certs.Serving(); p != nil {
		st.Certificate = p.Fingerprint()
	}
	st.Notices = d.notices().Strings()
	return st
}

// notices are what the operator should know.
func (d *hotspotDaemon) notices() hotspot.Texts {
	out := d.health.problems(time.Now(), d.conf().Accounting)
	out.Add(d.view.Load().notices)
	if bad := d.badConfig.Load(); bad != nil {
		out.Add(hotspot.Texts{*bad})
	}
	out.Add(d.certs.Problems())
	out.Add(notices(d.db, d.conf().Data))
	out.Add(d.webhooks.Notices())
	if d.conf().Network.Backend == config.BackendMemory {
		out.Addf("the memory backend lets nobody through: it is for trying things out")
	}
	return out
}

package daemon

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/certs"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// Connections over HTTPS open at a time. A browser needs one, since HTTP/2 asks
// for everything over it; each takes twice the memory of a plain one.
const (
	httpsConns, httpsConnsPerPeer = 64, 16
	httpsStreams                  = 32 // requests at a time on one
	httpsReceive                  = 64 << 10
)

// httpsEndpoint is where the LAN is served over TLS.
func (d *hotspotDaemon) httpsEndpoint(a netip.AddrPort, cfg *config.Config, h func() http.Handler) endpoint {
	e := d.operators("HTTPS", "lan.https.listen", a, cfg, h)
	e.serve = func(ctx context.Context, ln net.Listener) (*http.Server, net.Listener, error) {
		srv := api.NewServer(ctx, h(), d.opts.Log)
		srv.Protocols.SetHTTP2(true)
		srv.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: httpsStreams,
			MaxReceiveBufferPerConnection: httpsReceive, MaxReceiveBufferPerStream: httpsReceive}
		limited := api.LimitListener(srv, ln, httpsConns, httpsConnsPerPeer, nil)
		return srv, tls.NewListener(limited, d.certs.TLS()), nil
	}
	return e
}

// newCerts makes the keeper of the certificate. A certificate of the operator's
// that cannot be used keeps nobody offline: it is said aloud, and HTTPS is
// served with the router's own.
func (d *hotspotDaemon) newCerts() *certs.Keeper {
	cfg := d.conf()
	k := certs.NewKeeper(certs.Config{
		File:  filepath.Join(cfg.Data, certs.OwnFile),
		Names: func() certs.Names { return certNames(d.conf()) },
		Now:   d.service.Now, Log: d.opts.Log.With("component", "certs"),
	})
	supplied, err := suppliedCert(cfg)
	if err != nil {
		d.log.Error("the certificate for HTTPS cannot be used; the router's own is served", "error", err)
	}
	k.Configure(len(cfg.LAN.HTTPS.Listen) > 0, supplied, err)
	return k
}

// suppliedCert reads the operator's certificate; nil: there is none.
func suppliedCert(cfg *config.Config) (*certs.Pair, error) {
	h := cfg.LAN.HTTPS
	if h.CertFile == "" || len(h.Listen) == 0 {
		return nil, nil
	}
	return certs.Load(h.CertFile, h.KeyFile)
}

// certNames are what the router's own certificate is for.
func certNames(cfg *config.Config) certs.Names {
	n := certs.Names{
		DNS:   append(lanNames(cfg), "localhost"),
		Addrs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()},
	}
	if slices.Contains(n.DNS[:len(n.DNS)-1], "localhost") {
		n.DNS = n.DNS[:len(n.DNS)-1]
	}
	add := func(a netip.Addr) {
		if !slices.Contains(n.Addrs, a) {
			n.Addrs = append(n.Addrs, a)
		}
	}
	for _, at := range slices.Concat(cfg.LAN.HTTPS.Listen, cfg.LAN.Listen) {
		if !at.Addr().IsUnspecified() {
			add(at.Addr().WithZone(""))
			continue
		}
		for _, a := range lanAddresses(cfg) {
			// A provider changes the prefixes of public IPv6 addresses; each change
			// would be another certificate to accept.
			if a.Is4() || a.IsPrivate() {
				add(a)
			}
		}
	}
	return n
}

// lanAddresses are those of the LAN's interface, or of the machine if it is not
// known.
func lanAddresses(cfg *config.Config) []netip.Addr {
	if cfg.LAN.Interface == "" {
		return machineAddresses()
	}
	ifi, err := net.InterfaceByName(cfg.LAN.Interface)
	if err != nil {
		return nil
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil
	}
	return usable(addrs)
}

// lanNames are the names by which the router is called.
func lanNames(cfg *config.Config) []string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return slices.Clone(cfg.LAN.HostNames(host))
}

// front is the LAN's front door. Programs that bring a key are let through under
// whatever name they call the router: the action API and its keys are a
// compatible surface, and a browser sends no key by itself. Everything else
// answers to the router's names only, and people may be sent on to HTTPS.
func (d *hotspotDaemon) front(next http.Handler) http.Handler {
	guarded := d.known(d.redirect(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; underAPI(p) && !strings.HasPrefix(p, v1.Prefix+"/") {
			next.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

func underAPI(path string) bool { return path == "/api" || strings.HasPrefix(path, "/api/") }

// known refuses names that are not the router's.
func (d *hotspotDaemon) known(next http.Handler) http.Handler {
	return api.AllowHosts(func(name string) bool {
		return slices.Contains(lanNames(d.conf()), name) || d.certs.Vouches(name)
	}, next)
}

// redirect sends people on to HTTPS if the operator wants that. The answer is
// not one that browsers keep: the operator may think again.
func (d *hotspotDaemon) redirect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := d.conf().LAN.HTTPS
		if !h.Redirect || len(h.Listen) == 0 || h.Listen[0].Port() == 0 || r.TLS != nil || underAPI(r.URL.Path) || r.URL.Path == "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		to := url.URL{Scheme: "https", Host: atPort(r.Host, h.Listen[0].Port()), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, to.String(), http.StatusTemporaryRedirect)
	})
}

// atPort gives a request's host another port.
func atPort(host string, port uint16) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if port != 443 {
		return net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

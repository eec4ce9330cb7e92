package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// dialTimeout is how long the guest tries to reach a server.
const dialTimeout = 10 * time.Second

// eyes lets a browser on this machine see what a guest sees. Asked as an
// explicit HTTP proxy (absolute addresses, CONNECT) it passes on what the
// guest gets, unchanged. Asked as a site, it stands for two at once: the
// portal, under the portal's paths, and the example site, under all others.
type eyes struct {
	dial         netlab.DialFunc
	portal, page *url.URL // schemes and hosts of the two sites
	portal6      *url.URL // the portal, as redirects over IPv6 name it

	site, plain *httputil.ReverseProxy
	transport   *http.Transport

	ctx  context.Context // ends the tunnels, which no server closes
	stop context.CancelFunc
	wait sync.WaitGroup
}

// portalPath tells whether a path is one of the portal's own.
func portalPath(path string) bool {
	switch path {
	case "/welcome", "/login", "/free", "/email", "/status", "/logout", "/style.css", "/theme.css", "/icon.svg", "/logo":
		return true
	}
	return strings.HasPrefix(path, "/portal/")
}

func portalHost(addr string) string {
	return net.JoinHostPort(addr, strconv.Itoa(netlab.PortalPort))
}

func newEyes(dial netlab.DialFunc) *eyes {
	e := &eyes{
		portal:  &url.URL{Scheme: "http", Host: portalHost(netlab.RouterGuest4)},
		portal6: &url.URL{Scheme: "http", Host: portalHost(netlab.RouterGuest6)},
		page:    &url.URL{Scheme: "http", Host: netlab.ExampleSite},
	}
	e.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		return dial(ctx, network, addr)
	}
	e.ctx, e.stop = context.WithCancel(context.Background())
	// Each request is a connection of its own, which meets the gate as it is
	// now, and compression is left to the two ends.
	e.transport = &http.Transport{DialContext: e.dial, DisableKeepAlives: true, DisableCompression: true}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // failures are told to the browser
	e.plain = &httputil.ReverseProxy{
		Transport: e.transport, Rewrite: keepQuery,
		ErrorHandler: failed, ErrorLog: quiet, FlushInterval: -1,
	}
	e.site = &httputil.ReverseProxy{
		Transport: e.transport, Rewrite: e.rewrite, ModifyResponse: e.answer,
		ErrorHandler: failed, ErrorLog: quiet, FlushInterval: -1,
	}
	return e
}

// close ends the tunnels.
func (e *eyes) close() {
	e.stop()
	e.wait.Wait()
	e.transport.CloseIdleConnections()
}

// ServeHTTP implements http.Handler.
func (e *eyes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		e.tunnel(w, r)
	case r.URL.Scheme == "http" && r.URL.Host != "":
		e.plain.ServeHTTP(w, r)
	case r.URL.IsAbs():
		http.Error(w, "guest 1 speaks http here, and anything else through CONNECT", http.StatusBadRequest)
	default:
		e.site.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), browserHost{}, r.Host)))
	}
}

// browserHost is the context key of the Host that the browser used.
type browserHost struct{}

// keepQuery undoes the reverse proxy's tidying of odd queries.
func keepQuery(p *httputil.ProxyRequest) { p.Out.URL.RawQuery = p.In.URL.RawQuery }

// rewrite turns a request to this proxy into one to the site it stands for.
func (e *eyes) rewrite(p *httputil.ProxyRequest) {
	keepQuery(p)
	target := e.page
	if portalPath(p.In.URL.Path) {
		target = e.portal
	}
	p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = target.Scheme, target.Host, target.Host
	// The site compares these with its own name; foreign ones stay foreign.
	for _, name := range []string{"Origin", "Referer"} {
		if u, err := url.Parse(p.In.Header.Get(name)); err == nil && u.Scheme == "http" && u.Host == p.In.Host {
			u.Scheme, u.Host = target.Scheme, target.Host
			p.Out.Header.Set(name, u.String())
		}
	}
}

// answer makes redirects between the two sites stay at this proxy.
func (e *eyes) answer(resp *http.Response) error {
	// The same address shows the portal now and the page later.
	resp.Header.Set("Cache-Control", "no-store")
	host, _ := resp.Request.Context().Value(browserHost{}).(string)
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || host == "" || u.Scheme != "http" {
		return nil
	}
	for _, site := range []*url.URL{e.portal, e.portal6, e.page} {
		if sameHost(u, site) {
			u.Host = host
			resp.Header.Set("Location", u.String())
			break
		}
	}
	return nil
}

func sameHost(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if u.Port() == "" {
			return "80"
		}
		return u.Port()
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// failed tells the browser why the guest could not get an answer.
func failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		return // the browser has left
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, fmt.Sprintf("guest 1 got no answer from %s: %v", r.Host, err), http.StatusBadGateway)
}

// tunnel serves CONNECT.
func (e *eyes) tunnel(w http.ResponseWriter, r *http.Request) {
	out, err := e.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		failed(w, r, err)
		return
	}
	in, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = out.Close()
		failed(w, r, err)
		return
	}
	if e.ctx.Err() != nil {
		_, _ = in.Close(), out.Close()
		return
	}
	e.wait.Go(func() {
		if _, err := io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			_, _ = in.Close(), out.Close()
			return
		}
		netlab.Splice(e.ctx, &buffered{in, buf.Reader}, out)
	})
}

// buffered is a hijacked connection with what the server has read ahead.
type buffered struct {
	net.Conn
	r io.Reader
}

// Read implements io.Reader.
func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// CloseWrite ends one direction.
func (b *buffered) CloseWrite() error {
	if half, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return b.Close()
}

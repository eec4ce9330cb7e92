package portal

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// serve puts a venue on a loopback port and returns its origin. The wrapper,
// if any, sees requests first.
func serve(t *testing.T, change func(*venue), wrap func(*venue) http.Handler) (*venue, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(ln.Addr().String())
	v := newVenue(t, func(v *venue) {
		v.cfg.Port = at.Port()
		v.cfg.Addresses = func() []netip.Addr { return []netip.Addr{at.Addr()} }
		if change != nil {
			change(v)
		}
	})
	h := v.handler
	if wrap != nil {
		h = wrap(v)
	}
	one := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		defer v.mu.Unlock()
		h.ServeHTTP(w, r)
	})
	server := Server(one, v.cfg.Log)
	// What a guest has seconds for may take a busy machine longer.
	server.ReadHeaderTimeout, server.ReadTimeout, server.WriteTimeout, server.IdleTimeout = 0, 0, 0, 0
	srv := &httptest.Server{Listener: ln, Config: server}
	srv.Start()
	t.Cleanup(srv.Close)
	return v, "http://" + at.String()
}

// withoutOwn drops the note that every page with an error status makes.
func withoutOwn(said []string, status int) []string {
	var rest []string
	for _, s := range said {
		if status >= 400 && strings.Contains(s, fmt.Sprintf("responded with a status of %d", status)) {
			continue
		}
		rest = append(rest, s)
	}
	return rest
}

package cloud

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// kind is what a request was for.
type kind uint8

const (
	kindRefused kind = iota // for nobody: a wrong host, too many at a time
	kindForward
	kindAccount
	kindMember
	kindPage
	kinds
)

var kindNames = [kinds]string{"refused", "router", "account", "member", "page"}

// slots are the upper ends of a histogram's slots.
var slots = [...]time.Duration{5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second}

// figures are what a relay counts.
type figures struct {
	turnedAway, handshakesFailed, routersRefused, tunnels, sent atomic.Int64
	passedOn, passedHere, notHere                               atomic.Int64           // between relays
	requests                                                    [kinds][6]atomic.Int64 // by hundreds of the status; 0: cut off
	took                                                        [len(slots) + 1]atomic.Int64
	tookAll                                                     atomic.Int64 // µs
}

// request counts one.
func (f *figures) request(k kind, status int, bytes int64, took time.Duration) {
	class := status / 100
	if class >= len(f.requests[k]) || class < 0 {
		class = 0
	}
	f.requests[k][class].Add(1)
	f.sent.Add(bytes)
	if k != kindForward {
		return
	}
	slot := 0
	for slot < len(slots) && took > slots[slot] {
		slot++
	}
	f.took[slot].Add(1)
	f.tookAll.Add(took.Microseconds())
}

// Operations serves what those who run the relay watch: /healthz and /metrics,
// in the text format of Prometheus, and /ready, for what sends clients here:
// unlike health it does not look at the records, without which routers that are
// connected are served. It has no secrets, and is not for the internet.
func (r *Relay) Operations() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		status, text := http.StatusOK, "ok"
		if r.draining.Load() {
			status, text = http.StatusServiceUnavailable, "stopping"
		}
		r.writeHealth(w, status, text)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, req *http.Request) {
		ctx, cancel := context.WithTimeout(req.Context(), time.Second)
		defer cancel()
		status, text := http.StatusOK, "ok"
		if _, err := r.cfg.Accounts.cfg.Store.Get(ctx, authorityKey); err != nil {
			status, text = http.StatusServiceUnavailable, "the records cannot be read"
		}
		if r.draining.Load() {
			status, text = http.StatusServiceUnavailable, "stopping"
		}
		r.writeHealth(w, status, text)
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, r.exposition()) // whoever asked is gone if this fails
	})
	return mux
}

func (r *Relay) writeHealth(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, struct {
		Status  string `json:"status"`
		Routers int    `json:"routers"`
	}{text, r.links.len()})
}

// certificateEnds is when the certificate in force does, in Unix seconds; 0:
// there is none.
func (r *Relay) certificateEnds() int64 {
	c, err := r.cfg.Certificate(&tls.ClientHelloInfo{ServerName: r.apiName()})
	if err != nil || len(c.Certificate) == 0 {
		return 0
	}
	leaf := c.Leaf
	if leaf == nil {
		if leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return 0
		}
	}
	return leaf.NotAfter.Unix()
}

// exposition is all figures as text.
func (r *Relay) exposition() string {
	var b strings.Builder
	f := &r.figures
	head := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	one := func(name, kind, help string, n int64) {
		head(name, kind, help)
		fmt.Fprintf(&b, "%s %d\n", name, n)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	one("vouchsafe_cloud_routers", "gauge", "Routers that are connected.", int64(r.links.len()))
	one("vouchsafe_cloud_connections", "gauge", "Connections of clients.", int64(r.guests.len()))
	one("vouchsafe_cloud_handshakes", "gauge", "TLS handshakes under way.", int64(r.lobby.len()))
	one("vouchsafe_cloud_requests_in_flight", "gauge", "Requests under way.", int64(r.requests.len()))
	one("vouchsafe_cloud_certificate_expires_seconds", "gauge", "When the certificate ends, in Unix seconds; 0: there is none.", r.certificateEnds())
	one("vouchsafe_cloud_tunnels_total", "counter", "Tunnels that routers have made.", f.tunnels.Load())
	one("vouchsafe_cloud_routers_refused_total", "counter", "Tunnels refused for the router's certificate.", f.routersRefused.Load())
	one("vouchsafe_cloud_handshakes_failed_total", "counter", "TLS handshakes that failed or took too long.", f.handshakesFailed.Load())
	one("vouchsafe_cloud_connections_refused_total", "counter", "Connections turned away since there were too many.", f.turnedAway.Load())
	one("vouchsafe_cloud_sent_bytes_total", "counter", "Bytes of answers' bodies.", f.sent.Load())
	one("vouchsafe_cloud_memory_bytes", "gauge", "Memory that the Go runtime has from the system.", int64(m.Sys))
	one("vouchsafe_cloud_goroutines", "gauge", "Goroutines.", int64(runtime.NumGoroutine()))
	if o := r.others; o != nil {
		one("vouchsafe_cloud_relays", "gauge", "Relays that live, with this one.", int64(len(o.registry.Nodes())))
		one("vouchsafe_cloud_peer_connections", "gauge", "Connections to other relays.", int64(o.pool.Connections()))
		one("vouchsafe_cloud_passed_on_total", "counter", "Requests passed on to other relays.", f.passedOn.Load())
		one("vouchsafe_cloud_passed_here_total", "counter", "Requests that other relays passed on to this one.", f.passedHere.Load())
		one("vouchsafe_cloud_passed_in_vain_total", "counter", "Those of them whose router was not here.", f.notHere.Load())
	}
	head("vouchsafe_cloud_requests_total", "counter", "Requests, by what they were for and the status of the answer; aborted: it was cut off.")
	for k := range f.requests {
		for class := range f.requests[k] {
			name := "aborted"
			if class > 0 {
				name = strconv.Itoa(class) + "xx"
			}
			fmt.Fprintf(&b, "vouchsafe_cloud_requests_total{kind=%q,status=%q} %d\n", kindNames[k], name, f.requests[k][class].Load())
		}
	}
	const hist = "vouchsafe_cloud_request_duration_seconds"
	head(hist, "histogram", "Time of requests to routers, with the router's own.")
	n := int64(0)
	for i := range slots {
		n += f.took[i].Load()
		fmt.Fprintf(&b, "%s_bucket{le=\"%g\"} %d\n", hist, slots[i].Seconds(), n)
	}
	n += f.took[len(slots)].Load()
	fmt.Fprintf(&b, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", hist, n, hist, float64(f.tookAll.Load())/1e6, hist, n)
	return b.String()
}

package daemon

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/portal"
)

// metrics counts what happens in one run, for Prometheus. Names and labels are
// documented in docs/metrics.md. No label says who a guest is.
type metrics struct {
	set *series
}

// newMetrics returns the counters of a daemon. What is not counted but looked
// up is looked up when the page is asked for.
func newMetrics(d *hotspotDaemon) *metrics {
	m := &metrics{set: newSeries()}
	build := "vouchsafe_build_info{version=" + label(d.opts.Version) + ",go=" + label(runtime.Version()) + ",arch=" + label(runtime.GOARCH) + "}"
	m.set.gauge(build, func() float64 { return 1 })
	m.set.gauge("vouchsafe_start_time_seconds", func() float64 { return float64(d.started.Unix()) })
	m.set.gauge("vouchsafe_guests_online", d.guestsOnline)
	m.set.gauge("vouchsafe_clock_believed", func() float64 { _, believed := d.service.Now(); return truth(believed) })
	m.set.gauge("vouchsafe_configuration_current", func() float64 { return truth(d.badConfig.Load() == nil) })
	m.set.gauge("vouchsafe_problems", func() float64 { return float64(len(d.health.problems(time.Now(), d.conf().Accounting))) })
	m.set.gauge(`vouchsafe_events_lost_total{source="firewall"}`, func() float64 { return float64(d.gate.Overruns()) })
	m.set.gauge(`vouchsafe_events_lost_total{source="neighbours"}`, func() float64 { return float64(d.hosts.Overruns()) })
	m.storage(d)
	m.golang()
	for _, name := range []string{
		`vouchsafe_events_lost_total{source="interfaces"}`, "vouchsafe_firewall_restored_total",
		`vouchsafe_reloads_total{outcome="ok"}`, `vouchsafe_reloads_total{outcome="refused"}`,
	} {
		m.set.counter(name)
	}
	return m
}

// storage are the figures of the store and of the flash that it is on.
func (m *metrics) storage(d *hotspotDaemon) {
	m.set.gauge("vouchsafe_store_size_bytes", func() float64 { return float64(d.db.Stats().Size) })
	m.set.gauge("vouchsafe_store_free_bytes", func() float64 { return float64(d.db.Stats().Free) })
	m.set.gauge("vouchsafe_store_updates_total", func() float64 { return float64(d.db.Stats().Updates) })
	m.set.gauge("vouchsafe_store_commits_total", func() float64 { return float64(d.db.Stats().Commits) })
	m.set.gauge("vouchsafe_store_failures_total", func() float64 { return float64(d.db.Stats().Failures) })
	m.set.gauge("vouchsafe_snapshot_age_seconds", func() float64 {
		age, ok := newestSnapshot(filepath.Join(d.conf().Data, snapshotsDir), time.Now())
		if !ok {
			return -1
		}
		return max(0, age.Seconds())
	})
	m.set.gauge("vouchsafe_flash_free_bytes", func() float64 { free, _ := diskSpace(d.conf().Data); return free })
	m.set.gauge("vouchsafe_flash_size_bytes", func() float64 { _, size := diskSpace(d.conf().Data); return size })
}

// golang are the figures of the process.
func (m *metrics) golang() {
	mem := func(of func(*runtime.MemStats) float64) func() float64 {
		return func() float64 {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			return of(&s)
		}
	}
	m.set.gauge("go_goroutines", func() float64 { return float64(runtime.NumGoroutine()) })
	m.set.gauge("go_memstats_heap_alloc_bytes", mem(func(s *runtime.MemStats) float64 { return float64(s.HeapAlloc) }))
	m.set.gauge("go_memstats_sys_bytes", mem(func(s *runtime.MemStats) float64 { return float64(s.Sys) }))
	m.set.gauge("go_gc_cycles_total", mem(func(s *runtime.MemStats) float64 { return float64(s.NumGC) }))
	m.set.gauge("process_resident_memory_bytes", residentMemory)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (d *hotspotDaemon) guestsOnline() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	guests, err := d.service.Guests(ctx)
	if err != nil {
		return -1
	}
	return float64(len(guests))
}

// count adds one to a counter; name includes the labels.
func (m *metrics) count(name string) { m.set.counter(name).Add(1) }

func (m *metrics) linksLost() { m.count(`vouchsafe_events_lost_total{source="interfaces"}`) }

func (m *metrics) reloaded(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "refused"
	}
	m.count("vouchsafe_reloads_total{outcome=" + label(outcome) + "}")
}

// metricsHandler answers Prometheus.
func (d *hotspotDaemon) metricsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/metrics":
			api.WriteFailure(w, http.StatusNotFound, "An error occurred", "there is nothing here; the metrics are at /metrics")
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			api.WriteFailure(w, http.StatusMethodNotAllowed, "method not allowed", "use GET")
		default:
			w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			d.report(r.Context(), "the metrics could not be written", d.metrics.set.write(w))
		}
	})
}

// countedGate counts what the gate is asked to do.
type countedGate struct {
	gate
	metrics *metrics
}

func (g countedGate) counted(call string, f func() error) error {
	begun := time.Now()
	err := f()
	labels := "{call=" + label(call) + "}"
	g.metrics.set.spent("vouchsafe_firewall_seconds_sum"+labels, time.Since(begun))
	g.metrics.count("vouchsafe_firewall_seconds_count" + labels)
	if err != nil {
		g.metrics.count("vouchsafe_firewall_errors_total" + labels)
	}
	return err
}

// Set implements [hotspot.Gate].
func (g countedGate) Set(ctx context.Context, passes ...hotspot.Pass) error {
	return g.counted("set", func() error { return g.gate.Set(ctx, passes...) })
}

// Read implements [hotspot.Gate].
func (g countedGate) Read(ctx context.Context) (t hotspot.Tally, err error) {
	err = g.counted("read", func() error { t, err = g.gate.Read(ctx); return err })
	return t, err
}

// Forget implements [hotspot.Gate].
func (g countedGate) Forget(ctx context.Context, sessions ...uint64) error {
	return g.counted("forget", func() error { return g.gate.Forget(ctx, sessions...) })
}

// Watch implements [hotspot.Gate].
func (g countedGate) Watch(ctx context.Context, report func(hotspot.GateEvent)) error {
	return g.gate.Watch(ctx, func(e hotspot.GateEvent) {
		if e.Lost {
			g.metrics.count("vouchsafe_firewall_restored_total")
		}
		report(e)
	})
}

// login counts an attempt to log in, by how it went.
func (m *metrics) login(method hotspot.Method, err error) {
	outcome := "ok"
	var refused *hotspot.Error
	switch {
	case errors.As(err, &refused):
		outcome = string(refused.Code)
	case err != nil:
		outcome = string(hotspot.CodeInternal)
	}
	m.count("vouchsafe_logins_total{method=" + label(string(method)) + ",outcome=" + label(outcome) + "}")
}

// countedMethod counts the forms that make no claim.
type countedMethod struct {
	portal.Method
	metrics *metrics
}

// Claim implements [portal.Method].
func (c countedMethod) Claim(ctx context.Context, h hotspot.Host, form url.Values) (hotspot.Claim, error) {
	claim, err := c.Method.Claim(ctx, h, form)
	if err != nil {
		c.metrics.login(c.Name(), err)
	}
	return claim, err
}

// countedService counts the claims. It has only the methods of the portal's
// service, since the linker keeps each that a type takes over from another.
type countedService struct {
	portal.Service
	metrics *metrics
}

// Login implements [portal.Service].
func (c countedService) Login(ctx context.Context, h hotspot.Host, claim hotspot.Claim) (hotspot.GuestStatus, error) {
	st, err := c.Service.Login(ctx, h, claim)
	c.metrics.login(claim.Method, err)
	return st, err
}

// counted counts the requests to a handler by the class of the answer.
func (d *hotspotDaemon) counted(surface string, h http.Handler) http.Handler {
	var classes [5]*atomic.Uint64
	for i := range classes {
		classes[i] = d.metrics.set.counter("vouchsafe_http_requests_total{surface=" + label(surface) + ",status=" + label(strconv.Itoa(i+1)+"xx") + "}")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if class := rec.status/100 - 1; class >= 0 && class < len(classes) {
				classes[class].Add(1)
			}
		}()
		h.ServeHTTP(rec, r)
	})
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
	said   bool
}

// WriteHeader implements http.ResponseWriter.
func (r *statusRecorder) WriteHeader(status int) {
	if !r.said && status >= 200 {
		r.status, r.said = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *statusRecorder) Write(b []byte) (int, error) {
	r.said = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

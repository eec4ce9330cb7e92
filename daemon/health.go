package daemon

import (
	"net/http"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// health remembers whether accounting works.
type health struct {
	mu        sync.Mutex // guards all below
	poll      time.Time  // of the last good one
	flush     time.Time
	pollFail  error
	flushFail error
}

func newHealth() *health {
	now := time.Now()
	return &health{poll: now, flush: now}
}

func (h *health) polled(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pollFail = err; err == nil {
		h.poll = time.Now()
	}
}

func (h *health) flushed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flushFail = err; err == nil {
		h.flush = time.Now()
	}
}

// report is the body of /healthz.
type report struct {
	Status   string   `json:"status"` // "ok" or "failing"
	Version  string   `json:"version"`
	Uptime   int64    `json:"uptime"` // seconds
	Problems []string `json:"problems"`
}

// problems names what does not work, in words for an operator.
func (h *health) problems(now time.Time, cfg config.Accounting) hotspot.Texts {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := hotspot.Texts{}
	if h.pollFail != nil || now.Sub(h.poll) > 3*cfg.Period {
		out.Addf("guests are not let in, counted or ended as they should be: look for \"accounting failed\" in the log")
	}
	if h.flushFail != nil || now.Sub(h.flush) > 3*cfg.Flush {
		out.Addf("usage cannot be stored: is the disk full or read-only?")
	}
	return out
}

// serveHealth answers 200 while everything works and 503 otherwise. It tells
// nothing of guests, so it needs no key.
func (d *hotspotDaemon) serveHealth(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		api.WriteFailure(w, http.StatusMethodNotAllowed, "method not allowed", "use GET")
		return
	}
	now := time.Now()
	rep := report{Status: "ok", Version: d.opts.Version, Uptime: int64(now.Sub(d.started).Seconds()), Problems: d.health.problems(now, d.conf().Accounting).Strings()}
	status := http.StatusOK
	if len(rep.Problems) > 0 {
		rep.Status, status = "failing", http.StatusServiceUnavailable
	}
	api.WriteJSON(w, status, rep)
}

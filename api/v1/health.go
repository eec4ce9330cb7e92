package v1

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Health says how the hotspot is.
type Health struct {
	Verdict string       `json:"verdict" enum:"ok,warning,problem" doc:"the worst of the facts"`
	Time    *time.Time   `json:"time" doc:"when was looked; not more than a minute ago"`
	Facts   []HealthFact `json:"facts" nullable:"false"`
}

// healthEvery is how long facts are good for. Nobody who asks more often makes
// the router look more often; while nobody asks, it does not look at all.
const healthEvery = time.Minute

// healthFacts are the facts that were found last.
type healthFacts struct {
	mu    sync.Mutex // guards all below; held while looking, so that one does
	facts []HealthFact
	at    time.Time
	now   func() time.Time // of the monotonic clock
}

// get returns the facts, which look finds if they are old.
func (h *healthFacts) get(ctx context.Context, look func(context.Context) []HealthFact) ([]HealthFact, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	if h.at.IsZero() || now.Sub(h.at) >= healthEvery {
		// Whoever asks next gets what is found now, so a caller who hangs up
		// must not cut it short.
		h.facts, h.at = look(context.WithoutCancel(ctx)), now
	}
	return slices.Clone(h.facts), now.Sub(h.at)
}

// healthOps registers the operation on the hotspot's health.
func (s *server) healthOps(api huma.API) {
	s.found.now = time.Now
	register(s, api, forKnown(), huma.Operation{OperationID: "get-health", Method: http.MethodGet, Path: "/health",
		Summary: "Tell how uplink, flash, memory, clock and the like are, and what to do"}, s.getHealth)
}

func (s *server) getHealth(ctx context.Context, _ *struct{}) (*item[Health], error) {
	st := s.Info(ctx)
	out := Health{Verdict: "ok", Facts: []HealthFact{}}
	now, _ := s.Service.Now()
	if s.Config.Health != nil {
		facts, age := s.found.get(ctx, s.Config.Health)
		out.Facts, now = append(out.Facts, facts...), now.Add(-age)
	}
	for _, n := range st.Notices { // these cost nothing to know
		out.Facts = append(out.Facts, HealthFact{Check: "notice", Verdict: "warning", Found: n})
	}
	out.Time = in(s.Service.Zone(), now)
	for _, f := range out.Facts {
		if f.Verdict == "problem" || f.Verdict == "warning" && out.Verdict == "ok" {
			out.Verdict = f.Verdict
		}
	}
	return &item[Health]{out}, nil
}

package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Health says how the hotspot is.
type Health struct {
	Verdict string       `json:"verdict" enum:"ok,warning,problem" doc:"the worst of the facts"`
	Time    *time.Time   `json:"time" doc:"when was looked; not more than a minute ago"`
	Facts   []HealthFact `json:"facts" nullable:"false"`
}

// healthOps registers the operation on the hotspot's health.
func (s *server) healthOps() {
	register(s, forKnown(), &huma.Operation{OperationID: "get-health", Method: http.MethodGet, Path: "/health",
		Summary: "Tell how uplink, flash, memory, clock and the like are, and what to do"}, (*server).getHealth)
}

func (s *server) getHealth(ctx context.Context, _ *struct{}) (*item[Health], error) {
	st := s.Info(ctx)
	out := Health{Verdict: "ok", Facts: []HealthFact{}}
	now, _ := s.Service.Now()
	if s.Config.Health != nil {
		facts, age := s.Config.Health.Facts(ctx)
		out.Facts, now = append(out.Facts, facts...), now.Add(-age)
	}
	for _, n := range st.Notices { // these cost nothing to know
		out.Facts = append(out.Facts, HealthFact{Check: "notice", Verdict: "warning", Found: hotspot.Said(n)})
	}
	out.Time = in(s.Service.Zone(), now)
	for _, f := range out.Facts {
		if f.Verdict == "problem" || f.Verdict == "warning" && out.Verdict == "ok" {
			out.Verdict = f.Verdict
		}
	}
	return &item[Health]{out}, nil
}

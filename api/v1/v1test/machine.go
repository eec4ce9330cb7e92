package v1test

import (
	"context"
	"io"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// System is a stand-in for what tells of the daemon and the machine.
type System struct {
	Err error // of Support
	// Personal is what Support was asked last.
	Personal bool
}

func (*System) at() *time.Time {
	t := time.Date(2026, 3, 4, 11, 30, 0, 0, time.UTC)
	return &t
}

// About implements [api.System].
func (*System) About(context.Context) api.About {
	return api.About{Version: "1.2.3", Backend: "memory", Notices: hotspot.Texts{}, Modules: []api.Module{{Path: "example.org/m", Version: "v1.0.0"}}}
}

// Configuration implements [api.System].
func (s *System) Configuration() api.Configuration {
	return api.Configuration{File: "/etc/vouchsafe/vouchsafe.yaml", Values: []api.ConfigValue{{Key: "data", Value: "/data", Set: true, Restart: true}},
		Certificate: &api.Certificate{Fingerprint: "AA:BB", Names: []string{"router.lan"}, Begins: s.at(), Ends: s.at(), Own: true, Problems: hotspot.Texts{}}}
}

// Clock implements [api.System].
func (s *System) Clock() api.Clock {
	return api.Clock{Time: s.at(), System: s.at(), Zone: "UTC", Believed: true, By: api.VouchNTP, Since: s.at()}
}

// SayClockRight implements [api.System].
func (*System) SayClockRight(context.Context) error { return nil }

// Examine implements [api.System].
func (*System) Examine(_ context.Context, report func(api.Finding)) {
	report(api.Finding{Check: "uplink", Verdict: "problem", Found: hotspot.Textf("none"), Remedy: hotspot.Textf("plug it in")})
}

// LogLines implements [api.System].
func (s *System) LogLines(q api.LogQuery) []api.LogLine {
	return []api.LogLine{{ID: 1, Time: s.at(), Level: "info", Component: "daemon", Text: "ready " + q.Level + q.Text, Details: "version=1"}}
}

// LogNews implements [api.System].
func (*System) LogNews(context.Context) <-chan struct{} { return nil }

// Support implements [api.System].
func (s *System) Support(_ context.Context, w io.Writer, personal bool) error {
	s.Personal = personal
	if s.Err != nil {
		return s.Err
	}
	_, err := io.WriteString(w, "packed")
	return err
}

package daemon

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// What is told of the machine is there, and in its bounds.
func TestAbout(t *testing.T) {
	d := openDaemon(t, slog.New(slog.DiscardHandler))
	d.opts.Version = "1.2.3"
	a := systemPort{d}.About(t.Context())
	if a.Version != "1.2.3" || a.Backend != "memory" || a.Go == "" || a.Arch == "" || a.Notices == nil || a.Modules == nil || a.Store == 0 {
		t.Errorf("%+v", a)
	}
	if !strings.HasPrefix(a.Kernel, "Linux ") || a.HostUptime <= 0 || a.Resident == 0 || a.Memory == 0 || a.MemoryFree == 0 || a.MemoryFree > a.Memory || a.Flash == 0 || a.FlashFree > a.Flash {
		t.Errorf("%+v", a)
	}
}

func TestConfigurationTold(t *testing.T) {
	d := openDaemon(t, slog.New(slog.DiscardHandler))
	c := systemPort{d}.Configuration()
	if len(c.Values) != len(config.Fields()) || c.Certificate != nil || c.File != "" || !c.Problem.IsZero() {
		t.Errorf("%+v", c)
	}
	for _, v := range c.Values {
		if v.Key == "network.backend" && (v.Value != "memory" || !v.Set || !v.Restart) || v.Key == "data" && v.Value != d.conf().Data {
			t.Errorf("%+v", v)
		}
	}
	bad := hotspot.Textf("line 3")
	d.badConfig.Store(&bad)
	d.certs.Configure(true, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.certs.Run(ctx) }()
	eventually(t, func() bool { return d.certs.Serving() != nil })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	c = systemPort{d}.Configuration()
	if c.Problem.String() != "line 3" || c.Certificate == nil || !c.Certificate.Own || len(c.Certificate.Fingerprint) != 95 || !c.Certificate.Ends.After(*c.Certificate.Begins) || len(c.Certificate.Names) == 0 {
		t.Errorf("%+v %+v", c, c.Certificate)
	}
}

// That the clock is right is a change once, however often a time client says it.
func TestClockSaidToBeRight(t *testing.T) {
	d := openDaemon(t, slog.New(slog.DiscardHandler))
	s := systemPort{d}
	if c := s.Clock(); !c.Believed || c.By == "" || c.Time == nil || c.System == nil || c.Zone == "" {
		t.Errorf("the memory backend believes its machine: %+v", c)
	}
	ctx := hotspot.WithActor(t.Context(), hotspot.Actor{Kind: hotspot.ActorOperator, Name: "anna"})
	for range 3 {
		if err := s.SayClockRight(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if c := s.Clock(); c.By != api.VouchDeclared && c.By != api.VouchNTP {
		t.Errorf("%+v", c)
	}
	rows, err := d.service.Audit(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, r := range rows {
		if r.Action == hotspot.AuditClockDeclared && r.Actor.Name == "anna" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d rows of %+v", n, rows)
	}
}

// The log that operators see is that of the daemon, in the venue's time.
func TestLogTold(t *testing.T) {
	d := openDaemon(t, slog.New(slog.NewTextHandler(io.Discard, nil)))
	d.opts.Log.With("component", "daemon").Info("ready", "version", "1.2.3")
	lines := systemPort{d}.LogLines(api.LogQuery{Text: "ready", Limit: 1})
	if len(lines) != 1 || lines[0].Details != "version=1.2.3" || lines[0].Time.Location() != d.service.Zone() {
		t.Errorf("%+v", lines)
	}
}

// An examination reports what vouchsafe doctor would.
func TestExamine(t *testing.T) {
	d := openDaemon(t, slog.New(slog.DiscardHandler))
	d.view.Store(&view{})
	checks := map[string]bool{}
	systemPort{d}.Examine(t.Context(), func(f api.Finding) { checks[f.Check] = f.Verdict != "" && !f.Found.IsZero() })
	for _, c := range []string{"configuration", "daemon", "clock", "data directory", "memory"} {
		if !checks[c] {
			t.Errorf("nothing is said of %s: %v", c, checks)
		}
	}
}

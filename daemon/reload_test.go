package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// TestReloadWithoutAKernel changes what can be changed in a daemon with the
// memory backend.
func TestReloadWithoutAKernel(t *testing.T) {
	// What the daemon is told is the process's, and outlives the daemon.
	memory := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(memory) })
	at := free(t, 3)
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = t.TempDir(), config.BackendMemory
	listen := func(a string) []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(a)} }
	cfg.LAN.Listen = listen(at[0])
	var next atomic.Pointer[config.Config]
	hup, level := make(chan os.Signal), new(slog.LevelVar)
	ctx, cancel := context.WithCancel(t.Context())
	up, done := make(chan Ready, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, cfg, Options{
			Version: "1", Log: slog.New(slog.DiscardHandler), Level: level, Portal: "127.0.0.1:0", Reload: hup, StopWithin: patience,
			Reread: func() (config.Config, error) {
				if c := next.Load(); c != nil {
					return *c, nil
				}
				return config.Config{}, errors.New("the file is gone")
			}, Ready: func(r Ready) { up <- r },
		})
	}()
	var ready Ready
	select {
	case ready = <-up:
	case err := <-done:
		t.Fatal(err)
	}
	c := v1.NewClient(v1.DialUnix(ready.Control))
	status := func(want func(v1.Status) bool) {
		t.Helper()
		for limit := time.Now().Add(90 * time.Second); ; {
			st, err := c.Status(t.Context())
			if err == nil && want(st) {
				return
			}
			if time.Now().After(limit) {
				t.Fatalf("status %+v, %v", st, err)
			}
		}
	}
	refused := func(st v1.Status) bool { return strings.Contains(strings.Join(st.Notices, " "), "not in use") }
	hup <- syscall.SIGHUP
	status(refused)

	changed := cfg
	changed.LAN.Listen, changed.Metrics.Listen = listen(at[1]), listen(at[2])
	changed.Zone, changed.Log.Level = time.FixedZone("+03:00", 3*3600), slog.LevelError
	changed.Data, changed.Limits.Memory = "/elsewhere", 64<<20
	next.Store(&changed)
	hup <- syscall.SIGHUP
	status(func(st v1.Status) bool { return st.Zone == "+03:00" && !refused(st) })
	if got := get(t, "http://"+at[1]+"/healthz"); got != 200 {
		t.Errorf("the API at its new address: %d", got)
	}
	if said(at[0]) != "" {
		t.Error("the API is still at its old address")
	}
	if page := said(at[2] + "/metrics"); !strings.Contains(page, `vouchsafe_build_info{version="1"`) {
		t.Errorf("metrics: %s", page)
	}
	if get(t, "http://"+at[2]+"/") != 404 {
		t.Error("something else than metrics is answered there")
	}
	if level.Level() != slog.LevelError {
		t.Errorf("log level %v", level.Level())
	}
	invalid := changed
	invalid.Guest.PortalPort = 0
	next.Store(&invalid)
	hup <- syscall.SIGHUP
	status(refused)
	taken := changed
	taken.LAN.Listen = listen(strings.TrimSuffix(strings.TrimPrefix(ready.Portal, "http://"), "/"))
	next.Store(&taken)
	hup <- syscall.SIGHUP
	// Not the refusal before this one.
	status(func(st v1.Status) bool {
		return refused(st) && strings.Contains(strings.Join(st.Notices, " "), "lan.listen")
	})
	if got := get(t, "http://"+at[1]+"/healthz"); got != 200 {
		t.Errorf("the API after a refused change: %d", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

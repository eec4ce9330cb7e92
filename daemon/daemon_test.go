package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
)

// running is a daemon with the memory backend.
type running struct {
	Ready
	stop func() error
}

func startDaemon(t *testing.T, data string) running {
	t.Helper()
	cfg := config.Default()
	cfg.Data = data
	cfg.Network.Backend = config.BackendMemory
	cfg.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	up, done := make(chan Ready, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, cfg, Options{Version: "1.2.3", Log: slog.New(slog.DiscardHandler), Portal: "127.0.0.1:0",
			StopWithin: patience, Ready: func(r Ready) { up <- r }})
	}()
	stop := func() error {
		cancel()
		return <-done
	}
	select {
	case r := <-up:
		return running{r, stop}
	case err := <-done:
		cancel()
		t.Fatalf("the daemon ended: %v", err)
	}
	return running{}
}

func get(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestRun(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	d := startDaemon(t, data)
	for path, want := range map[string]int{"healthz": 200, "api/": 200, "api": 200, "assets/panel.css": 200, "nothing": 404} {
		if got := get(t, strings.TrimSuffix(d.API, "api/")+path); got != want {
			t.Errorf("/%s: %d, want %d", path, got, want)
		}
	}
	if got := get(t, d.Portal+"welcome"); got != 200 {
		t.Errorf("portal: %d", got)
	}
	info, err := os.Stat(d.Control)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("control socket: %v, %v", info.Mode(), err)
	}
	c := v1.NewClient(v1.DialUnix(d.Control))
	st, err := c.Status(t.Context())
	if err != nil || !st.Running || st.Version != "1.2.3" {
		t.Errorf("status %+v, %v", st, err)
	}
	if _, err := c.CreateVouchers(t.Context(), v1.NewVouchers{Count: 1}); err != nil {
		t.Error(err)
	}
	if err := d.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	if n, _ := filepath.Glob(filepath.Join(data, "snapshots", "*")); len(n) != 1 {
		t.Errorf("%d snapshots after a clean stop", len(n))
	}
	// What was made is there again, for the next run and for the command line
	// without one.
	h, closeStore, err := Offline(t.Context(), config.Config{Data: data, Zone: time.UTC}, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	off := v1.NewClient(v1.InProcess(h))
	page, err := off.VoucherPage(t.Context(), "", 10)
	if err != nil || len(page.Items) != 1 {
		t.Errorf("offline: %d vouchers, %v", len(page.Items), err)
	}
	if st, err := off.Status(t.Context()); err != nil || st.Running {
		t.Errorf("offline status %+v, %v", st, err)
	}
	if err := closeStore(); err != nil {
		t.Error(err)
	}
	if err := startDaemon(t, data).stop(); err != nil {
		t.Errorf("second run: %v", err)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	data := t.TempDir()
	d := startDaemon(t, data)
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = data, config.BackendMemory
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	err := Run(ctx, cfg, Options{Log: slog.New(slog.DiscardHandler)})
	var locked *store.LockedError
	if !errors.As(err, &locked) {
		t.Errorf("a second daemon on one store: %v", err)
	}
	if _, err := os.Stat(d.Control); err != nil {
		t.Errorf("the first one's control socket: %v", err)
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}

func TestPortsInUse(t *testing.T) {
	d := startDaemon(t, t.TempDir())
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = t.TempDir(), config.BackendMemory
	host := strings.TrimSuffix(strings.TrimPrefix(d.API, "http://"), "/api/")
	cfg.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort(host)}
	err := Run(t.Context(), cfg, Options{Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "lan.listen") {
		t.Errorf("a port in use: %v", err)
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}

func TestHealth(t *testing.T) {
	h, cfg := newHealth(), config.Accounting{Period: time.Minute, Flush: time.Minute}
	now := time.Now()
	if p := h.problems(now, cfg); len(p) != 0 {
		t.Errorf("fresh: %q", p)
	}
	h.polled(hotspot.ErrUnavailable)
	h.flushed(hotspot.ErrUnavailable)
	if p := h.problems(now, cfg); len(p) != 2 {
		t.Errorf("failing: %q", p)
	}
	h.polled(nil)
	h.flushed(nil)
	if p := h.problems(time.Now(), cfg); len(p) != 0 {
		t.Errorf("healed: %q", p)
	}
	if p := h.problems(time.Now().Add(time.Hour), cfg); len(p) != 2 {
		t.Errorf("silent for an hour: %q", p)
	}
}

// TestLoginWithoutAKernel logs in through the portal as an integrator on a
// laptop does, and again after a restart.
func TestLoginWithoutAKernel(t *testing.T) {
	data := t.TempDir()
	d := startDaemon(t, data)
	c := v1.NewClient(v1.DialUnix(d.Control))
	made, err := c.CreateVouchers(t.Context(), v1.NewVouchers{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"code": {made[0].Username}, "passcode": {made[0].Passcode}}
	resp, err := http.PostForm(d.Portal+"login", form)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.Request.URL.Path != "/status" || !strings.Contains(string(page), made[0].Username) {
		t.Errorf("login led to %s: %s, %v", resp.Request.URL.Path, page, err)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = startDaemon(t, data)
	st, err := v1.NewClient(v1.DialUnix(d.Control)).Status(t.Context())
	if err != nil || st.GuestsOnline != 1 {
		t.Errorf("after a restart %d guests are online, %v", st.GuestsOnline, err)
	}
	if got := get(t, strings.TrimSuffix(d.API, "api/")+"healthz"); got != 200 {
		t.Errorf("health: %d", got)
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}

func TestOddPathsAreNotRedirected(t *testing.T) {
	d := startDaemon(t, t.TempDir())
	base := strings.TrimSuffix(d.API, "/api/")
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{"//api", "/api/../x", "/x//y"} {
		resp, err := c.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 404 {
			t.Errorf("%s: %d, want 404", path, resp.StatusCode)
		}
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}

func TestRestartsKeepOlderSnapshots(t *testing.T) {
	data := t.TempDir()
	for range 3 {
		if err := startDaemon(t, data).stop(); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(data, "snapshots")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d snapshots after three runs in a second, %v", len(files), err)
	}
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, files[0].Name()), old, old); err != nil {
		t.Fatal(err)
	}
	if err := startDaemon(t, data).stop(); err != nil {
		t.Fatal(err)
	}
	if files, _ = os.ReadDir(dir); len(files) != 2 {
		t.Errorf("%d snapshots the day after", len(files))
	}
}

func TestGateBox(t *testing.T) {
	b := newGateBox()
	for i := range 10_000 {
		b.put(hotspot.GateEvent{Seen: hotspot.Sighting{MAC: hotspot.MAC{2, byte(i % 100)}, Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}})
		b.put(hotspot.GateEvent{Lost: true})
		b.put(hotspot.GateEvent{})
	}
	if len(b.lost) != 1 || len(b.depleted) != 1 || len(b.sighted) != 1 {
		t.Errorf("signals %d %d %d", len(b.lost), len(b.depleted), len(b.sighted))
	}
	if n := len(b.take()); n != sightingsMost {
		t.Errorf("%d sightings", n)
	}
	one := hotspot.MAC{2}
	for i := range 100 {
		b.put(hotspot.GateEvent{Seen: hotspot.Sighting{MAC: one, Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})}})
	}
	if n := len(b.take()); n != sightingsPerDevice {
		t.Errorf("%d sightings of one device", n)
	}
}

func TestMailboxNeverBlocksAndLosesNothing(t *testing.T) {
	m := newMailbox[int](2)
	for i := range 100 {
		m.put(i)
	}
	if len(m.events) != 2 || len(m.full) != 1 {
		t.Errorf("%d events, full %d", len(m.events), len(m.full))
	}
}

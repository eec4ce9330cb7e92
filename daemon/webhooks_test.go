package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// hookListener takes webhooks and remembers the vouchers that it is told of, by the
// ids of the events.
type hookListener struct {
	*httptest.Server
	hold chan struct{} // answers wait until it is closed

	mu       sync.Mutex // guards what follows
	requests int
	told     map[string][]string // usernames by event
}

func newHookListener(t *testing.T) *hookListener {
	l := &hookListener{told: map[string][]string{}, hold: make(chan struct{})}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	return l
}

func (l *hookListener) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		ID   string
		Data struct{ Vouchers []struct{ Username string } }
	}
	b, _ := io.ReadAll(r.Body)
	if json.Unmarshal(b, &body) == nil {
		l.mu.Lock()
		l.requests++
		var names []string
		for _, v := range body.Data.Vouchers {
			names = append(names, v.Username)
		}
		l.told[body.ID] = names
		l.mu.Unlock()
	}
	select {
	case <-l.hold:
	case <-r.Context().Done():
	}
}

func (l *hookListener) names() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, names := range l.told {
		all = append(all, names...)
	}
	slices.Sort(all)
	return all
}

// until polls a condition that other processes bring about.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// hookChild makes a copy of this program run a daemon in a directory.
const hookChild = "VOUCHSAFE_DAEMON_TEST_DATA"

// TestHookChild is the daemon that TestWebhooksSurviveKills kills. Without it, it
// has nothing to do.
func TestHookChild(t *testing.T) {
	data := os.Getenv(hookChild)
	if data == "" {
		return
	}
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = data, config.BackendMemory
	cfg.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	_ = Run(t.Context(), cfg, Options{Version: "1", Log: slog.New(slog.DiscardHandler), Portal: "127.0.0.1:0"})
}

// startChild starts a daemon as a process of its own.
func startChild(t *testing.T, data string) (*v1.Client, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestHookChild$")
	cmd.Env = append(os.Environ(), hookChild+"="+data)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	c := v1.NewClient(v1.DialUnix(filepath.Join(data, "control.sock")))
	until(t, "the daemon", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := c.Status(ctx)
		return err == nil
	})
	return c, cmd
}

// TestWebhooksSurviveKills kills the daemon with kill -9 between a change and the
// delivery of its event, again and again. The receiver is told of every voucher
// that there is, and of no other; what it is told twice has the same id.
func TestWebhooksSurviveKills(t *testing.T) {
	data := t.TempDir()
	to := newHookListener(t)
	var made []string
	for round := range 4 {
		c, cmd := startChild(t, data)
		if round == 0 {
			if _, err := c.SetSetting(t.Context(), "webhook.local", "on"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.CreateWebhook(t.Context(), v1.NewWebhook{URL: to.URL, Types: []string{"voucher.created"}}); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			vs, err := c.CreateVouchers(t.Context(), v1.NewVouchers{})
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, vs[0].Username)
		}
		until(t, "a request", func() bool { to.mu.Lock(); defer to.mu.Unlock(); return to.requests > round })
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	close(to.hold)
	c, _ := startChild(t, data)
	slices.Sort(made)
	until(t, "all events", func() bool { hs, err := c.Webhooks(t.Context()); return err == nil && hs[0].Waiting == 0 })
	if d := cmp.Diff(made, to.names()); d != "" {
		t.Errorf("vouchers (-made +told):\n%s", d)
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	if to.requests <= len(made) {
		t.Errorf("%d requests of %d events: nothing was interrupted", to.requests, len(made))
	}
}

// A backup has the webhooks and what waits. On another router their secrets
// cannot be read: it is said what helps, and then everything is delivered.
func TestWebhooksInABackup(t *testing.T) {
	ctx := t.Context()
	to := newHookListener(t)
	first := startDaemon(t, t.TempDir())
	ctl := v1.NewClient(v1.DialUnix(first.Control))
	if _, err := ctl.SetSetting(ctx, "webhook.local", "on"); err != nil {
		t.Fatal(err)
	}
	made, err := ctl.CreateWebhook(ctx, v1.NewWebhook{URL: to.URL, Description: "CRM"})
	if err != nil {
		t.Fatal(err)
	}
	makeVoucher(t, ctl, "anna")
	makeVoucher(t, ctl, "bob")
	var backup bytes.Buffer
	if err := ctl.Backup(ctx, &backup); err != nil {
		t.Fatal(err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	close(to.hold)
	data := t.TempDir()
	h, closeStore, err := Offline(ctx, config.Config{Data: data, Zone: time.UTC}, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v1.NewClient(v1.InProcess(h)).Restore(ctx, &backup, false); err != nil {
		t.Fatal(err)
	}
	_ = closeStore() // the restore has closed it
	second := startDaemon(t, data)
	defer func() {
		if err := second.stop(); err != nil {
			t.Error(err)
		}
	}()
	ctl = v1.NewClient(v1.DialUnix(second.Control))
	until(t, "a notice", func() bool {
		st, err := ctl.Status(ctx)
		return err == nil && strings.Contains(strings.Join(st.Notices, " "), "webhook rotate")
	})
	if hooks, err := ctl.Webhooks(ctx); err != nil || len(hooks) != 1 || hooks[0].Waiting != 2 {
		t.Fatalf("%+v, %v", hooks, err)
	}
	// From now on they are told: how many wait still is a matter of time.
	if again, err := ctl.RotateWebhook(ctx, made.ID, ""); err != nil || again.Description != "CRM" {
		t.Fatalf("%+v, %v", again, err)
	}
	makeVoucher(t, ctl, "carol")
	until(t, "the events", func() bool { return len(to.names()) == 3 })
	if got := to.names(); !slices.Equal(got, []string{"anna", "bob", "carol"}) {
		t.Errorf("told of %q", got)
	}
}

// What a stopped daemon's command line changes is told, too.
func TestWebhooksOffline(t *testing.T) {
	to := newHookListener(t)
	close(to.hold)
	data := t.TempDir()
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = data, config.BackendMemory
	for range 2 {
		h, closeStore, err := Offline(t.Context(), cfg, "1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		c := v1.NewClient(v1.InProcess(h))
		if hooks, err := c.Webhooks(t.Context()); err != nil || len(hooks) == 0 {
			if _, err := c.SetSetting(t.Context(), "webhook.local", "on"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.CreateWebhook(t.Context(), v1.NewWebhook{URL: to.URL}); err != nil {
				t.Fatal(err)
			}
		} else {
			makeVoucher(t, c, "anna")
		}
		if err := closeStore(); err != nil {
			t.Fatal(err)
		}
	}
	d := startDaemon(t, data)
	until(t, "the event", func() bool { return slices.Equal(to.names(), []string{"anna"}) })
	// The listener has it before the daemon has read its answer.
	until(t, "its delivery to be known", func() bool {
		hooks, err := v1.NewClient(v1.DialUnix(d.Control)).Webhooks(t.Context())
		return err == nil && hooks[0].Waiting == 0
	})
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	d = startDaemon(t, data) // what was delivered was stored as it stopped
	defer func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	}()
	hooks, err := v1.NewClient(v1.DialUnix(d.Control)).Webhooks(t.Context())
	if err != nil || hooks[0].Waiting != 0 || hooks[0].Last == nil || !hooks[0].Last.OK {
		t.Errorf("%+v, %v", hooks, err)
	}
}

func TestLocalNet(t *testing.T) {
	l := localNet([]netip.Addr{netip.MustParseAddr("127.0.0.1")}, "lo")
	if !slices.Contains(l.Own, netip.MustParseAddr("127.0.0.1")) || !slices.Contains(l.Guests, netip.MustParsePrefix("127.0.0.0/8")) {
		t.Errorf("%+v", l)
	}
	if l := localNet(nil, "none"); len(l.Guests) != 0 {
		t.Errorf("%+v", l)
	}
}

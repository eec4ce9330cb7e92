package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// lab is a command line over a service that is not real.
type lab struct {
	t         *testing.T
	service   *v1test.Service
	webhooks  *v1test.Webhooks
	operators *v1test.Operators
	cloud     v1test.Cloud
	running   bool
	dir       string
	env       map[string]string
	// opened and closed count uses of the store without a daemon.
	opened, closed int
	offlineErr     error
	cfg            config.Config // what the daemon was last started with
	portal         string
	reread         func() (config.Config, error) // what the daemon was started with
	status         v1.Status
	stdin          string
	asks           bool
	backups        *fakeBackups
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return &lab{t: t, service: v1test.NewService(), webhooks: v1test.NewWebhooks(), operators: v1test.NewOperators(), dir: t.TempDir(), env: map[string]string{},
		status: v1.Status{Version: "1.2.3"}}
}

func (l *lab) handler() http.Handler {
	cfg := v1.Config{Webhooks: l.webhooks, Operators: l.operators, Service: l.service, Keys: l.service, Log: slog.New(slog.DiscardHandler),
		Info: func(context.Context) v1.Status { return l.status }}
	if l.backups != nil {
		cfg.Backups = l.backups
	}
	if l.running {
		cfg.Cloud = &l.cloud
		cfg.ClockSynced = func(context.Context) error { l.service.Believed = true; return nil }
	}
	return api.As(api.Local(), v1.New(cfg))
}

// serve answers on the control socket, as a running daemon does.
func (l *lab) serve(path string) {
	l.t.Helper()
	l.running = true
	l.status.Running, l.status.Backend, l.status.Uptime = true, "memory", 93784
	listener, err := net.Listen("unix", path)
	if err != nil {
		l.t.Fatal(err)
	}
	srv := &http.Server{Handler: l.handler()}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener) }()
	l.t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
}

// run runs a command line in the lab's data directory.
func (l *lab) run(args ...string) (stdout, stderr string, code int) {
	l.t.Helper()
	return l.bare(append([]string{"--data", l.dir}, args...)...)
}

// bare runs a command line as it is.
func (l *lab) bare(args ...string) (stdout, stderr string, code int) {
	l.t.Helper()
	var out, errs bytes.Buffer
	code = execute(l.t.Context(), l.parts(&out, &errs), args)
	return out.String(), errs.String(), code
}

// parts are the lab's.
func (l *lab) parts(stdout, stderr io.Writer) parts {
	return parts{
		version: "1.2.3", stdin: strings.NewReader(l.stdin), stdout: stdout, stderr: stderr,
		asks: l.asks, every: 10 * time.Millisecond,
		getenv:   func(k string) string { return l.env[k] },
		confPath: filepath.Join(l.dir, "vouchsafe.yaml"),
		runDaemon: func(_ context.Context, run daemonRun) error {
			l.cfg, l.portal, l.reread = run.cfg, run.portal, run.reread
			return nil
		},
		offline: func(_ context.Context, cfg config.Config) (http.Handler, func() error, error) {
			if l.offlineErr != nil {
				return nil, nil, l.offlineErr
			}
			if l.running {
				l.t.Error("the store was opened beside a running daemon")
			}
			if _, err := os.Stat(cfg.Data); err != nil {
				return nil, nil, err
			}
			l.opened++
			return l.handler(), func() error { l.closed++; return nil }, nil
		},
	}
}

// newCommand is the command tree for tests that walk it.
func newCommand(p parts) *cobra.Command { return (&app{parts: p}).command() }

// must runs a command that has to succeed, and returns what it printed.
func (l *lab) must(args ...string) string {
	l.t.Helper()
	out, errs, code := l.run(args...)
	if code != 0 || errs != "" {
		l.t.Fatalf("%s: exit code %d: %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; `go test ./cmd/vouchsafe -update` writes it anew):\n%s", path, d)
	}
}

// The spellings that integrators rely on print nothing but what was asked.
func TestFixedSpellings(t *testing.T) {
	for _, running := range []bool{false, true} {
		l := newLab(t)
		if running {
			l.serve(filepath.Join(l.dir, "control.sock"))
		}
		for _, c := range []struct{ line, want string }{
			{"settings set api.post on", ""},
			{"settings set api.get on", ""},
			{"settings get api.post", "on\n"},
			{"key show", "device-key-0\n"},
			{"key regenerate", "device-key-1\n"},
			{"key show", "device-key-1\n"},
		} {
			if got := l.must(strings.Fields(c.line)...); got != c.want {
				t.Errorf("running %v: %s printed %q, want %q", running, c.line, got, c.want)
			}
		}
		if running && l.opened != 0 || !running && (l.opened != 6 || l.closed != 6) {
			t.Errorf("running %v: the store was opened %d times and closed %d times", running, l.opened, l.closed)
		}
	}
}

func TestWhichDaemon(t *testing.T) {
	l := newLab(t)
	elsewhere := filepath.Join(t.TempDir(), "s.sock")
	l.serve(elsewhere)
	check := func(how string, args ...string) {
		t.Helper()
		if out, errs, code := l.bare(append(args, "settings", "get", "api.post")...); code != 0 || out != "off\n" {
			t.Errorf("%s: %q, %q", how, out, errs)
		}
	}
	check("--socket", "--socket", elsewhere)

	file := "data: " + l.dir + "\nnetwork:\n  backend: memory\ncontrol:\n  socket: " + elsewhere + "\n"
	if err := os.WriteFile(filepath.Join(l.dir, "vouchsafe.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	check("configuration file")

	l.running = false
	l.env["VOUCHSAFE_DATA"] = t.TempDir()
	check("environment")
	if l.opened != 1 {
		t.Errorf("VOUCHSAFE_DATA did not go before the file")
	}
	_, errs, code := l.bare("--socket", filepath.Join(l.dir, "none.sock"), "status")
	if code != exitFailed || !strings.Contains(errs, "leave --socket out") || l.opened != 1 {
		t.Errorf("socket without a daemon: %d %q", code, errs)
	}
}

// A mistyped directory is not created by looking at it; writing makes it.
func TestMissingDirectory(t *testing.T) {
	l := newLab(t)
	l.dir = filepath.Join(l.dir, "new", "data")
	if _, errs, code := l.run("voucher", "list"); code != exitFailed || !strings.Contains(errs, "--data") {
		t.Errorf("list: %d %q", code, errs)
	}
	l.must("settings", "set", "api.post", "on")
	if st, err := os.Stat(l.dir); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("data directory: %v, %v", st, err)
	}
}

func TestStoreInUse(t *testing.T) {
	l := newLab(t)
	l.offlineErr = errors.New("the store is locked by another process")
	_, errs, code := l.run("voucher", "list")
	if code != exitFailed || !strings.Contains(errs, "--socket") || strings.Count(errs, "\n") != 1 {
		t.Errorf("%d %q", code, errs)
	}
}

func TestDaemonFlags(t *testing.T) {
	l := newLab(t)
	l.must("daemon", "--lan", "127.0.0.1:8080", "--backend", "memory", "--portal", "127.0.0.1:8081")
	if l.cfg.Data != l.dir || l.cfg.Network.Backend != config.BackendMemory || l.portal != "127.0.0.1:8081" || l.cfg.LAN.Listen[0].String() != "127.0.0.1:8080" {
		t.Errorf("started with %+v", l.cfg)
	}
	if _, errs, code := l.run("daemon"); code != exitFailed || !strings.Contains(errs, "guest.interface") {
		t.Errorf("nftables without an interface: %d %q", code, errs)
	}
	if _, errs, code := l.bare("daemon"); code != exitUsage || !strings.Contains(errs, "--config") {
		t.Errorf("nothing named: %d %q", code, errs)
	}
	if _, errs, code := l.run("daemon", "--lan", "8080"); code != exitUsage || !strings.Contains(errs, "127.0.0.1:8080") {
		t.Errorf("bad address: %d %q", code, errs)
	}
}

// TestReread reads the file again, with the flags before it.
func TestReread(t *testing.T) {
	l := newLab(t)
	path := filepath.Join(l.dir, "c.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("data: /d\nlan: {listen: [127.0.0.1:1]}\nguest: {portal_port: 2050}\nnetwork: {backend: memory}\n")
	l.must("daemon", "--config", path, "--lan", "127.0.0.1:8080")
	write("data: /d\nlan: {listen: [127.0.0.1:2]}\nguest: {portal_port: 2051}\nnetwork: {backend: memory}\n")
	cfg, err := l.reread()
	if err != nil || cfg.Guest.PortalPort != 2051 || cfg.LAN.Listen[0].Port() != 8080 {
		t.Errorf("read again: %+v, %v", cfg, err)
	}
	write("colour: red\n")
	if _, err := l.reread(); err == nil || !strings.Contains(err.Error(), path+":1:") {
		t.Errorf("a bad file: %v", err)
	}
}

func TestConfigCheck(t *testing.T) {
	l := newLab(t)
	path := filepath.Join(l.dir, "c.yaml")
	if err := os.WriteFile(path, []byte("data: /d\nnetwork:\n  backend: memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := l.must("config", "check", path); got != path+" is valid\n" {
		t.Errorf("printed %q", got)
	}
	if err := os.WriteFile(path, []byte("colour: red\nnetwork:\n  backend: tape\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, code := l.run("config", "check", path)
	if code != exitFailed || !strings.Contains(errs, path+":1:") || !strings.Contains(errs, path+":3:") {
		t.Errorf("%d %q", code, errs)
	}
}

func TestLog(t *testing.T) {
	var b strings.Builder
	level := new(slog.LevelVar)
	level.Set(slog.LevelWarn)
	newLog(&b, config.FormatJSON, level).Warn("x")
	newLog(&b, config.FormatText, level).Info("y")
	if s := b.String(); !strings.HasPrefix(s, `{"time":`) || strings.Contains(s, "y\n") {
		t.Error(s)
	}
}

// An interrupted command says so and does not hang.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := newLab(t)
	cmd := newCommand(parts{version: "1", stdout: io.Discard, stderr: io.Discard, getenv: os.Getenv,
		offline: func(context.Context, config.Config) (http.Handler, func() error, error) {
			return l.handler(), func() error { return nil }, nil
		}})
	cmd.SetArgs([]string{"--data", l.dir, "status"})
	began := time.Now()
	if err := cmd.ExecuteContext(ctx); err == nil || time.Since(began) > time.Minute {
		t.Errorf("err %v", err)
	}
}

// The file that packages install is right as it is.
func TestPackagedConfig(t *testing.T) {
	newLab(t).must("config", "check", "../../openwrt/vouchsafe/files/vouchsafe.yaml")
}

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// vs runs a command line with the real parts.
func vs(t *testing.T, args ...string) string {
	t.Helper()
	out, errs, code := vsCode(t.Context(), args...)
	if code != 0 || errs != "" {
		t.Fatalf("%s: exit code %d: %s", strings.Join(args, " "), code, errs)
	}
	return out
}

func vsCode(ctx context.Context, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	p := systemParts()
	p.stdout, p.stderr = &out, &errs
	p.getenv = func(string) string { return "" }
	p.confPath = "/nonexistent/vouchsafe.yaml"
	p.asks = false
	code = execute(ctx, p, args)
	return out.String(), errs.String(), code
}

// startDaemon runs the daemon as an integrator does on a laptop, until stop.
func startDaemon(t *testing.T, dir string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan string, 1)
	go func() {
		_, errs, code := vsCode(ctx, "daemon", "--data", dir, "--lan", "127.0.0.1:0", "--portal", "127.0.0.1:0", "--backend", "memory")
		if code == 0 {
			errs = ""
		}
		done <- errs
	}()
	stop = func() {
		cancel()
		if errs := <-done; errs != "" {
			t.Errorf("daemon: %s", errs)
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(90 * time.Second)
	for {
		if up, err := answers(ctx, config.Config{Data: dir}.ControlSocket()); err != nil {
			t.Fatal(err)
		} else if up {
			return stop
		}
		select {
		case <-tick.C:
		case errs := <-done:
			t.Fatalf("the daemon ended: %s", errs)
		case <-deadline:
			cancel()
			t.Fatalf("the daemon does not answer: %s", <-done)
		}
	}
}

// What is done without a daemon is there when it runs, and the other way
// round; the store is never opened twice.
func TestRealDaemon(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if got := vs(t, "--data", dir, "settings", "set", "api.post", "on"); got != "" {
		t.Errorf("settings set printed %q", got)
	}
	key := vs(t, "--data", dir, "key", "show")
	if len(key) < 20 || strings.Count(key, "\n") != 1 {
		t.Errorf("key show printed %q", key)
	}
	vs(t, "--data", dir, "voucher", "create", "--username", "before", "--passcode", "p")

	stop := startDaemon(t, dir)
	if got := vs(t, "--data", dir, "settings", "get", "api.post"); got != "on\n" {
		t.Errorf("api.post is %q", got)
	}
	if got := vs(t, "--data", dir, "key", "show"); got != key {
		t.Errorf("the key became %q", got)
	}
	fresh := vs(t, "--data", dir, "key", "regenerate")
	if fresh == key || vs(t, "--data", dir, "key", "show") != fresh {
		t.Errorf("the new key is %q", fresh)
	}
	made := strings.Split(strings.TrimSpace(vs(t, "--data", dir, "voucher", "create", "--count", "20")), "\n")
	if len(made) != 20 || len(strings.Fields(made[0])) != 2 {
		t.Errorf("voucher create printed %q", made)
	}
	vs(t, "--data", dir, "voucher", "edit", "before", "--download", "5", "--note", "n")
	if got := vs(t, "--data", dir, "status"); !strings.Contains(got, "running for") {
		t.Errorf("status printed %q", got)
	}
	vs(t, "--data", dir, "clock", "synced")
	if st, err := os.Stat(filepath.Join(dir, "control.sock")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("control socket: %v, %v", st, err)
	}
	stop()

	if got := vs(t, "--data", dir, "voucher", "show", "before"); !strings.Contains(got, "5 MB") {
		t.Errorf("voucher show printed %q", got)
	}
	if got := vs(t, "--data", dir, "voucher", "list"); strings.Count(got, "\n") != 22 {
		t.Errorf("voucher list printed %q", got)
	}
	if got := vs(t, "--data", dir, "key", "show"); got != fresh {
		t.Errorf("the key became %q", got)
	}
	if _, errs, code := vsCode(t.Context(), "--data", dir, "clock", "synced"); code != exitFailed || !strings.Contains(errs, "start it with") {
		t.Errorf("clock synced without a daemon: %d %q", code, errs)
	}
}

package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func names(t *testing.T, c *v1.Client) string {
	t.Helper()
	var all []string
	for v, err := range c.Vouchers(t.Context(), v1.Selection{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v.Username)
	}
	return strings.Join(all, " ")
}

func makeVoucher(t *testing.T, c *v1.Client, name string) {
	t.Helper()
	if _, err := c.CreateVouchers(t.Context(), v1.NewVouchers{Username: name}); err != nil {
		t.Fatal(err)
	}
}

// awaitRun polls the status until a daemon is in a later run.
func awaitRun(t *testing.T, c *v1.Client, after int) v1.Status {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(90 * time.Second)
	for {
		if st, err := c.Status(t.Context()); err == nil && st.Run > after {
			return st
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the daemon did not start over")
		}
	}
}

// A running daemon takes a backup back and goes on; what is no backup changes
// nothing; what was replaced is kept.
func TestRestoreRunning(t *testing.T) {
	data := t.TempDir()
	d := startDaemon(t, data)
	c := v1.NewClient(v1.DialUnix(d.Control))
	makeVoucher(t, c, "a")
	var backup bytes.Buffer
	if err := c.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	makeVoucher(t, c, "b")
	good := backup.Bytes()
	for what, bad := range map[string][]byte{"empty": {}, "cut": good[:len(good)/2], "longer": append(bytes.Clone(good), 'x'), "text": []byte("vouchers")} {
		if _, err := c.Restore(t.Context(), bytes.NewReader(bad), false); !errors.Is(err, hotspot.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	got, err := c.Restore(t.Context(), bytes.NewReader(good), true)
	if err != nil || got.Run != 0 || got.Records["vouchers"] != 1 {
		t.Errorf("dry run: %+v, %v", got, err)
	}
	if all := names(t, c); all != "a b" {
		t.Errorf("nothing should have changed: %s", all)
	}
	if got, err = c.Restore(t.Context(), bytes.NewReader(good), false); err != nil || got.Run != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if st := awaitRun(t, c, got.Run); st.Run != 2 || st.RestoreError != "" || !st.Running {
		t.Errorf("%+v", st)
	}
	if all := names(t, c); all != "a" {
		t.Errorf("restored: %s", all)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "restore-*")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	before, err := os.Open(filepath.Join(data, beforeFile))
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if got, err = c.Restore(t.Context(), before, true); err != nil || got.Records["vouchers"] != 2 {
		t.Errorf("what was replaced: %+v, %v", got, err)
	}
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}

// A backup is taken back where no daemon runs, and the newest snapshot is of it.
func TestRestoreStopped(t *testing.T) {
	cfg := config.Default()
	cfg.Data = t.TempDir()
	offline := func() (*v1.Client, func() error) {
		h, closeStore, err := Offline(t.Context(), cfg, "1.2.3")
		if err != nil {
			t.Fatal(err)
		}
		return v1.NewClient(v1.InProcess(h)), closeStore
	}
	c, closeStore := offline()
	makeVoucher(t, c, "a")
	var backup bytes.Buffer
	if err := c.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	makeVoucher(t, c, "b")
	if got, err := c.Restore(t.Context(), &backup, false); err != nil || got.Run != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := closeStore(); err != nil {
		t.Error(err)
	}
	if n, _ := filepath.Glob(filepath.Join(cfg.Data, "snapshots", "*")); len(n) != 1 {
		t.Errorf("%d snapshots", len(n))
	}
	c, closeStore = offline()
	if all := names(t, c); all != "a" {
		t.Errorf("restored: %s", all)
	}
	if err := closeStore(); err != nil {
		t.Error(err)
	}
}

// A restore that fails after the store was closed leaves it as it was, and the
// next run says so.
func TestRestoreFails(t *testing.T) {
	data := t.TempDir()
	d := &hotspotDaemon{restart: make(chan string, 1)}
	d.live.Store(&config.Config{Data: data})
	d.opts.Log, d.log = slog.New(slog.DiscardHandler), slog.New(slog.DiscardHandler)
	if again, err := d.restored(t.Context()); again || err != nil {
		t.Errorf("nothing to restore: %v, %v", again, err)
	}
	d.restoring = filepath.Join(data, "gone")
	if again, err := d.restored(t.Context()); !again || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is gone: %v, %v", again, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := filepath.Join(data, "restore-1.vsnap")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.restoring = ""
	d.restart <- file
	if again, err := d.restored(ctx); again || err != nil {
		t.Errorf("as the daemon ends: %v, %v", again, err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

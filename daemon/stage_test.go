package daemon

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// left lists what waits in the data directory.
func (b *backups) left(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(b.cfg.Data, stagedFiles))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// openDaemonAt opens a daemon's parts on a data directory.
func openDaemonAt(t *testing.T, data string) *hotspotDaemon {
	t.Helper()
	cfg := config.Default()
	cfg.Data, cfg.Network.Backend = data, config.BackendMemory
	log := slog.New(slog.DiscardHandler)
	d := &hotspotDaemon{opts: Options{Log: log}, log: log, restart: make(chan string, 1)}
	d.live.Store(&cfg)
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// A backup that is sent is verified whole and waits; a newer one takes its place;
// what is none leaves nothing, and touches nothing.
func TestStage(t *testing.T) {
	d := openDaemonAt(t, t.TempDir())
	b := d.backups
	if _, err := d.service.CreateVouchers(t.Context(), hotspot.VoucherSpec{Username: "a"}); err != nil {
		t.Fatal(err)
	}
	var made bytes.Buffer
	if err := b.Backup(t.Context(), &made); err != nil {
		t.Fatal(err)
	}
	good := made.Bytes()
	for what, r := range map[string]io.Reader{"empty": strings.NewReader(""), "cut": bytes.NewReader(good[:len(good)-9]),
		"longer": io.MultiReader(bytes.NewReader(good), strings.NewReader("x")), "gone": io.MultiReader(bytes.NewReader(good[:50]), iotest.ErrReader(errors.New("gone")))} {
		if _, err := b.Stage(t.Context(), "x", r); !errors.Is(err, hotspot.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if left := b.left(t); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	first, err := b.Stage(t.Context(), "first.vsnap", bytes.NewReader(good))
	if err != nil || first.Backup.Records["vouchers"] != 1 || first.Size != int64(len(good)) || first.Backup.Created == nil {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := b.Stage(t.Context(), "second.vsnap", bytes.NewReader(good))
	if err != nil || len(b.left(t)) != 1 {
		t.Fatalf("%v, %v", b.left(t), err)
	}
	for _, id := range []api.ID{first.ID, {}} {
		if _, err := b.Staged(id); !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
		if _, err := b.RestoreStaged(t.Context(), id); !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if got, err := b.Staged(second.ID); err != nil || got.Name != "second.vsnap" {
		t.Errorf("%+v, %v", got, err)
	}
	b.Unstage(first.ID)
	if len(b.left(t)) != 1 {
		t.Error("another one's was forgotten")
	}
	clearStaged(b.cfg.Data)
	if len(b.left(t)) != 0 {
		t.Error("a new run keeps what waited")
	}
	if _, err := b.RestoreStaged(t.Context(), second.ID); hotspot.CodeOf(err) != hotspot.CodeUnavailable {
		t.Errorf("the file is not there any more: %v", err)
	}
	// That did not keep others from it.
	if third, err := b.Stage(t.Context(), "third", bytes.NewReader(good)); err != nil {
		t.Error(err)
	} else if got, err := b.RestoreStaged(t.Context(), third.ID); err != nil || got.Records["vouchers"] != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if file := <-d.restart; filepath.Dir(file) != b.cfg.Data {
		t.Errorf("the next run begins with %s", file)
	}
}

// Copies on the router are listed, sent, and lead nowhere else.
func TestSnapshotsOnTheRouter(t *testing.T) {
	data := t.TempDir()
	d := startDaemon(t, data)
	c := v1.NewClient(v1.DialUnix(d.Control))
	makeVoucher(t, c, "a")
	if err := d.stop(); err != nil { // which copies the store
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, beforeFile), []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	house := openDaemonAt(t, data)
	b := house.backups
	all, err := b.Snapshots(t.Context())
	if err != nil || len(all) != 2 || all[0].Created == nil || all[0].Size == 0 || all[1].Name != beforeFile {
		t.Fatalf("%+v, %v", all, err)
	}
	var copied bytes.Buffer
	if err := b.Snapshot(t.Context(), all[0].Name, &copied); err != nil || copied.Len() != int(all[0].Size) {
		t.Errorf("%d bytes of %d, %v", copied.Len(), all[0].Size, err)
	}
	if staged, err := b.StageSnapshot(t.Context(), all[0].Name); err != nil || staged.Backup.Records["vouchers"] != 1 {
		t.Errorf("%+v, %v", staged, err)
	}
	for _, name := range []string{"", ".", "..", "../" + secretFile, secretFile, storeFile, all[0].Name + "/", "/etc/passwd", "snapshot-00000099-x.vsnap"} {
		if err := b.Snapshot(t.Context(), name, io.Discard); !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := b.StageSnapshot(t.Context(), name); !errors.Is(err, hotspot.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	rows, err := house.service.Audit(t.Context(), 0, 1)
	if err != nil || len(rows) != 1 || rows[0].Action != hotspot.AuditBackupMade || rows[0].Subject != all[0].Name {
		t.Errorf("%+v, %v", rows, err)
	}
}

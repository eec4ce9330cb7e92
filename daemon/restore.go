package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/daemon/config"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
)

// beforeFile keeps what a restore replaced, beside the store.
const beforeFile = "before-restore.vsnap"

// maxBackup bounds a backup that is sent to be restored, packed.
const maxBackup = 256 << 20

// errRestart ends a run of the daemon whose store is to be replaced.
var errRestart = errors.New("the store is to be replaced")

// backups implements [api.Backups] for an open store.
type backups struct {
	db  *store.DB
	cfg config.Config
	run int
	now func() (t time.Time, believed bool)
	// flush stores what is not stored yet.
	flush func(ctx context.Context) error
	busy  atomic.Bool
	// replace is given a verified copy of a backup; once it succeeds, the file
	// is its own.
	replace func(ctx context.Context, file string) error
	staged  stage
}

// Backup implements [api.Backups].
func (b *backups) Backup(ctx context.Context, w io.Writer) error {
	err := b.flush(ctx)
	if err == nil {
		err = auditBackup(ctx, b.db, b.now, "")
	}
	if err != nil {
		return err
	}
	return b.db.Snapshot(ctx, w)
}

// Snapshots implements [api.Backups]. What a restore replaced comes last.
func (b *backups) Snapshots(context.Context) ([]api.Snapshot, error) {
	files, err := store.Snapshots(filepath.Join(b.cfg.Data, snapshotsDir))
	out := make([]api.Snapshot, 0, len(files)+1)
	for _, f := range files {
		s := api.Snapshot{Name: f.Name, Size: uint64(f.Size)}
		if !f.Made.IsZero() {
			s.Created = &f.Made
		}
		out = append(out, s)
	}
	if info, err := os.Stat(filepath.Join(b.cfg.Data, beforeFile)); err == nil && info.Mode().IsRegular() {
		at := info.ModTime()
		out = append(out, api.Snapshot{Name: beforeFile, Created: &at, Size: uint64(info.Size())})
	}
	return out, err
}

// Snapshot implements [api.Backups].
func (b *backups) Snapshot(ctx context.Context, name string, w io.Writer) error {
	f, err := b.openSnapshot(ctx, name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := auditBackup(ctx, b.db, b.now, name); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// openSnapshot opens a copy that is on the router. A name leads nowhere but to
// a file that is listed.
func (b *backups) openSnapshot(ctx context.Context, name string) (*os.File, error) {
	all, err := b.Snapshots(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(s api.Snapshot) bool { return s.Name == name }) {
		return nil, &hotspot.Error{Code: hotspot.CodeNotFound, Field: "name", Text: "there is no such snapshot; the oldest ones are deleted in time"}
	}
	if name == beforeFile {
		return os.Open(filepath.Join(b.cfg.Data, name))
	}
	return os.Open(filepath.Join(b.cfg.Data, snapshotsDir, name))
}

// Restore implements [api.Backups].
func (b *backups) Restore(ctx context.Context, r io.Reader, dryRun bool) (api.Backup, error) {
	r = io.LimitReader(r, maxBackup)
	if dryRun {
		return b.verify(r)
	}
	if !b.busy.CompareAndSwap(false, true) {
		return api.Backup{}, errBusy()
	}
	out, err := b.restore(ctx, r)
	if err != nil {
		b.busy.Store(false)
	}
	return out, err
}

func (b *backups) restore(ctx context.Context, r io.Reader) (api.Backup, error) {
	f, err := os.CreateTemp(b.cfg.Data, "restore-*.vsnap")
	if err != nil {
		return api.Backup{}, noRoom(err)
	}
	out, err := b.verify(io.TeeReader(r, f))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = b.replaceBy(ctx, f.Name())
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return api.Backup{}, err
	}
	out.Run = b.run
	return out, nil
}

func errBusy() error {
	return &hotspot.Error{Code: hotspot.CodeTryLater, Text: "another restore is under way"}
}

// replaceBy puts a verified backup in place of what is stored, of which a copy
// is kept. Once it succeeds, the file is not the caller's any more.
func (b *backups) replaceBy(ctx context.Context, file string) error {
	if err := b.keepPresent(ctx); err != nil {
		return err
	}
	return b.replace(ctx, file)
}

// keepPresent copies what is about to be replaced.
func (b *backups) keepPresent(ctx context.Context) error {
	err := b.flush(ctx)
	if err == nil {
		_, err = b.db.Backup(ctx, filepath.Join(b.cfg.Data, beforeFile))
	}
	if err != nil {
		return noRoom(err)
	}
	return nil
}

func noRoom(err error) error {
	return &hotspot.Error{Code: hotspot.CodeUnavailable, Err: err,
		Text: "the data directory did not take a copy of the store, so nothing was changed; is the disk full?"}
}

func (b *backups) verify(r io.Reader) (api.Backup, error) {
	info, err := store.VerifySnapshot(r)
	var bad *store.SnapshotError
	var newer *store.NewerSchemaError
	switch {
	case errors.As(err, &bad):
		return api.Backup{}, hotspot.Invalid("", "this is no backup that can be used: %v; nothing was changed", bad.Err).
			Meaning("this is no backup that can be used: it is of another kind, damaged or cut off")
	case errors.As(err, &newer):
		return api.Backup{}, hotspot.Invalid("", "%v; update Vouchsafe first", newer).
			Meaning("the backup was made by a newer version: update Vouchsafe first")
	case err != nil:
		return api.Backup{}, noRoom(err)
	}
	return api.Backup{Created: &info.Created, Schema: info.Schema, Records: info.Records}, nil
}

// restoreStore puts a backup in place of a closed store. A snapshot is made of
// it: should the file be damaged, the newest snapshot must not be one of what
// was replaced.
func restoreStore(ctx context.Context, cfg config.Config, by restorer, file string, log *slog.Logger) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	info, err := store.Restore(ctx, filepath.Join(cfg.Data, storeFile), f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	db, err := openStore(ctx, cfg.Data, log)
	if err != nil {
		return err
	}
	err = settleRestored(ctx, db, by, "a backup of "+info.Created.UTC().Format(time.RFC3339))
	if err == nil && cfg.Store.Snapshots > 0 {
		_, err = db.SnapshotTo(ctx, filepath.Join(cfg.Data, snapshotsDir), cfg.Store.Snapshots)
	}
	return errors.Join(err, db.Close())
}

// startOver asks for a new run on a backup.
func (d *hotspotDaemon) startOver(ctx context.Context, file string) error {
	now, believed := d.service.Now()
	d.restorer = restorer{hotspot.ActorOf(ctx), now, believed}
	d.restart <- file // has room: only one restore gets here
	return nil
}

// waitRestart ends the run when it is asked for a new one.
func (d *hotspotDaemon) waitRestart(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case d.restoring = <-d.restart:
		d.log.Warn("the store is replaced by a backup; guests stay online meanwhile")
		return errRestart
	}
}

// restored replaces the store after a run that ended for it. again is false if
// the daemon is to end. A restore that fails leaves the store as it was, and the
// next run tells why.
func (d *hotspotDaemon) restored(ctx context.Context) (again bool, err error) {
	if d.restoring == "" {
		select {
		case d.restoring = <-d.restart: // asked for as the daemon was told to end
		default:
			return false, nil
		}
	}
	defer os.Remove(d.restoring)
	if ctx.Err() != nil {
		return false, nil
	}
	if err = restoreStore(ctx, *d.conf(), d.restorer, d.restoring, d.opts.Log); err != nil {
		d.log.Error("the backup could not be restored", "error", err)
	}
	return true, err
}

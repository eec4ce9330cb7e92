package daemon

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

const (
	// stagedFor is how long a backup waits for somebody to say that it shall be
	// restored.
	stagedFor = 30 * time.Minute
	// stagedFiles are what such backups are called in the data directory.
	stagedFiles = "staged-*.vsnap"
)

// stage keeps the one backup that waits to be restored. A newer one takes its
// place: the router's flash has no room for many.
type stage struct {
	mu    sync.Mutex // guards all below
	kept  api.StagedBackup
	file  string // empty: there is none
	timer *time.Timer
}

// errNotStaged says that a backup is not there any more.
func errNotStaged() error {
	return &hotspot.Error{Code: hotspot.CodeNotFound, Text: "the backup does not wait any more; send it again"}
}

// clearStaged deletes what an earlier run left.
func clearStaged(data string) {
	left, _ := filepath.Glob(filepath.Join(data, stagedFiles)) // the pattern is a constant
	for _, f := range left {
		_ = os.Remove(f)
	}
}

// Stage verifies a backup whole and keeps it for [backups.RestoreStaged].
// Nothing else is touched.
func (b *backups) Stage(ctx context.Context, name string, r io.Reader) (api.StagedBackup, error) {
	b.Unstage(api.ID{}) // makes room
	f, err := os.CreateTemp(b.cfg.Data, stagedFiles)
	if err != nil {
		return api.StagedBackup{}, noRoom(err)
	}
	out := api.StagedBackup{ID: api.NewID(), Name: name}
	w := &stageWriter{f: f}
	out.Backup, err = b.verify(io.TeeReader(io.LimitReader(r, maxBackup), w))
	if w.err != nil {
		err = noRoom(w.err)
	}
	if e := f.Close(); err == nil && e != nil {
		err = noRoom(e)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return api.StagedBackup{}, err
	}
	out.Size = w.n
	b.keepStaged(out, f.Name())
	return out, nil
}

// StageSnapshot does the same with a copy that is on the router.
func (b *backups) StageSnapshot(ctx context.Context, name string) (api.StagedBackup, error) {
	f, err := b.openSnapshot(ctx, name)
	if err != nil {
		return api.StagedBackup{}, err
	}
	defer f.Close()
	return b.Stage(ctx, name, f)
}

// stageWriter tells a disk that is full from a reader that broke off.
type stageWriter struct {
	f   *os.File
	n   int64
	err error
}

// Write implements io.Writer.
func (w *stageWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.n += int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

func (b *backups) keepStaged(kept api.StagedBackup, file string) {
	b.Unstage(api.ID{}) // somebody else's, sent at the same time
	b.staged.mu.Lock()
	defer b.staged.mu.Unlock()
	b.staged.kept, b.staged.file = kept, file
	b.staged.timer = time.AfterFunc(stagedFor, func() { b.Unstage(kept.ID) })
}

// Staged returns the backup that waits, if it is this one.
func (b *backups) Staged(id api.ID) (api.StagedBackup, error) {
	b.staged.mu.Lock()
	defer b.staged.mu.Unlock()
	if b.staged.file == "" || b.staged.kept.ID != id {
		return api.StagedBackup{}, errNotStaged()
	}
	return b.staged.kept, nil
}

// Unstage forgets a backup that waits; with the zero id, any.
func (b *backups) Unstage(id api.ID) {
	if file := b.takeStaged(id); file != "" {
		_ = os.Remove(file)
	}
}

// takeStaged makes the caller the owner of the file that waits.
func (b *backups) takeStaged(id api.ID) (file string) {
	b.staged.mu.Lock()
	defer b.staged.mu.Unlock()
	if b.staged.file == "" || id != (api.ID{}) && b.staged.kept.ID != id {
		return ""
	}
	b.staged.timer.Stop()
	file, b.staged.file = b.staged.file, ""
	return file
}

// RestoreStaged puts the backup that waits in place of all that is stored.
func (b *backups) RestoreStaged(ctx context.Context, id api.ID) (api.Backup, error) {
	if _, err := b.Staged(id); err != nil {
		return api.Backup{}, err
	}
	if !b.busy.CompareAndSwap(false, true) {
		return api.Backup{}, errBusy()
	}
	file := b.takeStaged(id)
	if file == "" {
		b.busy.Store(false)
		return api.Backup{}, errNotStaged()
	}
	f, err := os.Open(file)
	if err != nil {
		err = noRoom(err)
	}
	var out api.Backup
	if err == nil {
		out, err = b.verify(f) // once more: it has lain on the flash
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = b.replaceBy(ctx, file)
	}
	if err != nil {
		_ = os.Remove(file)
		b.busy.Store(false)
		return api.Backup{}, err
	}
	out.Run = b.run
	return out, nil
}

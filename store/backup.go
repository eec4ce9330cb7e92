package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

// VerifySnapshot reads a whole snapshot and returns what is in it, or why it
// cannot be used.
func VerifySnapshot(in io.Reader) (SnapshotInfo, error) {
	return verifySnapshot(in, currentLayout())
}

func verifySnapshot(in io.Reader, l *layout) (SnapshotInfo, error) {
	current := false
	check := func(b bucket, key, value []byte) error {
		if b == bktMeta && string(key) == metaSchema {
			body, _ := unseal(b, key, value)
			n, err := decodeNumber(body)
			current = n == l.version()
			return err
		}
		if !current { // an older schema's records only make sense to its migration
			return nil
		}
		body, err := unseal(b, key, value)
		if err == nil {
			err = checkRecord(b, key, body)
		}
		if err == nil {
			err = entries(b, key, body, func(bucket, []byte, []byte) error { return nil })
		}
		return err
	}
	info, err := readSnapshot(in, l.version(), func(b bucket, key, value []byte) error {
		if err := check(b, key, value); err != nil {
			return &SnapshotError{err}
		}
		return nil
	})
	return info, err
}

// spoolMemory is how much of a snapshot is held in memory, packed, before the
// rest goes to a temporary file: thousands of vouchers fit.
const spoolMemory = 1 << 20

// spool takes what is written fast, to be sent on slowly.
type spool struct {
	buf  bytes.Buffer
	file *os.File
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.buf.Len()+len(p) <= spoolMemory {
		return s.buf.Write(p)
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "vouchsafe-snapshot-")
		if err != nil {
			return 0, err
		}
		s.file = f
		_ = os.Remove(f.Name()) // it lives until it is closed
	}
	return s.file.Write(p)
}

func (s *spool) sendTo(ctx context.Context, w io.Writer) error {
	if _, err := io.Copy(w, contextReader{ctx, &s.buf}); err != nil || s.file == nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, contextReader{ctx, s.file})
	return err
}

func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}

// contextReader ends a copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Snapshot writes a snapshot of the store while it is in use. However slowly w
// takes it, the store is only read for as long as packing takes, since a
// reader that stays holds up writers.
func (db *DB) Snapshot(ctx context.Context, w io.Writer) error {
	s := &spool{}
	defer s.close()
	if err := db.snapshot(ctx, s); err != nil {
		return err
	}
	return s.sendTo(ctx, w)
}

// snapshot writes to something fast.
func (db *DB) snapshot(ctx context.Context, w io.Writer) error {
	return db.engine.view(func(r reader) error {
		return writeSnapshot(w, r, db.opts.Now(), ctx.Err)
	})
}

// Backup writes a snapshot to a file: whole, verified and on the disk, or not
// at all. A file that was there is replaced.
func (db *DB) Backup(ctx context.Context, path string) (SnapshotInfo, error) {
	return backup(path, db.opts.layout, func(w io.Writer) error { return db.snapshot(ctx, w) })
}

func backup(path string, l *layout, write func(io.Writer) error) (info SnapshotInfo, err error) {
	tmp := path + tmpSuffix
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return info, err
	}
	err = func() error {
		defer f.Close()
		if err := write(f); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		info, err = verifySnapshot(f, l)
		return err
	}()
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
		return info, err
	}
	return info, syncDir(filepath.Dir(path))
}

// Names of the snapshots that a store keeps: a number that counts up, since
// the clock of a router may be wrong, and the time for people.
const (
	snapshotPrefix = "snapshot-"
	snapshotSuffix = ".vsnap"
	nameTime       = "20060102T150405Z"
)

// SnapshotTo writes a snapshot beside earlier ones in a directory, which it
// makes if need be, and deletes the oldest ones but keep. It returns the new
// file's path. An empty dir is Options.SnapshotDir, where Open looks for
// snapshots when the file is damaged.
func (db *DB) SnapshotTo(ctx context.Context, dir string, keep int) (string, error) {
	if dir == "" {
		dir = db.opts.SnapshotDir
	}
	path, err := nextSnapshot(dir, db.opts.Now())
	if err != nil {
		return "", err
	}
	if _, err := db.Backup(ctx, path); err != nil {
		return "", err
	}
	return path, pruneSnapshots(dir, max(keep, 1))
}

// nextSnapshot returns the path of the next snapshot in a directory.
func nextSnapshot(dir string, now time.Time) (string, error) {
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil: // the new name must outlive a power cut, too
		if err := syncDir(filepath.Dir(dir)); err != nil {
			return "", err
		}
	case !errors.Is(err, os.ErrExist):
		return "", err
	}
	have, err := snapshots(dir)
	if err != nil {
		return "", err
	}
	n := uint64(1)
	if len(have) > 0 {
		n = have[0].number + 1
	}
	name := fmt.Sprintf("%s%08d-%s%s", snapshotPrefix, n, now.UTC().Format(nameTime), snapshotSuffix)
	return filepath.Join(dir, name), nil
}

type snapshotFile struct {
	path   string
	number uint64
}

// snapshots lists the snapshots in a directory, newest first.
func snapshots(dir string) ([]snapshotFile, error) {
	names, err := os.ReadDir(dir)
	if err != nil && !isGone(err) {
		return nil, err
	}
	var out []snapshotFile
	for _, e := range names {
		rest, ok := strings.CutPrefix(e.Name(), snapshotPrefix)
		digits, _, dash := strings.Cut(rest, "-")
		n, err := strconv.ParseUint(digits, 10, 64)
		if ok && dash && err == nil && strings.HasSuffix(rest, snapshotSuffix) && e.Type().IsRegular() {
			out = append(out, snapshotFile{filepath.Join(dir, e.Name()), n})
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if a, b := out[i].number, out[j].number; a != b {
			return a > b
		}
		return out[i].path > out[j].path
	})
	return out, nil
}

func pruneSnapshots(dir string, keep int) error {
	have, err := snapshots(dir)
	if err != nil {
		return err
	}
	for i := keep; i < len(have); i++ {
		err = errors.Join(err, os.Remove(have[i].path))
	}
	return err
}

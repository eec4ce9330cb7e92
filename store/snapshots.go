package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// SnapshotFile is a snapshot in a directory.
type SnapshotFile struct {
	Name string
	Made time.Time // by the clock of then; zero: the name does not tell
	Size int64
}

// Snapshots lists the snapshots in a directory, newest first. A directory that
// is not there has none.
func Snapshots(dir string) ([]SnapshotFile, error) {
	have, err := snapshots(dir)
	if err != nil {
		return nil, err
	}
	var out []SnapshotFile
	for _, f := range have {
		info, err := os.Lstat(f.path)
		if isGone(err) {
			continue // it was the oldest, just now
		}
		if err != nil {
			return nil, err
		}
		s := SnapshotFile{Name: filepath.Base(f.path), Size: info.Size()}
		_, at, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(s.Name, snapshotSuffix), snapshotPrefix), "-")
		if t, err := time.Parse(nameTime, at); err == nil {
			s.Made = t
		}
		out = append(out, s)
	}
	return out, nil
}

// Count returns how many records there are of each kind.
func (db *DB) Count(ctx context.Context) (map[string]uint64, error) {
	out := map[string]uint64{}
	err := db.engine.view(func(r reader) error {
		for _, b := range recordBuckets() {
			n := uint64(0)
			c := r.cursor(b)
			k, _, err := c.first()
			for ; k != nil && err == nil; k, _, err = c.next() {
				if n++; n%256 == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
			}
			if err != nil {
				return err
			}
			out[b.String()] = n
		}
		return nil
	})
	return out, err
}

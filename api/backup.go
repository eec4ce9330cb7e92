package api

import (
	"context"
	"io"
	"time"
)

// Backup tells what is in a backup.
type Backup struct {
	Created *time.Time        `json:"created"`
	Schema  uint64            `json:"schema" doc:"version of the store's format"`
	Records map[string]uint64 `json:"records" doc:"how many, per kind"`
	// Run is the daemon's present run. Once its status tells a later one, the
	// restore is over.
	Run int `json:"run" doc:"the run of the daemon that ends now for the restore; 0: it is done already, or nothing is restored" format:"int64"`
}

// Snapshot is a backup that the router made by itself.
type Snapshot struct {
	Name    string     `json:"name"`
	Created *time.Time `json:"created"`
	Size    uint64     `json:"size" doc:"bytes"`
}

// Backups makes and takes back copies of the store.
type Backups interface {
	// Backup writes a copy of all that is stored.
	Backup(ctx context.Context, w io.Writer) error
	// Restore puts a copy in place of all that is stored, after it was read and
	// verified whole; with dryRun, that is all. What cannot be used is an error
	// with [hotspot.CodeInvalid].
	Restore(ctx context.Context, r io.Reader, dryRun bool) (Backup, error)
	// Snapshots lists the copies that are on the router, newest first.
	Snapshots(ctx context.Context) ([]Snapshot, error)
	// Snapshot writes one of them.
	Snapshot(ctx context.Context, name string, w io.Writer) error
}

// StagedBackup is a backup that was sent and verified, and waits for somebody
// to say that it shall be restored.
type StagedBackup struct {
	ID     ID
	Name   string // of the file, as the browser gave it; hostile text
	Size   int64
	Backup Backup
}

package v1

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
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

// Backups makes and takes back copies of the store.
type Backups interface {
	// Backup writes a copy of all that is stored.
	Backup(ctx context.Context, w io.Writer) error
	// Restore puts a copy in place of all that is stored, after it was read and
	// verified whole; with dryRun, that is all. What cannot be used is an error
	// with [hotspot.CodeInvalid].
	Restore(ctx context.Context, r io.Reader, dryRun bool) (Backup, error)
}

// backups registers the operations on the store as a whole.
func (s *server) backups(api huma.API) {
	file := &huma.Response{Content: map[string]*huma.MediaType{snapshotType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}
	s.raw(api, writes(surface.ScopeAll), huma.Operation{OperationID: "get-backup", Method: http.MethodGet, Path: "/backup",
		Summary: "Copy all that is stored: vouchers, users, logins, settings, keys"}, "", file, s.getBackup)
	s.raw(api, writes(surface.ScopeAll), huma.Operation{OperationID: "restore", Method: http.MethodPost, Path: "/restore",
		Summary:     "Put a backup in place of all that is stored",
		Description: "The backup is verified whole before anything is touched. A running daemon then starts anew on it: wait until the status tells a later run than the answer does.",
		Parameters:  []*huma.Param{query("dry_run", "boolean", "only verify it")},
	}, snapshotType, answering[Backup](api, "Backup"), func(w http.ResponseWriter, r *http.Request) error {
		got, err := s.Config.Backups.Restore(r.Context(), r.Body, r.URL.Query().Get("dry_run") == "true")
		if err == nil {
			got.Created = inZone(s, got.Created)
			if got.Records == nil {
				got.Records = map[string]uint64{} // an object, as is promised
			}
			s.sendJSON(w, r, api, got)
		}
		return err
	})
}

func inZone(s *server, t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return in(s.Service.Zone(), *t)
}

func (s *server) getBackup(w http.ResponseWriter, r *http.Request) error {
	out := &begun{w: w}
	err := s.Config.Backups.Backup(r.Context(), out)
	if err != nil && out.n > 0 {
		s.Log.Error("backup cut short", "err", err)
		panic(http.ErrAbortHandler) // the client sees that it is not whole
	}
	return err
}

// begun counts what was written, and names its type before the first byte.
type begun struct {
	w http.ResponseWriter
	n int64
}

// Write implements io.Writer.
func (b *begun) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // it would begin the answer
	}
	if b.n == 0 {
		b.w.Header().Set("Content-Type", snapshotType)
	}
	n, err := b.w.Write(p)
	b.n += int64(n)
	return n, err
}

// noBackups stands where nobody can make any.
type noBackups struct{}

func (noBackups) Backup(context.Context, io.Writer) error { return errNoBackups() }

func (noBackups) Restore(context.Context, io.Reader, bool) (Backup, error) {
	return Backup{}, errNoBackups()
}

func errNoBackups() error {
	return &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "this store cannot be backed up here"}
}

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

type (
	// Backup tells what is in a backup.
	Backup = surface.Backup
	// Backups makes and takes back copies of the store.
	Backups = surface.Backups
)

// backups registers the operations on the store as a whole.
func (s *server) backups() {
	s.raw(writes(surface.ScopeAll), &huma.Operation{OperationID: "get-backup", Method: http.MethodGet, Path: "/backup",
		Summary: "Copy all that is stored: vouchers, users, logins, settings, keys"}, "", fileAnswer(snapshotType), func(w http.ResponseWriter, r *http.Request) error {
		return s.sendFile(w, snapshotType, func(out io.Writer) error { return s.Config.Backups.Backup(r.Context(), out) })
	})
	register(s, writes(surface.ScopeAll), &huma.Operation{OperationID: "list-snapshots", Method: http.MethodGet, Path: "/snapshots",
		Summary: "List the backups that the router made by itself, newest first"}, (*server).listSnapshots)
	s.raw(writes(surface.ScopeAll), &huma.Operation{OperationID: "get-snapshot", Method: http.MethodGet, Path: "/snapshots/{name}",
		Summary: "Copy a backup that the router made by itself", Parameters: []*huma.Param{inPath("name")}}, "", fileAnswer(snapshotType),
		func(w http.ResponseWriter, r *http.Request) error {
			return s.sendFile(w, snapshotType, func(out io.Writer) error { return s.Config.Backups.Snapshot(r.Context(), r.PathValue("name"), out) })
		})
	s.raw(writes(surface.ScopeAll), &huma.Operation{OperationID: "restore", Method: http.MethodPost, Path: "/restore",
		Summary:     "Put a backup in place of all that is stored",
		Description: "The backup is verified whole before anything is touched. A running daemon then starts anew on it: wait until the status tells a later run than the answer does.",
		Parameters:  []*huma.Param{query("dry_run", "boolean", "only verify it")},
	}, snapshotType, answering[Backup](s, "Backup"), func(w http.ResponseWriter, r *http.Request) error {
		got, err := s.Config.Backups.Restore(r.Context(), r.Body, r.URL.Query().Get("dry_run") == "true")
		if err == nil {
			got.Created = inZone(s, got.Created)
			if got.Records == nil {
				got.Records = map[string]uint64{} // an object, as is promised
			}
			s.sendJSON(w, r, got)
		}
		return err
	})
}

func (s *server) listSnapshots(ctx context.Context, _ *struct{}) (*item[List[Snapshot]], error) {
	all, err := s.Config.Backups.Snapshots(ctx)
	for i := range all {
		all[i].Created = inZone(s, all[i].Created)
	}
	return &item[List[Snapshot]]{List[Snapshot]{all}}, err
}

func inZone(s *server, t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return in(s.Service.Zone(), *t)
}

// sendFile answers with a file. An error before its first byte is answered; one
// after it ends the connection, so that the client sees that it is not whole.
func (s *server) sendFile(w http.ResponseWriter, contentType string, write func(io.Writer) error) error {
	out := &begun{w: w, contentType: contentType}
	err := write(out)
	if err != nil && out.n > 0 {
		s.Log.Error("a file was cut short", "type", contentType, "err", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// begun counts what was written, and names its type before the first byte.
type begun struct {
	w           http.ResponseWriter
	contentType string
	n           int64
}

// Write implements io.Writer.
func (b *begun) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // it would begin the answer
	}
	if b.n == 0 {
		b.w.Header().Set("Content-Type", b.contentType)
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

func (noBackups) Snapshots(context.Context) ([]Snapshot, error) { return nil, errNoBackups() }

func (noBackups) Snapshot(context.Context, string, io.Writer) error { return errNoBackups() }

func errNoBackups() error {
	return &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "this store cannot be backed up here"}
}

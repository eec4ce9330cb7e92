package vouchers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

const (
	// maxFile bounds a file to import.
	maxFile = 10 << 20
	// maxPacked bounds what is kept of it.
	maxPacked = 4 << 20
	// uploadTime is how long a file waits for its import.
	uploadTime = 15 * time.Minute
)

// errTooLarge is a file that is not kept.
var errTooLarge = errors.New("the file is too large")

// uploads keeps one file between the look at what it would do and its import:
// packed, and in memory, since flash wears out. A newer one takes its place.
type uploads struct {
	mu   sync.Mutex // guards kept
	kept *upload
}

// upload is a file that was sent.
type upload struct {
	session api.ID
	name    string // hostile text
	packed  []byte
	at      time.Time
}

// put keeps a file for a session.
func (u *uploads) put(session api.ID, name string, file io.Reader, now time.Time) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return err
	}
	part := make([]byte, 32<<10)
	size := 0
	for {
		n, err := file.Read(part)
		if size += n; size > maxFile || b.Len() > maxPacked {
			return errTooLarge
		}
		if _, err := z.Write(part[:n]); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.kept = &upload{session, name, b.Bytes(), now}
	return nil
}

// get returns a session's file; nil: there is none, or not any more.
func (u *uploads) get(session api.ID, now time.Time) *upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.kept != nil && now.Sub(u.kept.at) > uploadTime {
		u.kept = nil
	}
	if u.kept == nil || u.kept.session != session {
		return nil
	}
	return u.kept
}

// drop forgets a file.
func (u *uploads) drop(file *upload) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.kept == file {
		u.kept = nil
	}
}

// open reads a file from its start.
func (f *upload) open() (io.Reader, error) { return gzip.NewReader(bytes.NewReader(f.packed)) }

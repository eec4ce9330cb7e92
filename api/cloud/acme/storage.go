package acme

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// Where the records are. What is under files has one name for the library and
// another here, since a record's key is short.
const (
	filesPrefix = "acme/file/"
	locksPrefix = "acme/lock/"
)

// storage keeps what the library keeps, as records that several relays share.
type storage struct {
	store cloud.Store
	log   *slog.Logger
	now   func() time.Time
	lease time.Duration // for how long a lock outlives its holder
	poll  time.Duration // how often a lock that is held is tried

	ctx    context.Context // ends with Close; locks outlive the calls that take them
	cancel context.CancelFunc
	keep   sync.WaitGroup

	mu   sync.Mutex // guards held and seen
	held map[string]*hold
	seen map[string]sighting
}

var (
	_ certmagic.Storage   = (*storage)(nil)
	_ certmagic.TryLocker = (*storage)(nil)
)

func newStorage(ctx context.Context, store cloud.Store, log *slog.Logger) *storage {
	s := &storage{store: store, log: log, now: time.Now, lease: 30 * time.Second, poll: time.Second,
		held: map[string]*hold{}, seen: map[string]sighting{}}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// fileHead is the first line of a record; the rest is the file.
type fileHead struct {
	Name     string    `json:"name"`
	Modified time.Time `json:"modified"`
}

type file struct {
	fileHead
	value []byte
}

// recordKey makes a record's key of a name that may be too long for one.
func recordKey(prefix, name string) string {
	if len(prefix)+len(name) <= cloud.MaxKey {
		return prefix + name
	}
	sum := sha256.Sum256([]byte(name))
	end := "~" + hex.EncodeToString(sum[:])
	return prefix + name[:cloud.MaxKey-len(prefix)-len(end)] + end
}

var errDamaged = errors.New("the record is damaged")

func readFile(e cloud.Entry) (file, error) {
	head, value, ok := bytes.Cut(e.Value, []byte("\n"))
	var f file
	if err := json.Unmarshal(head, &f.fileHead); !ok || err != nil {
		return f, fmt.Errorf("%s: %w", e.Key, errDamaged)
	}
	f.value = value
	return f, nil
}

// read returns a file, or an error that is fs.ErrNotExist.
func (s *storage) read(ctx context.Context, name string) (file, error) {
	e, err := s.store.Get(ctx, recordKey(filesPrefix, name))
	if err != nil {
		return file{}, err
	}
	if e.Revision == 0 {
		return file{}, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return readFile(e)
}

// below returns all files of a directory and its directories. There are a dozen
// files in all, so it looks at each.
func (s *storage) below(ctx context.Context, dir string) ([]file, error) {
	const page = 100
	dir = strings.Trim(dir, "/")
	var out []file
	for after := ""; ; {
		entries, err := s.store.List(ctx, filesPrefix, after, page)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			after = e.Key
			f, err := readFile(e)
			if err != nil {
				continue // it has no name; what asks for it by name is told
			}
			if dir == "" || strings.HasPrefix(f.Name, dir+"/") {
				out = append(out, f)
			}
		}
		if len(entries) < page {
			return out, nil
		}
	}
}

// Store implements certmagic.Storage.
func (s *storage) Store(ctx context.Context, name string, value []byte) error {
	head, err := json.Marshal(fileHead{name, s.now().UTC()})
	if err != nil {
		return err
	}
	record := append(append(head, '\n'), value...)
	return s.store.Commit(ctx, cloud.Transaction{Put: []cloud.Entry{{Key: recordKey(filesPrefix, name), Value: record}}})
}

// Load implements certmagic.Storage.
func (s *storage) Load(ctx context.Context, name string) ([]byte, error) {
	f, err := s.read(ctx, name)
	return f.value, err
}

// Delete implements certmagic.Storage.
func (s *storage) Delete(ctx context.Context, name string) error {
	all, err := s.below(ctx, name)
	if err != nil {
		return err
	}
	keys := []string{recordKey(filesPrefix, name)}
	for _, f := range all {
		keys = append(keys, recordKey(filesPrefix, f.Name))
	}
	for some := range slices.Chunk(keys, cloud.MaxChanges) {
		if err := s.store.Commit(ctx, cloud.Transaction{Delete: some}); err != nil {
			return err
		}
	}
	return nil
}

// Exists implements certmagic.Storage.
func (s *storage) Exists(ctx context.Context, name string) bool {
	_, err := s.Stat(ctx, name)
	return err == nil
}

// List implements certmagic.Storage.
func (s *storage) List(ctx context.Context, dir string, recursive bool) ([]string, error) {
	all, err := s.below(ctx, dir)
	if err != nil {
		return nil, err
	}
	if dir = strings.Trim(dir, "/"); dir != "" {
		dir += "/"
	}
	var names []string
	for _, f := range all {
		name := f.Name
		if !recursive {
			first, _, _ := strings.Cut(strings.TrimPrefix(name, dir), "/")
			name = dir + first
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// Stat implements certmagic.Storage.
func (s *storage) Stat(ctx context.Context, name string) (certmagic.KeyInfo, error) {
	f, err := s.read(ctx, name)
	if err == nil {
		return certmagic.KeyInfo{Key: name, Modified: f.Modified, Size: int64(len(f.value)), IsTerminal: true}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return certmagic.KeyInfo{}, err
	}
	all, below := s.below(ctx, name)
	if below != nil || len(all) == 0 {
		return certmagic.KeyInfo{}, errors.Join(below, err)
	}
	info := certmagic.KeyInfo{Key: name}
	for _, f := range all {
		if f.Modified.After(info.Modified) {
			info.Modified = f.Modified
		}
	}
	return info, nil
}

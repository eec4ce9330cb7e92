package store

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Options say how a store is opened.
type Options struct {
	// Path is the database file. Its directory must exist. Beside it live
	// <path>.lock, <path>.tmp while a file is being made, and
	// <path>.damaged-<time>.
	Path string
	// SnapshotDir is where snapshots are looked for when the file is damaged,
	// and written before a migration. Default: "snapshots" beside the file.
	SnapshotDir string
	// Log must not be nil.
	Log *slog.Logger
	// LockTimeout is how long to wait for another daemon to let go of the
	// store. Default: 5 s.
	LockTimeout time.Duration
	// Now reads the time for the names of files. Default: time.Now.
	Now func() time.Time

	layout *layout // tests know other schemas
}

func (o Options) withDefaults() (Options, error) {
	if o.Path == "" || o.Log == nil {
		return o, errors.New("store: Path and Log must be set")
	}
	if o.SnapshotDir == "" {
		o.SnapshotDir = filepath.Join(filepath.Dir(o.Path), "snapshots")
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 5 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.layout == nil {
		o.layout = currentLayout()
	}
	o.Log = o.Log.With("component", "store")
	return o, nil
}

// DB is an open store. It is safe for concurrent use. It implements
// [hotspot.Store].
type DB struct {
	opts     Options
	log      *slog.Logger
	lock     *fileLock
	engine   engine
	queue    *queue
	recovery *Recovery
	prune    pruneHint
	names    lateNames // used by the writer only
	length   logLength // likewise
	audit    logLength // likewise
}

var _ hotspot.Store = (*DB)(nil)

// View implements [hotspot.Store].
func (db *DB) View(ctx context.Context, f func(hotspot.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.engine.view(func(r reader) error {
		rec := &records{r: r}
		defer rec.end()
		return f(rec)
	})
}

// Update implements [hotspot.Store]. It returns when what f wrote is on the
// disk. If the disk fails, nothing is kept and the error has
// [hotspot.CodeUnavailable]. An update whose context ends while it waits for
// its turn is not run; once f has run, it is no longer cancelled.
func (db *DB) Update(ctx context.Context, f func(hotspot.Tx) error) error {
	t := &txn{hint: &db.prune, names: &db.names, log: &db.length, audit: &db.audit}
	ok := false
	defer func() {
		if !ok { // also when f panics
			t.takeBack()
		}
	}()
	err := db.queue.update(ctx, func(w writer) error {
		t.takeBack() // of an earlier run
		t.records, t.w = &records{r: w}, w
		t.log.follow(w.state())
		t.audit.follow(w.state())
		defer t.end()
		if err := f(t); err != nil {
			return err
		}
		return t.broken
	})
	ok = err == nil
	return err
}

// Compact gives back the space of free pages. Views go on meanwhile; updates
// wait.
func (db *DB) Compact(ctx context.Context) error {
	err := db.queue.alone(ctx, func() error { return db.engine.compact(ctx) })
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
		err = unavailable(err)
	}
	return err
}

// Close ends the store after the updates that have begun. A second time does
// nothing.
func (db *DB) Close() error {
	db.queue.close()
	return errors.Join(db.engine.close(), db.lock.release())
}

// Stats are figures of an open store.
type Stats struct {
	Size     uint64 // bytes of the file
	Free     uint64 // of them not used at present
	Updates  uint64 // acknowledged since the store was opened
	Commits  uint64 // that they took
	Failures uint64 // commits that failed
	Schema   uint64
}

// Stats returns the store's figures.
func (db *DB) Stats() Stats {
	e := db.engine.stats()
	return Stats{
		Size: e.size, Free: e.free,
		Updates: db.queue.updates.Load(), Commits: db.queue.commits.Load(), Failures: db.queue.failures.Load(),
		Schema: db.opts.layout.version(),
	}
}

// Recovery tells what was done about a damaged store when it was opened; nil
// if it was not damaged.
func (db *DB) Recovery() *Recovery {
	if db.recovery == nil {
		return nil
	}
	r := *db.recovery
	return &r
}

// Check verifies the whole store: the file's structure, every record and every
// index. It is for tests and for an operator in doubt; opening a store checks
// it as well.
func (db *DB) Check() error {
	if err := db.engine.check(); err != nil {
		return err
	}
	return db.engine.view(func(r reader) error {
		rep, err := verify(r)
		if err == nil && len(rep.wrong) > 0 {
			err = &DamagedError{What: "the indexes of " + db.opts.Path, Err: errors.New(rep.wrong[0])}
		}
		return err
	})
}

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// pageSize is the size of pages in files made here. bbolt would take the
// machine's, which is 64 KiB on some: much flash for a record of 100 bytes.
const pageSize = 4096

// boltOptions are bbolt's options for a router.
func boltOptions(temporary bool) *bolt.Options {
	// Writers wait for all readers whenever the mapping must grow, and new
	// readers wait behind them. A mapping that is large from the start makes
	// that rare, and costs address space only: of which a 32-bit machine has
	// 2 GB, much of it the Go heap's.
	mmap := 256 << 20
	if bits.UintSize == 32 {
		mmap = 32 << 20
	}
	return &bolt.Options{
		// Our own lock file is the lock; this one only guards against other
		// programs that know bbolt files.
		Timeout: time.Second,
		// The freelist is synced: a page more per commit, but otherwise the
		// whole file is scanned at each open and after each failed commit,
		// and by a goroutine of bbolt's whose panic on a damaged file nobody
		// can catch.
		NoFreelistSync: false,
		// The lowest free pages are taken first, so that most of a commit's are
		// neighbours and go to the disk in one write. The map takes any.
		FreelistType: bolt.FreelistArrayType,
		// The file is grown and synced before pages are written behind its
		// end: without that, a power cut can leave a file shorter than its
		// meta page says, and reading it is a SIGBUS. A file that is still
		// being made is synced once, when it is whole.
		NoGrowSync:      temporary,
		NoSync:          temporary,
		InitialMmapSize: mmap,
		PageSize:        pageSize,
	}
}

// fullness is how full pages are left when a bucket grows at its end, as those of
// vouchers and sessions do: bbolt's own half wastes flash, and more than this
// would have pages split again when their vouchers are used and grow.
const fullness = 0.7

// growStep is by how much a file grows at a time. bbolt's own step is 16 MB,
// which is more than the flash of many routers.
const growStep = 128 << 10

// direct is the engine on a bbolt file.
type direct struct {
	path      string
	temporary bool

	mu sync.RWMutex // guards db: held to begin a transaction, or to change files
	db *bolt.DB

	// doubt is set by the writer (there is only one at a time) when a sync
	// failed: the kernel may since show data that is not on the disk. The
	// file is written anew before anything else is.
	doubt error

	// last names the newest committed state, and named is the last number
	// that was given to one. Only the writer uses them.
	last, named uint64

	// testCommit, if set, stands in for a commit, to make it fail.
	testCommit func(*bolt.Tx) error
}

var _ engine = (*direct)(nil)

// openDirect opens or makes a bbolt file. A file that exists must have been
// checked before: bbolt trusts what it reads. A temporary file is not synced
// until [direct.sync].
func openDirect(path string, temporary bool) (*direct, error) {
	d := &direct{path: path, temporary: temporary}
	db, err := openBolt(path, temporary)
	if err != nil {
		return nil, err
	}
	d.db = db
	return d, nil
}

func openBolt(path string, temporary bool) (db *bolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer caught(path, &err)
	db, err = bolt.Open(path, 0o600, boltOptions(temporary))
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, &LockedError{Path: path, Waited: time.Second}
	}
	if errors.Is(err, syscall.EINVAL) {
		return nil, fmt.Errorf("open %s: %w: its filesystem cannot map files that are written (JFFS2 cannot)", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.AllocSize = growStep
	return db, nil
}

// caught turns a panic inside bbolt into an error: bbolt panics on files that
// it does not understand, and a fault on its mapping is a panic where
// [debug.SetPanicOnFault] is set.
func caught(what string, err *error) {
	if p := recover(); p != nil {
		*err = &DamagedError{What: what, Err: fmt.Errorf("%v", p)}
	}
}

func (d *direct) beginTx(writable bool) (tx *bolt.Tx, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.db == nil {
		return nil, ErrClosed
	}
	defer caught(d.path, &err)
	return d.db.Begin(writable)
}

func (d *direct) view(f func(reader) error) error {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := d.beginTx(false)
	if err != nil {
		return fmt.Errorf("read %s: %w", d.path, err)
	}
	defer func() { _ = tx.Rollback() }() // of a read: only gives its place back
	return f(&boltReader{tx: tx})
}

func (d *direct) begin() (writer, error) {
	if d.doubt != nil {
		if err := d.renew(); err != nil {
			return nil, fmt.Errorf("after a failed sync (%w): %w", d.doubt, err)
		}
	}
	tx, err := d.beginTx(true)
	if errors.Is(err, bolterrors.ErrInvalidMapping) {
		// There was no memory to map a larger file. Try again with this one.
		if err = d.reopen(); err == nil {
			tx, err = d.beginTx(true)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", d.path, err)
	}
	return &boltWriter{boltReader: boltReader{tx: tx}, engine: d, base: d.last, self: d.name()}, nil
}

// name returns a number for a state that has none yet.
func (d *direct) name() uint64 {
	d.named++
	return d.named
}

// reopen opens the file again, which makes a new mapping.
func (d *direct) reopen() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return ErrClosed
	}
	if err := d.db.Close(); err != nil {
		return err
	}
	db, err := openBolt(d.path, d.temporary)
	if err != nil {
		d.db = nil
		return err
	}
	d.db = db
	return nil
}

// failed looks after the file when a commit failed. If the commit can be read
// all the same, its meta page was written and only the sync after it failed:
// nobody can tell what the disk has. Writing everything anew settles it, and
// tells by its own success that the commit is durable after all.
func (d *direct) failed(txid int, cause error) error {
	seen := 0
	if tx, err := d.beginTx(false); err == nil {
		seen = tx.ID()
		_ = tx.Rollback()
	}
	if !errors.Is(cause, syscall.EIO) && seen < txid {
		return cause
	}
	d.doubt = cause
	if err := d.renew(); err != nil {
		return cause
	}
	if seen < txid {
		return cause
	}
	return nil
}

// renew copies all there is into a new file, synced from the first byte.
func (d *direct) renew() error {
	return d.rewrite(func() error { return nil })
}

// sync makes a temporary file durable.
func (d *direct) sync() error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.db.Sync()
}

func (d *direct) stats() engineStats {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var s engineStats
	if d.db == nil {
		return s
	}
	if fi, err := os.Stat(d.path); err == nil {
		s.size = uint64(fi.Size())
	}
	s.free = uint64(d.db.Stats().FreePageN) * pageSize
	return s
}

func (d *direct) check() (err error) {
	tx, err := d.beginTx(false)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for e := range tx.Check() { // drained, or its goroutine stays
		if err == nil {
			err = &DamagedError{What: d.path, Err: e}
		}
	}
	return errors.Join(err, d.checkTails())
}

func (d *direct) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return nil
	}
	db := d.db
	d.db = nil
	return db.Close()
}

// boltReader reads in one transaction of bbolt.
type boltReader struct {
	tx      *bolt.Tx
	buckets [64]*bolt.Bucket // bbolt looks them up each time
	tails   [lastTailed + 1]*bolt.Bucket
}

func (r *boltReader) bucket(b bucket) *bolt.Bucket {
	if r.buckets[b] == nil {
		r.buckets[b] = r.tx.Bucket([]byte(b.String()))
		if r.buckets[b] == nil {
			panic("there is no bucket " + b.String()) // caught by the callers
		}
		switch b {
		case bktVouchers, bktSessions:
			r.buckets[b].FillPercent = fullness
		case bktAudit:
			r.buckets[b].FillPercent = 1 // its records never grow
		}
	}
	return r.buckets[b]
}

func (r *boltReader) get(b bucket, key []byte) (value []byte, err error) {
	defer caught(b.String(), &err)
	v := r.bucket(b).Get(key)
	if v == nil {
		if t := r.tail(b); t != nil {
			v = t.Get(key)
		}
	}
	return v, nil
}

func (r *boltReader) cursor(b bucket) cursor { return &boltCursor{r: r, b: b} }

// boltWriter writes in one transaction of bbolt.
type boltWriter struct {
	boltReader
	engine  *direct
	base    uint64 // names of states
	self    uint64
	ops     int
	settled [lastTailed + 1]bool // its tail was full, and is empty until the next transaction
	broken  error                // an op that failed: the transaction is not whole any more
}

func (w *boltWriter) applied() int { return w.ops }

func (w *boltWriter) state() (base, self uint64) { return w.base, w.self }

func (w *boltWriter) apply(o op) error {
	w.ops++
	if err := w.put(o); err != nil {
		w.broken = err
		return err
	}
	return nil
}

func (w *boltWriter) put(o op) (err error) {
	defer caught(o.bucket.String(), &err)
	to, err := w.home(o)
	switch {
	case err != nil:
		return err
	case o.value == nil:
		return to.Delete(o.key)
	}
	return to.Put(o.key, o.value)
}

func (w *boltWriter) commit() error {
	if w.broken != nil {
		w.rollback()
		return w.broken
	}
	id := w.tx.ID()
	if err := w.commitTx(); err != nil {
		w.rollback()                    // if bbolt panicked; otherwise it is over
		w.engine.last = w.engine.name() // whatever it is now
		return w.engine.failed(id, err)
	}
	w.engine.last = w.self
	return nil
}

func (w *boltWriter) commitTx() (err error) {
	defer caught(w.engine.path, &err)
	if w.engine.testCommit != nil {
		return w.engine.testCommit(w.tx)
	}
	return w.tx.Commit()
}

func (w *boltWriter) rollback() {
	var err error
	defer caught(w.engine.path, &err) // nothing is left to be done about it
	_ = w.tx.Rollback()               // ErrTxClosed after a commit
}

// isGone reports whether an error says that there is no such file.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

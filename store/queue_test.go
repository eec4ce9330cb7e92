package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

var errTest = errors.New("the test says no")

// gate holds commits up until it is opened.
type gate struct {
	entered chan struct{} // closed: a commit has arrived
	opened  chan struct{} // closed: let it go
	open    func()        // may be called again
	fail    error         // what the commit then returns instead
}

// holdCommits makes the next commit wait. Others pass.
func holdCommits(db *DB) *gate {
	g := &gate{entered: make(chan struct{}), opened: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.opened) })
	var once sync.Once
	db.engine.(*direct).testCommit = func(tx *bolt.Tx) error {
		once.Do(func() {
			close(g.entered)
			<-g.opened
		})
		if g.fail != nil {
			_ = tx.Rollback()
			return g.fail
		}
		return tx.Commit()
	}
	return g
}

// arrived waits until a commit is held up.
func (g *gate) arrived(t *testing.T) {
	t.Helper()
	waitFor(t, "a commit", func() bool {
		select {
		case <-g.entered:
			return true
		default:
			return false
		}
	})
}

func (db *DB) queued() int {
	db.queue.mu.Lock()
	defer db.queue.mu.Unlock()
	return len(db.queue.waiting)
}

// during runs fs while a commit is held up, so that they are one batch, in
// this order, and waits for all.
func during(t *testing.T, db *DB, g *gate, fs ...func()) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() { _ = db.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutSetting("first", "1") }) })
	defer wg.Wait()
	defer g.open() // also when a wait below fails
	g.arrived(t)
	for i, f := range fs {
		wg.Go(f)
		waitFor(t, "the queue to grow", func() bool { return db.queued() == i+1 })
	}
}

func setting(t *testing.T, db *DB, key string) string {
	t.Helper()
	var s string
	look(t, db, func(r hotspot.Reader) error {
		all, err := r.Settings()
		s = all[key]
		return err
	})
	return s
}

func TestCommitIsShared(t *testing.T) {
	db := openNew(t)
	g := holdCommits(db)
	var fs []func()
	for i := range 100 {
		fs = append(fs, func() {
			put(t, db, func(tx hotspot.Tx) error { return tx.PutSetting(fmt.Sprint(i), "x") })
		})
	}
	during(t, db, g, fs...)
	if s := db.Stats(); s.Commits != 2 || s.Updates != 101 {
		t.Errorf("%d updates in %d commits, want 101 in 2", s.Updates, s.Commits)
	}
	for i := range 100 {
		if setting(t, db, fmt.Sprint(i)) != "x" {
			t.Errorf("%d is missing", i)
		}
	}
}

func TestReadsOnlyTakeNoCommit(t *testing.T) {
	db := openNew(t)
	put(t, db, func(tx hotspot.Tx) error { _, err := tx.Settings(); return err })
	if s := db.Stats(); s.Commits != 0 || s.Updates != 1 {
		t.Errorf("%+v", s)
	}
}

// TestOneFails has a function fail after it wrote, amid others.
func TestOneFails(t *testing.T) {
	db := openNew(t)
	g := holdCommits(db)
	var errs [5]error
	var runs [5]int
	var fs []func()
	for i := range errs {
		fs = append(fs, func() {
			errs[i] = db.Update(t.Context(), func(tx hotspot.Tx) error {
				runs[i]++
				if err := tx.PutSetting(fmt.Sprint(i), "x"); err != nil {
					return err
				}
				if i == 2 {
					return errTest
				}
				return nil
			})
		})
	}
	during(t, db, g, fs...)
	for i, err := range errs {
		if want := map[bool]error{true: errTest}[i == 2]; !errors.Is(err, want) {
			t.Errorf("%d: %v", i, err)
		}
		if got := setting(t, db, fmt.Sprint(i)); (got == "x") != (i != 2) {
			t.Errorf("%d: setting %q", i, got)
		}
	}
	if runs != [5]int{2, 2, 2, 1, 1} {
		t.Errorf("runs %v", runs)
	}
}

// TestRefusalIsNotBelieved: a username is taken by an update that shares the
// commit and then fails.
func TestRefusalIsNotBelieved(t *testing.T) {
	db := openNew(t)
	g := holdCommits(db)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var first, second, third error
	n := 0
	during(t, db, g,
		func() {
			first = db.Update(ctx, func(tx hotspot.Tx) error {
				n++
				return tx.PutVoucher(&hotspot.Voucher{Username: "x"})
			})
		},
		func() {
			second = db.Update(t.Context(), func(tx hotspot.Tx) error {
				return tx.PutVoucher(&hotspot.Voucher{Username: "X"})
			})
		},
		func() { // rolls the batch back, and the first does not run again
			third = db.Update(t.Context(), func(tx hotspot.Tx) error {
				cancel()
				return errors.Join(tx.PutSetting("a", "b"), errTest)
			})
		})
	if !errors.Is(first, context.Canceled) || second != nil || !errors.Is(third, errTest) {
		t.Errorf("first %v, second %v, third %v", first, second, third)
	}
}

func TestPanicAndGoexit(t *testing.T) {
	db := openNew(t)
	g := holdCommits(db)
	var recovered any
	v := hotspot.Voucher{Username: "x"}
	ok := func(key string) func() {
		return func() { put(t, db, func(tx hotspot.Tx) error { return tx.PutSetting(key, "x") }) }
	}
	during(t, db, g,
		ok("a"),
		func() {
			defer func() { recovered = recover() }()
			_ = db.Update(t.Context(), func(tx hotspot.Tx) error {
				_ = tx.PutVoucher(&v)
				panic(errTest)
			})
		},
		ok("b"),
		func() {
			_ = db.Update(t.Context(), func(tx hotspot.Tx) error {
				_ = tx.PutSetting("gone", "x")
				runtime.Goexit()
				return nil
			})
		},
		ok("c"))
	if recovered != errTest || v.ID != 0 {
		t.Errorf("recovered %v, voucher %d", recovered, v.ID)
	}
	if setting(t, db, "a")+setting(t, db, "b")+setting(t, db, "c")+setting(t, db, "gone") != "xxx" {
		t.Error("others were harmed")
	}
}

func TestCancelInQueue(t *testing.T) {
	db := openNew(t)
	g := holdCommits(db)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer g.open() // also when a wait below fails
	left := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { put(t, db, func(tx hotspot.Tx) error { return tx.PutSetting("a", "x") }) })
	g.arrived(t)
	wg.Go(func() {
		left <- db.Update(ctx, func(hotspot.Tx) error { t.Error("ran"); return nil })
	})
	waitFor(t, "the queue to grow", func() bool { return db.queued() == 1 })
	wg.Go(func() { put(t, db, func(tx hotspot.Tx) error { return tx.PutSetting("b", "x") }) })
	waitFor(t, "the queue to grow", func() bool { return db.queued() == 2 })
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) { // while the commit is held up
		t.Errorf("got %v", err)
	}
	g.open()
	wg.Wait()
	if setting(t, db, "a")+setting(t, db, "b") != "xx" {
		t.Error("the others were harmed")
	}
}

func TestFailedCommit(t *testing.T) {
	db := openNew(t)
	addVouchers(t, db, 0, 3)
	before := dump(t, db)
	g := holdCommits(db)
	g.fail = fmt.Errorf("write: %w", syscall.ENOSPC)
	var vs [4]hotspot.Voucher
	var fs []func()
	for i := range vs {
		fs = append(fs, func() {
			vs[i].Username = fmt.Sprint("new", i)
			err := db.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutVoucher(&vs[i]) })
			if !errors.Is(err, hotspot.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%d: got %v", i, err)
			}
		})
	}
	during(t, db, g, fs...)
	for _, v := range vs {
		if v.ID != 0 {
			t.Errorf("voucher %q kept the id %d", v.Username, v.ID)
		}
	}
	if got := dump(t, db); got != before {
		t.Errorf("failed commits left something behind:\n%s", got)
	}
	g.fail = nil
	addVouchers(t, db, 3, 1)
	if s := db.Stats(); s.Failures != 2 || s.Commits != 2 {
		t.Errorf("%+v", s)
	}
}

// TestFailedSync has the sync of the meta page fail: the commit can be read,
// and nobody knows whether it is on the disk.
func TestFailedSync(t *testing.T) {
	db := openNew(t)
	d := db.engine.(*direct)
	fails := true
	d.testCommit = func(tx *bolt.Tx) error {
		err := tx.Commit()
		if fails && err == nil {
			fails = false
			err = syscall.EIO
		}
		return err
	}
	was := d.db
	addVouchers(t, db, 0, 1) // written anew, and so durable after all
	if d.db == was || d.doubt != nil {
		t.Error("the file was not written anew")
	}
	addVouchers(t, db, 1, 1)

	// The same before the meta page was written: the data is not there.
	d.testCommit = func(tx *bolt.Tx) error { _ = tx.Rollback(); return syscall.EIO }
	err := db.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutSetting("a", "b") })
	if !errors.Is(err, syscall.EIO) || setting(t, db, "a") != "" {
		t.Errorf("got %v", err)
	}
	d.testCommit = nil
	addVouchers(t, db, 2, 1)
}

func TestClosed(t *testing.T) {
	opts, _ := options(t.TempDir())
	db := open(t, opts)
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Errorf("close: %v", err)
	}
	for _, err := range []error{
		db.Update(t.Context(), func(hotspot.Tx) error { return nil }),
		db.View(t.Context(), func(hotspot.Reader) error { return nil }),
		db.Compact(t.Context()),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

// TestCloseUnderLoad closes while updates come: each is either kept or refused.
func TestCloseUnderLoad(t *testing.T) {
	opts, _ := options(t.TempDir())
	db := open(t, opts)
	var kept, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				v := voucher(i*100_000 + n)
				err := db.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
				if err != nil {
					refused.Add(1)
					if !errors.Is(err, ErrClosed) {
						t.Errorf("got %v", err)
					}
					return
				}
				kept.Add(1)
			}
		})
	}
	waitFor(t, "some updates", func() bool { return kept.Load() > 50 })
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	db = open(t, opts)
	look(t, db, func(r hotspot.Reader) error {
		vs, err := r.Vouchers(0, 1<<20)
		if int64(len(vs)) != kept.Load() {
			t.Errorf("%d vouchers are there, %d were acknowledged", len(vs), kept.Load())
		}
		return err
	})
}

func TestLateUse(t *testing.T) {
	db := openNew(t)
	var tx hotspot.Tx
	var r hotspot.Reader
	put(t, db, func(x hotspot.Tx) error { tx = x; return nil })
	look(t, db, func(x hotspot.Reader) error { r = x; return nil })
	_, err1 := r.Voucher(1)
	_, err2 := r.Vouchers(0, 1)
	_, err3 := r.OpenSessions()
	for i, err := range []error{err1, err2, err3, tx.PutSetting("a", "b"), tx.PutVoucher(&hotspot.Voucher{})} {
		if !errors.Is(err, errEnded) {
			t.Errorf("%d: got %v", i, err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	db := openNew(t)
	long := string(make([]byte, maxValue))
	for i, f := range []func(hotspot.Tx) error{
		func(tx hotspot.Tx) error { return tx.PutSetting("a", long) },
		func(tx hotspot.Tx) error { return tx.PutSetting(long, "a") },
		func(tx hotspot.Tx) error { return tx.PutVoucher(&hotspot.Voucher{Username: long}) },
		func(tx hotspot.Tx) error { return tx.PutUser(&hotspot.User{Method: "m", Key: long}) },
		func(tx hotspot.Tx) error { return tx.PutUser(&hotspot.User{Method: hotspot.Method(long)}) },
	} {
		if err := db.Update(t.Context(), f); !errors.Is(err, hotspot.ErrInvalid) {
			t.Errorf("%d: got %v", i, err)
		}
	}
}

package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// benchDir is on a disk that syncs, unlike /tmp in RAM: the directory that
// VOUCHSAFE_BENCH_DIR names, or the tests' own.
func benchDir(b *testing.B) string {
	if dir := os.Getenv("VOUCHSAFE_BENCH_DIR"); dir != "" {
		tmp, err := os.MkdirTemp(dir, "bench-")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = os.RemoveAll(tmp) })
		return tmp
	}
	return b.TempDir()
}

// BenchmarkSync is the floor: write a page and sync it, twice, as a commit of
// bbolt does.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(benchDir(b), "x"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, pageSize)
	for b.Loop() {
		for i := range int64(2) {
			if _, err := f.WriteAt(buf, i*pageSize); err != nil {
				b.Fatal(err)
			}
			if err := syscall.Fdatasync(int(f.Fd())); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkBolt is bare bbolt: one record of a voucher's size per commit.
func BenchmarkBolt(b *testing.B) {
	db, err := bolt.Open(filepath.Join(benchDir(b), "x.db"), 0o600, boltOptions(false))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("a")); return err }); err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 64)
	for i := uint64(0); b.Loop(); i++ {
		if err := db.Update(func(tx *bolt.Tx) error { return tx.Bucket([]byte("a")).Put(idKey(i), value) }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			opts, _ := options(benchDir(b))
			db := open(b, opts)
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						v := voucher(int(i))
						if err := db.Update(context.Background(), func(tx hotspot.Tx) error { return tx.PutVoucher(&v) }); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			s := db.Stats()
			b.ReportMetric(float64(s.Updates)/float64(s.Commits), "updates/commit")
		})
	}
}

// BenchmarkTransaction is the cost of an update without the disk.
func BenchmarkTransaction(b *testing.B) {
	opts, _ := options(benchDir(b))
	db := open(b, opts)
	addVouchers(b, db, 0, 1000)
	b.ReportAllocs()
	for b.Loop() {
		put(b, db, func(tx hotspot.Tx) error { _, err := tx.Voucher(500); return err })
	}
}

const many = 100_000

func BenchmarkMany(b *testing.B) {
	opts, _ := options(benchDir(b))
	db := open(b, opts)
	for i := 0; i < many; i += 5000 {
		addVouchers(b, db, i, 5000)
	}
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			list(b, db)
		}
	})
	b.Run("open", func(b *testing.B) {
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			again, err := Open(context.Background(), opts)
			if err != nil {
				b.Fatal(err)
			}
			if err := again.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	db = open(b, opts)
	b.Run("snapshot", func(b *testing.B) {
		size := 0
		for b.Loop() {
			size = len(snapshotOf(b, db))
		}
		b.ReportMetric(float64(size)/many, "B/voucher")
	})
	if err := db.Compact(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes of file per voucher", db.Stats().Size/many)
}

// list reads all vouchers in pages, as the API does.
func list(tb testing.TB, db *DB) {
	tb.Helper()
	for after, n := uint64(0), 0; ; {
		var vs []hotspot.Voucher
		look(tb, db, func(r hotspot.Reader) (err error) {
			vs, err = r.Vouchers(after, 256)
			return err
		})
		if n += len(vs); len(vs) == 0 {
			if n != many {
				tb.Fatalf("listed %d", n)
			}
			return
		}
		after = vs[len(vs)-1].ID
	}
}

// TestListIsFrugal: listing takes memory for a page, not for the list, and two
// allocations for a voucher.
func TestListIsFrugal(t *testing.T) {
	db := openNew(t)
	for i := 0; i < many; i += 10_000 {
		addVouchers(t, db, i, 10_000)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	list(t, db)
	runtime.ReadMemStats(&after)
	if allocs := float64(after.Mallocs-before.Mallocs) / many; allocs > 2 {
		t.Errorf("%.1f allocations per voucher", allocs)
	}
	if bytes := (after.TotalAlloc - before.TotalAlloc) / many; bytes > 600 {
		t.Errorf("%d bytes allocated per voucher", bytes)
	}
}

// BenchmarkPruneFull is a flush of usage while the login log is full: one
// session more, and the oldest goes.
func BenchmarkPruneFull(b *testing.B) {
	opts, _ := options(benchDir(b))
	db := open(b, opts)
	const keep = 20_000
	add := func(n int) {
		put(b, db, func(tx hotspot.Tx) error {
			for range n {
				if err := tx.PutSession(&hotspot.Session{Started: at(), Ended: at()}); err != nil {
					return err
				}
			}
			_, err := tx.PruneSessions(time.Time{}, keep, 1000)
			return err
		})
	}
	add(keep)
	for b.Loop() {
		add(1)
	}
}

package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// hollow makes a store of which most is free space.
func hollow(t *testing.T, db *DB) {
	t.Helper()
	addVouchers(t, db, 0, 5000)
	put(t, db, func(tx hotspot.Tx) error {
		for id := range uint64(4900) {
			if err := tx.DeleteVoucher(id + 1); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestCompact(t *testing.T) {
	db := openNew(t)
	hollow(t, db)
	want, before := dump(t, db), db.Stats()
	if err := db.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := db.Stats()
	if after.Size > before.Size/5 || after.Free > after.Size/2 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if got := dump(t, db); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	addVouchers(t, db, 5000, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Compact(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCompactAtOpen(t *testing.T) {
	opts, log := options(t.TempDir())
	db := open(t, opts)
	hollow(t, db)
	want, before := dump(t, db), db.Stats().Size
	closeChecked(t, db)
	db = open(t, opts)
	if after := db.Stats().Size; after > before/5 || !strings.Contains(log.String(), "written anew") {
		t.Errorf("from %d to %d bytes; log: %s", before, after, log)
	}
	if got := dump(t, db); got != want {
		t.Errorf("got\n%s", got)
	}
	*log = logged{}
	closeChecked(t, db)
	open(t, opts)
	if strings.Contains(log.String(), "written anew") {
		t.Error("compacted again")
	}
}

// TestCompactUnderLoad compacts while others read and write.
func TestCompactUnderLoad(t *testing.T) {
	db := openNew(t)
	addVouchers(t, db, 0, 500)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	acked := make([]int, 4)
	for g := range acked {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				v := voucher(1000 + g*100_000 + acked[g])
				put(t, db, func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
				acked[g]++
			}
		})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				look(t, db, func(r hotspot.Reader) error {
					vs, err := r.Vouchers(0, 500)
					if err != nil || len(vs) != 500 || vs[499].ID != 500 {
						t.Errorf("%d vouchers, %v", len(vs), err)
					}
					return err
				})
			}
		})
	}
	for range 20 {
		if err := db.Compact(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	n := 500
	for _, a := range acked {
		n += a
	}
	if got := countVouchers(t, db); got != n {
		t.Errorf("%d vouchers are there, %d were acknowledged", got, n)
	}
}

// TestViewOutlivesCompaction: a view keeps the state that it began with.
func TestViewOutlivesCompaction(t *testing.T) {
	db := openNew(t)
	addVouchers(t, db, 0, 50)
	in, out := make(chan struct{}), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(out) })
	var wg sync.WaitGroup
	defer wg.Wait()
	defer goOn() // also when a wait below fails
	wg.Go(func() {
		look(t, db, func(r hotspot.Reader) error {
			close(in)
			<-out
			vs, err := r.Vouchers(0, 100)
			if len(vs) != 50 {
				t.Errorf("%d vouchers", len(vs))
			}
			return err
		})
	})
	<-in
	old := db.engine.(*direct).db
	wg.Go(func() {
		if err := db.Compact(t.Context()); err != nil {
			t.Error(err)
		}
	})
	d := db.engine.(*direct)
	waitFor(t, "the files to be swapped", func() bool {
		d.mu.RLock()
		defer d.mu.RUnlock()
		return d.db != old
	})
	look(t, db, func(r hotspot.Reader) error { _, err := r.Voucher(7); return err }) // others go on
	goOn()
	wg.Wait()
	addVouchers(t, db, 50, 5)
}

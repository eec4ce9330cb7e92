package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// newDirect opens an engine with all buckets.
func newDirect(t *testing.T) *direct {
	t.Helper()
	d, err := newTemporary(t.TempDir() + "/x.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.discard)
	if err := makeBuckets(d); err != nil {
		t.Fatal(err)
	}
	return d
}

// write runs f in one transaction of an engine.
func writeTo(t *testing.T, d *direct, f func(w *boltWriter) error) {
	t.Helper()
	w, err := d.begin()
	if err == nil {
		if err = f(w.(*boltWriter)); err == nil {
			err = w.commit()
		} else {
			w.rollback()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// walk lists the keys that a walk over a bucket finds.
func walk(start, step func() ([]byte, []byte, error)) (keys []string, err error) {
	k, v, err := start()
	for ; k != nil && err == nil; k, v, err = step() {
		keys = append(keys, fmt.Sprintf("%x=%s", k, v))
	}
	return keys, err
}

// compareTail compares a bucket with what it should hold, by every way to read it.
func compareTail(r reader, b bucket, want map[uint64]string) error {
	var up []string
	for id, v := range want {
		up = append(up, fmt.Sprintf("%x=%s", idKey(id), v))
		if got, err := r.get(b, idKey(id)); err != nil || string(got) != v {
			return fmt.Errorf("%d is %q, %w, not %q", id, got, err, v)
		}
	}
	slices.Sort(up)
	down := slices.Clone(up)
	slices.Reverse(down)
	c := r.cursor(b)
	for i := range uint64(70) {
		key := idKey(i)
		at, _ := slices.BinarySearch(up, fmt.Sprintf("%x", key))
		got, err := walk(func() ([]byte, []byte, error) { return c.seek(key) }, c.next)
		if diff := cmp.Diff(slices.Clone(up[at:]), got, cmpEmpty()); err != nil || diff != "" {
			return fmt.Errorf("from %d up: %w %s", i, err, diff)
		}
		if at == len(up) {
			continue
		}
		back := slices.Clone(up[:at+1])
		slices.Reverse(back)
		if got, err = walk(func() ([]byte, []byte, error) { return c.seek(key) }, c.prev); err != nil || !slices.Equal(back, got) {
			return fmt.Errorf("from %d down: %w %s", i, err, cmp.Diff(back, got))
		}
	}
	got, err := walk(c.first, c.next)
	if diff := cmp.Diff(up, got, cmpEmpty()); err != nil || diff != "" {
		return fmt.Errorf("up: %w %s", err, diff)
	}
	got, err = walk(c.last, c.prev)
	if diff := cmp.Diff(down, got, cmpEmpty()); err != nil || diff != "" {
		return fmt.Errorf("down: %w %s", err, diff)
	}
	return nil
}

// cmpEmpty takes a nil list for an empty one.
func cmpEmpty() cmp.Option {
	return cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore())
}

// TestTail writes to buckets with tails at random and compares them with maps.
func TestTail(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		d := newDirect(t)
		want := map[bucket]map[uint64]string{bktVouchers: {}, bktAudit: {}}
		next := map[bucket]uint64{bktVouchers: 5, bktAudit: 5}
		for range 40 {
			var failed error
			writeTo(t, d, func(w *boltWriter) error {
				for range 1 + rnd.IntN(4) {
					b := []bucket{bktVouchers, bktAudit}[rnd.IntN(2)]
					id := rnd.Uint64N(next[b] + 1)
					if rnd.IntN(2) == 0 && next[b] < 60 {
						next[b]++
						id = next[b]
					}
					o := op{b, idKey(id), bytes.Repeat([]byte{byte('a' + rnd.IntN(26))}, rnd.IntN(200))}
					delete(want[b], id)
					if rnd.IntN(4) == 0 {
						o.value = nil
					} else {
						want[b][id] = string(o.value)
					}
					if err := w.apply(o); err != nil {
						return err
					}
					failed = errors.Join(failed, compareTail(w, b, want[b]))
				}
				return nil
			})
			err := d.view(func(r reader) error {
				return errors.Join(compareTail(r, bktVouchers, want[bktVouchers]), compareTail(r, bktAudit, want[bktAudit]))
			})
			if err := errors.Join(failed, err, d.check()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTailSavesPages: a voucher and its row in the audit log write two pages and
// one of bbolt's own, and a few more now and then, not seven.
func TestTailSavesPages(t *testing.T) {
	db := openNew(t)
	addVouchers(t, db, 0, 1000)
	d := db.engine.(*direct)
	const n = 100
	before := d.db.Stats()
	for i := range n {
		v := voucher(1000 + i)
		put(t, db, func(tx hotspot.Tx) error {
			return errors.Join(tx.PutVoucher(&v), tx.PutAudit(&hotspot.AuditRow{
				Time: at(), Action: hotspot.AuditVoucherCreated, Subject: v.Username, Actor: hotspot.Actor{Kind: hotspot.ActorKey, ID: "1", Name: "till"},
			}))
		})
	}
	after := d.db.Stats()
	if got := float64(after.TxStats.GetWrite()-before.TxStats.GetWrite()) / n; got > 4.2 {
		t.Errorf("%.2f pages for each voucher", got)
	}
	if err := db.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	look(t, db, func(r hotspot.Reader) error {
		vs, err := r.Vouchers(1000, 1000)
		if len(vs) != n {
			t.Errorf("%d vouchers after a compaction", len(vs))
		}
		return err
	})
}

// TestHiddenRecords: a record where no cursor would find it in its order is damage.
func TestHiddenRecords(t *testing.T) {
	db := openNew(t)
	addVouchers(t, db, 0, 100)
	d := db.engine.(*direct)
	writeTo(t, d, func(w *boltWriter) error {
		b, err := w.tx.CreateBucketIfNotExists([]byte(tailName(bktAudit)))
		if err != nil {
			return err
		}
		return errors.Join(b.Put(idKey(7), []byte("x")), w.bucket(bktAudit).Put(idKey(8), []byte("y")))
	})
	var damage *DamagedError
	if err := db.Check(); !errors.As(err, &damage) || !strings.Contains(err.Error(), "audit") {
		t.Errorf("got %v", err)
	}
	writeTo(t, d, func(w *boltWriter) error {
		return errors.Join(w.tail(bktAudit).Delete(idKey(7)), w.bucket(bktAudit).Delete(idKey(8)))
	})
}

package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// late returns how many vouchers are not in the index of usernames, as the
// file has it.
func late(t testing.TB, db *DB) (n int) {
	t.Helper()
	err := db.engine.view(func(r reader) error {
		x := &records{r: r}
		first, err := x.firstLate()
		return errors.Join(err, x.eachLate(first, func(uint64, string) bool { n++; return true }))
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wantNames checks that each name leads to the voucher that has it, or to
// none, both for readers and for the writer.
func wantNames(t testing.TB, db *DB, want map[string]uint64) {
	t.Helper()
	check := func(how string, r hotspot.Reader) {
		for name, id := range want {
			v, err := r.VoucherByUsername(name)
			if id == 0 && !errors.Is(err, hotspot.ErrNotFound) || id != 0 && (err != nil || v.ID != id) {
				t.Errorf("%s: %q is voucher %d, %v; want %d", how, name, v.ID, err, id)
			}
		}
	}
	look(t, db, func(r hotspot.Reader) error { check("view", r); return nil })
	put(t, db, func(tx hotspot.Tx) error { check("update", tx); return nil })
	for name, id := range want {
		err := db.Update(t.Context(), func(tx hotspot.Tx) error {
			return errors.Join(tx.PutVoucher(&hotspot.Voucher{Username: strings.ToLower(name)}), errTest)
		})
		if errors.Is(err, hotspot.ErrUsernameTaken) != (id != 0) {
			t.Errorf("a second %q: %v", name, err)
		}
	}
}

// TestLateNames takes vouchers through the index's border one by one.
func TestLateNames(t *testing.T) {
	opts, _ := options(t.TempDir())
	db := open(t, opts)
	for i := range maxLate - 1 {
		addVouchers(t, db, i, 1)
	}
	if n := late(t, db); n != maxLate-1 {
		t.Fatalf("%d are late", n)
	}
	wantNames(t, db, map[string]uint64{"K00000": 1, "k00254": 255, "K00255": 0, "late": 0, "LATE": 0, "": 0})
	closeChecked(t, db)
	db = open(t, opts)
	if n := late(t, db); n != maxLate-1 {
		t.Fatalf("%d are late after a restart", n)
	}
	wantNames(t, db, map[string]uint64{"K00000": 1, "k00254": 255, "K00255": 0})
	addVouchers(t, db, maxLate-1, 1)
	if n := late(t, db); n != 0 {
		t.Fatalf("%d are late", n)
	}
	wantNames(t, db, map[string]uint64{"K00000": 1, "k00255": 256, "K00256": 0})
	addVouchers(t, db, maxLate, 3)
	wantNames(t, db, map[string]uint64{"K00000": 1, "k00255": 256, "K00256": 257, "K00258": 259})
}

// TestLateNamesChange renames and removes vouchers on both sides of the border.
func TestLateNamesChange(t *testing.T) {
	db := openNew(t)
	addVouchers(t, db, 0, maxLate+5)
	if n := late(t, db); n != 5 {
		t.Fatalf("%d are late", n)
	}
	for id, name := range map[uint64]string{3: "early", maxLate + 2: "fresh", maxLate + 3: ""} {
		put(t, db, func(tx hotspot.Tx) error {
			v, err := tx.Voucher(id)
			v.Username = name
			return errors.Join(err, tx.PutVoucher(&v))
		})
	}
	put(t, db, func(tx hotspot.Tx) error { return errors.Join(tx.DeleteVoucher(4), tx.DeleteVoucher(maxLate+4)) })
	want := map[string]uint64{"K00002": 0, "early": 3, "K00003": 0, "K00257": 0, "fresh": maxLate + 2,
		"K00258": 0, "K00259": 0, "K00260": maxLate + 5}
	wantNames(t, db, want)
	if err := db.Check(); err != nil {
		t.Error(err)
	}
	settle(t, db)
	wantNames(t, db, want)
	// The names are free again, for vouchers on either side.
	put(t, db, func(tx hotspot.Tx) error {
		v, err := tx.Voucher(1)
		v.Username = "k00257"
		return errors.Join(err, tx.PutVoucher(&v), tx.PutVoucher(&hotspot.Voucher{Username: "k00002"}))
	})
	wantNames(t, db, map[string]uint64{"K00000": 0, "K00257": 1, "K00002": maxLate + 6})
}

// TestLateNamesRollBack: what a transaction that is rolled back did to the
// names is forgotten, on its own and amid others.
func TestLateNamesRollBack(t *testing.T) {
	db := openNew(t)
	addVouchers(t, db, 0, 3)
	for range 2 {
		err := db.Update(t.Context(), func(tx hotspot.Tx) error {
			v, err := tx.Voucher(1)
			v.Username = "gone"
			return errors.Join(err, tx.PutVoucher(&v), tx.PutVoucher(&hotspot.Voucher{Username: "gone too"}), tx.DeleteVoucher(2), errTest)
		})
		if !errors.Is(err, errTest) {
			t.Fatal(err)
		}
		wantNames(t, db, map[string]uint64{"K00000": 1, "K00001": 2, "gone": 0, "gone too": 0})
	}
	// One that is refused before anything is written leaves the names alone.
	put(t, db, func(tx hotspot.Tx) error {
		v, err := tx.Voucher(1)
		v.Username, v.Note = "large", string(make([]byte, maxValue))
		if perr := tx.PutVoucher(&v); !errors.Is(perr, hotspot.ErrInvalid) {
			t.Errorf("got %v", perr)
		}
		w := voucher(10)
		return errors.Join(err, tx.PutVoucher(&w))
	})
	wantNames(t, db, map[string]uint64{"K00000": 1, "large": 0, "K00010": 4})
}

// TestLateNamesTogether makes many vouchers at once, some of the same name.
func TestLateNamesTogether(t *testing.T) {
	db := openNew(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := map[string]uint64{}
	for caller := range 8 {
		wg.Go(func() {
			for i := range 100 {
				v := hotspot.Voucher{Username: fmt.Sprintf("n%d", (i*7+caller*31)%300)}
				err := db.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
				mu.Lock()
				if err == nil && made[v.Username] == 0 {
					made[v.Username] = v.ID
				} else if !errors.Is(err, hotspot.ErrUsernameTaken) {
					t.Errorf("%q: %v; there is voucher %d", v.Username, err, made[v.Username])
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	wantNames(t, db, made)
}

// TestLateKeyDamaged: whatever the key says, a start finds every name.
func TestLateKeyDamaged(t *testing.T) {
	opts, log := options(t.TempDir())
	db := open(t, opts)
	addVouchers(t, db, 0, maxLate+5)
	closeChecked(t, db)
	for name, value := range map[string][]byte{
		"missing": nil, "short": {1}, "too low": idKey(5), "too high": idKey(maxLate + 3), "far off": idKey(1 << 60),
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, opts)
			w, err := db.engine.begin()
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.apply(op{bktUsernames, []byte(lateKey), value}), w.commit()); err != nil {
				t.Fatal(err)
			}
			if err := db.Check(); err == nil {
				t.Error("the check does not see it")
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			*log = logged{}
			db = open(t, opts)
			if !strings.Contains(log.String(), "built anew") || db.Recovery() != nil {
				t.Errorf("log: %s", log)
			}
			wantNames(t, db, map[string]uint64{"K00000": 1, "K00256": maxLate + 1, "K00260": maxLate + 5})
			// As it was, for the next.
			n := uint64(0)
			look(t, db, func(r hotspot.Reader) error {
				vs, err := r.Vouchers(0, 1000)
				n = vs[len(vs)-1].ID
				return err
			})
			put(t, db, func(tx hotspot.Tx) error { return tx.PutVoucher(&hotspot.Voucher{Username: fmt.Sprint("more", n)}) })
			closeChecked(t, db)
		})
	}
}

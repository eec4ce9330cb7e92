package hotspottest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func txCases() storeCases {
	return storeCases{
		"tx/rollback":      testRollback,
		"tx/panic":         testPanic,
		"tx/own writes":    testOwnWrites,
		"tx/view error":    testViewError,
		"tx/context":       testContext,
		"tx/concurrent":    testConcurrent,
		"tx/one name":      testRaceForName,
		"tx/lost update":   testLostUpdate,
		"tx/consistent":    testConsistentView,
		"tx/caller's copy": testCopies,
	}
}

// fill writes one of everything.
func fill(tx hotspot.Tx, mac hotspot.MAC, name string) error {
	for _, err := range []error{
		tx.PutVoucher(&hotspot.Voucher{Username: name, Bound: []hotspot.MAC{mac}}),
		tx.PutUser(&hotspot.User{Method: hotspot.MethodFree, Key: name}),
		tx.PutSession(&hotspot.Session{Login: name, Started: day0()}),
		tx.PutDevice(hotspot.Device{MAC: mac, Login: name}),
		tx.PutSetting("who", name),
		tx.PutSecret("who", []byte(name)),
		tx.PutClockMark(hotspot.ClockMark{Boot: name}),
		tx.PutAudit(&hotspot.AuditRow{Subject: name}),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// onlyHas checks that the store holds what fill wrote once, and no more.
func onlyHas(t *testing.T, s hotspot.Store, mac hotspot.MAC, name string) {
	t.Helper()
	view(t, s, func(r hotspot.Reader) error {
		vs, err := r.Vouchers(0, 10)
		wantIDs(t, vs, err, voucherID, 1)
		vs, err = r.VouchersByMAC(mac)
		wantIDs(t, vs, err, voucherID, 1)
		us, err := r.Users(hotspot.MethodFree, 0, 10)
		wantIDs(t, us, err, userID, 1)
		ss, err := r.Sessions(0, 10)
		wantIDs(t, ss, err, sessionID, 1)
		ss, err = r.OpenSessions()
		wantIDs(t, ss, err, sessionID, 1)
		_, err = r.VoucherByUsername(name)
		wantErr(t, err, nil)
		_, err = r.UserByKey(hotspot.MethodFree, name)
		wantErr(t, err, nil)
		d, _ := r.Device(mac)
		set, _ := r.Settings()
		secret, _ := r.Secret("who")
		mark, _ := r.ClockMark()
		rows, err := r.Audit(0, 10)
		wantIDs(t, rows, err, auditID, 1)
		got := []string{vs[0].Username, us[0].Key, ss[0].Login, d.Login, set["who"], string(secret), mark.Boot, rows[0].Subject}
		for i, g := range got {
			if g != name {
				t.Errorf("value %d is %q, want %q", i, g, name)
			}
		}
		return nil
	})
}

func testRollback(t *testing.T, s hotspot.Store) {
	mac, other := hotspot.MAC{2, 1}, hotspot.MAC{2, 2}
	update(t, s, func(tx hotspot.Tx) error { return fill(tx, mac, "first") })
	var v hotspot.Voucher
	err := s.Update(t.Context(), func(tx hotspot.Tx) error {
		v.Username = "new"
		if err := tx.PutVoucher(&v); err != nil || v.ID != 2 {
			t.Errorf("id %d, %v", v.ID, err)
		}
		if err := fill(tx, other, "second"); err != nil {
			t.Error(err)
		}
		if err := fill(tx, mac, "third"); err != nil {
			t.Error(err)
		}
		first := hotspot.Voucher{ID: 1, Username: "renamed"}
		for _, err := range []error{
			tx.PutVoucher(&first), tx.DeleteVoucher(1), tx.DeleteUser(hotspot.MethodFree, 1),
			tx.DeleteDevice(mac), tx.DeleteSetting("who"),
			tx.PutSession(&hotspot.Session{ID: 1, Login: "x", Ended: day0()}),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		return errTest
	})
	wantErr(t, err, errTest)
	if v.ID != 0 {
		t.Errorf("the caller's voucher kept the id %d of a failed update", v.ID)
	}
	onlyHas(t, s, mac, "first")
	if ids := addVouchers(t, s, "next"); ids[0] != 2 {
		t.Errorf("next id is %d, want 2", ids[0])
	}
}

func testPanic(t *testing.T, s hotspot.Store) {
	mac := hotspot.MAC{2, 1}
	update(t, s, func(tx hotspot.Tx) error { return fill(tx, mac, "first") })
	func() {
		defer func() {
			if got := recover(); got != errTest {
				t.Errorf("recovered %v, want the panic of f", got)
			}
		}()
		_ = s.Update(t.Context(), func(tx hotspot.Tx) error {
			_ = fill(tx, hotspot.MAC{2, 2}, "second")
			panic(errTest)
		})
	}()
	onlyHas(t, s, mac, "first")
	update(t, s, func(tx hotspot.Tx) error { return tx.PutSetting("goes", "on") })
}

func testOwnWrites(t *testing.T, s hotspot.Store) {
	mac := hotspot.MAC{2, 1}
	update(t, s, func(tx hotspot.Tx) error {
		if err := fill(tx, mac, "here"); err != nil {
			return err
		}
		v, err := tx.VoucherByUsername("HERE")
		if err != nil || v.ID != 1 {
			t.Errorf("own voucher: %d, %v", v.ID, err)
		}
		vs, err := tx.VouchersByMAC(mac)
		wantIDs(t, vs, err, voucherID, 1)
		ss, err := tx.OpenSessions()
		wantIDs(t, ss, err, sessionID, 1)
		if err := tx.DeleteVoucher(1); err != nil {
			return err
		}
		_, err = tx.VoucherByUsername("here")
		wantErr(t, err, hotspot.ErrNotFound)
		return nil
	})
}

func testViewError(t *testing.T, s hotspot.Store) {
	wantErr(t, s.View(t.Context(), func(hotspot.Reader) error { return errTest }), errTest)
	update(t, s, func(tx hotspot.Tx) error { return tx.PutSetting("still", "works") })
}

func testContext(t *testing.T, s hotspot.Store) {
	ctx := ended(t)
	wantErr(t, s.View(ctx, func(hotspot.Reader) error { t.Error("ran"); return nil }), context.Canceled)
	wantErr(t, s.Update(ctx, func(hotspot.Tx) error { t.Error("ran"); return nil }), context.Canceled)
}

// testConcurrent runs many updates at once; every fifth fails after it wrote.
func testConcurrent(t *testing.T, s hotspot.Store) {
	const n = 50
	var wg sync.WaitGroup
	ids := make([]uint64, n)
	for i := range n {
		wg.Go(func() {
			v := hotspot.Voucher{Username: fmt.Sprintf("c%d", i)}
			err := s.Update(t.Context(), func(tx hotspot.Tx) error {
				if err := tx.PutVoucher(&v); err != nil {
					return err
				}
				if i%5 == 0 {
					return fmt.Errorf("number %d: %w", i, errTest)
				}
				return nil
			})
			if i%5 == 0 {
				wantErr(t, err, errTest)
			} else if err != nil {
				t.Errorf("number %d: %v", i, err)
			}
			ids[i] = v.ID
		})
	}
	wg.Wait()
	view(t, s, func(r hotspot.Reader) error {
		seen := map[uint64]bool{}
		for i, id := range ids {
			v, err := r.VoucherByUsername(fmt.Sprintf("c%d", i))
			if i%5 == 0 {
				wantErr(t, err, hotspot.ErrNotFound)
				if id != 0 {
					t.Errorf("number %d failed and has id %d", i, id)
				}
				continue
			}
			if err != nil || v.ID != id || seen[id] {
				t.Errorf("number %d: id %d, stored %d, %v", i, id, v.ID, err)
			}
			seen[id] = true
		}
		return nil
	})
}

// testRaceForName lets many updates want the same username: one gets it.
func testRaceForName(t *testing.T, s hotspot.Store) {
	const n = 20
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			errs[i] = s.Update(t.Context(), func(tx hotspot.Tx) error {
				if err := tx.PutSetting(fmt.Sprintf("try %d", i), "yes"); err != nil {
					return err
				}
				return tx.PutVoucher(&hotspot.Voucher{Username: "Wanted"})
			})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wantErr(t, err, hotspot.ErrUsernameTaken)
		}
	}
	view(t, s, func(r hotspot.Reader) error {
		vs, err := r.Vouchers(0, 10)
		set, _ := r.Settings()
		if won != 1 || len(vs) != 1 || len(set) != 1 {
			t.Errorf("%d won, %d vouchers, %d settings, want 1 each", won, len(vs), len(set))
		}
		return err
	})
}

// testLostUpdate counts in one record from many goroutines.
func testLostUpdate(t *testing.T, s hotspot.Store) {
	id := addVouchers(t, s, "counter")[0]
	const n, each = 8, 10
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for range each {
				update(t, s, func(tx hotspot.Tx) error {
					v, err := tx.Voucher(id)
					if err != nil {
						return err
					}
					v.Used.Down++
					return tx.PutVoucher(&v)
				})
			}
		})
	}
	wg.Wait()
	view(t, s, func(r hotspot.Reader) error {
		v, err := r.Voucher(id)
		if v.Used.Down != n*each {
			t.Errorf("counted %d, want %d", v.Used.Down, n*each)
		}
		return err
	})
}

// testConsistentView moves bytes between two vouchers while views add them up.
func testConsistentView(t *testing.T, s hotspot.Store) {
	ids := addVouchers(t, s, "from", "to")
	update(t, s, func(tx hotspot.Tx) error {
		v, err := tx.Voucher(ids[0])
		v.Used.Down = 100
		if err == nil {
			err = tx.PutVoucher(&v)
		}
		return err
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 50 {
			update(t, s, func(tx hotspot.Tx) error {
				a, err := tx.Voucher(ids[0])
				if err != nil {
					return err
				}
				b, err := tx.Voucher(ids[1])
				if err != nil {
					return err
				}
				a.Used.Down, b.Used.Down = a.Used.Down-1, b.Used.Down+1
				if err := tx.PutVoucher(&a); err != nil {
					return err
				}
				return tx.PutVoucher(&b)
			})
		}
	})
	for range 50 {
		view(t, s, func(r hotspot.Reader) error {
			vs, err := r.Vouchers(0, 2)
			if err == nil && vs[0].Used.Down+vs[1].Used.Down != 100 {
				t.Errorf("%d + %d is not 100", vs[0].Used.Down, vs[1].Used.Down)
			}
			return err
		})
	}
	wg.Wait()
}

// testCopies changes what was given and what was got: the store must not care.
func testCopies(t *testing.T, s hotspot.Store) {
	mac := hotspot.MAC{2, 1}
	v := hotspot.Voucher{Username: "x", Bound: []hotspot.MAC{mac}}
	update(t, s, func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
	v.Bound[0] = hotspot.MAC{9}
	for range 2 {
		view(t, s, func(r hotspot.Reader) error {
			got, err := r.Voucher(v.ID)
			if err != nil || len(got.Bound) != 1 || got.Bound[0] != mac {
				t.Fatalf("got %v, %v", got.Bound, err)
			}
			got.Bound[0] = hotspot.MAC{8}
			return nil
		})
	}
}

package hotspottest

import (
	"errors"
	"slices"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func voucherCases() storeCases {
	return storeCases{
		"voucher/crud":      testVoucherCRUD,
		"voucher/ids":       testVoucherIDs,
		"voucher/case":      testUsernameCase,
		"voucher/conflict":  testUsernameConflict,
		"voucher/unnamed":   testUnnamed,
		"voucher/mac":       testVouchersByMAC,
		"voucher/pages":     testVoucherPages,
		"voucher/scan":      testVoucherScan,
		"voucher/not found": testVoucherNotFound,
	}
}

func testVoucherCRUD(t *testing.T, s hotspot.Store) {
	id := addVouchers(t, s, "Alice")[0]
	update(t, s, func(tx hotspot.Tx) error {
		v, err := tx.Voucher(id)
		if err != nil {
			return err
		}
		v.Note, v.Used.Down = "seen", 77
		return tx.PutVoucher(&v)
	})
	view(t, s, func(r hotspot.Reader) error {
		v, err := r.Voucher(id)
		if v.ID != id || v.Username != "Alice" || v.Note != "seen" || v.Used.Down != 77 {
			t.Errorf("got %+v", v)
		}
		return err
	})
	update(t, s, func(tx hotspot.Tx) error { return tx.DeleteVoucher(id) })
	view(t, s, func(r hotspot.Reader) error {
		_, err := r.Voucher(id)
		wantErr(t, err, hotspot.ErrNotFound)
		_, err = r.VoucherByUsername("Alice")
		wantErr(t, err, hotspot.ErrNotFound)
		return nil
	})
	testVoucherPutBack(t, s, id)
}

// testVoucherPutBack puts a voucher that was deleted where it was.
func testVoucherPutBack(t *testing.T, s hotspot.Store, id uint64) {
	phone := hotspot.MAC{2, 0, 0, 0, 0, 1}
	later := addVouchers(t, s, "Berta")[0]
	update(t, s, func(tx hotspot.Tx) error {
		return tx.PutVoucher(&hotspot.Voucher{ID: id, Username: "Alice", Bound: []hotspot.MAC{phone}})
	})
	view(t, s, func(r hotspot.Reader) error {
		all, err := r.Vouchers(0, 10)
		if len(all) != 2 || all[0].ID != id || all[1].ID != later {
			t.Errorf("got %+v", all)
		}
		byMAC, err2 := r.VouchersByMAC(phone)
		byName, err3 := r.VoucherByUsername("ALICE")
		if len(byMAC) != 1 || byMAC[0].ID != id || byName.ID != id {
			t.Errorf("by MAC %+v, by name %+v", byMAC, byName)
		}
		return errors.Join(err, err2, err3)
	})
}

func testVoucherIDs(t *testing.T, s hotspot.Store) {
	ids := addVouchers(t, s, "a", "b")
	if ids[0] != 1 || ids[1] != 2 {
		t.Errorf("first ids are %v, want 1 and 2", ids)
	}
	update(t, s, func(tx hotspot.Tx) error { return tx.DeleteVoucher(2) })
	if ids = addVouchers(t, s, "c"); ids[0] != 3 {
		t.Errorf("id %d after deleting 2, want 3: ids are never given twice", ids[0])
	}
	update(t, s, func(tx hotspot.Tx) error {
		return tx.PutVoucher(&hotspot.Voucher{ID: 10, Username: "ten"})
	})
	if ids = addVouchers(t, s, "d"); ids[0] != 11 {
		t.Errorf("id %d after putting 10, want 11", ids[0])
	}
	update(t, s, func(tx hotspot.Tx) error { // other kinds count on their own
		u := hotspot.User{Method: hotspot.MethodFree, Key: "k"}
		e := hotspot.User{Method: hotspot.MethodEmail, Key: "k"}
		ss := hotspot.Session{Started: day0()}
		for _, err := range []error{tx.PutUser(&u), tx.PutUser(&e), tx.PutSession(&ss)} {
			if err != nil {
				return err
			}
		}
		if u.ID != 1 || e.ID != 1 || ss.ID != 1 {
			t.Errorf("free %d, email %d, session %d, want 1 each", u.ID, e.ID, ss.ID)
		}
		return nil
	})
}

func testUsernameCase(t *testing.T, s hotspot.Store) {
	pairs := [][2]string{
		{"Alice", "aLICE"}, {"ÄRGER", "ärger"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"\u212Aelvin", "kelvin"},
		{"Чай", "чАЙ"}, {"ⅷ", "Ⅷ"}, {"a b", "A B"}, {"😀x", "😀X"},
	}
	for _, p := range pairs {
		id := addVouchers(t, s, p[0])[0]
		view(t, s, func(r hotspot.Reader) error {
			for _, name := range p {
				if v, err := r.VoucherByUsername(name); err != nil || v.ID != id || v.Username != p[0] {
					t.Errorf("by %q: %d %q, %v; want %d %q", name, v.ID, v.Username, err, id, p[0])
				}
			}
			return nil
		})
	}
	// A rename frees the old name, and may change only the case.
	id := addVouchers(t, s, "before")[0]
	for _, name := range []string{"BEFORE", "after"} {
		update(t, s, func(tx hotspot.Tx) error {
			v, err := tx.Voucher(id)
			if err != nil {
				return err
			}
			v.Username = name
			return tx.PutVoucher(&v)
		})
	}
	view(t, s, func(r hotspot.Reader) error {
		_, err := r.VoucherByUsername("before")
		wantErr(t, err, hotspot.ErrNotFound)
		v, err := r.VoucherByUsername("AFTER")
		if v.ID != id || v.Username != "after" {
			t.Errorf("got %+v", v)
		}
		return err
	})
	addVouchers(t, s, "Before")
}

func testUsernameConflict(t *testing.T, s hotspot.Store) {
	ids := addVouchers(t, s, "one", "two")
	put := func(v hotspot.Voucher) error {
		return s.Update(t.Context(), func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
	}
	wantErr(t, put(hotspot.Voucher{Username: "ONE"}), hotspot.ErrUsernameTaken)
	wantErr(t, put(hotspot.Voucher{ID: ids[1], Username: "One"}), hotspot.ErrUsernameTaken)
	err := s.Update(t.Context(), func(tx hotspot.Tx) error { // inside one transaction
		if err := tx.PutVoucher(&hotspot.Voucher{Username: "three"}); err != nil {
			return err
		}
		return tx.PutVoucher(&hotspot.Voucher{Username: "Three"})
	})
	wantErr(t, err, hotspot.ErrUsernameTaken)
	update(t, s, func(tx hotspot.Tx) error { // a refused put changes nothing
		wantErr(t, tx.PutVoucher(&hotspot.Voucher{ID: ids[1], Username: "one", Note: "x"}), hotspot.ErrUsernameTaken)
		v, err := tx.VoucherByUsername("two")
		if v.Note != "" {
			t.Errorf("a refused put changed the voucher: %+v", v)
		}
		return err
	})
	update(t, s, func(tx hotspot.Tx) error { // deleting and renaming free a name at once
		if err := tx.DeleteVoucher(ids[0]); err != nil {
			return err
		}
		if err := tx.PutVoucher(&hotspot.Voucher{ID: ids[1], Username: "One"}); err != nil {
			return err
		}
		return tx.PutVoucher(&hotspot.Voucher{Username: "two"})
	})
	view(t, s, func(r hotspot.Reader) error {
		vs, err := r.Vouchers(0, 9)
		wantIDs(t, vs, err, voucherID, ids[1], ids[1]+1)
		return nil
	})
}

func testUnnamed(t *testing.T, s hotspot.Store) {
	addVouchers(t, s, "", "")
	update(t, s, func(tx hotspot.Tx) error {
		for range 2 {
			if err := tx.PutUser(&hotspot.User{Method: hotspot.MethodFree}); err != nil {
				return err
			}
		}
		_, err := tx.VoucherByUsername("")
		wantErr(t, err, hotspot.ErrNotFound)
		_, err = tx.UserByKey(hotspot.MethodFree, "")
		wantErr(t, err, hotspot.ErrNotFound)
		return nil
	})
}

func testVouchersByMAC(t *testing.T, s hotspot.Store) {
	m1, m2, m3 := hotspot.MAC{2, 1}, hotspot.MAC{2, 2}, hotspot.MAC{2, 1, 0, 0, 0, 1}
	ids := addVouchers(t, s, "a", "b", "c")
	bind := func(id uint64, macs ...hotspot.MAC) {
		update(t, s, func(tx hotspot.Tx) error {
			v, err := tx.Voucher(id)
			if err != nil {
				return err
			}
			v.Bound = macs
			return tx.PutVoucher(&v)
		})
	}
	check := func(m hotspot.MAC, want ...uint64) {
		t.Helper()
		view(t, s, func(r hotspot.Reader) error {
			vs, err := r.VouchersByMAC(m)
			wantIDs(t, vs, err, voucherID, want...)
			return nil
		})
	}
	check(m1)
	bind(ids[2], m1)
	bind(ids[0], m2, m1)
	bind(ids[1], m3)
	check(m1, ids[0], ids[2])
	check(m2, ids[0])
	check(m3, ids[1])
	bind(ids[0], m3) // another device instead
	check(m1, ids[2])
	check(m2)
	check(m3, ids[0], ids[1])
	bind(ids[0])
	check(m3, ids[1])
	update(t, s, func(tx hotspot.Tx) error { return tx.DeleteVoucher(ids[1]) })
	check(m3)
}

func testVoucherPages(t *testing.T, s hotspot.Store) {
	ids := addVouchers(t, s, numbered(25)...)
	view(t, s, func(r hotspot.Reader) error {
		var after uint64
		var seen []hotspot.Voucher
		for {
			page, err := r.Vouchers(after, 10)
			if err != nil || len(page) > 10 {
				t.Fatalf("a page of %d rows, error %v", len(page), err)
			}
			if len(page) == 0 {
				break
			}
			seen = append(seen, page...)
			after = page[len(page)-1].ID
		}
		wantIDs(t, seen, nil, voucherID, ids...)
		vs, err := r.Vouchers(0, 0)
		wantIDs(t, vs, err, voucherID)
		vs, err = r.Vouchers(0, 1_000_000)
		wantIDs(t, vs, err, voucherID, ids...)
		vs, err = r.Vouchers(^uint64(0), 10)
		wantIDs(t, vs, err, voucherID)
		return nil
	})
}

func testVoucherScan(t *testing.T, s hotspot.Store) {
	ids := addVouchers(t, s, numbered(9)...)
	update(t, s, func(tx hotspot.Tx) error { return tx.DeleteVoucher(ids[4]) })
	ids = append(ids[:4:4], ids[5:]...)
	down := slices.Clone(ids)
	slices.Reverse(down)
	for _, tc := range []struct {
		name string
		from uint64
		down bool
		most int
		want []uint64
	}{
		{"all", 0, false, 100, ids},
		{"all, down", 0, true, 100, down},
		{"from one on", ids[2], false, 100, ids[2:]},
		{"from one down", ids[2], true, 100, down[5:]},
		{"from one that is gone", ids[3] + 1, false, 100, ids[4:]},
		{"down from one that is gone", ids[3] + 1, true, 100, down[4:]},
		{"three", 0, false, 3, ids[:3]},
		{"three, down", 0, true, 3, down[:3]},
		{"beyond the last", ids[7] + 1, false, 100, nil},
		{"from beyond the last down", ids[7] + 100, true, 100, down},
		{"from the end of numbers", ^uint64(0), false, 100, nil},
		{"from the end of numbers down", ^uint64(0), true, 2, down[:2]},
	} {
		var got []hotspot.Voucher
		err := s.View(t.Context(), func(r hotspot.Reader) error {
			return r.ScanVouchers(tc.from, tc.down, func(v *hotspot.Voucher) (bool, error) {
				whole, err := r.Voucher(v.ID)
				same(t, *v, whole)
				got = append(got, *v)
				return len(got) < tc.most, err
			})
		})
		t.Run(tc.name, func(t *testing.T) { wantIDs(t, got, err, voucherID, tc.want...) })
	}
	err := s.View(t.Context(), func(r hotspot.Reader) error {
		return r.ScanVouchers(0, false, func(*hotspot.Voucher) (bool, error) { return true, errTest })
	})
	wantErr(t, err, errTest)
}

func testVoucherNotFound(t *testing.T, s hotspot.Store) {
	update(t, s, func(tx hotspot.Tx) error {
		_, err := tx.Voucher(0)
		wantErr(t, err, hotspot.ErrNotFound)
		_, err = tx.Voucher(5)
		wantErr(t, err, hotspot.ErrNotFound)
		_, err = tx.VoucherByUsername("nobody")
		wantErr(t, err, hotspot.ErrNotFound)
		wantErr(t, tx.DeleteVoucher(5), hotspot.ErrNotFound)
		return nil
	})
}

func userCases() storeCases {
	return storeCases{
		"user/crud": testUserCRUD,
		"user/scan": testUserScan,
		"user/key":  testUserKeys,
	}
}

func testUserCRUD(t *testing.T, s hotspot.Store) {
	var ids []uint64
	update(t, s, func(tx hotspot.Tx) error {
		ids = nil
		for _, k := range []string{"a@example.org", "b@example.org", "c@example.org"} {
			u := hotspot.User{Method: hotspot.MethodEmail, Key: k}
			if err := tx.PutUser(&u); err != nil {
				return err
			}
			ids = append(ids, u.ID)
		}
		f := hotspot.User{Method: hotspot.MethodFree, Key: "a@example.org"}
		return tx.PutUser(&f)
	})
	update(t, s, func(tx hotspot.Tx) error { return tx.DeleteUser(hotspot.MethodEmail, ids[1]) })
	update(t, s, func(tx hotspot.Tx) error {
		us, err := tx.Users(hotspot.MethodEmail, 0, 10)
		wantIDs(t, us, err, userID, ids[0], ids[2])
		us, err = tx.Users(hotspot.MethodEmail, ids[0], 10)
		wantIDs(t, us, err, userID, ids[2])
		us, err = tx.Users(hotspot.MethodEmail, 0, 1)
		wantIDs(t, us, err, userID, ids[0])
		us, err = tx.Users(hotspot.MethodFree, 0, 10)
		wantIDs(t, us, err, userID, 1)
		us, err = tx.Users(hotspot.MethodFacebook, 0, 10)
		wantIDs(t, us, err, userID)
		_, err = tx.User(hotspot.MethodEmail, ids[1])
		wantErr(t, err, hotspot.ErrNotFound)
		_, err = tx.UserByKey(hotspot.MethodEmail, "b@example.org")
		wantErr(t, err, hotspot.ErrNotFound)
		wantErr(t, tx.DeleteUser(hotspot.MethodEmail, ids[1]), hotspot.ErrNotFound)
		wantErr(t, tx.DeleteUser(hotspot.MethodMobile, 1), hotspot.ErrNotFound)
		return nil
	})
}

func testUserKeys(t *testing.T, s hotspot.Store) {
	update(t, s, func(tx hotspot.Tx) error {
		u := hotspot.User{Method: hotspot.MethodMobile, Key: "15559876543"}
		if err := tx.PutUser(&u); err != nil {
			return err
		}
		u.Key, u.Visits = "15550000000", 2 // the same user, another number
		if err := tx.PutUser(&u); err != nil {
			return err
		}
		_, err := tx.UserByKey(hotspot.MethodMobile, "15559876543")
		wantErr(t, err, hotspot.ErrNotFound)
		got, err := tx.UserByKey(hotspot.MethodMobile, "15550000000")
		if got.ID != u.ID || got.Visits != 2 {
			t.Errorf("got %+v", got)
		}
		_, other := tx.UserByKey(hotspot.MethodEmail, "15550000000")
		wantErr(t, other, hotspot.ErrNotFound)
		wantErr(t, tx.PutUser(&hotspot.User{Method: hotspot.MethodMobile, Key: "15550000000"}), hotspot.ErrInvalid)
		wantErr(t, tx.PutUser(&hotspot.User{Key: "x"}), hotspot.ErrInvalid)
		return err
	})
}

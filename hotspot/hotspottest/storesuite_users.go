package hotspottest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// testUserScan: a scan sees the users of one method, between those of others.
func testUserScan(t *testing.T, s hotspot.Store) {
	var ids []uint64
	update(t, s, func(tx hotspot.Tx) error {
		ids = ids[:0]
		for i := range 7 {
			for _, m := range []hotspot.Method{hotspot.MethodEmail, hotspot.MethodFree, hotspot.MethodMobile} {
				u := hotspot.User{Method: m, Key: fmt.Sprint(i)}
				if err := tx.PutUser(&u); err != nil {
					return err
				}
				if m == hotspot.MethodFree {
					ids = append(ids, u.ID)
				}
			}
		}
		return tx.DeleteUser(hotspot.MethodFree, ids[3])
	})
	ids = slices.Delete(ids, 3, 4)
	down := slices.Clone(ids)
	slices.Reverse(down)
	for _, tc := range []struct {
		name   string
		method hotspot.Method
		from   uint64
		down   bool
		most   int
		want   []uint64
	}{
		{"all", hotspot.MethodFree, 0, false, 100, ids},
		{"all, down", hotspot.MethodFree, 0, true, 100, down},
		{"from one on", hotspot.MethodFree, ids[2], false, 100, ids[2:]},
		{"from one down", hotspot.MethodFree, ids[2], true, 100, down[3:]},
		{"from one that is gone", hotspot.MethodFree, ids[2] + 1, false, 100, ids[3:]},
		{"down from one that is gone", hotspot.MethodFree, ids[2] + 1, true, 100, down[3:]},
		{"two, down", hotspot.MethodFree, 0, true, 2, down[:2]},
		{"beyond the last", hotspot.MethodFree, ids[5] + 1, false, 100, nil},
		{"from beyond the last down", hotspot.MethodFree, ids[5] + 9, true, 100, down},
		{"from the end of numbers down", hotspot.MethodFree, ^uint64(0), true, 1, down[:1]},
		{"nobody", hotspot.MethodFacebook, 0, true, 100, nil},
		{"no method", "", 0, false, 100, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []uint64
			view(t, s, func(r hotspot.Reader) error {
				return r.ScanUsers(tc.method, tc.from, tc.down, func(u *hotspot.User) (bool, error) {
					whole, err := r.User(tc.method, u.ID)
					same(t, *u, whole)
					got = append(got, u.ID)
					return len(got) < tc.most, err
				})
			})
			same(t, got, tc.want)
		})
	}
	wantErr(t, s.View(t.Context(), func(r hotspot.Reader) error {
		return r.ScanUsers(hotspot.MethodFree, 0, false, func(*hotspot.User) (bool, error) { return true, errTest })
	}), errTest)
}

package hotspot_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// fillLog stores n closed logins, one a minute, and returns the time after them.
func (h *house) fillLog(n int) time.Time {
	h.t.Helper()
	err := h.store.Update(h.t.Context(), func(tx hotspot.Tx) error {
		u := hotspot.User{Method: hotspot.MethodEmail, Key: "zoë@example.org", Name: "Zoë"}
		v := hotspot.Voucher{Username: "K7", FullName: "Amber Falcon"}
		if err := tx.PutUser(&u); err != nil {
			return err
		}
		if err := tx.PutVoucher(&v); err != nil {
			return err
		}
		for i := range n {
			at := start.Add(time.Duration(i) * time.Minute)
			x := hotspot.Session{Account: v.Account(), Login: "K7", MAC: hotspot.MAC{2, 0, 0, 9, byte(i >> 8), byte(i)},
				Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}, Started: at, Ended: at.Add(time.Minute)}
			if i%100 == 7 {
				x.Account, x.Login = u.Account(), u.Key
			}
			if err := tx.PutSession(&x); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return start.Add(time.Duration(n) * time.Minute)
}

// allLogins reads every page of a query, and how many there were.
func (h *house) allLogins(q hotspot.LoginQuery) (ids []uint64, pages int) {
	h.t.Helper()
	for {
		found, err := h.FindLogins(h.t.Context(), q)
		if err != nil {
			h.t.Fatal(err)
		}
		pages++
		for _, x := range found.Logins {
			ids = append(ids, x.ID)
		}
		if found.Next == 0 {
			return ids, pages
		}
		if q.Before != 0 && found.Next >= q.Before {
			h.t.Fatalf("the page after %d is %d", q.Before, found.Next)
		}
		q.Before = found.Next
	}
}

func TestFindLogins(t *testing.T) {
	h := newHouse(t)
	h.fillLog(3000)
	mac := hotspot.MAC{2, 0, 0, 9, 4, 1} // the 1026th
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Minute) }
	for name, tc := range map[string]struct {
		q    hotspot.LoginQuery
		n    int
		last uint64 // the oldest one
	}{
		"all":            {hotspot.LoginQuery{}, 3000, 1},
		"a method":       {hotspot.LoginQuery{Method: hotspot.MethodEmail}, 30, 8},
		"an account":     {hotspot.LoginQuery{Account: hotspot.AccountID{Method: hotspot.MethodEmail, ID: 1}}, 30, 8},
		"another":        {hotspot.LoginQuery{Account: hotspot.AccountID{Method: hotspot.MethodEmail, ID: 2}}, 0, 0},
		"a device":       {hotspot.LoginQuery{MAC: mac}, 1, 1026},
		"since":          {hotspot.LoginQuery{Since: at(2990)}, 10, 2991},
		"until":          {hotspot.LoginQuery{Until: at(10)}, 10, 1},
		"a day of it":    {hotspot.LoginQuery{Since: at(100), Until: at(110)}, 10, 101},
		"a login":        {hotspot.LoginQuery{Text: "ZOË@"}, 30, 8},
		"a full name":    {hotspot.LoginQuery{Text: "amber f"}, 2970, 1},
		"a user's name":  {hotspot.LoginQuery{Text: "zoë"}, 30, 8},
		"a MAC":          {hotspot.LoginQuery{Text: "09:04:01"}, 1, 1026},
		"a MAC, hyphens": {hotspot.LoginQuery{Text: "02-00-00-09-04-01"}, 1, 1026},
		"an address":     {hotspot.LoginQuery{Text: "10.0.4.1"}, 1 + 10 + 100 - 11, 1026},
		"nothing":        {hotspot.LoginQuery{Text: "<script>"}, 0, 0},
		"a match":        {hotspot.LoginQuery{Match: func(x *hotspot.Session) bool { return x.ID%1000 == 0 }}, 3, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			for _, limit := range []int{7, 1000} {
				for _, scan := range []int{0, 600} {
					q := tc.q
					q.Limit, q.Scan = limit, scan
					ids, _ := h.allLogins(q)
					if name == "an address" { // 10.0.4.1 and 10.0.4.1x, 10.0.4.1xx
						tc.n = len(ids)
						if len(ids) < 50 {
							t.Errorf("%d logins", len(ids))
						}
					}
					if len(ids) != tc.n || tc.n > 0 && ids[tc.n-1] != tc.last || !slices.IsSortedFunc(ids, func(a, b uint64) int { return int(b) - int(a) }) {
						t.Errorf("limit %d, scan %d: %d logins, want %d", limit, scan, len(ids), tc.n)
					}
				}
			}
		})
	}
}

func TestFindLoginsStops(t *testing.T) {
	h := newHouse(t)
	end := h.fillLog(3000)
	found, err := h.FindLogins(t.Context(), hotspot.LoginQuery{Text: "nobody", Limit: 10, Scan: 500})
	if err != nil || found.Next != 2501 || !found.Back.Equal(start.Add(2500*time.Minute)) {
		t.Errorf("%+v, %v", found, err)
	}
	// What is older than asked for is not looked at for long.
	if _, pages := h.allLogins(hotspot.LoginQuery{Since: end, Limit: 10, Scan: 1500}); pages != 1 {
		t.Errorf("%d pages", pages)
	}
	// A page that is just full tells that it was the last.
	if _, pages := h.allLogins(hotspot.LoginQuery{Method: hotspot.MethodEmail, Limit: 30}); pages != 1 {
		t.Errorf("%d pages", pages)
	}
	for _, q := range []hotspot.LoginQuery{{}, {Limit: 1001}, {Limit: 1, Text: "\xff"}, {Limit: 1, Text: strings.Repeat("x", 2000)}} {
		if _, err := h.FindLogins(t.Context(), q); hotspot.CodeOf(err) != hotspot.CodeInvalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if found, err := h.FindLogins(t.Context(), hotspot.LoginQuery{Limit: 1}); err != nil || found.Logins[0].Name != "Amber Falcon" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestFindUsers(t *testing.T) {
	h := newHouse(t)
	err := h.store.Update(t.Context(), func(tx hotspot.Tx) error {
		for i := range 60 {
			u := hotspot.User{Method: hotspot.MethodMobile, Key: fmt.Sprintf("1555%04d", i), Name: "N" + strings.Repeat("x", i%3),
				Created: start, LastLogin: start.Add(time.Duration(i*7%60) * time.Hour), Visits: uint64(i % 5), MAC: hotspot.MAC{2, 0, 0, 0, 0, byte(i)}}
			u.Comments[2] = fmt.Sprintf("Room %d", i%10)
			if i%20 == 0 {
				u.LastLogin = time.Time{}
			}
			if err := tx.PutUser(&u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := func(q hotspot.UserQuery) (keys []string) {
		t.Helper()
		for {
			found, next, err := h.FindUsers(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range found {
				keys = append(keys, u.Key)
			}
			if next == nil {
				return keys
			}
			q.After = *next
		}
	}
	for _, order := range append(hotspot.UserOrders(), "") {
		var want []string
		for _, limit := range []int{60, 7} {
			up := all(hotspot.UserQuery{Method: hotspot.MethodMobile, Order: order, Limit: limit})
			down := all(hotspot.UserQuery{Method: hotspot.MethodMobile, Order: order, Limit: limit, Descending: true})
			slices.Reverse(down)
			if want == nil {
				want = up
			}
			if len(up) != 60 || !slices.Equal(up, want) || !slices.Equal(down, want) {
				t.Errorf("%s, %d at a time:\n%v\n%v", order, limit, up, down)
			}
		}
	}
	for text, want := range map[string]int{"": 60, "15550007": 1, "+1 (555) 000-7": 1, "١٥٥٥٠٠٠٧": 1, "room 3": 6, "nXX": 20, "02:00:00:00:00:0a": 1, "nobody": 0} {
		if got := all(hotspot.UserQuery{Method: hotspot.MethodMobile, Text: text, Limit: 9}); len(got) != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, q := range []hotspot.UserQuery{{Method: hotspot.MethodVoucher, Limit: 1}, {Method: hotspot.MethodFree}, {Method: hotspot.MethodFree, Limit: 1, Order: "x"}} {
		if _, _, err := h.FindUsers(t.Context(), q); hotspot.CodeOf(err) != hotspot.CodeInvalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

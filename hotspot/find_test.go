package hotspot_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// findHouse is a service with vouchers of many kinds.
func findHouse(t *testing.T, n int) (*hotspottest.Store, *hotspot.Service) {
	t.Helper()
	h := newHouse(t)
	st, s := h.store, h.Service
	rnd := rand.New(rand.NewPCG(1, 2))
	base := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	err := st.Update(t.Context(), func(tx hotspot.Tx) error {
		for i := range n {
			v := hotspot.Voucher{Username: fmt.Sprintf("%c%03d", "aBcD"[rnd.IntN(4)], i), FullName: "Guest", Note: []string{"Room 7", "room 8", "ÄRGER"}[rnd.IntN(3)],
				Created: base, Disabled: i%5 == 0}
			if rnd.IntN(2) == 0 {
				v.LastUse = base.Add(time.Duration(rnd.IntN(50)) * time.Minute)
				v.Started, v.ValidFor = v.LastUse, hotspot.Validity(time.Duration(rnd.IntN(3))*time.Hour)
			}
			if err := tx.PutVoucher(&v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return st, s
}

// allOf reads a query page by page.
func allOf(t *testing.T, s *hotspot.Service, q hotspot.VoucherQuery, between func()) []hotspot.VoucherView {
	t.Helper()
	var out []hotspot.VoucherView
	for {
		page, next, err := s.FindVouchers(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page...)
		if next == nil {
			return out
		}
		if len(page) != q.Limit {
			t.Fatalf("a page of %d with more behind it", len(page))
		}
		q.After = *next
		if between != nil {
			between()
		}
	}
}

func nameOf(v hotspot.VoucherView) string { return v.Username }

// TestFindVouchersOrders holds every order and page size against a sort of all.
func TestFindVouchersOrders(t *testing.T) {
	_, s := findHouse(t, 203)
	all := allOf(t, s, hotspot.VoucherQuery{Limit: hotspot.MaxFind}, nil)
	if len(all) != 203 {
		t.Fatalf("%d vouchers", len(all))
	}
	never := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	by := map[hotspot.VoucherOrder]func(a, b hotspot.VoucherView) int{
		hotspot.ByCreated: func(a, b hotspot.VoucherView) int { return 0 },
		hotspot.ByUsername: func(a, b hotspot.VoucherView) int {
			return cmp.Compare(strings.ToLower(a.Username), strings.ToLower(b.Username))
		},
		hotspot.ByLastUse: func(a, b hotspot.VoucherView) int { return a.LastUse.Compare(b.LastUse) },
		hotspot.ByExpiry: func(a, b hotspot.VoucherView) int {
			end := func(v hotspot.VoucherView) time.Time {
				if v.ExpiresAt.IsZero() {
					return never
				}
				return v.ExpiresAt
			}
			return end(a).Compare(end(b))
		},
	}
	for order, compare := range by {
		want := slices.Clone(all)
		slices.SortFunc(want, func(a, b hotspot.VoucherView) int { return cmp.Or(compare(a, b), cmp.Compare(a.ID, b.ID)) })
		for _, limit := range []int{1, 7, 203, 1000} {
			up := allOf(t, s, hotspot.VoucherQuery{Order: order, Limit: limit}, nil)
			down := allOf(t, s, hotspot.VoucherQuery{Order: order, Limit: limit, Descending: true}, nil)
			slices.Reverse(down)
			if !slices.EqualFunc(up, want, func(a, b hotspot.VoucherView) bool { return a.ID == b.ID }) {
				t.Errorf("by %s, %d at a time", order, limit)
			}
			if !slices.EqualFunc(down, want, func(a, b hotspot.VoucherView) bool { return a.ID == b.ID }) {
				t.Errorf("by %s, downwards, %d at a time", order, limit)
			}
		}
	}
}

func TestFindVouchersText(t *testing.T) {
	_, s := findHouse(t, 100)
	for text, has := range map[string]func(hotspot.VoucherView) bool{
		"ROOM 7": func(v hotspot.VoucherView) bool { return v.Note == "Room 7" },
		"oom":    func(v hotspot.VoucherView) bool { return v.Note != "ÄRGER" },
		"ärg":    func(v hotspot.VoucherView) bool { return v.Note == "ÄRGER" },
		"guest":  func(hotspot.VoucherView) bool { return true },
		"b0":     func(v hotspot.VoucherView) bool { return strings.HasPrefix(v.Username, "B0") },
		"nobody": func(hotspot.VoucherView) bool { return false },
		"9":      func(v hotspot.VoucherView) bool { return strings.Contains(v.Username, "9") },
	} {
		want := slices.DeleteFunc(allOf(t, s, hotspot.VoucherQuery{Limit: 1000}, nil), func(v hotspot.VoucherView) bool { return !has(v) })
		for _, order := range hotspot.VoucherOrders() {
			got := allOf(t, s, hotspot.VoucherQuery{Text: text, Limit: 3, Order: order}, nil)
			slices.SortFunc(got, func(a, b hotspot.VoucherView) int { return cmp.Compare(a.ID, b.ID) })
			if !slices.EqualFunc(got, want, func(a, b hotspot.VoucherView) bool { return a.ID == b.ID }) {
				t.Errorf("%q by %s: %d vouchers, want %d", text, order, len(got), len(want))
			}
		}
	}
	off := allOf(t, s, hotspot.VoucherQuery{Limit: 10, Match: func(v *hotspot.VoucherView) bool { return v.Status == hotspot.VoucherDisabled }}, nil)
	if len(off) != 20 {
		t.Errorf("%d vouchers are disabled: %v", len(off), off)
	}
}

// TestFindVouchersStable: vouchers made and removed between two pages make no
// other appear twice or not at all.
func TestFindVouchersStable(t *testing.T) {
	for _, order := range hotspot.VoucherOrders() {
		for _, down := range []bool{false, true} {
			st, s := findHouse(t, 60)
			rnd := rand.New(rand.NewPCG(3, 4))
			kept := map[string]bool{}
			for _, v := range allOf(t, s, hotspot.VoucherQuery{Limit: 1000}, nil) {
				kept[v.Username] = true
			}
			n := 0
			got := allOf(t, s, hotspot.VoucherQuery{Order: order, Descending: down, Limit: 7}, func() {
				n++
				if err := st.Update(t.Context(), func(tx hotspot.Tx) error {
					id := uint64(rnd.IntN(60) + 1)
					if v, err := tx.Voucher(id); err == nil {
						delete(kept, v.Username)
						if err := tx.DeleteVoucher(id); err != nil {
							return err
						}
					}
					return tx.PutVoucher(&hotspot.Voucher{Username: fmt.Sprintf("new%d", n)})
				}); err != nil {
					t.Fatal(err)
				}
			})
			seen := map[string]int{}
			for _, v := range got {
				seen[nameOf(v)]++
			}
			for name := range kept {
				if seen[name] != 1 {
					t.Errorf("by %s, down %v: %s appears %d times", order, down, name, seen[name])
				}
			}
			for name, times := range seen {
				if times > 1 {
					t.Errorf("by %s, down %v: %s appears %d times", order, down, name, times)
				}
			}
		}
	}
}

func TestFindVouchersBounds(t *testing.T) {
	_, s := findHouse(t, 1)
	for _, q := range []hotspot.VoucherQuery{
		{}, {Limit: hotspot.MaxFind + 1}, {Limit: 1, Order: "passcode"}, {Limit: 1, Text: "\xff"}, {Limit: 1, Text: strings.Repeat("x", 1001)},
	} {
		if _, _, err := s.FindVouchers(t.Context(), q); !errors.Is(err, hotspot.ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

package hotspot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestVoucherPages turns every page of every order, there and back, and holds it
// against the whole list.
func TestVoucherPages(t *testing.T) {
	h := newHouse(t)
	for i := range 23 {
		h.voucher(hotspot.VoucherSpec{Username: fmt.Sprintf("u%02d", i*7%23), Note: strings.Repeat("x", i%3), ValidFor: hours(1 + i%4)})
		if i%2 == 0 {
			h.login(h.device(byte(i)), h.view(hotspot.Voucher{Username: fmt.Sprintf("u%02d", i*7%23)}).Voucher)
		}
		h.clock.Pass(time.Minute)
	}
	for _, order := range append(hotspot.VoucherOrders(), "") {
		for _, down := range []bool{false, true} {
			for _, text := range []string{"", "x"} {
				for _, size := range []int{3, 11} {
					q := hotspot.VoucherQuery{Order: order, Descending: down, Text: text, Limit: size, CountTo: 1000}
					h.turn(q)
				}
			}
		}
	}
}

// names are those of a page.
func names(vs []hotspot.VoucherView) (out []string) {
	for _, v := range vs {
		out = append(out, v.Username)
	}
	return out
}

// turn reads a list page by page to its end, and back to its beginning.
func (h *house) turn(q hotspot.VoucherQuery) {
	h.t.Helper()
	whole := q
	whole.Limit, whole.CountTo = hotspot.MaxFind, 0
	all, _, err := h.FindVouchers(h.t.Context(), whole)
	if err != nil {
		h.t.Fatal(err)
	}
	want := strings.Join(names(all), " ")
	page := func() hotspot.VoucherPage {
		h.t.Helper()
		p, err := h.VoucherPage(h.t.Context(), q)
		if err != nil || p.Count != len(all) {
			h.t.Fatalf("%+v: %d counted of %d, %v", q, p.Count, len(all), err)
		}
		return p
	}
	p := page()
	got := names(p.Vouchers)
	for p.Next != nil {
		q.After = *p.Next
		p = page()
		got = append(got, names(p.Vouchers)...)
	}
	if s := strings.Join(got, " "); s != want {
		h.t.Errorf("%+v there:\n%s\nwant\n%s", q, s, want)
	}
	got = names(p.Vouchers)
	for p.Previous != nil {
		q.After, q.Before = hotspot.VoucherPlace{}, *p.Previous
		p = page()
		got = append(names(p.Vouchers), got...)
	}
	if s := strings.Join(got, " "); s != want {
		h.t.Errorf("%+v back:\n%s\nwant\n%s", q, s, want)
	}
}

// TestVoucherPageAtTheEdges: what a page lay beside may be gone.
func TestVoucherPageAtTheEdges(t *testing.T) {
	h := newHouse(t)
	a, b := h.voucher(hotspot.VoucherSpec{Username: "a"}), h.voucher(hotspot.VoucherSpec{Username: "b"})
	p, err := h.VoucherPage(t.Context(), hotspot.VoucherQuery{Limit: 5, Before: hotspot.VoucherPlace{ID: a.ID}, CountTo: 1})
	if err != nil || len(p.Vouchers) != 2 || p.Previous != nil || p.Next != nil || p.Count != 1 {
		t.Errorf("before the first: %+v, %v", p, err)
	}
	p, err = h.VoucherPage(t.Context(), hotspot.VoucherQuery{Limit: 5, After: hotspot.VoucherPlace{ID: b.ID}})
	if err != nil || len(p.Vouchers) != 0 || p.Previous == nil || p.Next != nil {
		t.Errorf("after the last: %+v, %v", p, err)
	}
	if p, err = h.VoucherPage(t.Context(), hotspot.VoucherQuery{Limit: 5, Before: *p.Previous}); err != nil || len(p.Vouchers) != 1 || p.Vouchers[0].Username != "a" {
		t.Errorf("back: %+v, %v", p, err)
	}
	if _, err := h.VoucherPage(t.Context(), hotspot.VoucherQuery{Limit: 0}); err == nil {
		t.Error("a page without rows")
	}
}

package hotspot

import (
	"context"
	"slices"
)

// VoucherPage is a page of vouchers that can be turned either way.
type VoucherPage struct {
	Vouchers []VoucherView
	// Previous goes into the query's Before and Next into its After; nil: there
	// are no more that way.
	Previous, Next *VoucherPlace
	// Count is how many vouchers were found in all, up to the query's CountTo.
	Count int
}

// VoucherPage returns a page of the vouchers that a query asks for, as
// [Service.FindVouchers] does, with the ways to its neighbours. A page before a
// place that turns out to be empty is the first one.
func (s *Service) VoucherPage(ctx context.Context, q VoucherQuery) (VoucherPage, error) {
	back := q.Before != (VoucherPlace{})
	if back {
		q.After, q.Descending = q.Before, !q.Descending
	}
	found, more, count, err := s.findCounted(ctx, q)
	if err != nil {
		return VoucherPage{}, err
	}
	page := VoucherPage{Vouchers: found, Next: more, Count: count}
	switch {
	case back && len(found) == 0:
		q.After, q.Before, q.Descending = VoucherPlace{}, VoucherPlace{}, !q.Descending
		return s.VoucherPage(ctx, q)
	case back:
		slices.Reverse(found)
		page.Previous, page.Next = nil, s.placeOf(q.Order, &found[len(found)-1])
		if more != nil {
			page.Previous = s.placeOf(q.Order, &found[0])
		}
	case q.After != (VoucherPlace{}):
		page.Previous = &q.After
		if len(found) > 0 {
			page.Previous = s.placeOf(q.Order, &found[0])
		}
	}
	return page, nil
}

// findCounted is find. In order of creation, a page far into the list is not
// looked for from its beginning: what is counted is counted apart.
func (s *Service) findCounted(ctx context.Context, q VoucherQuery) (found []VoucherView, next *VoucherPlace, count int, err error) {
	if q.CountTo == 0 || q.After == (VoucherPlace{}) || q.Order != ByCreated && q.Order != "" {
		return s.find(ctx, q)
	}
	all := q
	all.After, all.Limit, q.CountTo = VoucherPlace{}, 1, 0
	if _, _, count, err = s.find(ctx, all); err != nil {
		return nil, nil, 0, err
	}
	found, next, _, err = s.find(ctx, q)
	return found, next, count, err
}

// placeOf is where a voucher stands in an order.
func (s *Service) placeOf(o VoucherOrder, v *VoucherView) *VoucherPlace {
	f := finder{q: VoucherQuery{Order: o}, set: s.Settings()}
	p := f.place(&v.Voucher)
	return &p
}

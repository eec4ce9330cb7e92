package printing

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui/print"
)

// selection is which vouchers are to be printed: some by number, as a search in
// the list of vouchers finds them, or both; in order of creation.
type selection struct {
	ids    []span // ascending and apart; nil: all
	text   string
	status hotspot.VoucherStatus
	query  url.Values // that says so
}

// span is a row of numbers.
type span struct{ first, last uint64 }

// statuses are those that can be searched for.
func statuses() []hotspot.VoucherStatus {
	return []hotspot.VoucherStatus{hotspot.VoucherNew, hotspot.VoucherActive, hotspot.VoucherOnline, hotspot.VoucherUsedUp,
		hotspot.VoucherExpired, hotspot.VoucherPending, hotspot.VoucherDisabled}
}

// parseSelection reads a selection from an address. asked is false if it has
// none.
func parseSelection(q url.Values) (s selection, asked bool, err error) {
	s.query = url.Values{}
	for _, name := range []string{"ids", "q", "status"} {
		if v := strings.TrimSpace(q.Get(name)); v != "" {
			s.query.Set(name, v)
		}
	}
	if v := s.query.Get("ids"); v != "" {
		if s.ids, err = parseIDs(v); err != nil {
			return s, true, err
		}
	}
	s.text = s.query.Get("q")
	if v := s.query.Get("status"); v != "" && v != "all" {
		for _, st := range statuses() {
			if strings.EqualFold(strings.ReplaceAll(v, "-", " "), string(st)) {
				s.status = st
			}
		}
		if s.status == "" {
			return s, true, hotspot.Invalid("status", "%.40q is not the state of a voucher", v)
		}
	}
	return s, len(s.query) > 0, nil
}

// parseIDs reads numbers and rows of numbers: 5,9-14.
func parseIDs(list string) ([]span, error) {
	bad := hotspot.Invalid("ids", "must be numbers of vouchers, such as 5,9-14, and at most %d of them", print.MaxVouchers)
	var spans []span
	n := uint64(0)
	for item := range strings.SplitSeq(list, ",") {
		first, last, row := strings.Cut(item, "-")
		if !row {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 64)
		b, err2 := strconv.ParseUint(last, 10, 64)
		if cmp.Or(err1, err2) != nil || a == 0 || b < a || b-a >= print.MaxVouchers {
			return nil, bad
		}
		if n += b - a + 1; n > print.MaxVouchers {
			return nil, bad
		}
		i, _ := slices.BinarySearchFunc(spans, a, byFirst)
		spans = slices.Insert(spans, i, span{a, b})
	}
	apart := spans[:0]
	for _, x := range spans {
		if k := len(apart) - 1; k >= 0 && x.first <= apart[k].last+1 {
			apart[k].last = max(apart[k].last, x.last)
			continue
		}
		apart = append(apart, x)
	}
	return apart, nil
}

func byFirst(x span, id uint64) int { return cmp.Compare(x.first, id) }

// has reports whether a selection has a number.
func (s *selection) has(id uint64) bool {
	if s.ids == nil {
		return true
	}
	i, found := slices.BinarySearchFunc(s.ids, id, byFirst)
	return found || i > 0 && id <= s.ids[i-1].last
}

// readAtOnce is how many vouchers are in memory.
const readAtOnce = 250

// vouchers goes through the selection.
func (a *area) vouchers(ctx context.Context, s selection) print.Vouchers {
	return func(yield func(hotspot.VoucherView, error) bool) {
		if s.ids == nil || s.text != "" || s.status != "" {
			query := hotspot.VoucherQuery{Text: s.text, Match: func(v *hotspot.VoucherView) bool {
				return (s.status == "" || v.Status == s.status) && s.has(v.ID)
			}}
			a.read(ctx, query, ^uint64(0), yield)
			return
		}
		for _, x := range s.ids {
			query := hotspot.VoucherQuery{After: hotspot.VoucherPlace{ID: x.first - 1}}
			if !a.read(ctx, query, x.last, yield) {
				return
			}
		}
	}
}

// read passes on what a query finds, up to a voucher's number. It reports
// whether more is wanted.
func (a *area) read(ctx context.Context, query hotspot.VoucherQuery, last uint64, yield func(hotspot.VoucherView, error) bool) bool {
	for {
		query.Limit = readAtOnce
		if left := last - query.After.ID; left < readAtOnce {
			query.Limit = int(left)
		}
		found, next, err := a.Service.FindVouchers(ctx, query)
		if err != nil {
			yield(hotspot.VoucherView{}, err)
			return false
		}
		for _, v := range found {
			if v.ID > last {
				return true
			}
			if !yield(v, nil) {
				return false
			}
		}
		if next == nil || next.ID >= last {
			return true
		}
		query.After = *next
	}
}

// count is how many vouchers a selection has: up to one more than can be
// printed.
func (a *area) count(ctx context.Context, s selection) (n int, err error) {
	for _, err := range a.vouchers(ctx, s) {
		if err != nil {
			return n, err
		}
		if n++; n > print.MaxVouchers {
			break
		}
	}
	return n, nil
}

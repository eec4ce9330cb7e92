package vouchers

import (
	"cmp"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
)

// search is which vouchers are looked at, and in which order.
type search struct {
	text          string
	status        hotspot.VoucherStatus
	ids           []span // nil: all
	order         hotspot.VoucherOrder
	descending    bool
	after, before hotspot.VoucherPlace
}

// span is a row of numbers of vouchers.
type span struct{ first, last uint64 }

// maxSpans bounds what an address can name.
const maxSpans = 1000

// statuses are those that can be looked for.
func statuses() []hotspot.VoucherStatus {
	return []hotspot.VoucherStatus{hotspot.VoucherNew, hotspot.VoucherActive, hotspot.VoucherOnline, hotspot.VoucherUsedUp,
		hotspot.VoucherExpired, hotspot.VoucherPending, hotspot.VoucherDisabled}
}

// statusWord is a state as addresses have it.
func statusWord(s hotspot.VoucherStatus) string { return strings.ReplaceAll(string(s), " ", "-") }

// parseSearch reads an address. What it cannot read is as if it were not there:
// an old link still shows a list.
func parseSearch(q url.Values) search {
	s := search{text: clip(strings.TrimSpace(strings.ToValidUTF8(q.Get("q"), "\uFFFD"))), order: hotspot.ByCreated, descending: true}
	for _, st := range statuses() {
		if q.Get("status") == statusWord(st) {
			s.status = st
		}
	}
	s.ids = parseSpans(q.Get("ids"))
	if sort := q.Get("sort"); sort != "" {
		name, down := strings.CutPrefix(sort, "-")
		if o := hotspot.VoucherOrder(name); slices.Contains(hotspot.VoucherOrders(), o) {
			s.order, s.descending = o, down
		}
	}
	if s.before = parsePlace(q.Get("before")); s.before == (hotspot.VoucherPlace{}) {
		s.after = parsePlace(q.Get("after"))
	}
	return s
}

// maxText bounds what is looked for, in bytes.
const maxText = 800

// clip shortens a text that is too long, between characters.
func clip(s string) string {
	for i := range s {
		if i > maxText {
			return strings.TrimSpace(strings.ToValidUTF8(s[:maxText], ""))
		}
	}
	return s
}

// parseSpans reads numbers and rows of numbers: 5,9-14. A list that is not one
// names no voucher; nil is no list.
func parseSpans(list string) (spans []span) {
	if list == "" {
		return nil
	}
	for item := range strings.SplitSeq(list, ",") {
		first, last, row := strings.Cut(item, "-")
		if !row {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 64)
		to, err2 := strconv.ParseUint(last, 10, 64)
		if cmp.Or(err1, err2) != nil || from == 0 || to < from || len(spans) == maxSpans {
			return []span{}
		}
		spans = append(spans, span{from, to})
	}
	return spans
}

// spansText writes numbers of vouchers as an address has them.
func spansText(spans []span) string {
	if spans != nil && len(spans) == 0 {
		return "0" // no voucher has this number
	}
	var b strings.Builder
	for i, x := range spans {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(x.first, 10))
		if x.last > x.first {
			b.WriteByte('-')
			b.WriteString(strconv.FormatUint(x.last, 10))
		}
	}
	return b.String()
}

// spansOf puts numbers together.
func spansOf(ids []uint64) (spans []span) {
	ids = slices.Clone(ids)
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	for _, id := range ids {
		if k := len(spans) - 1; k >= 0 && spans[k].last+1 >= id {
			spans[k].last = id
			continue
		}
		spans = append(spans, span{id, id})
	}
	return spans
}

// placeText writes a place as an address has it.
func placeText(p *hotspot.VoucherPlace) string {
	if p == nil {
		return ""
	}
	return strconv.FormatUint(p.ID, 36) + "." + strconv.FormatInt(p.Num, 36) + "." + p.Text
}

// parsePlace reads a place; the zero one if it is none.
func parsePlace(s string) (p hotspot.VoucherPlace) {
	id, rest, ok1 := strings.Cut(s, ".")
	num, text, ok2 := strings.Cut(rest, ".")
	n, err1 := strconv.ParseUint(id, 36, 64)
	m, err2 := strconv.ParseInt(num, 36, 64)
	if !ok1 || !ok2 || cmp.Or(err1, err2) != nil || n == 0 || len(text) > 1<<10 {
		return p
	}
	return hotspot.VoucherPlace{ID: n, Num: m, Text: text}
}

// filtered reports whether the search leaves any voucher out.
func (s *search) filtered() bool { return s.text != "" || s.status != "" || s.ids != nil }

// match is what must hold beside the text; nil: anything.
func (s *search) match() func(*hotspot.VoucherView) bool {
	if s.status == "" && s.ids == nil {
		return nil
	}
	return func(v *hotspot.VoucherView) bool {
		return (s.status == "" || v.Status == s.status) && (s.ids == nil || has(s.ids, v.ID))
	}
}

func has(spans []span, id uint64) bool {
	return slices.ContainsFunc(spans, func(x span) bool { return x.first <= id && id <= x.last })
}

// asked are the names and values that say what is looked for.
func (s *search) asked() []string {
	list := []string{"q", s.text, "status", statusWord(s.status), "ids", spansText(s.ids)}
	if s.order != hotspot.ByCreated || !s.descending {
		list = append(list, "sort", s.sort())
	}
	return list
}

// sort is the order as an address has it.
func (s *search) sort() string {
	if s.descending {
		return "-" + string(s.order)
	}
	return string(s.order)
}

// to is the address of the list with this search, and more.
func (s *search) to(q *panel.Request, path string, more ...string) webui.URL {
	return q.To(path, append(s.asked(), more...)...)
}

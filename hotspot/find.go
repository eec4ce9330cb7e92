package hotspot

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// VoucherOrder names what vouchers are put in order by.
type VoucherOrder string

// The orders. Vouchers that are equal by one are in order of creation.
const (
	ByCreated  VoucherOrder = "created"
	ByUsername VoucherOrder = "username" // without regard to case
	ByLastUse  VoucherOrder = "last_use" // never used: before all others
	ByExpiry   VoucherOrder = "expires"  // no end known: after all others
)

// VoucherOrders lists the orders.
func VoucherOrders() []VoucherOrder {
	return []VoucherOrder{ByCreated, ByUsername, ByLastUse, ByExpiry}
}

// VoucherQuery says which vouchers are asked for, and in which order.
type VoucherQuery struct {
	// Text is what the username, the full name or the note must have in it,
	// without regard to case; empty: anything.
	Text string
	// Match is what must hold beside that; nil: anything. The view is the same
	// variable each time, and its Used may lack the last bytes.
	Match      func(*VoucherView) bool
	Order      VoucherOrder // empty: ByCreated
	Descending bool
	After      VoucherPlace // of the last voucher that is known; zero: from the first
	Limit      int          // from 1 to MaxFind
	// Before is the place of the first voucher that is known, to turn back from
	// it; not with After. [Service.VoucherPage] heeds it.
	Before VoucherPlace
	// CountTo is up to how many [Service.VoucherPage] counts; 0: it does not.
	CountTo int
}

// MaxFind is the largest number of vouchers that [Service.FindVouchers] returns.
const MaxFind = 1000

// maxFindText bounds what is looked for.
const maxFindText = 1000

// VoucherPlace is where a voucher stands in an order. A list that is read on
// from a place goes on there, whatever was added or removed meanwhile.
type VoucherPlace struct {
	ID   uint64
	Num  int64  // of orders by time
	Text string // of orders by text
}

// foundAtOnce is how many vouchers are looked at in one view of the store, which
// holds up the reuse of its space.
const foundAtOnce = 4096

// FindVouchers returns one page of the vouchers that a query asks for, and the
// place to go on from if there are more, or nil. In order of creation it reads
// no further than it must; in other orders it looks at every voucher, and keeps
// in memory no more than a page's places.
func (s *Service) FindVouchers(ctx context.Context, q VoucherQuery) (found []VoucherView, next *VoucherPlace, err error) {
	q.CountTo = 0
	found, next, _, err = s.find(ctx, q)
	return found, next, err
}

// find returns a page, where to go on, and how many there are if that is asked.
func (s *Service) find(ctx context.Context, q VoucherQuery) (found []VoucherView, next *VoucherPlace, count int, err error) {
	f, err := s.finder(q)
	if err != nil {
		return nil, nil, 0, err
	}
	from := uint64(0)
	if (q.Order == ByCreated || q.Order == "") && q.CountTo == 0 {
		from = q.After.ID // the voucher itself is passed over
	}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return nil, nil, 0, err
		}
		if from, more, err = f.some(ctx, from); err != nil {
			return nil, nil, 0, fmt.Errorf("look for vouchers: %w", err)
		}
	}
	places := f.best.sorted()
	if len(places) > q.Limit {
		places = places[:q.Limit]
		next = &places[q.Limit-1]
	}
	found, err = s.viewsAt(ctx, places)
	return found, next, f.count, err
}

// viewsAt reads the vouchers at some places. One that was removed meanwhile is
// left out.
func (s *Service) viewsAt(ctx context.Context, places []VoucherPlace) ([]VoucherView, error) {
	out := make([]VoucherView, 0, len(places))
	set, m := s.Settings(), s.moment()
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		out = out[:0]
		for _, p := range places {
			v, err := r.Voucher(p.ID)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			view, err := s.view(r, v, m, set)
			if err != nil {
				return err
			}
			out = append(out, view)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list vouchers: %w", err)
	}
	return out, nil
}

// finder is one run of a query.
type finder struct {
	s      *Service
	q      VoucherQuery
	text   folded
	set    Settings
	m      moment
	online map[uint64]int // devices, by voucher
	best   topPlaces
	view   VoucherView
	count  int // as far as it is asked for
}

func (s *Service) finder(q VoucherQuery) (*finder, error) {
	switch {
	case q.Order != "" && !slices.Contains(VoucherOrders(), q.Order):
		return nil, Invalid("sort", "%q is not created, username, last_use or expires", string(q.Order))
	case q.Limit < 1 || q.Limit > MaxFind:
		return nil, Invalid("limit", "must be from 1 to %d", MaxFind)
	case len(q.Text) > maxFindText || !utf8.ValidString(q.Text):
		return nil, Invalid("q", "must be valid UTF-8 of at most %d bytes", maxFindText)
	}
	f := &finder{s: s, q: q, text: fold(q.Text), set: s.Settings(), m: s.moment(), online: map[uint64]int{}}
	f.best = topPlaces{most: q.Limit + 1, descending: q.Descending}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.sessions {
		if l.Account.Method == MethodVoucher && l.ending == "" {
			f.online[l.Account.ID]++
		}
	}
	return f, nil
}

// some looks at the next vouchers, and tells from where to go on.
func (f *finder) some(ctx context.Context, from uint64) (next uint64, more bool, err error) {
	byID := f.q.Order == ByCreated || f.q.Order == ""
	down := byID && f.q.Descending
	err = f.s.cfg.Store.View(ctx, func(r Reader) error {
		next, more = 0, false
		n := 0
		return r.ScanVouchers(from, down, func(v *Voucher) (bool, error) {
			if n++; n > foundAtOnce {
				next, more = v.ID, true
				return false, nil
			}
			f.take(v)
			return !byID || f.count < f.q.CountTo || len(f.best.places) < f.best.most, nil
		})
	})
	return next, more, err
}

// take notes a voucher's place if it is asked for.
func (f *finder) take(v *Voucher) {
	if f.text.lower != "" && !f.text.in(v.Username) && !f.text.in(v.FullName) && !f.text.in(v.Note) {
		return
	}
	p := f.place(v)
	wanted := (f.q.After == (VoucherPlace{}) || f.best.before(f.q.After, p)) && f.best.wants(p)
	counted := f.count < f.q.CountTo
	if !wanted && !counted || !f.matches(v) {
		return
	}
	if counted {
		f.count++
	}
	if wanted {
		p.Text = strings.Clone(p.Text)
		f.best.add(p)
	}
}

// matches asks the query's own condition.
func (f *finder) matches(v *Voucher) bool {
	if f.q.Match == nil {
		return true
	}
	f.view = VoucherView{Voucher: *v, Online: f.online[v.ID]}
	if end, ok := v.expiry(f.set); ok {
		f.view.ExpiresAt = end
	}
	if f.view.Status = VoucherOnline; f.view.Online == 0 {
		f.view.Status = v.status(f.m, f.set)
	}
	return f.q.Match(&f.view)
}

// place is where a voucher stands in the query's order.
func (f *finder) place(v *Voucher) VoucherPlace {
	p := VoucherPlace{ID: v.ID}
	switch f.q.Order {
	case ByUsername:
		p.Text = strings.ToLower(v.Username)
	case ByLastUse:
		p.Num = math.MinInt64
		if !v.LastUse.IsZero() {
			p.Num = v.LastUse.UnixMicro()
		}
	case ByExpiry:
		p.Num = math.MaxInt64
		if end, ok := v.expiry(f.set); ok {
			p.Num = micros(end)
		}
	}
	return p
}

func micros(t time.Time) int64 { return t.UnixMicro() }

// topPlaces keeps the first places of an order: a heap with the last on top.
type topPlaces struct {
	places     []VoucherPlace
	most       int
	descending bool
}

// before reports whether a stands before b.
func (t *topPlaces) before(a, b VoucherPlace) bool {
	c := cmp.Compare(a.Num, b.Num)
	if c == 0 {
		c = cmp.Compare(a.Text, b.Text)
	}
	if c == 0 {
		c = cmp.Compare(a.ID, b.ID)
	}
	return c < 0 != t.descending && c != 0
}

// wants reports whether a place is among the first, as far as is known.
func (t *topPlaces) wants(p VoucherPlace) bool {
	return len(t.places) < t.most || t.before(p, t.places[0])
}

func (t *topPlaces) add(p VoucherPlace) {
	if len(t.places) < t.most {
		heap.Push(t, p)
		return
	}
	t.places[0] = p
	heap.Fix(t, 0)
}

// sorted empties the heap, the last place first.
func (t *topPlaces) sorted() []VoucherPlace {
	out := make([]VoucherPlace, len(t.places))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = t.places[0]
		last := len(t.places) - 1
		t.Swap(0, last)
		t.places = t.places[:last]
		if last > 0 {
			heap.Fix(t, 0)
		}
	}
	return out
}

// Len implements heap.Interface.
func (t *topPlaces) Len() int { return len(t.places) }

// Less implements heap.Interface: the last place is the least.
func (t *topPlaces) Less(i, j int) bool { return t.before(t.places[j], t.places[i]) }

// Swap implements heap.Interface.
func (t *topPlaces) Swap(i, j int) { t.places[i], t.places[j] = t.places[j], t.places[i] }

// Push implements heap.Interface.
func (t *topPlaces) Push(p any) { t.places = append(t.places, p.(VoucherPlace)) }

// Pop implements heap.Interface.
func (t *topPlaces) Pop() any {
	last := t.places[len(t.places)-1]
	t.places = t.places[:len(t.places)-1]
	return last
}

// folded is a text that is looked for without regard to case.
type folded struct {
	lower string
	ascii bool
}

func fold(text string) folded {
	f := folded{lower: strings.ToLower(text), ascii: true}
	for i := range len(f.lower) {
		f.ascii = f.ascii && f.lower[i] < utf8.RuneSelf
	}
	return f
}

// in reports whether a text has the other in it. What is ASCII, as most is, is
// compared where it stands.
func (f folded) in(text string) bool {
	if !f.ascii {
		return strings.Contains(strings.ToLower(text), f.lower)
	}
	first := f.lower[0]
	for i := 0; i+len(f.lower) <= len(text); i++ {
		if lowerByte(text[i]) == first && f.at(text[i:]) {
			return true
		}
	}
	return false
}

func (f folded) at(text string) bool {
	for j := 1; j < len(f.lower); j++ {
		if lowerByte(text[j]) != f.lower[j] {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

package hotspot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// UserOrder names what users are put in order by.
type UserOrder string

// The orders. Users that are equal by one are in order of creation.
const (
	UsersByCreated   UserOrder = "created"
	UsersByLastLogin UserOrder = "last_login"
	UsersByVisits    UserOrder = "visits"
)

// UserOrders lists the orders.
func UserOrders() []UserOrder { return []UserOrder{UsersByCreated, UsersByLastLogin, UsersByVisits} }

// UserQuery says which users are asked for, and in which order.
type UserQuery struct {
	Method Method
	// Text is what the key, the name, the e-mail address, one of the own fields
	// or the MAC must have in it, without regard to case; empty: anything.
	Text       string
	Order      UserOrder // empty: UsersByCreated
	Descending bool
	After      VoucherPlace // of the last user that is known; zero: from the first
	Limit      int          // from 1 to MaxFind
}

// UserView is a user with what follows from it now.
type UserView struct {
	User   // Used is current
	Online int
}

// UserMethods lists the login methods that have users of their own.
func UserMethods() []Method { return Methods()[1:] }

func (q *UserQuery) check() error {
	switch {
	case !slices.Contains(UserMethods(), q.Method):
		return Invalid("method", "%q is not email, mobile, facebook or free", string(q.Method))
	case q.Order != "" && !slices.Contains(UserOrders(), q.Order):
		return Invalid("sort", "%q is not created, last_login or visits", string(q.Order))
	case q.Limit < 1 || q.Limit > MaxFind:
		return Invalid("limit", "must be from 1 to %d", MaxFind)
	case len(q.Text) > maxFindText || !utf8.ValidString(q.Text):
		return Invalid("q", "must be valid UTF-8 of at most %d bytes", maxFindText)
	}
	return nil
}

// FindUsers returns one page of the users that a query asks for, and the place
// to go on from if there are more, or nil. In order of creation it reads no
// further than it must.
func (s *Service) FindUsers(ctx context.Context, q UserQuery) (found []UserView, next *VoucherPlace, err error) {
	if err := q.check(); err != nil {
		return nil, nil, err
	}
	if digits := phoneDigits(q.Text); q.Method == MethodMobile && digits != "" {
		q.Text = digits // numbers are stored like that
	}
	byID := q.Order == UsersByCreated || q.Order == ""
	text, from := fold(q.Text), uint64(0)
	best := topPlaces{most: q.Limit + 1, descending: q.Descending}
	if byID {
		from = q.After.ID // the user itself is passed over
	}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		n := 0
		err := s.cfg.Store.View(ctx, func(r Reader) error {
			more = false
			return r.ScanUsers(q.Method, from, byID && q.Descending, func(u *User) (bool, error) {
				if n++; n > foundAtOnce {
					from, more = u.ID, true
					return false, nil
				}
				p := q.Place(u)
				if text.inUser(u) && (q.After == (VoucherPlace{}) || best.before(q.After, p)) && best.wants(p) {
					best.add(p)
				}
				return !byID || len(best.places) < best.most, nil
			})
		})
		if err != nil {
			return nil, nil, fmt.Errorf("look for users: %w", err)
		}
	}
	places := best.sorted()
	if len(places) > q.Limit {
		places = places[:q.Limit]
		next = &places[q.Limit-1]
	}
	found, err = s.usersAt(ctx, q.Method, places)
	return found, next, err
}

// Place is where a user stands in the query's order.
func (q *UserQuery) Place(u *User) VoucherPlace {
	p := VoucherPlace{ID: u.ID}
	switch q.Order {
	case UsersByLastLogin:
		p.Num = math.MinInt64
		if !u.LastLogin.IsZero() {
			p.Num = micros(u.LastLogin)
		}
	case UsersByVisits:
		p.Num = int64(min(u.Visits, math.MaxInt64))
	}
	return p
}

// inUser reports whether a user has the text in one of its fields.
func (f folded) inUser(u *User) bool {
	if f.lower == "" || f.in(u.Key) || f.in(u.Name) || f.in(u.Email) {
		return true
	}
	return slices.ContainsFunc(u.Comments[:], f.in) || f.in(u.MAC.String()) && !u.MAC.IsZero()
}

// usersAt reads the users at some places. One that was deleted meanwhile is
// left out.
func (s *Service) usersAt(ctx context.Context, m Method, places []VoucherPlace) ([]UserView, error) {
	out := make([]UserView, 0, len(places))
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		out = out[:0]
		for _, p := range places {
			u, err := r.User(m, p.ID)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			view, err := s.userView(r, u)
			if err != nil {
				return err
			}
			out = append(out, view)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return out, nil
}

// userView adds to a user what follows from it now.
func (s *Service) userView(r Reader, u User) (UserView, error) {
	view := UserView{User: u}
	for _, l := range s.ofAccount(u.Account()) {
		if l.ending == "" {
			view.Online++
		}
	}
	more, err := s.unflushed(r, u.Account())
	view.Used = view.Used.Add(more)
	return view, err
}

// User returns one user.
func (s *Service) User(ctx context.Context, a AccountID) (UserView, error) {
	var view UserView
	err := s.cfg.Store.View(ctx, func(r Reader) error {
		u, err := r.User(a.Method, a.ID)
		if err != nil {
			return err
		}
		view, err = s.userView(r, u)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return view, &Error{Code: CodeNotFound, Text: "there is no such user"}
	}
	if err != nil {
		return view, fmt.Errorf("look up user %s: %w", a, err)
	}
	return view, nil
}

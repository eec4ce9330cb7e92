package hotspot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// LoginQuery says which logins are asked for, newest first.
type LoginQuery struct {
	Since, Until time.Time // they began from Since on, and before Until; zero: at any time
	Method       Method    // empty: any
	Account      AccountID // zero: any
	MAC          MAC       // zero: any
	// Text is what the login, the MAC, an address or the name of the account
	// must have in it, without regard to case; empty: anything.
	Text string
	// Match is what must hold beside that; nil: anything. The session is the
	// same variable each time.
	Match  func(*Session) bool
	Before uint64 // with ids below this one; 0: from the newest
	Limit  int    // from 1 to MaxFind
	// Scan is how many logins are looked at; 0: as many as it takes.
	Scan int
}

// LoginScan is how many logins a page looks at: on a small router, others want
// to be served, too.
const LoginScan = 20_000

// Login is a session with the name that belongs to its account.
type Login struct {
	Session        // Used is current
	Name    string // a voucher's full name, a user's name
}

// LoginsFound is one page of logins.
type LoginsFound struct {
	Logins []Login
	Next   uint64 // the next page is below this id; 0: there is none
	// Back is set if the page ends here because as many logins were looked at
	// as the query allows: when the last of them began.
	Back time.Time
}

// After the search came by this many logins in a row that began before what is
// asked for, it ends. They are in order of time, but for those from before a
// clock was set.
const oldInARow = 1000

// FindLogins returns one page of the logins that a query asks for.
func (s *Service) FindLogins(ctx context.Context, q LoginQuery) (found LoginsFound, err error) {
	switch {
	case q.Limit < 1 || q.Limit > MaxFind:
		return found, Invalid("limit", "must be from 1 to %d", MaxFind)
	case len(q.Text) > maxFindText || !utf8.ValidString(q.Text):
		return found, Invalid("q", "must be valid UTF-8 of at most %d bytes", maxFindText)
	}
	f := loginFinder{q: q, text: fold(q.Text), names: map[AccountID]string{}, before: q.Before}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		err := s.cfg.Store.View(ctx, func(r Reader) (err error) {
			more, err = f.some(r)
			return err
		})
		if err != nil {
			return found, fmt.Errorf("look for logins: %w", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range f.found.Logins {
		s.count(&f.found.Logins[i].Session)
	}
	return f.found, nil
}

// loginFinder is one run of a query.
type loginFinder struct {
	q       LoginQuery
	text    folded
	names   map[AccountID]string // as far as they were looked up
	before  uint64
	scanned int
	old     int // in a row, that began before what is asked for
	found   LoginsFound
}

// loginsAtOnce is how many logins are read in one view of the store.
const loginsAtOnce = 512

// some looks at the next logins; more tells whether there is a reason to go on.
func (f *loginFinder) some(r Reader) (more bool, err error) {
	rows, err := r.Sessions(f.before, loginsAtOnce)
	if err != nil {
		return false, err
	}
	for i := range rows {
		x := &rows[i]
		ok, err := f.match(r, x)
		if err != nil {
			return false, err
		}
		if ok && len(f.found.Logins) == f.q.Limit {
			f.found.Next = f.found.Logins[f.q.Limit-1].ID
			return false, nil
		}
		if ok {
			name, err := f.name(r, x.Account)
			if err != nil {
				return false, err
			}
			f.found.Logins = append(f.found.Logins, Login{*x, name})
		}
		f.before, f.scanned = x.ID, f.scanned+1
		if f.old >= oldInARow {
			return false, nil
		}
		if f.q.Scan > 0 && f.scanned >= f.q.Scan {
			f.found.Next, f.found.Back = x.ID, x.Started
			return false, nil
		}
	}
	return len(rows) == loginsAtOnce, nil
}

// match tells whether a login is asked for. What costs the least is looked at
// first.
func (f *loginFinder) match(r Reader, x *Session) (bool, error) {
	if !f.q.Since.IsZero() && x.Started.Before(f.q.Since) {
		f.old++
		return false, nil
	}
	f.old = 0
	switch {
	case !f.q.Until.IsZero() && !x.Started.Before(f.q.Until),
		f.q.Method != "" && x.Account.Method != f.q.Method,
		f.q.Account != (AccountID{}) && x.Account != f.q.Account,
		!f.q.MAC.IsZero() && x.MAC != f.q.MAC,
		f.q.Match != nil && !f.q.Match(x):
		return false, nil
	case f.text.lower == "" || f.text.in(x.Login) || f.inAddress(x):
		return true, nil
	}
	name, err := f.name(r, x.Account)
	return f.text.in(name), err
}

// inAddress tells whether the MAC or an address of a session has the text in
// it. They are not written out for a text that cannot be in one.
func (f *loginFinder) inAddress(x *Session) bool {
	if strings.Trim(f.text.lower, "0123456789abcdef:.-") != "" {
		return false
	}
	if strings.Contains(x.MAC.String(), strings.ReplaceAll(strings.ToUpper(f.text.lower), "-", ":")) && !x.MAC.IsZero() {
		return true
	}
	for _, a := range x.Addrs {
		if strings.Contains(a.String(), f.text.lower) {
			return true
		}
	}
	return false
}

// maxNames bounds the names that are remembered.
const maxNames = 1024

// name is the name that belongs to an account; one that is gone has none.
func (f *loginFinder) name(r Reader, a AccountID) (string, error) {
	if name, ok := f.names[a]; ok {
		return name, nil
	}
	var name string
	var err error
	if a.Method == MethodVoucher {
		var v Voucher
		v, err = r.Voucher(a.ID)
		name = v.FullName
	} else {
		var u User
		u, err = r.User(a.Method, a.ID)
		name = u.Name
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", err
	}
	if len(f.names) >= maxNames {
		clear(f.names)
	}
	f.names[a] = name
	return name, nil
}

package hotspot

import (
	"fmt"
	"strconv"
	"time"
)

// Method is a way to log in. Its text is the API's "type" of a login and
// never changes.
type Method string

// The login methods. Those not built yet still have lists in the API.
const (
	MethodVoucher  Method = "voucher"
	MethodFree     Method = "free"
	MethodEmail    Method = "email"
	MethodMobile   Method = "mobile"
	MethodFacebook Method = "facebook"
)

// Methods lists all methods in the order in which a login page shows them.
func Methods() []Method {
	return []Method{MethodVoucher, MethodEmail, MethodMobile, MethodFacebook, MethodFree}
}

// AccountID names what a session is charged to: a voucher or a user.
type AccountID struct {
	Method Method
	ID     uint64
}

// methodLetters are the first letters of an account's text form. They name
// kernel objects of running routers: never change one.
var methodLetters = map[Method]byte{
	MethodVoucher: 'v', MethodFree: 'f', MethodEmail: 'e', MethodMobile: 'm', MethodFacebook: 'b',
}

// String gives a short form fit for a kernel object's name, such as "v43".
func (a AccountID) String() string {
	l, ok := methodLetters[a.Method]
	if !ok {
		l = '?'
	}
	return string(l) + strconv.FormatUint(a.ID, 10)
}

// ParseAccountID reads what [AccountID.String] gave.
func ParseAccountID(s string) (AccountID, error) {
	if len(s) > 1 {
		for m, l := range methodLetters {
			if s[0] != l {
				continue
			}
			if id, err := strconv.ParseUint(s[1:], 10, 64); err == nil {
				return AccountID{m, id}, nil
			}
		}
	}
	return AccountID{}, fmt.Errorf("%q does not name an account", s)
}

// Allowance is what an account may use and what it has used.
type Allowance struct {
	ValidFor Validity // from Started on
	Limit    Usage    // bytes; 0 = unlimited
	// LimitTotal bounds the bytes of both directions together; 0 = unlimited. It
	// may stand beside Limit: then both hold.
	LimitTotal uint64
	Used       Usage // bytes accepted, over all sessions
	// Spent are the quotas that the gate reported as used up. The
	// last bytes of a quota may be too few for one packet, so Used alone does
	// not tell. Raising the limit clears it.
	Spent Direction
	// Started is when the validity began to run; zero: not yet.
	Started time.Time
	// Provisional: Started was read from a clock that could not be believed
	// yet, and moves with it when the right time becomes known.
	Provisional bool
}

// Expires returns the end of the validity. ok is false while it has not begun
// and when it never ends.
func (a Allowance) Expires() (t time.Time, ok bool) {
	if a.Started.IsZero() || a.ValidFor == Always {
		return time.Time{}, false
	}
	return a.Started.Add(time.Duration(a.ValidFor)), true
}

// Exhausted returns the quotas of which nothing is left.
func (a Allowance) Exhausted() Direction {
	d := a.Spent
	if a.Limit.Down > 0 && a.Used.Down >= a.Limit.Down {
		d |= Down
	}
	if a.Limit.Up > 0 && a.Used.Up >= a.Limit.Up {
		d |= Up
	}
	if a.LimitTotal > 0 && a.Used.sum() >= a.LimitTotal {
		d |= Total
	}
	return d
}

// Left returns the bytes left of a quota, whatever the others leave; one without
// a limit is reported as not limited.
func (a Allowance) Left(d Direction) (left uint64, limited bool) {
	limit, used := a.Limit.Down, a.Used.Down
	switch d {
	case Up:
		limit, used = a.Limit.Up, a.Used.Up
	case Total:
		limit, used = a.LimitTotal, a.Used.sum()
	}
	if limit == 0 {
		return 0, false
	}
	if a.Exhausted().Has(d) {
		return 0, true
	}
	return limit - used, true
}

// setLimit changes the limits; a quota that has room again is no longer spent.
func (a *Allowance) setLimit(l Usage, total uint64) {
	for _, x := range [...]struct {
		d       Direction
		was, is uint64
	}{{Down, a.Limit.Down, l.Down}, {Up, a.Limit.Up, l.Up}, {Total, a.LimitTotal, total}} {
		if x.is == 0 || x.is > x.was && x.was != 0 {
			a.Spent &^= x.d
		}
	}
	a.Limit, a.LimitTotal = l, total
}

// Voucher is a credential that an operator hands out.
type Voucher struct {
	ID        uint64 // 0 until stored
	Username  string // shown as given, compared without regard to case
	Passcode  string
	FullName  string
	Note      string // the operator's own; guests never see it
	Created   time.Time
	Modified  time.Time
	FirstUse  time.Time // first login; zero: never
	LastUse   time.Time // last login; zero: never
	ValidFrom time.Time // zero: at once
	Disabled  bool
	// Devices is how many may share the voucher; 0: the setting's number.
	Devices int
	// Bound are the devices that have logged in, first one first.
	Bound []MAC
	Allowance
}

// Account returns the voucher's account.
func (v Voucher) Account() AccountID { return AccountID{MethodVoucher, v.ID} }

// MAC returns the first device bound, or zero.
func (v Voucher) MAC() MAC {
	if len(v.Bound) == 0 {
		return MAC{}
	}
	return v.Bound[0]
}

// User is a person known by something other than a voucher.
type User struct {
	ID     uint64 // 0 until stored; counts per method
	Method Method
	// Key identifies the person within the method: the MAC for free access,
	// the e-mail address, the number in digits, the Facebook id.
	Key       string
	Name      string    // as Facebook gives it
	Email     string    // of a Facebook user
	Comments  [3]string // the operator's three own fields on the form
	Created   time.Time
	Modified  time.Time
	LastLogin time.Time
	MAC       MAC // of the last login
	Visits    uint64
	Marketing bool // agreed to be written to
	Verified  bool // proved to own the address or number
	// ExtraTime and Extra are what the period of free access that runs was
	// extended by: see [Service.Extend].
	ExtraTime time.Duration
	Extra     Usage
	Allowance
}

// Account returns the user's account.
func (u User) Account() AccountID { return AccountID{u.Method, u.ID} }

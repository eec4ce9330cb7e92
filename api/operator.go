package api

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Role says what an operator may do.
type Role string

// The roles.
const (
	RoleOwner   Role = "owner"   // everything
	RoleManager Role = "manager" // vouchers, printing them, and who is online
	RoleViewer  Role = "viewer"  // looking only
)

// roles is the one table of roles and what they may do. What shows credentials,
// or could give somebody more than that, counts as all.
func roles() []struct {
	role     Role
	scopes   []Scope
	readOnly bool
} {
	return []struct {
		role     Role
		scopes   []Scope
		readOnly bool
	}{
		{RoleOwner, []Scope{ScopeAll}, false},
		{RoleManager, []Scope{ScopeVouchers, ScopeLive}, false},
		{RoleViewer, []Scope{ScopeVouchers, ScopeUsers, ScopeLive, ScopeSettings}, true},
	}
}

// Roles lists the roles, the most powerful one first.
func Roles() []Role {
	var out []Role
	for _, row := range roles() {
		out = append(out, row.role)
	}
	return out
}

// ParseRole reads the name of a role.
func ParseRole(s string) (Role, error) {
	if slices.Contains(Roles(), Role(s)) {
		return Role(s), nil
	}
	return "", hotspot.Invalid("role", "must be owner, manager or viewer")
}

// Grant returns the scopes of a role, and whether it may only read. A role that
// is not known may do nothing.
func (r Role) Grant() (scopes []Scope, readOnly bool) {
	for _, row := range roles() {
		if row.role == r {
			return row.scopes, row.readOnly
		}
	}
	return nil, true
}

// Operator is a person who may sign in. What they sign in with is not in it.
type Operator struct {
	ID       ID
	Email    string // in lower case; unique
	Name     string
	Role     Role
	TOTP     bool // a code is asked for after the password
	Recovery int  // recovery codes left
	Created  time.Time
	Modified time.Time
	LastSeen time.Time // last sign-in; zero: never
	LastFrom netip.Addr
	Sessions int // open now
}

// MinPassword is how many characters an operator's password has at least.
const MinPassword = 10

// NewOperator says whom to make an operator.
type NewOperator struct {
	Email    string
	Name     string // may be empty
	Role     Role
	Password string
}

// Session is one browser that an operator is signed in with.
type Session struct {
	ID       ID // fit to be shown: it is not what the browser has
	Operator ID
	Created  time.Time
	LastSeen time.Time
	From     netip.Addr // of the sign-in; not valid: unknown
	Agent    string     // what the browser calls itself, clipped; hostile text
	Current  bool       // the one that asks
}

// SignIn is what somebody who signs in shows.
type SignIn struct {
	_ [0]func() // never compared

	Email    string
	Password string
	From     netip.Addr
	Agent    string
	// Previous is the cookie that the browser had. Its session ends.
	Previous string
}

// Ticket is what a browser gets for a sign-in: the value of its cookie, and who
// it is now.
type Ticket struct {
	Cookie string
	// NeedsCode: the password was right, and a code must follow within some
	// minutes; until then the cookie opens nothing.
	NeedsCode bool
	Principal *Principal // nil while a code is needed
}

// ErrConfirm is in the chain of a refusal for which the operator's password, or
// a code, must be entered again.
var ErrConfirm = errors.New("the operator's identity must be confirmed")

// TOTPOffer is a secret to be put into an authenticator app. It counts once a
// code of it was shown.
type TOTPOffer struct {
	Secret string // base32, for typing
	URI    string // otpauth://, for a QR code
}

// The cookies of a session. A name that begins with __Host- is one that
// browsers take over HTTPS only, from this very host.
const (
	sessionCookie       = "vouchsafe"
	sessionCookieSecure = "__Host-vouchsafe"
)

// SessionCookie returns the value of the session's cookie, or "" if there is
// none or more than one: which of them counts would be a guess.
func SessionCookie(r *http.Request) string {
	found := r.CookiesNamed(cookieName(r))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

func cookieName(r *http.Request) string {
	if r.TLS != nil {
		return sessionCookieSecure
	}
	return sessionCookie
}

// RefreshHeader is what the panel's script sends when it asks for a page by itself.
const RefreshHeader = "X-Refresh"

// Unattended reports whether an open page makes a request by itself: to renew
// what it shows, or to be told when to. Nobody needs to sit before it, so it is no
// use of the session.
func Unattended(r *http.Request) bool {
	return r.Header.Get(RefreshHeader) != "" || strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream")
}

// SessionMax is how long a session may be, however much it is used.
const SessionMax = 30 * 24 * time.Hour

// SetSessionCookie gives the browser a session's cookie; "" takes it away.
// SameSite is Lax, so that a link to a page of the panel works wherever it is.
func SetSessionCookie(w http.ResponseWriter, r *http.Request, value string) {
	c := &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
		MaxAge: int(SessionMax / time.Second),
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

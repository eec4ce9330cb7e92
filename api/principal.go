package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Scope is a part of the API that a credential opens.
type Scope string

// The scopes. [ScopeAll] contains every other.
const (
	ScopeVouchers Scope = "vouchers"
	ScopeUsers    Scope = "users"
	ScopeLive     Scope = "live"
	ScopeKeys     Scope = "keys"
	ScopeSettings Scope = "settings"
	ScopeAll      Scope = "all"
)

// CallerKind tells what kind of credential a caller has.
type CallerKind string

// The kinds of callers. One with an access token is of the kind for which the
// token was issued.
const (
	CallerDevice   CallerKind = "device key"
	CallerKey      CallerKind = "API key"
	CallerOperator CallerKind = "operator"
	CallerLocal    CallerKind = "command line"
)

// Principal is who calls, and what the caller may do. Nobody, and the zero
// principal, may do nothing. It is passed by pointer and not changed.
type Principal struct {
	Kind CallerKind
	// ID is the key's or the operator's; zero for others.
	ID ID
	// Owner is the operator to whom keys belong that this caller makes; zero:
	// the house itself.
	Owner ID
	// Name is shown to operators. It is never a secret, and may hold anything
	// that an operator chose.
	Name   string
	Role   Role // an operator's
	Scopes []Scope
	From   netip.Addr // where the call came from; not valid: this machine
	Token  bool       // the credential is an access token
	// ReadOnly: it may look at what its scopes open, and change nothing. What
	// would give it more than that, such as a key, it may not look at either.
	ReadOnly bool

	// Session is the one that an operator is signed in with; zero: none.
	Session ID

	// Epoch is another one when the access tokens that were issued before
	// count no more.
	Epoch uint32
	// Life ends when the credential is revoked; nil: it is not watched.
	Life context.Context
}

// May reports whether the principal has a scope.
func (p *Principal) May(s Scope) bool {
	if p == nil {
		return false
	}
	for _, have := range p.Scopes {
		if have == s || have == ScopeAll {
			return true
		}
	}
	return false
}

// String tells who calls in words of ours, for logs.
func (p *Principal) String() string {
	s := string(p.Kind)
	if p.ID != (ID{}) {
		s += " " + p.ID.String()
	}
	if p.Token {
		s = "access token of " + s
	}
	return s
}

// Revoked reports whether the credential has been revoked since it was
// checked.
func (p *Principal) Revoked() bool { return p != nil && p.Life != nil && p.Life.Err() != nil }

// Within returns a context for what the caller asked for. It carries the
// principal and ends, with [ErrWrongKey] as its cause, as soon as the
// credential is revoked.
func (p *Principal) Within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(WithPrincipal(ctx, p))
	if p.Life == nil {
		return ctx, func() { cancel(nil) }
	}
	unwatch := context.AfterFunc(p.Life, func() { cancel(ErrWrongKey) })
	return ctx, func() {
		unwatch()
		cancel(nil)
	}
}

// ErrWrongKey is what a check of credentials returns for a key that is
// unknown, expired or revoked; which of them is not told to anyone.
var ErrWrongKey = errors.New("the API key is not correct")

// Local is whoever may open the control socket: that is the permission to do
// everything.
func Local() *Principal {
	return &Principal{Kind: CallerLocal, Name: string(CallerLocal), Scopes: []Scope{ScopeAll}}
}

type principalKey struct{}

// WithPrincipal returns a context that carries who calls.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(hotspot.WithActor(ctx, p.Actor()), principalKey{}, p)
}

// PrincipalOf returns who calls; the zero principal if nobody said so.
func PrincipalOf(ctx context.Context) *Principal {
	if p, ok := ctx.Value(principalKey{}).(*Principal); ok && p != nil {
		return p
	}
	return new(Principal)
}

// As serves every request as one principal's.
func As(p *Principal, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(WithPrincipal(r.Context(), p)))
	})
}

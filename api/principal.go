package api

import "errors"

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

// Principal is who calls, and what the caller may do. The zero principal may
// do nothing.
type Principal struct {
	// Name is shown to operators and in the log. It is never a secret.
	Name   string
	Scopes []Scope
}

// May reports whether the principal has a scope.
func (p Principal) May(s Scope) bool {
	for _, have := range p.Scopes {
		if have == s || have == ScopeAll {
			return true
		}
	}
	return false
}

// ErrWrongKey is what a check of credentials returns for a key that is
// unknown, expired or revoked; which of them is not told to anyone.
var ErrWrongKey = errors.New("the API key is not correct")

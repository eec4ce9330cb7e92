package v1

import (
	"fmt"
	"net/http"
	"slices"

	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// access says who may use an operation. The zero access is nobody's decision:
// registering an operation with it panics.
type access struct {
	kind  accessKind
	scope surface.Scope // empty: any
}

type accessKind uint8

const (
	accessOpen  accessKind = iota + 1 // whoever reaches the API
	accessKnown                       // whoever has a credential that is not empty of scopes
	accessRead                        // who has the scope
	accessWrite                       // who has the scope, and is not read-only
)

// forAll is for what is no secret, such as the API's own description.
func forAll() access { return access{kind: accessOpen} }

// forKnown is for every valid caller.
func forKnown() access { return access{kind: accessKnown} }

// reads is for callers with a scope.
func reads(s surface.Scope) access { return access{accessRead, s} }

// writes is for callers with a scope who are not read-only. What shows
// credentials counts as writing: with them, a reader could write.
func writes(s surface.Scope) access { return access{accessWrite, s} }

// scopes lists all that there are.
func scopes() []surface.Scope {
	return []surface.Scope{surface.ScopeVouchers, surface.ScopeUsers, surface.ScopeLive, surface.ScopeKeys, surface.ScopeSettings, surface.ScopeAll}
}

// mustBeGiven panics if nobody decided who may use an operation.
func (a access) mustBeGiven(operation string) {
	scoped := a.kind == accessRead || a.kind == accessWrite
	if a.kind == 0 || scoped != slices.Contains(scopes(), a.scope) {
		panic(fmt.Sprintf("operation %s is registered without a decision on who may use it", operation))
	}
}

// refuse says why a caller may not, or nil.
func (a access) refuse(p *surface.Principal) *Problem {
	switch {
	case a.kind == accessOpen:
		return nil
	case p.Kind == "":
		return unauthorized(surface.ErrNoCredential)
	case p.Revoked():
		return unauthorized(surface.ErrWrongKey)
	case a.kind == accessKnown && len(p.Scopes) > 0:
		return nil
	case !p.May(a.scope):
		pr := problemOf(&hotspot.Error{Code: hotspot.CodeForbidden, Text: fmt.Sprintf("the credential lacks the scope %q", a.scope)})
		pr.challenge = fmt.Sprintf("Bearer error=\"insufficient_scope\", scope=%q", a.scope)
		return pr
	case a.kind == accessWrite && p.ReadOnly:
		return problemOf(&hotspot.Error{Code: hotspot.CodeForbidden, Text: "the credential is for reading only"})
	}
	return nil
}

// unauthorized says that it is not known who calls.
func unauthorized(err error) *Problem {
	p := &Problem{
		Title: http.StatusText(http.StatusUnauthorized), Status: http.StatusUnauthorized, Code: CodeUnauthorized,
		Detail:    "who calls? Send an API key or an access token in the header Authorization: Bearer, or a key in x-api-key",
		challenge: `Bearer realm="vouchsafe"`,
	}
	if err != surface.ErrNoCredential {
		p.Detail = "the credential is wrong, has expired or was revoked"
		p.challenge = `Bearer realm="vouchsafe", error="invalid_token"`
	}
	return p
}

// The names of the security schemes in the OpenAPI document.
const (
	bearerScheme = "bearer"
	headerScheme = "key"
)

// security describes the access in the OpenAPI document.
func (a access) security() []map[string][]string {
	if a.kind == accessOpen {
		return []map[string][]string{}
	}
	need := []string{}
	if a.scope != "" {
		need = append(need, string(a.scope))
	}
	return []map[string][]string{{bearerScheme: need}, {headerScheme: need}}
}

// String tells people who may.
func (a access) String() string {
	switch a.kind {
	case accessOpen:
		return "nobody needs a credential"
	case accessKnown:
		return "any valid credential"
	case accessRead:
		return "scope " + string(a.scope)
	}
	return "scope " + string(a.scope) + ", not read-only"
}

package api

import (
	"errors"
	"net/http"
	"time"
)

// Authenticator finds out who calls by one kind of credential.
//
// Without a credential of its kind in the request, it returns nil and no error:
// another kind may be there. A credential that opens nothing is [ErrWrongKey],
// and an address that has shown too many of those gets a [WaitError] before
// its credential is looked at. A *hotspot.Error is told as it is: a request
// that another site made the caller's browser send is hotspot.CodeForbidden.
type Authenticator func(*http.Request) (*Principal, error)

// ErrNoCredential is what a request without any credential gets.
var ErrNoCredential = errors.New("the request has no credential")

// Authenticate asks each authenticator, in order, who calls. The first that
// finds a credential of its kind decides.
func Authenticate(r *http.Request, all ...Authenticator) (*Principal, error) {
	for _, a := range all {
		if p, err := a(r); p != nil || err != nil {
			return p, err
		}
	}
	return nil, ErrNoCredential
}

// WaitError refuses a caller for some time.
type WaitError struct{ For time.Duration }

// Error implements error.
func (e *WaitError) Error() string {
	return "too many wrong credentials came from this address; try again later"
}

// Seconds is what the header Retry-After says.
func (e *WaitError) Seconds() int { return int((e.For + time.Second - 1) / time.Second) }

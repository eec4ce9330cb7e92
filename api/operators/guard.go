package operators

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// FormTokenHeader is where a script sends what a form has in a hidden field.
const FormTokenHeader = "X-Form-Token"

// FormToken returns what a form of a page must send back, so that no other site
// can make a browser send it: only who has the cookie knows it.
func FormToken(cookie string) string {
	m := hmac.New(sha256.New, []byte(cookie))
	_, _ = m.Write([]byte("vouchsafe form")) // never fails
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// CheckForm refuses a request that another site may have made the browser send.
// token is what the form sent back. What cannot change anything passes.
func (o *Operators) CheckForm(r *http.Request, token string) error {
	if safe(r) {
		return nil
	}
	if err := o.CheckOrigin(r); err != nil {
		return err
	}
	cookie := api.SessionCookie(r)
	if cookie == "" || subtle.ConstantTimeCompare([]byte(token), []byte(FormToken(cookie))) != 1 {
		return forbidden("the page is out of date: load it again")
	}
	return nil
}

// CheckOrigin refuses a request that a browser says comes from another site.
// Forms that are sent before anybody is signed in have nothing else. Browsers
// say it also over plain HTTP, by the header Origin.
func (o *Operators) CheckOrigin(r *http.Request) error {
	if err := o.cross.Check(r); err != nil {
		return &hotspot.Error{Code: hotspot.CodeForbidden, Text: "the request comes from another site", Err: err}
	}
	return nil
}

func safe(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
}

// Authenticate is an [api.Authenticator]: it finds out who calls by a session's
// cookie. What changes something must have the form token in the header
// [FormTokenHeader].
func (o *Operators) Authenticate(r *http.Request) (*api.Principal, error) {
	cookie := api.SessionCookie(r)
	if cookie == "" {
		return nil, nil
	}
	p, err := o.Session(r.Context(), cookie, api.Peer(r), !api.Unattended(r))
	if err != nil {
		return nil, err
	}
	if err := o.CheckForm(r, r.Header.Get(FormTokenHeader)); err != nil {
		return nil, err
	}
	return p, nil
}

package keys

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// NewAuthenticator returns what finds out who calls by a key or an access
// token, in "Authorization: Bearer" or "x-api-key". now reads the clock that
// limits wrong credentials; nil: time.Now.
func NewAuthenticator(k *Keys, now func() time.Time) api.Authenticator {
	a := &authenticator{
		keys:   k,
		failed: api.NewFailureLimiter(api.LimiterConfig{Now: now}),
		forged: api.NewFailureLimiter(api.LimiterConfig{Now: now}),
	}
	return a.authenticate
}

// authenticator counts wrong keys and made up tokens apart: a program whose
// token is damaged must be able to go on with its key.
type authenticator struct {
	keys           *Keys
	failed, forged *api.FailureLimiter
}

func (a *authenticator) authenticate(r *http.Request) (*api.Principal, error) {
	text, err := bearer(r)
	if err != nil {
		return nil, err
	}
	header, err := single(r, "X-Api-Key")
	switch {
	case err != nil:
		return nil, err
	case text == "":
		text = header
	case header != "" && header != text:
		return nil, api.BadRequest("there are two different credentials")
	}
	if text == "" {
		return nil, nil
	}
	peer, limiter := api.Peer(r), a.failed
	token := strings.Count(text, ".") == 2 // no key has a dot
	if token {
		limiter = a.forged
	}
	if wait := limiter.Wait(peer); wait > 0 {
		return nil, &api.WaitError{For: wait}
	}
	var p *api.Principal
	genuine := false
	if token {
		p, genuine, err = a.keys.CheckToken(r.Context(), text, peer)
	} else {
		p, err = a.keys.Check(r.Context(), text, peer)
	}
	if errors.Is(err, api.ErrWrongKey) && !genuine {
		limiter.Fail(peer)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

package keys_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/keys"
)

func withHeaders(pairs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/v1/status", nil)
	r.RemoteAddr = "192.168.10.7:40000"
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	return r
}

// TestAuthenticator: keys and tokens in either header; tokens that merely
// expired do not count as guesses, wrong keys do.
func TestAuthenticator(t *testing.T) {
	h := newHouse(t)
	who := keys.NewAuthenticator(h.keys, func() time.Time { now, _ := h.clock(); return now })
	_, key, err := h.keys.Create(t.Context(), api.Local(), api.NewKey{Label: "till", Expires: "Never"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := who(withHeaders("Authorization", "Bearer "+key))
	if err != nil || p.Name != "till" || p.Token {
		t.Fatalf("%+v, %v", p, err)
	}
	token, _, err := h.keys.IssueToken(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*http.Request{withHeaders("X-Api-Key", token), withHeaders("Authorization", "bearer "+token), withHeaders("Authorization", "Bearer "+token, "X-Api-Key", token)} {
		if p, err := who(r); err != nil || !p.Token || p.Name != "till" {
			t.Errorf("%v: %+v, %v", r.Header, p, err)
		}
	}
	for _, r := range []*http.Request{withHeaders(), withHeaders("Authorization", "Basic eDp5"), withHeaders("Cookie", "session="+key)} {
		if p, err := who(r); p != nil || err != nil {
			t.Errorf("%v: %+v, %v", r.Header, p, err)
		}
	}
	var bad *api.Problem
	if _, err := who(withHeaders("Authorization", "Bearer "+key, "X-Api-Key", token)); !errors.As(err, &bad) {
		t.Errorf("two credentials: %v", err)
	}
	h.pass(2 * time.Hour)
	for range 30 {
		if _, err := who(withHeaders("X-Api-Key", token)); !errors.Is(err, api.ErrWrongKey) {
			t.Fatalf("an expired token: %v", err)
		}
	}
	for range 10 {
		if _, err := who(withHeaders("X-Api-Key", key+"x")); !errors.Is(err, api.ErrWrongKey) {
			t.Fatalf("a wrong key: %v", err)
		}
	}
	var wait *api.WaitError
	if _, err := who(withHeaders("X-Api-Key", key)); !errors.As(err, &wait) || wait.Seconds() < 1 {
		t.Errorf("after ten guesses: %v", err)
	}
	if _, err := who(withHeaders("X-Api-Key", token)); !errors.Is(err, api.ErrWrongKey) {
		t.Errorf("tokens wait for guesses of keys: %v", err)
	}
	h.pass(time.Minute)
	if _, err := who(withHeaders("X-Api-Key", key)); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

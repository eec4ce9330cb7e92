package keys_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
)

// from asks as another address does.
func (h *house) from(peer, method, target, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = peer
	r.Header.Set("X-Forwarded-For", "203.0.113.1") // means nothing
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, r)
	return w
}

// TestFailuresAreLimited: five in a minute and source, then 429, also for the
// right key.
func TestFailuresAreLimited(t *testing.T) {
	h := newHouse(t)
	_, text := h.create(api.NewKey{Label: "till"})
	const bad, good = "192.168.10.66:1", "192.168.10.7:1"
	for i := range 5 {
		if w := h.from(bad, "POST", fmt.Sprint("/api/token?key=guess", i), ""); w.Code != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", i+1, w.Code)
		}
	}
	for _, key := range []string{"guess", text} {
		w := h.from(bad, "POST", "/api/token?key="+key, "")
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "12" || !strings.Contains(w.Body.String(), `"error":true`) {
			t.Errorf("%d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
		}
	}
	if k, err := h.keys.List(t.Context(), api.Local()); err != nil || !k[0].LastUsed.IsZero() {
		t.Error("the key was looked at while its address had to wait")
	}
	for range 20 {
		if w := h.from(good, "POST", "/api/token?key="+text, ""); w.Code != http.StatusOK {
			t.Fatalf("another address: %d", w.Code)
		}
	}
	h.pass(12 * time.Second)
	if w := h.from(bad, "POST", "/api/token?key="+text, ""); w.Code != http.StatusOK {
		t.Errorf("after the wait: %d", w.Code)
	}
	// What is no attempt does not count.
	for range 20 {
		if w := h.from(good, "POST", "/api/token", ""); w.Code != http.StatusUnauthorized {
			t.Fatalf("without a key: %d", w.Code)
		}
	}
}

// TestTokensAreLimited: made-up tokens are; old ones are not, so that a program
// whose token has expired can get another.
func TestTokensAreLimited(t *testing.T) {
	h := newHouse(t)
	token := h.token(h.device())
	h.pass(2 * time.Hour)
	const program, stranger = "192.168.10.7:1", "192.168.10.66:1"
	for range 50 {
		if w := h.from(program, "GET", "/api/apikey", token); w.Code != http.StatusUnauthorized {
			t.Fatalf("an old token: %d", w.Code)
		}
	}
	if w := h.from(program, "GET", "/api/apikey", h.token(h.device())); w.Code != http.StatusOK {
		t.Errorf("a new one: %d", w.Code)
	}
	codes := map[int]int{}
	for range 20 {
		codes[h.from(stranger, "GET", "/api/apikey", "a.b.c").Code]++
	}
	if codes[http.StatusUnauthorized] != 10 || codes[http.StatusTooManyRequests] != 10 {
		t.Errorf("made-up ones: %v", codes)
	}
	if w := h.from(stranger, "GET", "/api/apikey", h.token(h.device())); w.Code != http.StatusTooManyRequests {
		t.Errorf("a right one from there: %d", w.Code)
	}
}

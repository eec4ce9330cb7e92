package endpoint

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestGate: the router lets a POST to its API through and nothing else, whatever
// a relay asks for.
func TestGate(t *testing.T) {
	h := gate(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/api/", http.StatusTeapot}, {"POST", "/api", http.StatusTeapot},
		{"GET", "/api/", 405}, {"HEAD", "/api/", 405}, {"DELETE", "/api/", 405}, {"POST", "/", 404}, {"POST", "/api/v1/vouchers", 404},
		{"POST", "/api/token", 404}, {"POST", "/sign-in", 404}, {"POST", "//api/", 404},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(tc.method, "https://router/", nil)
		r.URL.Path = tc.path
		if h.ServeHTTP(w, r); w.Code != tc.status {
			t.Errorf("%s %s: %d", tc.method, tc.path, w.Code)
		}
	}
}

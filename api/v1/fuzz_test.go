package v1_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
)

// FuzzRequest sends any body to every operation that takes one: the answer is
// never an internal error.
func FuzzRequest(f *testing.F) {
	ops := []struct{ method, path string }{
		{http.MethodPost, "/vouchers"}, {http.MethodPatch, "/vouchers/user01"}, {http.MethodPut, "/settings/api.post"}, {http.MethodPut, "/clock"},
	}
	for i, body := range []string{
		`{"count":2,"valid_for":"2 days","valid_from":"2026-01-31 18:00:00","download_limit":1048576}`,
		`{"valid_for":"always","valid_from":"","download_limit":0,"top_up_upload":5,"disabled":true,"unbind":true}`,
		`{"value":"on"}`, `{"synced":true}`, `[]`, `{"count":1e309}`, "\xff", `{"note":"\ud800"}`,
	} {
		f.Add(uint8(i), []byte(body))
	}
	h := handler(v1test.NewService(), io.Discard)
	f.Fuzz(func(t *testing.T, op uint8, body []byte) {
		o := ops[int(op)%len(ops)]
		r := httptest.NewRequest(o.method, v1.Prefix+o.path, strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %s %q: %d %s", o.method, o.path, body, w.Code, w.Body)
		}
	})
}

package v1_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// FuzzTarget sends arbitrary paths and queries: each is answered, with a
// problem that says why if it fits no operation.
func FuzzTarget(f *testing.F) {
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete, "x"}
	for i, s := range [][2]string{
		{"/vouchers", "limit=10&after=\xff"}, {"/vouchers/a%2Fb", ""}, {"/vouchers/../settings", "limit=-1"},
		{"/vouchers/\x00", "limit=99999999999999999999"}, {"/settings/api.post", ";"}, {"/clock", "%"}, {"//", "a=b&a=c"},
	} {
		f.Add(uint8(i), s[0], s[1])
	}
	h := handler(v1test.NewService(), io.Discard)
	f.Fuzz(func(t *testing.T, method uint8, path, query string) {
		m := methods[int(method)%len(methods)]
		r := httptest.NewRequest(m, v1.Prefix, strings.NewReader("{}"))
		r.URL = &url.URL{Path: v1.Prefix + path, RawQuery: query}
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %q %q: %d %s", m, path, query, w.Code, w.Body)
		}
	})
}

package v1_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
	"golang.org/x/net/html"
)

// TestDocsPage: the reference names every operation with an example for this
// router, and needs nothing from elsewhere.
func TestDocsPage(t *testing.T) {
	h := surface(v1test.NewService(), io.Discard).For(known)
	r := httptest.NewRequest("GET", "http://192.168.10.1"+v1.Prefix+"/docs", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	page := w.Body.String()
	if _, err := html.Parse(strings.NewReader(page)); err != nil || w.Code != 200 {
		t.Fatalf("%d %v", w.Code, err)
	}
	for _, row := range table(t, h) {
		if !strings.Contains(page, `id="`+row.id+`"`) || !strings.Contains(page, row.method+" "+row.path) {
			t.Errorf("%s is not there", row.id)
		}
	}
	for _, want := range []string{"http://192.168.10.1/api/v1/vouchers", "idempotency_key_reused", "Idempotency-Key", "download_limit", "the scope settings"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not there", want)
		}
	}
	for _, never := range []string{"<script", "src=", "url(", "@import", "style=", "onclick"} {
		if strings.Contains(page, never) {
			t.Errorf("%q is there", never)
		}
	}
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy: %s", csp)
	}
	r.Host = `x"><script>alert(1)</script>`
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "alert") {
		t.Error("the host of a request is in the page")
	}
	t.Logf("%d bytes", len(page))
}

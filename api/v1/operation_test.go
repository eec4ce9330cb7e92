package v1_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
)

var update = flag.Bool("update", false, "write the golden file of the OpenAPI document anew")

// TestGoldenOpenAPI shows every change of what the API promises.
func TestGoldenOpenAPI(t *testing.T) {
	w := httptest.NewRecorder()
	handler(v1test.NewService(), io.Discard).ServeHTTP(w, httptest.NewRequest(http.MethodGet, v1.Prefix+"/openapi.json", nil))
	var doc any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("the document differs (-want +got); if that is meant, run the test with -update:\n%s", d)
	}
}

func TestBodies(t *testing.T) {
	h := handler(v1test.NewService(), io.Discard)
	full := `{"username":"` + strings.Repeat("x", 64<<10-len(`{"username":""}`)-1) + `"}`
	for _, tc := range []struct {
		name, contentType string
		body              io.Reader
		status            int
	}{
		{"no type", "", strings.NewReader(`{}`), http.StatusCreated},
		{"type with parameter", "application/json; charset=utf-8", strings.NewReader(`{}`), http.StatusCreated},
		{"type of another", "text/plain", strings.NewReader(`{}`), http.StatusUnsupportedMediaType},
		{"no body", "application/json", strings.NewReader(""), http.StatusBadRequest},
		{"no object", "application/json", strings.NewReader(`null`), http.StatusUnprocessableEntity},
		{"two values", "application/json", strings.NewReader(`{} {}`), http.StatusBadRequest},
		{"beyond an integer", "application/json", strings.NewReader(`{"download_limit":1e30}`), http.StatusUnprocessableEntity},
		{"largest", "application/json", strings.NewReader(full), http.StatusCreated},
		{"too large", "application/json", strings.NewReader(full + " "), http.StatusRequestEntityTooLarge},
		{"slow", "application/json", iotest.ErrReader(os.ErrDeadlineExceeded), http.StatusRequestTimeout},
		{"broken off", "application/json", io.MultiReader(strings.NewReader(`{`), iotest.ErrReader(errors.New("reset"))), http.StatusBadRequest},
	} {
		r := httptest.NewRequest(http.MethodPost, v1.Prefix+"/vouchers", tc.body)
		r.Header.Set("Content-Type", tc.contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tc.status {
			t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
		}
	}
}

package v1_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/api/v1/v1test"
)

// tableRow is an operation as the OpenAPI document describes it.
type tableRow struct {
	method, path, id string
	open             bool
	scope            api.Scope // empty: any
	writes           bool
}

// table reads the table of operations out of the document.
func table(t *testing.T, h http.Handler) []tableRow {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, v1.Prefix+"/openapi.json", nil))
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Security    []map[string][]string `json:"security"`
			Writes      bool                  `json:"x-writes"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var out []tableRow
	for path, methods := range doc.Paths {
		for method, op := range methods {
			row := tableRow{method: strings.ToUpper(method), path: path, id: op.OperationID, writes: op.Writes, open: len(op.Security) == 0}
			for _, way := range op.Security {
				for _, scopes := range way {
					if len(scopes) > 0 {
						row.scope = api.Scope(scopes[0])
					}
				}
			}
			out = append(out, row)
		}
	}
	slices.SortFunc(out, func(a, b tableRow) int { return cmp.Compare(a.path+a.method, b.path+b.method) })
	return out
}

// caller is a kind of caller: who it is, or why nobody knows.
type caller struct {
	who *api.Principal
	err error
}

// callers are all kinds of callers, by the name that they send.
func callers() map[string]caller {
	revoked, end := context.WithCancel(context.Background())
	end()
	all := map[string]caller{
		"wrong":   {err: api.ErrWrongKey},
		"waiting": {err: &api.WaitError{For: 90 * time.Second}},
		"revoked": {who: &api.Principal{Kind: api.CallerKey, Scopes: []api.Scope{api.ScopeAll}, Life: revoked}},
		"empty":   {who: &api.Principal{Kind: api.CallerKey}},
		"device":  {who: &api.Principal{Kind: api.CallerDevice, Scopes: []api.Scope{api.ScopeAll}}},
		"owner":   {who: &api.Principal{Kind: api.CallerOperator, Scopes: []api.Scope{api.ScopeAll}}},
		"manager": {who: &api.Principal{Kind: api.CallerOperator, Scopes: []api.Scope{api.ScopeVouchers}}},
		"viewer": {who: &api.Principal{Kind: api.CallerOperator, ReadOnly: true,
			Scopes: []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive, api.ScopeKeys, api.ScopeSettings}}},
		"reader of all": {who: &api.Principal{Kind: api.CallerOperator, ReadOnly: true, Scopes: []api.Scope{api.ScopeAll}}},
	}
	for _, s := range []api.Scope{api.ScopeVouchers, api.ScopeUsers, api.ScopeLive, api.ScopeKeys, api.ScopeSettings, api.ScopeAll} {
		all[string(s)] = caller{who: &api.Principal{Kind: api.CallerKey, Scopes: []api.Scope{s}}}
	}
	return all
}

// known is an authenticator of callers.
func known(r *http.Request) (*api.Principal, error) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, nil
	}
	c := callers()[name]
	return c.who, c.err
}

// want is the status that a caller gets who may not, or 0.
func (row tableRow) want(c caller, sent bool) int {
	switch {
	case row.open:
		return 0
	case !sent || c.err == api.ErrWrongKey || c.who != nil && c.who.Revoked():
		return http.StatusUnauthorized
	case c.err != nil:
		return http.StatusTooManyRequests
	case row.scope == "" && len(c.who.Scopes) > 0:
		return 0
	case row.scope == "" || !c.who.May(row.scope) || row.writes && c.who.ReadOnly:
		return http.StatusForbidden
	}
	return 0
}

// TestMatrix: every operation gives every kind of caller exactly what the
// table says. Bodies and parameters are nonsense, which shows to those who may
// only: nobody else's request is looked at, let alone carried out.
func TestMatrix(t *testing.T) {
	a := surface(v1test.NewService(), io.Discard)
	h := a.For(known)
	rows := table(t, h)
	if len(rows) < 30 {
		t.Fatalf("only %d operations", len(rows))
	}
	names := append(slices.Sorted(maps.Keys(callers())), "")
	for _, row := range rows {
		for _, name := range names {
			w := matrixRequest(h, row.method, strings.NewReplacer("{", "", "}", "").Replace(row.path), name)
			want := row.want(callers()[name], name != "")
			checkMatrix(t, row.id+" by "+name, w, want)
		}
	}
}

func matrixRequest(h http.Handler, method, path, name string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path+"?no-such-parameter=1", strings.NewReader("{"))
	r.Header.Set("Content-Type", "application/json")
	if name != "" {
		r.Header.Set("Authorization", "Bearer "+name)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func checkMatrix(t *testing.T, what string, w *httptest.ResponseRecorder, want int) {
	t.Helper()
	refused := w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden || w.Code == http.StatusTooManyRequests
	if want != 0 && w.Code != want || want == 0 && refused {
		t.Errorf("%s: %d %s, want %d (0: let through)", what, w.Code, w.Body, want)
		return
	}
	if strings.Contains(w.Body.String(), "at this path") {
		t.Errorf("%s: there is no such operation", what)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s: could be kept by a cache", what)
	}
	if want == 0 {
		return
	}
	var p v1.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Code == "" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %v, %s", what, err, w.Body)
	}
	if challenge := w.Header().Get("WWW-Authenticate"); (want == http.StatusUnauthorized) && !strings.HasPrefix(challenge, "Bearer realm=") {
		t.Errorf("%s: WWW-Authenticate: %s", what, challenge)
	}
	if retry := w.Header().Get("Retry-After"); (want == http.StatusTooManyRequests) != (retry == "90") {
		t.Errorf("%s: Retry-After: %s", what, retry)
	}
}

// TestUnlisted: what is not in the table is not there, for anybody. Where there
// are other methods, the answer names them.
func TestUnlisted(t *testing.T) {
	a := surface(v1test.NewService(), io.Discard)
	h := a.For(known)
	listed, methods := map[string]bool{}, map[string]string{}
	paths := map[string]bool{"/api/v1": true, "/api/v1/": true, "/api/v1/nothing": true, "/api/v1//vouchers": true, "/api/v1/vouchers/": true,
		"/api/v1/../v1/status": true, "/api/v1/./status": true, "/api/v1/openapi.yaml": true, "/api/v1/vouchers/a/b": true, "/": true}
	for _, row := range table(t, h) {
		path := strings.NewReplacer("{", "", "}", "").Replace(row.path)
		listed[row.method+" "+path], paths[path] = true, true
		methods[path] += row.method + " "
	}
	for path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"} {
			served := method
			if method == "HEAD" {
				served = "GET"
			}
			if listed[served+" "+path] || path == v1.Prefix+"/openapi.json" || path == v1.Prefix+"/docs" {
				continue
			}
			for _, name := range []string{"", "wrong", "all"} {
				w := matrixRequest(h, method, path, name)
				want, code := http.StatusNotFound, `"not_found"`
				if methods[path] != "" {
					want, code = http.StatusMethodNotAllowed, `"invalid"`
				}
				allow := w.Header().Get("Allow")
				for m := range strings.FieldsSeq(methods[path]) {
					if !strings.Contains(allow, m) {
						want = 0 // says too little
					}
				}
				if w.Code != want || !strings.Contains(w.Body.String(), code) || (allow != "") != (methods[path] != "") || strings.Contains(allow, method) {
					// A voucher may be called edit; the paths of operations overlap.
					if method == "PATCH" || method == "DELETE" || served == "GET" {
						if strings.HasPrefix(path, v1.Prefix+"/vouchers/") && strings.Count(path, "/") == 4 && !strings.HasSuffix(path, "/") {
							continue
						}
					}
					t.Errorf("%s %s by %q: %d %s", method, path, name, w.Code, w.Body)
				}
			}
		}
	}
}

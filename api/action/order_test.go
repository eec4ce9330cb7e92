package action_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/api/action"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

func message(t *testing.T, w *httptest.ResponseRecorder) (msg, detail string) {
	t.Helper()
	var f api.Failure
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return f.Message, f.Detail
}

// TestOrderOfChecks goes through all combinations of method, switches, place
// and value of the key, and action. The expectation is the contract's list of
// checks, spelled out a second time.
func TestOrderOfChecks(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		for bits := range 8 {
			set := hotspot.Settings{APIPost: bits&1 != 0, APIGet: bits&2 != 0}
			cloud := bits&4 != 0
			for _, place := range []string{"query", "body", "nowhere"} {
				for _, key := range []string{testKey, "wrong", ""} {
					for _, act := range []string{"remove_voucher", "nonsense", ""} {
						name := fmt.Sprintf("%s post=%t get=%t cloud=%t key=%q in %s action=%q",
							method, set.APIPost, set.APIGet, cloud, key, place, act)
						want := expect(method, set, cloud, place, key, act)
						f := fixture(t)
						f.settings = set
						h := action.New(action.Config{Service: f, Keys: &fakeKeys{}, Log: quiet(), PostOnly: cloud})
						w := serve(h, keyed(method, place, key, act))
						got, _ := message(t, w)
						if w.Code != http.StatusOK || got != want {
							t.Errorf("%s: %d %q, want %q", name, w.Code, got, want)
						}
					}
				}
			}
		}
	}
}

func expect(method string, set hotspot.Settings, cloud bool, place, key, act string) string {
	getOn := set.APIGet && !cloud
	seen := place == "query" && getOn || place == "body" && method == "POST"
	switch {
	case !getOn && !set.APIPost:
		return "API is not enabled"
	case method == "GET" && !getOn, method == "POST" && !set.APIPost, !seen, key == "":
		return "API Key not set or method not allowed"
	case key != testKey:
		return "API Key is incorrect"
	case act != "remove_voucher":
		return "An error occurred"
	}
	return "User removed successfully"
}

// keyed makes a request with the key in one place and the rest where the
// method carries it.
func keyed(method, place, key, act string) *http.Request {
	rest := url.Values{"username": {"user123"}}
	if act != "" {
		rest.Set("action", act)
	}
	query, body := url.Values{}, url.Values{}
	if method == "GET" {
		query = rest
	} else {
		body = rest
	}
	switch place {
	case "query":
		query.Set("api-key", key)
	case "body":
		body.Set("api-key", key)
	}
	r := httptest.NewRequest(method, "/api/?"+query.Encode(), strings.NewReader(body.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// TestChecksBeforeParsing: a body that does not parse matters only once the
// API and the method are on, and matters more than the key.
func TestChecksBeforeParsing(t *testing.T) {
	f := fixture(t)
	h := newHandler(f)
	for _, c := range []struct {
		set  hotspot.Settings
		code int
		msg  string
	}{
		{hotspot.Settings{}, 200, "API is not enabled"},
		{hotspot.Settings{APIGet: true}, 200, "API Key not set or method not allowed"},
		{hotspot.Settings{APIPost: true}, 400, "Bad request"},
	} {
		f.settings = c.set
		w := post(h, "application/json", "{")
		if msg, _ := message(t, w); w.Code != c.code || msg != c.msg {
			t.Errorf("%+v: %d %q, want %d %q", c.set, w.Code, msg, c.code, c.msg)
		}
	}
}

func TestWrongKeysAreLimitedPerAddress(t *testing.T) {
	now := time.Unix(1000, 0)
	f := fixture(t)
	keys := &fakeKeys{}
	h := action.New(action.Config{Service: f, Keys: keys, Log: quiet(), Now: func() time.Time { return now }})
	ask := func(peer, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/api/?action=get_active_guests&api-key="+key, nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "203.0.113."+fmt.Sprint(keys.checks)) // means nothing
		return serve(h, r)
	}
	const bad, good = "192.168.10.66:1000", "192.168.10.7:1000"
	for i := range 10 {
		if w := ask(bad, "guess"); w.Code != http.StatusOK {
			t.Fatalf("guess %d: %d", i+1, w.Code)
		}
	}
	checks := keys.checks
	w := ask(bad, testKey)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "6" {
		t.Errorf("right key after ten wrong ones: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if msg, _ := message(t, w); msg != "Too many requests" {
		t.Errorf("message %q", msg)
	}
	if keys.checks != checks {
		t.Error("the key was looked at while its address had to wait")
	}
	if w := ask(good, testKey); w.Code != http.StatusOK {
		t.Errorf("another address: %d", w.Code)
	}
	now = now.Add(6 * time.Second)
	if w := ask(bad, testKey); w.Code != http.StatusOK {
		t.Errorf("after the wait: %d", w.Code)
	}
	for range 100 { // right keys cost nothing
		if w := ask(good, testKey); w.Code != http.StatusOK {
			t.Fatalf("right key: %d", w.Code)
		}
	}
}

func TestScopes(t *testing.T) {
	for name, c := range map[string]struct {
		scopes []api.Scope
		action string
		want   string
	}{
		"vouchers may":         {[]api.Scope{api.ScopeVouchers}, "remove_voucher", "User removed successfully"},
		"none may not":         {[]api.Scope{}, "remove_voucher", "API Key is incorrect"},
		"users alone may not":  {[]api.Scope{api.ScopeUsers}, "get_email_users", "API Key is incorrect"},
		"vouchers not users":   {[]api.Scope{api.ScopeVouchers}, "get_email_users", "An error occurred"},
		"vouchers not live":    {[]api.Scope{api.ScopeVouchers, api.ScopeUsers}, "get_guest_hosts", "An error occurred"},
		"all may":              {[]api.Scope{api.ScopeAll}, "remove_voucher", "User removed successfully"},
		"unknown before scope": {[]api.Scope{api.ScopeVouchers}, "x", "An error occurred"},
	} {
		t.Run(name, func(t *testing.T) {
			h := action.New(action.Config{Service: fixture(t), Keys: &fakeKeys{scopes: c.scopes}, Log: quiet()})
			if msg, _ := message(t, get(t, h, "username=user123&action="+c.action)); msg != c.want {
				t.Errorf("%q, want %q", msg, c.want)
			}
		})
	}
}

// TestErrorsLeakNothing: what went wrong inside is in the log, not in the
// answer, which is a documented one all the same.
func TestErrorsLeakNothing(t *testing.T) {
	const secret = "/overlay/vouchsafe.db: input/output error"
	inner := &hotspot.Error{Code: hotspot.CodeUnavailable, Text: "no", Err: errors.New(secret)}
	for name, err := range map[string]error{
		"plain":       errors.New(secret),
		"unavailable": fmt.Errorf("%s: %w", secret, inner),
		"internal":    &hotspot.Error{Code: hotspot.CodeInternal, Text: secret},
		"not found":   &hotspot.Error{Code: hotspot.CodeNotFound, Text: secret},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeService{t: t, settings: on}
			f.create = func(_ ctx, _ ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) { return nil, err }
			f.vouchers = func(ctx, uint64, int) ([]hotspot.VoucherView, error) { return nil, err }
			for _, q := range []string{"action=create_voucher", "action=get_voucher_users"} {
				w := get(t, newHandler(f), q)
				if msg, _ := message(t, w); w.Code != 200 || msg != "An error occurred" || strings.Contains(w.Body.String(), "overlay") {
					t.Errorf("%s: %d %s", q, w.Code, w.Body)
				}
			}
		})
	}
	t.Run("keys", func(t *testing.T) {
		h := action.New(action.Config{Service: fixture(t), Keys: &fakeKeys{err: errors.New(secret)}, Log: quiet()})
		w := get(t, h, "action=get_logins")
		if msg, _ := message(t, w); w.Code != 200 || msg != "An error occurred" || strings.Contains(w.Body.String(), "overlay") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("panic", func(t *testing.T) {
		f := &fakeService{t: t, settings: on}
		f.remove = func(ctx, string) error { panic(secret) }
		w := get(t, newHandler(f), "action=remove_voucher&username=a")
		if msg, _ := message(t, w); w.Code != 200 || msg != "An error occurred" || strings.Contains(w.Body.String(), "overlay") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// TestServiceRefusals: the service's own refusals are shown with their field.
func TestServiceRefusals(t *testing.T) {
	f := &fakeService{t: t, settings: on}
	f.create = func(ctx, ...hotspot.VoucherSpec) ([]hotspot.Voucher, error) {
		return nil, fmt.Errorf("wrapped: %w", hotspot.Invalid("passcode", "has more than 64 characters"))
	}
	msg, detail := message(t, get(t, newHandler(f), "action=create_voucher"))
	if msg != "An error occurred" || detail != "passcode: has more than 64 characters" {
		t.Errorf("%q %q", msg, detail)
	}
}

package cloud_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/api/cloud"
)

// TestSource replays the requests of the source of the account API.
func TestSource(t *testing.T) {
	h := newHouse(t, nil)
	acc, token := h.account("acme")
	at := time.Date(2026, 7, 14, 12, 0, 0, 0, time.UTC)
	h.now = func() time.Time { return at }
	license, err := cloud.IssueLicense(h.licenses, 10, at.AddDate(1, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	type m = map[string]any
	never, year := float64(-1), float64(at.AddDate(0, 0, 365).Unix())
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               m
	}{
		{"GET", "/v1/account", "", 200, m{"account": m{"prefix": acc.ID, "activationUsage": 0.0, "activationLimit": 1.0}, "status": 200.0,
			"products": m{"themes": []any{}, "plugins": []any{}}}},
		{"GET", "/v1/account/license", "", 200, m{"status": 200.0, "license": m{"limit": 1.0, "expires": never}}},
		{"POST", "/v1/account/license", fmt.Sprintf(`{ "license": %q }`, license), 200, m{"status": 200.0, "license": m{"limit": 10.0, "expires": float64(at.AddDate(1, 0, 0).Unix())}}},
		{"GET", "/v1/account/license", "", 200, m{"status": 200.0, "license": m{"limit": 10.0, "expires": float64(at.AddDate(1, 0, 0).Unix())}}},
		{"GET", "/v1/account/tokens", "", 200, m{"status": 200.0, "tokens": []any{m{"name": "first", "expires": never}}}},
		{"POST", "/v1/account/tokens", `{ "name": "a-token-name", "expires": 365 }`, 200, m{"status": 200.0, "token": m{"token": "", "expires": year, "name": "a-token-name"}}},
		{"GET", "/v1/account/tokens", "", 200, m{"status": 200.0, "tokens": []any{m{"name": "a-token-name", "expires": year}, m{"name": "first", "expires": never}}}},
		{"DELETE", "/v1/account/tokens/a-token-name", "", 200, m{"status": 200.0, "message": nil}},
		{"DELETE", "/v1/account/tokens/a-token-name", "", 404, nil},
		{"POST", "/v1/account/tokens", `{"name":"first","expires":-1}`, 409, nil},
		{"POST", "/v1/account/tokens", `{"name":"UPPER","expires":1}`, 422, nil},
		{"POST", "/v1/account/tokens", `{"name":"a","expires":366}`, 422, nil},
		{"POST", "/v1/account/tokens", `{"name":"a","expires":0}`, 422, nil},
		{"POST", "/v1/account/tokens", `{"name":"a","expires":"365"}`, 422, nil},
		{"POST", "/v1/account/tokens", `{"name":"a"}`, 422, nil},
		{"POST", "/v1/account/tokens", `{"expires":1}`, 422, nil},
		{"POST", "/v1/account/tokens", `[]`, 400, nil},
		{"POST", "/v1/account/tokens", strings.Repeat("a", 70_000), 413, nil},
		{"POST", "/v1/account/license", `{"license":"forged"}`, 422, nil},
		{"GET", "/v1/nothing", "", 404, nil},
		{"PUT", "/v1/account", "", 404, nil},
	} {
		status, got := h.ask(tc.method, tc.path, token, tc.body)
		if status != tc.status || got["status"] != float64(tc.status) {
			t.Errorf("%s %s %.60s: %d %v", tc.method, tc.path, tc.body, status, got)
		}
		if tc.status >= 400 && (got["message"] == nil || got["message"] == "") {
			t.Errorf("%s %s: no message", tc.method, tc.path)
		}
		if tok, ok := got["token"].(m); ok {
			shown := tok["token"].(string)
			if parts := strings.Split(shown, "-"); len(parts) != 5 || len(shown) != 32 || len(parts[0]) != 8 || len(parts[1]) != 4 || len(parts[4]) != 8 {
				t.Errorf("the token looks like %q", shown)
			}
			if status, _ := h.ask("GET", "/v1/account", shown, ""); status != 200 {
				t.Errorf("the new token: %d", status)
			}
			tok["token"] = ""
		}
		if diff := cmp.Diff(tc.want, got); tc.want != nil && diff != "" {
			t.Errorf("%s %s:\n%s", tc.method, tc.path, diff)
		}
	}
	for _, wrong := range []string{"", "wrong", strings.Repeat("A", 100)} {
		if status, v := h.ask("GET", "/v1/account", wrong, ""); status != 401 || v["status"] != 401.0 {
			t.Errorf("token %q: %d %v", wrong, status, v)
		}
	}
}

// TestLicenses: what is forged, over, or another account's changes nothing.
func TestLicenses(t *testing.T) {
	h := newHouse(t, nil)
	acc, _ := h.account("acme")
	other, _ := h.account("other")
	other2 := newHouse(t, nil)
	good, _ := cloud.IssueLicense(h.licenses, 5, time.Time{})
	if _, err := h.accounts.SetLicense(t.Context(), acc.ID, good); err != nil {
		t.Fatal(err)
	}
	foreign, _ := cloud.IssueLicense(other2.licenses, 500, time.Time{})
	over, _ := cloud.IssueLicense(h.licenses, 500, time.Now().Add(-time.Hour))
	head, tail, _ := strings.Cut(good, ".")
	for name, text := range map[string]string{"foreign": foreign, "over": over, "empty": "", "half": head, "cut": good[:len(good)-3], "other words": head[:len(head)-4] + "AAAA." + tail,
		"long": strings.Repeat("a.", 2000)} {
		if _, err := h.accounts.SetLicense(t.Context(), acc.ID, text); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := h.accounts.SetLicense(t.Context(), other.ID, good); err == nil {
		t.Error("one licence is in two accounts")
	}
	if _, err := h.accounts.SetLicense(t.Context(), acc.ID, good); err != nil {
		t.Errorf("the same once more: %v", err)
	}
	if got, err := h.accounts.Account(t.Context(), acc.ID); err != nil || got.Limit(time.Now()) != 5 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := cloud.IssueLicense(h.licenses, 0, time.Time{}); err == nil {
		t.Error("a licence for nothing")
	}
}

// TestPages: a long list of routers can be had in parts, which together are the
// whole.
func TestPages(t *testing.T) {
	f := newFleet(t, 1, nil)
	all := map[string]bool{}
	for range 7 {
		all[f.enrol().Host] = true
	}
	c := f.client(f.posts[0].dial)
	hosts := func(path string) (hosts map[string]bool, next string) {
		t.Helper()
		status, v := f.call(c, "GET", path)
		if status != 200 {
			t.Fatalf("%s: %d %v", path, status, v)
		}
		hosts = map[string]bool{}
		for _, x := range v["routers"].([]any) {
			hosts[x.(map[string]any)["host"].(string)] = true
		}
		next, _ = v["next"].(string)
		return hosts, next
	}
	if got, next := hosts("/v1/account/routers"); next != "" || !cmp.Equal(got, all) {
		t.Errorf("%v, next %q", got, next)
	}
	for limit, sizes := range map[int][]int{1: {1, 1, 1, 1, 1, 1, 1}, 3: {3, 3, 1}, 7: {7}, 500: {7}} {
		got := map[string]bool{}
		next := ""
		for i, size := range sizes {
			page, n := hosts(fmt.Sprintf("/v1/account/routers?limit=%d&after=%s", limit, next))
			if len(page) != size || (n == "") != (i == len(sizes)-1) {
				t.Errorf("limit %d, page %d: %d routers, next %q", limit, i, len(page), n)
			}
			for host := range page {
				got[host] = true
			}
			next = n
		}
		if !cmp.Equal(got, all) {
			t.Errorf("limit %d: %v", limit, cmp.Diff(got, all))
		}
	}
	for _, wrong := range []string{"limit=0", "limit=501", "limit=a", "limit=-1", "limit=3&after=../x", "after=" + strings.Repeat("a", 33)} {
		if status, v := f.call(c, "GET", "/v1/account/routers?"+wrong); status != 422 {
			t.Errorf("%s: %d %v", wrong, status, v)
		}
	}
	relay := f.posts[0].relay
	routers, next, err := relay.RoutersPage(t.Context(), f.account.ID, "", 5)
	if err != nil || len(routers) != 5 || next == "" {
		t.Fatalf("%d routers, next %q: %v", len(routers), next, err)
	}
	if r, err := relay.RouterOf(t.Context(), f.account.ID, routers[4].Prefix); err != nil || r.Host != routers[4].Host {
		t.Errorf("%+v %v", r, err)
	}
	for account, prefix := range map[string]string{"other": routers[0].Prefix, f.account.ID: "0000000000"} {
		var refusal *cloud.Error
		if r, err := relay.RouterOf(t.Context(), account, prefix); !errors.As(err, &refusal) || refusal.Status != 404 {
			t.Errorf("%s of %s: %+v %v", prefix, account, r, err)
		}
	}
}

package daemon

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
)

// rest calls the REST API at a base URL and returns the answer and its body.
func rest(t *testing.T, method, url, body string, headers ...string) (*http.Response, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if len(b) > 0 && strings.HasSuffix(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(b, &answer); err != nil {
			t.Fatalf("%v in %q", err, b)
		}
	}
	return resp, answer
}

// TestRESTOnTheLAN: programs reach the REST API with a key or an access token,
// as far as its scopes go; guests reach nothing of it.
func TestRESTOnTheLAN(t *testing.T) {
	d := startDaemon(t, filepath.Join(t.TempDir(), "data"))
	defer func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	}()
	base := d.API + "v1"
	ctl := v1.NewClient(v1.DialUnix(d.Control))
	key, err := ctl.CreateAPIKey(t.Context(), v1.NewAPIKey{Label: "till", Scopes: []v1.Scope{"vouchers"}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := ctl.CreateToken(t.Context(), key.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path    string
		header, value string
		status        int
	}{
		{"nobody", "/status", "X-Nothing", "", http.StatusUnauthorized},
		{"a wrong key", "/status", "X-Api-Key", "wrong", http.StatusUnauthorized},
		{"a key", "/vouchers", "X-Api-Key", key.Secret, http.StatusOK},
		{"a key as bearer", "/vouchers", "Authorization", "Bearer " + key.Secret, http.StatusOK},
		{"a token", "/vouchers", "Authorization", "Bearer " + token.Token, http.StatusOK},
		{"a token in the other header", "/status", "X-Api-Key", token.Token, http.StatusOK},
		{"without the scope", "/settings", "X-Api-Key", key.Secret, http.StatusForbidden},
		{"not listed", "/nothing", "X-Api-Key", key.Secret, http.StatusNotFound},
		{"the key in the query", "/status?key=" + key.Secret, "X-Nothing", "", http.StatusUnauthorized},
	} {
		resp, answer := rest(t, "GET", base+tc.path, "", tc.header, tc.value)
		problem := resp.Header.Get("Content-Type") == "application/problem+json" && answer["code"] != ""
		if resp.StatusCode != tc.status || (tc.status >= 400) != problem {
			t.Errorf("%s: %s %v", tc.name, resp.Status, answer)
		}
	}
	if err := ctl.RemoveAPIKey(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	for _, credential := range []string{key.Secret, token.Token} {
		if resp, _ := rest(t, "GET", base+"/vouchers", "", "X-Api-Key", credential); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("after it was revoked: %s", resp.Status)
		}
	}
	device, err := ctl.DeviceKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/status", "/vouchers", "/openapi.json", "/docs"} {
		resp, answer := rest(t, "GET", strings.TrimSuffix(d.Portal, "/")+"/api/v1"+path, "", "X-Api-Key", device)
		if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusUnauthorized || answer != nil {
			t.Errorf("guests reach %s: %s %v", path, resp.Status, answer)
		}
	}
	guess(t, base+"/status", device)
}

// guess sends wrong keys until their address must wait, even with the right one.
// Ten may be wrong at once, and one more every six seconds: on a machine that holds
// this test up, the wait may be over before the right key is sent.
func guess(t *testing.T, url, right string) {
	t.Helper()
	begun, wrong := time.Now(), 0
	for {
		resp, _ := rest(t, "GET", url, "", "X-Api-Key", "wrong")
		if resp.StatusCode == http.StatusUnauthorized {
			if wrong++; wrong > 11+int(time.Since(begun)/(6*time.Second)) {
				t.Fatalf("%d wrong keys in %v, and no wait", wrong, time.Since(begun))
			}
			continue
		}
		if resp.StatusCode != http.StatusTooManyRequests {
			t.Fatalf("guessing: %s", resp.Status)
		}
		if resp, _ = rest(t, "GET", url, "", "X-Api-Key", right); resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "" {
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("guessed, and the right key is answered: %s", resp.Status)
		}
	}
}

// TestOnceAcrossRestarts: a program that sends a creation again after the
// router was switched off and on gets the answer that it missed.
func TestOnceAcrossRestarts(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	headers := []string{"Idempotency-Key", `"8e03978e-40d5-43dd-bc93-6894a57f9324"`, "X-Api-Key", ""}
	var first map[string]any
	for run := range 3 {
		d := startDaemon(t, data)
		ctl := v1.NewClient(v1.DialUnix(d.Control))
		device, err := ctl.DeviceKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		headers[3] = device
		resp, answer := rest(t, "POST", d.API+"v1/vouchers", `{"count":2}`, headers...)
		if run == 0 {
			first = answer
		}
		if d := cmp.Diff(first, answer); d != "" || resp.StatusCode != http.StatusCreated || (run > 0) != (resp.Header.Get("Idempotency-Replayed") == "true") {
			t.Errorf("run %d: %s\n%s", run, resp.Status, d)
		}
		n := 0
		for range ctl.Vouchers(t.Context(), v1.Selection{}) {
			n++
		}
		if err := d.stop(); err != nil || n != 2 {
			t.Errorf("%d vouchers, %v", n, err)
		}
	}
}

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/vouchsafe/vouchsafe/api/v1"
	"github.com/vouchsafe/vouchsafe/daemon"
	"github.com/vouchsafe/vouchsafe/daemon/config"
)

// actions are the contract's, with the parameters that each needs.
var actions = map[string]map[string]string{
	"create_voucher": {}, "remove_voucher": {"username": "nobody"}, "get_voucher_users": {}, "get_email_users": {}, "get_fb_users": {},
	"get_mobile_users": {}, "get_free_users": {}, "get_logins": {}, "get_guest_hosts": {}, "get_active_guests": {},
}

// parameters are all that any action takes.
var parameters = []string{"api-key", "action", "username", "passcode", "fullname", "valid_for", "valid_from",
	"download_limit", "upload_limit", "limit", "after_id"}

// documented are the messages of answers with status 200 that say no.
var documented = []string{"API is not enabled", "API Key is incorrect", "API Key not set or method not allowed",
	"Username already exists", "Username doesn't exist", "No username set", "An error occurred"}

// lanAPI is a daemon with the memory backend, and its API.
type lanAPI struct {
	t     *testing.T
	url   string
	key   string
	log   lockedBuffer
	http  *http.Client
	ready daemon.Ready
	made  map[string]map[string]any // vouchers by username, as create_voucher has answered
	froms int                       // addresses used so far
}

// lockedBuffer takes a log while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLANAPI(t *testing.T) *lanAPI {
	t.Helper()
	a := &lanAPI{t: t, http: &http.Client{Timeout: patience}, made: map[string]map[string]any{}}
	cfg := config.Default()
	cfg.Data, cfg.Zone = filepath.Join(t.TempDir(), "data"), time.UTC
	cfg.Network.Backend = config.BackendMemory
	cfg.LAN.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	up, done := make(chan daemon.Ready, 1), make(chan error, 1)
	go func() {
		done <- daemon.Run(ctx, cfg, daemon.Options{Version: "test", Portal: "127.0.0.1:0", StopWithin: patience, Ready: func(r daemon.Ready) { up <- r },
			Log: slog.New(slog.NewTextHandler(&a.log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the daemon: %v", err)
		}
		if said := a.log.String(); strings.Contains(said, "level=ERROR") || strings.Contains(said, "panic") {
			t.Errorf("the daemon's log has errors:\n%.4000s", said)
		}
	})
	select {
	case a.ready = <-up:
	case err := <-done:
		done <- err
		t.Fatalf("the daemon ended: %v", err)
	}
	a.url = a.ready.API
	c := v1.NewClient(v1.DialUnix(a.ready.Control))
	for _, key := range []string{"api.post", "api.get"} {
		if _, err := c.SetSetting(t.Context(), key, "on"); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if a.key, err = c.DeviceKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// way is how parameters are sent: texts, and one of them by its value.
type way struct {
	name string
	send func(base map[string]string, param string, v badValue) *http.Request
}

func ways(url string) []way {
	post := func(contentType string, body []byte) *http.Request {
		r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			panic(err) // a constant method
		}
		r.Header.Set("Content-Type", contentType)
		return r
	}
	return []way{
		{"GET", func(base map[string]string, param string, v badValue) *http.Request {
			r := post("", nil)
			r.Method, r.Body, r.ContentLength, r.Header = http.MethodGet, nil, 0, http.Header{}
			// Longer ones never get as far as the API; see TestRawRequests.
			r.URL.RawQuery = form(base, param, v.text[:min(len(v.text), 12_000)]).Encode()
			return r
		}},
		{"form", func(base map[string]string, param string, v badValue) *http.Request {
			return post("application/x-www-form-urlencoded", []byte(form(base, param, v.text).Encode()))
		}},
		{"multipart", func(base map[string]string, param string, v badValue) *http.Request {
			var b bytes.Buffer
			w := multipart.NewWriter(&b)
			for k, vs := range form(base, param, v.text) {
				_ = w.WriteField(k, vs[0]) // to a buffer
			}
			_ = w.Close()
			return post(w.FormDataContentType(), b.Bytes())
		}},
		{"JSON", func(base map[string]string, param string, v badValue) *http.Request {
			var b bytes.Buffer
			for _, k := range slices.Sorted(maps.Keys(base)) {
				if k != param {
					fmt.Fprintf(&b, ",%q:%q", k, base[k])
				}
			}
			return post("application/json", fmt.Appendf(nil, `{%q:%s%s}`, param, v.literal(), b.String()))
		}},
	}
}

func form(base map[string]string, param, text string) url.Values {
	f := url.Values{}
	for k, v := range base {
		f.Set(k, v)
	}
	f.Set(param, text)
	return f
}

// answer is a reply of the API.
type answer struct {
	status int
	body   map[string]any
	raw    string
}

func (a answer) message() string { s, _ := a.body["message"].(string); return s }
func (a answer) failed() bool    { return a.body["error"] == true }

// do sends a request and checks the reply's form.
func (a *lanAPI) do(t *testing.T, r *http.Request) (got answer) {
	t.Helper()
	resp, err := a.http.Do(r)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	got.status, got.raw = resp.StatusCode, string(raw)
	if err != nil || json.Unmarshal(raw, &got.body) != nil {
		t.Errorf("%d %v: %.200q is no JSON object", resp.StatusCode, err, raw)
		return got
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/json; charset=utf-8" || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Set-Cookie") != "" {
		t.Errorf("headers %v", resp.Header)
	}
	switch resp.StatusCode {
	case 200:
		if got.failed() && !slices.Contains(documented, got.message()) {
			t.Errorf("%.200s", raw)
		}
	case 400, 413, 415, 429:
		if !got.failed() || got.message() == "" || got.body["detail"] == "" {
			t.Errorf("%d %.200s", resp.StatusCode, raw)
		}
	default:
		t.Errorf("status %d: %.200s", resp.StatusCode, raw)
	}
	for k := range got.body {
		if got.failed() && k != "message" && k != "error" && k != "detail" {
			t.Errorf("%q in %.200s", k, raw)
		}
	}
	if strings.Contains(got.raw, "internal error") || len(got.raw) > 1000 && got.failed() || strings.ContainsAny(got.raw, "\x00\x1b\a\x7f") {
		t.Errorf("%d %.2000q", resp.StatusCode, raw)
	}
	return got
}

// call runs an action that must be understood.
func (a *lanAPI) call(t *testing.T, action string, params map[string]string) answer {
	t.Helper()
	base := map[string]string{"api-key": a.key}
	maps.Copy(base, params)
	return a.do(t, ways(a.url)[1].send(base, "action", badValue{text: action}))
}

// TestMatrix sends every bad value as every parameter of every action, every
// way. The answer is an answer of the contract, what is refused leaves nothing
// behind, and what is taken reads back as it was sent.
func TestMatrix(t *testing.T) {
	a := newLANAPI(t)
	for action, needs := range actions {
		for _, param := range parameters {
			if t.Failed() {
				return // what follows from it would be a flood
			}
			t.Run(action+"/"+param, func(t *testing.T) {
				base := map[string]string{"api-key": a.key, "action": action}
				maps.Copy(base, needs)
				for _, v := range badValues() {
					for _, w := range ways(a.url) {
						a.try(t, action, param, v, w.name, w.send(base, param, v))
					}
				}
				a.unchanged(t)
			})
		}
	}
}

// try sends one request of the matrix.
func (a *lanAPI) try(t *testing.T, action, param string, v badValue, way string, r *http.Request) {
	if param == "api-key" {
		a.fromElsewhere(t)
		defer func() { a.http.Transport = nil }()
	}
	got := a.do(t, r)
	if t.Failed() {
		t.Fatalf("%s by %s", v.name, way)
	}
	said := fmt.Sprintf("%s by %s: %d %.300s", v.name, way, got.status, got.raw)
	if way == "JSON" && v.json == "null" {
		v.text = "" // as if it were not there
	}
	switch {
	case param == "api-key" || param == "action":
		if !got.failed() && got.status == 200 {
			t.Errorf("accepted: %s", said)
		}
	case got.status != 200:
	case action == "create_voucher":
		a.created(t, param, v, way, got, said)
	case action == "remove_voucher":
		if want := map[bool]string{true: "No username set", false: "Username doesn't exist"}[param == "username" && v.text == ""]; got.message() != want && got.message() != "An error occurred" {
			t.Error(said)
		}
	case param == "limit" || param == "after_id":
		if got.failed() && got.message() != "An error occurred" {
			t.Error(said)
		}
	case got.failed():
		t.Errorf("refused for a parameter that it does not have: %s", said)
	}
}

var megabytes = regexp.MustCompile(`^(0|[1-9][0-9]{0,6})$`)

// created checks an answer of create_voucher.
func (a *lanAPI) created(t *testing.T, param string, v badValue, way string, got answer, said string) {
	text := param == "username" || param == "passcode" || param == "fullname"
	structured := way == "JSON" && v.json != "" && strings.ContainsRune(`{[tf`, rune(v.json[0]))
	switch {
	case got.failed() && text && v.kind == strange && !structured:
		t.Errorf("refused: %s", said)
	case !got.failed() && (text && v.kind == harmful || param == "username" && v.kind == spaced || param != "fullname" && text && v.kind == noCode || structured && param != "limit" && param != "after_id"):
		t.Errorf("accepted: %s", said)
	case !got.failed() && (param == "valid_for" || param == "valid_from") && v.text != "":
		t.Errorf("accepted: %s", said)
	}
	if got.failed() {
		return
	}
	user, _ := got.body["user"].(map[string]any)
	name, _ := user["username"].(string)
	if name == "" || got.message() != "User added successfully" {
		t.Fatal(said)
	}
	for _, limit := range []string{"download_limit", "upload_limit"} {
		if s, _ := user[limit].(string); !megabytes.MatchString(s) {
			t.Errorf("%s: %s", limit, said)
		}
	}
	if text && v.text != "" && user[param] != v.text {
		t.Errorf("%s comes back as %q: %s", param, user[param], said)
	}
	a.made[name] = user
	if param != "username" {
		return
	}
	a.unchanged(t)
	if again := a.call(t, "create_voucher", map[string]string{"username": name}); again.message() != "Username already exists" {
		t.Errorf("a second one: %s", again.raw)
	}
	if gone := a.call(t, "remove_voucher", map[string]string{"username": name}); gone.message() != "User removed successfully" {
		t.Errorf("it cannot be removed: %s", gone.raw)
	}
	delete(a.made, name)
}

// unchanged compares the list of vouchers with what was made.
func (a *lanAPI) unchanged(t *testing.T) {
	t.Helper()
	rows, _ := a.call(t, "get_voucher_users", nil).body["users"].([]any)
	if len(rows) != len(a.made) {
		t.Fatalf("%d vouchers, %d were made", len(rows), len(a.made))
	}
	for _, r := range rows {
		row := r.(map[string]any)
		user := a.made[row["username"].(string)]
		if user == nil || user["passcode"] != row["password"] || user["fullname"] != row["fullname"] || user["id"] != row["id"] ||
			user["valid_for"] != row["valid_for"] || user["valid_from"] != row["valid_from"] || user["download_limit"] != fmt.Sprint(row["download_limit"]) {
			t.Errorf("made %v, listed %v", user, row)
		}
	}
}

// fromElsewhere makes the next request come from an address that has not sent
// a wrong key yet.
func (a *lanAPI) fromElsewhere(t *testing.T) {
	a.froms++
	from := netip.AddrFrom4([4]byte{127, 4, byte(a.froms >> 8), byte(a.froms)})
	d := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	tr := &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}
	a.http.Transport = tr
}

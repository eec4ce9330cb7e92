package cloud_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/cloud/bolt"
)

// TestAnswersAreJSON: whatever is asked, the answer is of the contract's type, in
// the contract's shape, and kept by nobody.
func TestAnswersAreJSON(t *testing.T) {
	h := newHouse(t, nil)
	id, token := h.online(echo)
	api := "api.cloud.test"
	for name, tc := range map[string]struct {
		method, host, path, body string
		status                   int
	}{
		"account":          {"GET", api, "/v1/account", "", 200},
		"a claim":          {"POST", api, "/v1/account/claims", "", 200},
		"nothing there":    {"GET", api, "/v1/nothing", "", 404},
		"another method":   {"PUT", api, "/v1/account", "", 404},
		"no clean path":    {"GET", api, "/v1/account/./license", "", 404},
		"two slashes":      {"GET", api, "/v1//account", "", 404},
		"no object":        {"POST", api, "/v1/account/tokens", "[]", 400},
		"one dot":          {"POST", api, "/v1/account/tokens", `{"name":".","expires":1}`, 422},
		"two dots":         {"POST", api, "/v1/account/tokens", `{"name":"..","expires":1}`, 422},
		"three dots":       {"POST", api, "/v1/account/tokens", `{"name":"...","expires":1}`, 200},
		"a wrong code":     {"POST", api, "/v1/enrol", `{"code":"x","name":"x","version":"x","csr":"x"}`, 422},
		"large":            {"POST", api, "/v1/account/tokens", strings.Repeat("a", 1<<20), 413},
		"GET of a router":  {"GET", id.Host, "/api/", "", 405},
		"elsewhere":        {"POST", id.Host, "/panel", "", 404},
		"an unknown host":  {"POST", "0000000000.cloud.test", "/api/", "", 404},
		"no host of ours":  {"POST", "x.cloud.test", "/api/", "", 404},
		"large to routers": {"POST", id.Host, "/api/", strings.Repeat("a", 1<<20), 413},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tc.method, "https://"+tc.host+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("x-api-key", token)
		resp, err := h.client().Transport.RoundTrip(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tc.status || !strings.Contains(string(body), fmt.Sprintf(`"status":%d`, tc.status)) {
			t.Errorf("%s: %s %s, want %d (%v)", name, resp.Status, body, tc.status, err)
		}
		if got := resp.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
			t.Errorf("%s: Content-Type %q", name, got)
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
}

// away are records that fail for a while.
type away struct {
	cloud.Store
	fails atomic.Pointer[error]
}

func (a *away) err() error {
	if p := a.fails.Load(); p != nil {
		return fmt.Errorf("%w: nobody is there", *p)
	}
	return nil
}

func (a *away) Get(ctx context.Context, key string) (cloud.Entry, error) {
	if err := a.err(); err != nil {
		return cloud.Entry{}, err
	}
	return a.Store.Get(ctx, key)
}

func (a *away) Commit(ctx context.Context, t cloud.Transaction) error {
	if err := a.err(); err != nil {
		return err
	}
	return a.Store.Commit(ctx, t)
}

// TestRecordsAway: while the records cannot be reached, whoever needs them is told
// to come back, and routers that are connected are served.
func TestRecordsAway(t *testing.T) {
	file, err := bolt.Open(filepath.Join(t.TempDir(), "relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	records := &away{Store: file}
	h := newHouse(t, func(cfg *cloud.Config) { cfg.Accounts = cloud.NewAccounts(cloud.AccountsConfig{Store: records}) })
	h.accounts = cloud.NewAccounts(cloud.AccountsConfig{Store: records})
	id, token := h.online(echo)
	records.fails.Store(&cloud.ErrUnreachable)
	get := func(method, host, path string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+host+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("x-api-key", token)
		resp, err := h.client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for path, method := range map[string]string{"/v1/account": "GET", "/v1/account/claims": "POST"} {
		if resp := get(method, "api.cloud.test", path); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s, Retry-After %q", path, resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	if resp := get("POST", "0000000000.cloud.test", "/api/"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a router that is not here: %s", resp.Status)
	}
	if resp := get("POST", id.Host, "/api/"); resp.StatusCode != 200 {
		t.Errorf("a router that is here: %s", resp.Status)
	}
	for path, status := range map[string]int{"/healthz": 503, "/ready": 200} {
		w := httptest.NewRecorder()
		h.relay.Operations().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != status || !strings.Contains(w.Body.String(), `"routers":1`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	records.fails.Store(&cloud.ErrUncertain)
	if status, v := h.ask("GET", "/v1/account", token, ""); status != 500 || !strings.Contains(v["message"].(string), "look before") {
		t.Errorf("%d %v", status, v)
	}
	records.fails.Store(nil)
	if status, v := h.ask("GET", "/v1/account", token, ""); status != 200 {
		t.Errorf("%d %v", status, v)
	}
	h.stop()
	w := httptest.NewRecorder()
	if h.relay.Operations().ServeHTTP(w, httptest.NewRequest("GET", "/ready", nil)); w.Code != 503 {
		t.Errorf("stopped: %d %s", w.Code, w.Body)
	}
	if n := strings.Count(h.log.String(), "request failed"); n != 1 {
		t.Errorf("%d lines of failed requests, want that of the uncertain one", n)
	}
}

// TestLargeIsReadByHTTP2: a body that is too large is read, so that the stream is
// not reset behind the answer: curl would lose it.
func TestLargeIsReadByHTTP2(t *testing.T) {
	h := newHouse(t, nil)
	id, _ := h.online(echo)
	const size = 300 << 10
	conn := tls.Client(h.from("127.0.0.1"), &tls.Config{ServerName: id.Host, RootCAs: h.roots, NextProtos: []string{"h2"}})
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	fr := http2.NewFramer(conn, bufio.NewReader(conn))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", id.Host}, {":path", "/api/"}, {"content-length", fmt.Sprint(size)}} {
		if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(fr.WriteSettings())
	must(fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}))
	windows := map[uint32]int{0: 65535, 1: 65535}
	sent, status, body := 0, "", ""
	for {
		for sent < size && min(windows[0], windows[1]) > 0 {
			n := min(windows[0], windows[1], size-sent, 16<<10)
			must(fr.WriteData(1, sent+n == size, make([]byte, n)))
			sent, windows[0], windows[1] = sent+n, windows[0]-n, windows[1]-n
		}
		f, err := fr.ReadFrame()
		if err != nil {
			t.Fatalf("after %d bytes: %v", sent, err)
		}
		switch f := f.(type) {
		case *http2.WindowUpdateFrame:
			windows[f.StreamID] += int(f.Increment)
		case *http2.SettingsFrame:
			if n, ok := f.Value(http2.SettingInitialWindowSize); ok {
				windows[1] += int(n) - 65535
			}
			if !f.IsAck() {
				must(fr.WriteSettingsAck())
			}
		case *http2.MetaHeadersFrame:
			status = f.PseudoValue("status")
		case *http2.DataFrame:
			body += string(f.Data())
			if f.StreamEnded() { // what follows the answer comes before that to a ping
				must(fr.WritePing(false, [8]byte{1}))
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				must(fr.WritePing(true, f.Data))
				continue
			}
			if sent != size || status != "413" || !strings.Contains(body, "65536 bytes") {
				t.Errorf("%d of %d bytes were taken; %s %q", sent, size, status, body)
			}
			return
		case *http2.RSTStreamFrame:
			t.Fatalf("the stream was reset: %v; %d of %d bytes were taken", f.ErrCode, sent, size)
		case *http2.GoAwayFrame:
			t.Fatalf("the connection was ended: %v", f.ErrCode)
		}
	}
}

// TestChunksEndTheConnection: where a request in chunks ends can be a matter of
// opinion, so nothing behind it is taken for another one.
func TestChunksEndTheConnection(t *testing.T) {
	h := newHouse(t, nil)
	id, _ := h.online(echo)
	conn, err := tls.Dial("tcp", h.addr, &tls.Config{ServerName: id.Host, RootCAs: h.roots, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	behind := "GET /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\n\r\n"
	if _, err := io.WriteString(conn, "POST /api/ HTTP/1.1\r\nHost: "+id.Host+"\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"+behind); err != nil {
		t.Fatal(err)
	}
	// A reset instead of the end is fine: what was behind was not read.
	got, _ := io.ReadAll(conn)
	if n := strings.Count(string(got), "HTTP/1.1 "); n != 1 || !strings.Contains(string(got), "Connection: close") {
		t.Errorf("%d answers: %s", n, got)
	}
}

// TestWhoChangedWhat: the log says who asked on the account page, and what the
// operator changed.
func TestWhoChangedWhat(t *testing.T) {
	h := newHouse(t, func(cfg *cloud.Config) {
		cfg.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cloud.Opened(r.Context(), "abcde234", "pms") })
	})
	acc, _ := h.account("acme")
	resp, err := h.client().Post("https://api.cloud.test/routers/0123456789/rotate?secret", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	w := httptest.NewRecorder()
	for _, method := range []string{"GET", "POST"} {
		cloud.Control(h.accounts, h.relay).ServeHTTP(w, httptest.NewRequest(method, "/accounts", strings.NewReader(`{"name":"another"}`)))
	}
	cloud.Control(h.accounts, h.relay).ServeHTTP(w, httptest.NewRequest("POST", "/accounts/"+acc.ID+"/claims", nil))
	cloud.Opened(t.Context(), "abcde234", "pms") // of no request of the page
	h.stop()
	log := h.log.String()
	if !strings.Contains(log, `account=abcde234 token=pms call="POST /routers/0123456789/rotate"`) || strings.Contains(log, "secret") {
		t.Errorf("the page:\n%s", log)
	}
	if n := strings.Count(log, "by=operator"); n != 2 || !strings.Contains(log, "account="+acc.ID+` change="POST /accounts/{id}/claims" by=operator`) {
		t.Errorf("the operator: %d lines in\n%s", n, log)
	}
}

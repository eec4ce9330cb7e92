package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
)

func TestWriteJSON(t *testing.T) {
	w := httptest.NewRecorder()
	api.WriteFailure(w, 200, "An error occurred", `<b> & "c"`)
	want := `{"message":"An error occurred","error":true,"detail":"<b> & \"c\""}` + "\n"
	if w.Body.String() != want {
		t.Errorf("%s", w.Body)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzAppendString: whatever the text, the JSON is valid and means the text.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", `q"b\s/`, "\x00\x1f\x7f\n\r\t", "é王😀", "\xff\xc3", "\u2028\u2029", "</script>", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := api.AppendString([]byte("x"), s)[1:]
		var got string
		if err := json.Unmarshal(b, &got); err != nil || !utf8.Valid(b) {
			t.Fatalf("%q: %v", b, err)
		}
		// Byte by byte, as package json itself replaces what is not UTF-8.
		if want := string([]rune(s)); got != want {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestPrincipal(t *testing.T) {
	if new(api.Principal).May(api.ScopeVouchers) || (*api.Principal)(nil).May(api.ScopeAll) {
		t.Error("nobody may something")
	}
	p := &api.Principal{Scopes: []api.Scope{api.ScopeUsers}}
	if !p.May(api.ScopeUsers) || p.May(api.ScopeVouchers) || p.May(api.ScopeAll) {
		t.Error("scopes are mixed up")
	}
	if p.Scopes[0] = api.ScopeAll; !p.May(api.ScopeSettings) {
		t.Error("all is not all")
	}
}

func TestPeer(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-For", "1.2.3.4")
	r.Header.Set("Forwarded", "for=1.2.3.4")
	for remote, want := range map[string]string{
		"192.168.10.7:99": "192.168.10.7", "[::ffff:192.168.10.7]:99": "192.168.10.7",
		"[fe80::1%eth0]:99": "fe80::1", "[fd00::1]:1": "fd00::1", "@": "invalid IP", "": "invalid IP",
	} {
		r.RemoteAddr = remote
		if got := api.Peer(r).String(); got != want {
			t.Errorf("%q: %s, want %s", remote, got, want)
		}
	}
}

func TestFailureLimiter(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := api.NewFailureLimiter(api.LimiterConfig{Burst: 3, Every: 10 * time.Second, Sources: 100, Now: func() time.Time { return now }})
	a, b := netip.MustParseAddr("192.168.10.7"), netip.MustParseAddr("192.168.10.8")
	for i := range 3 {
		if w := l.Wait(a); w != 0 {
			t.Fatalf("failure %d: wait %v", i, w)
		}
		l.Fail(a)
	}
	if w := l.Wait(a); w != 10*time.Second {
		t.Errorf("after the burst: wait %v", w)
	}
	if l.Wait(b) != 0 {
		t.Error("another address waits")
	}
	for range 50 { // failures that were on their way
		l.Fail(a)
	}
	if w := l.Wait(a); w > 10*time.Second {
		t.Errorf("the debt grew: wait %v", w)
	}
	now = now.Add(9 * time.Second)
	if w := l.Wait(a); w != time.Second {
		t.Errorf("9 s later: wait %v", w)
	}
	now = now.Add(time.Second)
	if w := l.Wait(a); w != 0 {
		t.Errorf("10 s later: wait %v", w)
	}
	if l.Fail(a); l.Wait(a) == 0 {
		t.Error("one more failure is not one too many")
	}
	now = now.Add(time.Hour)
	for range 2 {
		l.Fail(a)
	}
	if l.Wait(a) != 0 {
		t.Error("an hour did not clear it")
	}
}

func TestFailureLimiterSources(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := api.NewFailureLimiter(api.LimiterConfig{Burst: 2, Sources: 100, Now: func() time.Time { return now }})
	for _, s := range []string{"fd00:1:2:3::1", "fd00:1:2:3:ffff::2"} {
		l.Fail(netip.MustParseAddr(s))
	}
	if l.Wait(netip.MustParseAddr("fd00:1:2:3::abcd")) == 0 {
		t.Error("a /64 is not one source")
	}
	if l.Wait(netip.MustParseAddr("fd00:1:2:4::1")) != 0 {
		t.Error("the next /64 waits, too")
	}
	l.Fail(netip.MustParseAddr("::ffff:10.0.0.1"))
	l.Fail(netip.MustParseAddr("10.0.0.1"))
	if l.Wait(netip.MustParseAddr("10.0.0.1")) == 0 {
		t.Error("a mapped address is not the same source")
	}
	// One who keeps failing is remembered through a flood of others.
	bad := netip.MustParseAddr("192.168.10.66")
	l.Fail(bad)
	l.Fail(bad)
	for i := range 100_000 {
		l.Fail(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if l.Wait(bad) == 0 {
		t.Error("a flood washed the worst one out")
	}
	if n := l.Len(); n > 100 {
		t.Errorf("%d sources remembered", n)
	}
}

func TestLogRequests(t *testing.T) {
	var log bytes.Buffer
	h := api.LogRequests(slog.New(slog.NewJSONHandler(&log, nil)), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.NotesOf(r.Context()).Action = "create_voucher"
		api.NotesOf(r.Context()).Outcome = "API Key is incorrect"
		_, _ = io.Copy(io.Discard, r.Body)
		api.WriteFailure(w, 200, "x", "")
	}))
	r := httptest.NewRequest("POST", "/api/"+strings.Repeat("a", 1000)+"?api-key=SECRET", strings.NewReader("SECRET"))
	r.Header.Set("Authorization", "Bearer SECRET")
	h.ServeHTTP(httptest.NewRecorder(), r)
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"method": "POST", "status": 200.0, "bytes": 29.0, "peer": "192.0.2.1", "action": "create_voucher", "outcome": "API Key is incorrect", "level": "INFO",
	} {
		if line[name] != want {
			t.Errorf("%s: %v, want %v", name, line[name], want)
		}
	}
	if strings.Contains(log.String(), "SECRET") || log.Len() > 600 {
		t.Errorf("%s", log.String())
	}
}

func TestRecover(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	h := api.Recover(logger, nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/before":
			panic("reason")
		case "/after":
			_, _ = io.WriteString(w, `{"half":`)
			panic("reason")
		case "/abort":
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "fine")
	}))
	srv := httptest.NewUnstartedServer(api.LogRequests(logger, h))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	srv.Start()
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/before")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 500 || !json.Valid(b) || strings.Contains(string(b), "reason") {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
	for _, path := range []string{"/after", "/abort"} {
		resp, err := http.Get(srv.URL + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the connection was not cut", path)
		}
	}
	if resp, err = http.Get(srv.URL + "/"); err != nil || resp.StatusCode != 200 {
		t.Errorf("afterwards: %v", err)
	}
	resp.Body.Close()
	if strings.Count(log.String(), "reason") < 2 {
		t.Errorf("the log lacks the panics: %s", log.String())
	}
}

func TestAllowHosts(t *testing.T) {
	known := func(name string) bool { return name == "router.lan" }
	h := api.AllowHosts(known, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"192.168.10.1": 200, "192.168.10.1:8080": 200, "[fd00::1]": 200, "[fd00::1]:80": 200, "[fe80::1%25eth0]:80": 200,
		"localhost": 200, "LOCALHOST:80": 200, "router.lan": 200, "router.lan.:80": 200, "ROUTER.lan": 200,
		"evil.example": 421, "evil.example:80": 421, "192.168.10.1.evil.example": 421, "": 421, "router.lan.evil": 421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestNewServer(t *testing.T) {
	s := api.NewServer(t.Context(), http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 || s.Protocols.HTTP2() {
		t.Errorf("%+v", s)
	}
}

func TestReadBodyAsksBeforeLargeBodies(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := api.ReadBody(w, r, 10)
		var p *api.Problem
		if !errors.As(err, &p) {
			t.Errorf("%v", err)
			return
		}
		p.Write(w)
	}))
	defer srv.Close()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(90 * time.Second))
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
	b, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 413") || strings.Contains(string(b), "100 Continue") {
		t.Errorf("%v: %s", err, b)
	}
}

package cloud_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// echo answers with what arrived.
func echo(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Set-Cookie", "a=b")
	fmt.Fprintf(w, "%s %s %s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Cookie"), r.RemoteAddr, b)
}

func TestForward(t *testing.T) {
	h := newHouse(t, nil)
	_, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := h.post(id.Host, "{}"); status != http.StatusServiceUnavailable {
		t.Errorf("before the router is there: %d", status)
	}
	tun, stop := h.router(id, echo)
	until(t, "the router is up", up(tun))
	status, body := h.post(id.Host, `{"action":"x"}`, "Content-Type", "application/json", "Cookie", "c=d", tunnel.ClientHeader, "198.51.100.1")
	if want := `POST /api/ application/json  127.0.0.1:0 {"action":"x"}`; status != 200 || body != want {
		t.Errorf("%d %q, want %q", status, body, want)
	}
	// On one connection: as many handshakes at once would keep a slow machine from
	// answering the tunnel's pings.
	var wg sync.WaitGroup
	client := h.client()
	for i := range 64 {
		wg.Go(func() {
			if status, body := h.postBy(client, id.Host, fmt.Sprint("n", i)); status != 200 || !strings.HasSuffix(body, fmt.Sprint(" n", i)) {
				t.Errorf("%d %q", status, body)
			}
		})
	}
	wg.Wait()
	if s := tun.State(); s.Host != id.Host {
		t.Errorf("%+v", s)
	}
	stop()
	until(t, "the router is gone", func() bool { status, _ := h.post(id.Host, "{}"); return status == http.StatusServiceUnavailable })
	h.stop()
	if log := h.log.String(); strings.Contains(log, "action") || strings.Contains(log, token) {
		t.Error("a body or a token is in the log")
	}
}

// TestRefusals tries what clients must not do.
func TestRefusals(t *testing.T) {
	h := newHouse(t, nil)
	_, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan string, 100)
	tun, _ := h.router(id, func(w http.ResponseWriter, r *http.Request) {
		reached <- r.Method + " " + r.URL.Path
		echo(w, r)
	})
	until(t, "the router is up", up(tun))
	for name, tc := range map[string]struct {
		method, host, path, body string
		status                   int
	}{
		"GET":            {"GET", id.Host, "/api/?action=x", "", 405},
		"HEAD":           {"HEAD", id.Host, "/api/", "", 405},
		"PUT":            {"PUT", id.Host, "/api/", "", 405},
		"OPTIONS":        {"OPTIONS", id.Host, "/api/", "", 405},
		"another path":   {"POST", id.Host, "/", "", 404},
		"the panel":      {"POST", id.Host, "/sign-in", "", 404},
		"REST":           {"POST", id.Host, "/api/v1/vouchers", "", 404},
		"control":        {"POST", id.Host, tunnel.ControlPath, "{}", 404},
		"dots":           {"POST", id.Host, "/api/../x", "", 404},
		"large":          {"POST", id.Host, "/api/", strings.Repeat("a", 1<<20), 413},
		"unknown":        {"POST", "0000000000.cloud.test", "/api/", "", 404},
		"no prefix":      {"POST", "zzzzzzzzzz.cloud.test", "/api/", "", 404},
		"unknown, again": {"POST", "0000000000.cloud.test", "/api/", "", 404},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tc.method, "https://"+tc.host+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(tc.path, "..") {
			r.URL = &url.URL{Scheme: "https", Host: tc.host, Opaque: "//" + tc.host + tc.path}
		}
		resp, err := h.client().Do(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != tc.status {
			t.Errorf("%s: %s, want %d", name, resp.Status, tc.status)
		}
	}
	select {
	case what := <-reached:
		t.Errorf("the router got %s", what)
	default:
	}
}

// raw sends bytes over a connection made for a name, and returns the status line.
func (h *house) raw(name, text string) string {
	h.t.Helper()
	conn, err := tls.Dial("tcp", h.addr, &tls.Config{ServerName: name, RootCAs: h.roots, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		h.t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

// TestHosts plays tricks with the host and with where a body ends.
func TestHosts(t *testing.T) {
	h := newHouse(t, nil)
	_, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	tun, _ := h.router(id, echo)
	until(t, "the router is up", up(tun))
	for name, tc := range map[string]struct{ sni, text, want string }{
		"fine":                 {id.Host, "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nContent-Length: 0\r\n\r\n", "200"},
		"with a port":          {id.Host, "POST /api/ HTTP/1.1\r\nHost: " + id.Host + ":443\r\nContent-Length: 0\r\n\r\n", "200"},
		"another host":         {"api.cloud.test", "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nContent-Length: 0\r\n\r\n", "421"},
		"an absolute address":  {"api.cloud.test", "POST https://" + id.Host + "/api/ HTTP/1.1\r\nHost: api.cloud.test\r\nContent-Length: 0\r\n\r\n", "421"},
		"two hosts":            {id.Host, "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "400"},
		"no host":              {id.Host, "POST /api/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "400"},
		"two lengths":          {id.Host, "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "400"},
		"length and chunks":    {id.Host, "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200"}, // the chunks count (RFC 9112, 6.3), and what is sent on is framed anew
		"odd chunks":           {id.Host, "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
		"a line feed in a key": {id.Host, "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nX-A: b\nX-C\r\n\r\n", "400"},
		"the name for tunnels": {"tunnel.cloud.test", "POST /api/ HTTP/1.1\r\nHost: tunnel.cloud.test\r\n\r\n", "tls:"},
		"a foreign name":       {"evil.test", "", "tls:"},
	} {
		if got := h.raw(tc.sni, tc.text); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %s", name, got, tc.want)
		}
	}
}

// TestEnrolment: a code is good once, for 15 minutes, within the licence.
func TestEnrolment(t *testing.T) {
	h := newHouse(t, nil)
	acc, token := h.account("acme")
	at := time.Now()
	h.now = func() time.Time { return at }
	code, _, err := h.accounts.NewClaim(t.Context(), acc.ID)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, code string, status int) {
		t.Helper()
		var e *tunnel.RefusedError
		if _, err := h.enrolWith(code); !errors.As(err, &e) || e.Status != status {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, wrong := range map[string]string{"empty": " ", "short": "ABCD", "made up": "AAAA-AAAA-AAAA-AAAA", "long": strings.Repeat("A", 1000)} {
		refused(name, wrong, http.StatusForbidden)
	}
	at = at.Add(16 * time.Minute)
	refused("old", code, http.StatusForbidden)
	if code, _, err = h.accounts.NewClaim(t.Context(), acc.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.enrolWith(strings.ToLower(strings.ReplaceAll(code, "-", " "))); err != nil {
		t.Fatalf("as people type it: %v", err)
	}
	refused("used", code, http.StatusForbidden)
	if _, err := h.enrol(token); err == nil || !strings.Contains(err.Error(), "1 of 1") {
		t.Errorf("beyond the limit: %v", err)
	}
	text, err := cloud.IssueLicense(h.licenses, 3, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if status, v := h.ask("POST", "/v1/account/license", token, fmt.Sprintf(`{"license":%q}`, text)); status != 200 {
		t.Errorf("%d %v", status, v)
	}
	if code, _, err = h.accounts.NewClaim(t.Context(), acc.ID); err != nil {
		t.Fatal(err)
	}
	// One code, many routers at once: one gets in.
	var wg sync.WaitGroup
	var mu sync.Mutex
	in := 0
	for range 8 {
		wg.Go(func() {
			if _, err := h.enrolWith(code); err == nil {
				mu.Lock()
				in++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if got, err := h.accounts.Account(t.Context(), acc.ID); in != 1 || err != nil || got.Usage != 2 {
		t.Errorf("%d got in; %+v %v", in, got, err)
	}
}

// TestIdentity: a certificate that was removed, or that the relay did not make,
// opens nothing.
func TestIdentity(t *testing.T) {
	h := newHouse(t, nil)
	_, token := h.account("acme")
	_, other := h.account("other")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	tun, _ := h.router(id, echo)
	until(t, "the router is up", up(tun))
	prefix := strings.TrimSuffix(id.Host, ".cloud.test")
	for _, call := range [][2]string{{"POST", "/v1/account/routers/" + prefix + "/rotate"}, {"DELETE", "/v1/account/routers/" + prefix}} {
		if status, _ := h.ask(call[0], call[1], other, ""); status != http.StatusNotFound {
			t.Errorf("another account's router: %d", status)
		}
	}
	status, v := h.ask("POST", "/v1/account/routers/"+prefix+"/rotate", token, "")
	if status != 200 {
		t.Fatalf("%d %v", status, v)
	}
	fresh := v["router"].(map[string]any)["host"].(string)
	until(t, "it is back under its new name", func() bool { status, _ := h.post(fresh, "{}"); return status == 200 })
	if status, _ := h.post(id.Host, "{}"); status != http.StatusNotFound {
		t.Errorf("the old name: %d", status)
	}
	until(t, "it knows its new name", func() bool { return tun.State().Host == fresh })
	forged := id
	cert, _ := certificate(t)
	forged.Certificate = cert.Certificate[0]
	if cfg, err := forged.TLS(h.roots); err == nil {
		cfg.Certificates = []tls.Certificate{*cert}
		if conn, err := tls.Dial("tcp", h.addr, cfg); err == nil {
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Error("a forged identity was greeted")
			}
			conn.Close()
		}
	}
	if status, _ := h.ask("DELETE", "/v1/account/routers/"+strings.TrimSuffix(fresh, ".cloud.test"), token, ""); status != 200 {
		t.Errorf("%d", status)
	}
	until(t, "the removed router is out", func() bool { return tun.State().Phase != tunnel.Up && tun.State().Failure != nil })
	if status, _ := h.post(fresh, "{}"); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
}

// TestSlow: a router that does not answer is 504, one whose connection ends is
// 502, and a request is never sent twice.
func TestSlow(t *testing.T) {
	var mu sync.Mutex
	got := map[string]int{}
	count := func(body string) int {
		mu.Lock()
		defer mu.Unlock()
		return got[body]
	}
	serve := func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // what arrived is what counts
		mu.Lock()
		got[string(b)]++
		mu.Unlock()
		switch {
		case strings.HasPrefix(string(b), "slow"):
			<-r.Context().Done()
		case string(b) == "cut":
			panic(http.ErrAbortHandler)
		}
		echo(w, r)
	}
	hasty := newHouse(t, func(c *cloud.Config) { c.Limits.Answer = time.Second })
	waits, _ := hasty.online(serve)
	late(t, count, func(body string) int {
		status, _ := hasty.post(waits.Host, body)
		return status
	})
	h := newHouse(t, nil)
	id, _ := h.online(serve)
	if status, _ := h.post(id.Host, "cut"); status != http.StatusBadGateway {
		t.Errorf("cut off: %d", status)
	}
	if status, _ := h.post(id.Host, "well"); status != 200 {
		t.Errorf("others: %d", status)
	}
	mu.Lock()
	defer mu.Unlock()
	for body, n := range got {
		if n != 1 {
			t.Errorf("%s arrived %d times", body, n)
		}
	}
}

// late asks a router for what it does not answer before the answer is late, and
// again what it did not even get by then: the machine may be slow, too.
func late(t *testing.T, got func(body string) int, ask func(body string) int) {
	t.Helper()
	n := 0
	until(t, "the router is late", func() bool {
		n++
		body := fmt.Sprint("slow", n)
		status, arrived := ask(body), got(body)
		if status != http.StatusGatewayTimeout && (status != http.StatusServiceUnavailable || arrived > 0) {
			t.Fatalf("slow: %d", status)
		}
		return arrived > 0
	})
}

func TestRates(t *testing.T) {
	at := time.Now() // however long the requests take
	h := newHouse(t, func(c *cloud.Config) {
		c.Limits.PerPrefix = 1
		c.Now = func() time.Time { return at }
	})
	_, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	tun, _ := h.router(id, echo)
	until(t, "the router is up", up(tun))
	last := 0
	for range 15 {
		last, _ = h.post(id.Host, "{}")
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("%d", last)
	}
}

package cloud_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/vouchsafe/vouchsafe/api/cloud"
	"github.com/vouchsafe/vouchsafe/api/tunnel"
)

// TestHostileRouter: whatever a router answers, the relay goes on, and its
// clients get no more than an answer.
func TestHostileRouter(t *testing.T) {
	serve := func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		switch string(b) {
		case "odd":
			w.WriteHeader(700)
		case "large header":
			w.Header().Set("Content-Type", strings.Repeat("a", 100_000))
		case "headers":
			for _, name := range []string{"Set-Cookie", "Location", "Access-Control-Allow-Origin", "Strict-Transport-Security", "Content-Security-Policy", "Alt-Svc", "Clear-Site-Data", "Trailer"} {
				w.Header().Set(name, "x")
			}
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<script>alert(1)</script>")
			w.Header().Set("x", "y")
		case "stall":
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "no content":
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(http.StatusNoContent)
		case "short":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "half")
		}
	}
	h := newHouse(t, nil)
	id, _ := h.online(serve)
	postTo := func(h *house, id tunnel.Identity, body string) (*http.Response, string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+id.Host+"/api/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := h.client().Do(r)
		if err != nil {
			return nil, "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return resp, string(b), err
	}
	post := func(body string) (*http.Response, string, error) { return postTo(h, id, body) }
	for body, want := range map[string]int{"odd": 502, "headers": 200, "no content": 204, "well": 200} {
		resp, _, err := post(body)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s: %v %v, want %d", body, resp, err, want)
			continue
		}
		for _, name := range []string{"Set-Cookie", "Location", "Access-Control-Allow-Origin", "Alt-Svc", "Clear-Site-Data", "Trailer"} {
			if v := resp.Header.Get(name); v != "" {
				t.Errorf("%s: %s: %s", body, name, v)
			}
		}
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") {
			t.Errorf("%s: browsers would run scripts: %q", body, csp)
		}
		if resp.StatusCode == 204 && resp.Header.Get("Content-Length") != "" {
			t.Error("a length without a body")
		}
	}
	if resp, _, err := post("large header"); err != nil || resp.StatusCode != 502 {
		t.Errorf("large header: %v %v", resp, err)
	}
	// That may have cost the router its tunnel.
	until(t, "the router is back", func() bool { status, _ := h.post(id.Host, "well"); return status == 200 })
	if resp, got, err := post("short"); err == nil {
		t.Errorf("%s %q passed for a whole answer", resp.Status, got)
	}
	hasty := newHouse(t, func(c *cloud.Config) { c.Limits.Answer = time.Second })
	stalls, _ := hasty.online(serve)
	until(t, "an answer that stalls is cut off", func() bool {
		resp, got, err := postTo(hasty, stalls, "stall")
		if err == nil && resp.StatusCode == http.StatusOK {
			t.Fatalf("%q passed for a whole answer", got)
		}
		return err != nil // if not, not even its beginning came in time
	})
}

// TestExpect: a body that is too large is not even asked for.
func TestExpect(t *testing.T) {
	h := newHouse(t, nil)
	id, _ := h.online(echo)
	text := "POST /api/ HTTP/1.1\r\nHost: " + id.Host + "\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
	if got := h.raw(id.Host, text); !strings.Contains(got, "413") {
		t.Errorf("%q", got)
	}
	if got := h.raw(id.Host, strings.Replace(text, "100-continue", "magic", 1)); !strings.Contains(got, "417") {
		t.Errorf("%q", got)
	}
}

// TestFrames speaks HTTP/2 by hand: CONNECT, trailers, and headers that are not
// for a router.
func TestFrames(t *testing.T) {
	h := newHouse(t, nil)
	seen := make(chan http.Header, 10)
	id, _ := h.online(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		head := r.Header.Clone()
		for name := range r.Trailer {
			head.Set(name, "trailer")
		}
		seen <- head
		echo(w, r)
	})
	for name, tc := range map[string]struct {
		fields  []string
		trailer []string
		status  string // empty: the stream or the connection is cut off
	}{
		"fine":               {[]string{":method", "POST", ":scheme", "https", ":authority", id.Host, ":path", "/api/"}, nil, "200"},
		"CONNECT":            {[]string{":method", "CONNECT", ":authority", id.Host}, nil, "405"},
		"extended CONNECT":   {[]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", id.Host, ":path", "/api/"}, nil, ""},
		"another authority":  {[]string{":method", "POST", ":scheme", "https", ":authority", "api.cloud.test", ":path", "/api/"}, nil, "421"},
		"authority and host": {[]string{":method", "POST", ":scheme", "https", ":authority", id.Host, ":path", "/api/", "host", "api.cloud.test"}, nil, "200"},
		"a connection field": {[]string{":method", "POST", ":scheme", "https", ":authority", id.Host, ":path", "/api/", "connection", "close"}, nil, "400"},
		"another encoding":   {[]string{":method", "POST", ":scheme", "https", ":authority", id.Host, ":path", "/api/", "transfer-encoding", "chunked"}, nil, "400"},
		"a line feed":        {[]string{":method", "POST", ":scheme", "https", ":authority", id.Host, ":path", "/api/", "x-a", "b\r\nx-c: d"}, nil, ""},
		"a wrong length":     {[]string{":method", "POST", ":scheme", "https", ":authority", id.Host, ":path", "/api/", "content-length", "50"}, nil, "400"},
		"a trailer":          {[]string{":method", "POST", ":scheme", "https", ":authority", id.Host, ":path", "/api/", "trailer", "x-api-key"}, []string{"x-api-key", "evil"}, "200"},
		"who asks":           {[]string{":method", "POST", ":scheme", "https", ":authority", id.Host, ":path", "/api/", strings.ToLower(tunnel.ClientHeader), "1.2.3.4", "x-forwarded-for", "1.2.3.4"}, nil, "200"},
	} {
		status := h.frames(id.Host, tc.fields, tc.trailer)
		if status != tc.status {
			t.Errorf("%s: %q, want %q", name, status, tc.status)
		}
	}
	for len(seen) > 0 {
		head := <-seen
		for _, name := range []string{"X-Api-Key", "X-C", "Host", "X-Forwarded-For", tunnel.ClientHeader, "Trailer"} {
			if head.Get(name) != "" {
				t.Errorf("the router got %s: %s", name, head.Get(name))
			}
		}
	}
}

// frames sends a request as it is and returns the status of the answer.
func (h *house) frames(name string, fields, trailer []string) string {
	h.t.Helper()
	conn := tls.Client(h.from("127.0.0.1"), &tls.Config{ServerName: name, RootCAs: h.roots, NextProtos: []string{"h2"}})
	defer conn.Close()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		h.t.Fatal(err)
	}
	fr := http2.NewFramer(conn, bufio.NewReader(conn))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block strings.Builder
	enc := hpack.NewEncoder(&block)
	head := func(list []string) []byte {
		block.Reset()
		for i := 0; i+1 < len(list); i += 2 {
			if err := enc.WriteField(hpack.HeaderField{Name: list[i], Value: list[i+1]}); err != nil {
				h.t.Fatal(err)
			}
		}
		return []byte(block.String())
	}
	err := errors.Join(fr.WriteSettings(),
		fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head(fields), EndHeaders: true}),
		fr.WriteData(1, trailer == nil, []byte("{}")))
	if trailer != nil {
		err = errors.Join(err, fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head(trailer), EndHeaders: true, EndStream: true}))
	}
	if err != nil {
		return ""
	}
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return ""
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return ""
		}
	}
}

// TestForgedIdentity: only the certificate on record opens a tunnel, not one
// that looks the same, one of another cloud, or one of before.
func TestForgedIdentity(t *testing.T) {
	h, other := newHouse(t, nil), newHouse(t, nil)
	id, _ := h.online(echo)
	real, err := x509.ParseCertificate(id.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	_, token := other.account("other")
	foreign, err := other.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	draft := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: real.Subject.CommonName}, Issuer: real.Issuer,
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	self, err := x509.CreateCertificate(rand.Reader, draft, draft, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	_, mine := h.account("mine")
	gone, err := h.enrol(mine)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := h.ask("DELETE", "/v1/account/routers/"+strings.TrimSuffix(gone.Host, ".cloud.test"), mine, ""); status != 200 {
		t.Fatal(status)
	}
	for name, forged := range map[string]tunnel.Identity{
		"of another cloud": {Key: foreign.Key, Certificate: foreign.Certificate, Host: id.Host, Tunnel: id.Tunnel},
		"of its own":       {Key: der, Certificate: self, Host: id.Host, Tunnel: id.Tunnel},
		"removed":          gone,
	} {
		m := tunnel.Membership{Identity: forged, Address: "https://router.cloud.test", Roots: h.roots, Dial: h.dial}
		var no *tunnel.RefusedError
		if _, err := tunnel.Rotate(t.Context(), m); !errors.As(err, &no) || no.Status != 401 {
			t.Errorf("%s: %v", name, err)
		}
		cfg, err := forged.TLS(h.roots)
		if err != nil {
			t.Fatal(err)
		}
		cfg.NextProtos = []string{tunnel.Protocol}
		conn := tls.Client(h.from("127.0.0.1"), cfg)
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the relay keeps the connection", name)
		}
	}
	stolen := id
	stolen.Key = der // the certificate is public, the key is not
	cfg, err := stolen.TLS(h.roots)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := tls.Dial("tcp", h.addr, cfg); err == nil {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a certificate without its key was greeted")
		}
		conn.Close()
	}
	if status, _ := h.post(id.Host, "{}"); status != 200 {
		t.Errorf("the true router: %d", status)
	}
}

// TestGuessing: who tries claim codes has to wait, even with a good one; others
// do not. An account has so many codes and no more.
func TestGuessing(t *testing.T) {
	h := newHouse(t, nil)
	acc, token := h.account("acme")
	var no *tunnel.RefusedError
	for range 10 {
		if _, err := h.enrolWith("AAAA-BBBB-CCCC-DDDD"); !errors.As(err, &no) || no.Status != 403 {
			t.Fatal(err)
		}
	}
	if _, err := h.enrol(token); !errors.As(err, &no) || no.Status != 429 {
		t.Errorf("the eleventh: %v", err)
	}
	for range 19 { // one was just made
		if _, _, err := h.accounts.NewClaim(t.Context(), acc.ID); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := h.ask("POST", "/v1/account/claims", token, ""); status != 429 {
		t.Errorf("the 21st code: %d", status)
	}
	at := time.Now().Add(16 * time.Minute)
	h.now = func() time.Time { return at }
	code, _, err := h.accounts.NewClaim(t.Context(), acc.ID)
	if err != nil {
		t.Error(err)
	}
	left, err := h.store.List(t.Context(), "claim", "", 100)
	if err != nil || len(left) != 2 {
		t.Errorf("%d records of old codes %v", len(left), err)
	}
	at = at.Add(-24 * time.Hour) // the clock is put back
	if _, err := h.accounts.Enrol(t.Context(), cloud.Enrollment{Code: code, Name: "a", Version: "1"}, nil); err == nil {
		t.Error("a code is good for a day")
	}
}

// counting counts what is read.
type counting struct {
	cloud.Store
	gets atomic.Int64
}

// Get implements cloud.Store.
func (c *counting) Get(ctx context.Context, key string) (cloud.Entry, error) {
	c.gets.Add(1)
	return c.Store.Get(ctx, key)
}

// TestUnknownPrefixes: ten thousand names that lead nowhere, from as many
// clients, cost little and hide nobody; asked again they cost nothing.
func TestUnknownPrefixes(t *testing.T) {
	var reads *counting
	h := newHouse(t, func(c *cloud.Config) { c.Limits.PerClient, c.Limits.PerPrefix = 0, 0 })
	id, _ := h.online(echo)
	reads = &counting{Store: h.store}
	at := time.Now() // however long the requests take
	relay, err := cloud.NewRelay(t.Context(), cloud.Config{Domain: "cloud.test", Log: discard(), Certificate: nil, Now: func() time.Time { return at },
		Accounts: cloud.NewAccounts(cloud.AccountsConfig{Store: reads})})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(relay http.Handler, host, from string) int {
		r := httptest.NewRequest(http.MethodPost, "https://"+host+"/api/", strings.NewReader("{}"))
		r.RemoteAddr, r.TLS = from, &tls.ConnectionState{ServerName: host}
		w := httptest.NewRecorder()
		relay.ServeHTTP(w, r)
		return w.Code
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, first := time.Now(), reads.gets.Load()
	for round := range 2 {
		for i := range 10_000 {
			host, from := fmt.Sprintf("%010x.cloud.test", i), fmt.Sprintf("198.18.%d.%d:9", i/250, i%250)
			if code := ask(relay, host, from); code != 404 {
				t.Fatalf("%s: %d", host, code)
			}
			if i%1000 == 0 && round == 0 {
				if status, _ := h.post(id.Host, "{}"); status != 200 {
					t.Errorf("meanwhile: %d", status)
				}
			}
		}
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := reads.gets.Load() - first; n > 10_000 {
		t.Errorf("%d reads for 10,000 names asked twice within a second", n)
	}
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 16<<20 {
		t.Errorf("%d bytes remembered", used)
	}
	last := 0
	for range 150 {
		last = ask(relay, "ffffffffff.cloud.test", "198.18.200.1:9")
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("one client, without end: %d", last)
	}
	t.Logf("20,000 in %v", took)
}

// TestStorm: a router that connects again and again, and one that is removed
// while it does, leave one tunnel or none.
func TestStorm(t *testing.T) {
	h := newHouse(t, nil)
	_, token := h.account("acme")
	id, err := h.enrol(token)
	if err != nil {
		t.Fatal(err)
	}
	first, stopFirst := h.router(id, echo)
	until(t, "the first is up", up(first))
	second, _ := h.router(id, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "second") })
	until(t, "the newest wins", func() bool { _, body := h.post(id.Host, "{}"); return body == "second" || !up(second)() })
	stopFirst()
	for range 8 {
		_, stop := h.router(id, echo)
		stop()
	}
	if status, _ := h.ask("DELETE", "/v1/account/routers/"+strings.TrimSuffix(id.Host, ".cloud.test"), token, ""); status != 200 {
		t.Fatal(status)
	}
	until(t, "all are out", func() bool { return second.State().Phase != tunnel.Up })
	until(t, "nothing is left", func() bool { return strings.Contains(h.metrics(), "vouchsafe_cloud_routers 0\n") })
	until(t, "nobody finds it", func() bool { status, _ := h.post(id.Host, "{}"); return status == 404 })
}

// metrics is what the relay's figures are.
func (h *house) metrics() string {
	w := httptest.NewRecorder()
	h.relay.Operations().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

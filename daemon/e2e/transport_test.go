package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// TestBodies sends bodies that do not parse, that are too large, or that come
// in the wrong form: none of them makes a voucher.
func TestBodies(t *testing.T) {
	a := newLANAPI(t)
	good := fmt.Sprintf(`{"api-key":%q,"action":"create_voucher","username":"anna","x":{"y":[1,"é",null]}}`, a.key)
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	send := func(name, contentType, body string, want int) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, a.url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		if got := a.do(t, r); got.status != want || got.body["error"] != true {
			t.Errorf("%s: %d %.200s, want %d", name, got.status, got.raw, want)
		}
	}
	for n := 1; n < len(good); n++ {
		send(fmt.Sprintf("cut off after %d bytes", n), jsonType, good[:n], 400)
		if t.Failed() {
			return
		}
	}
	key := url.QueryEscape(a.key)
	gz := gzipped(t, good)
	for _, c := range []struct {
		name, kind, body string
		want             int
	}{
		{"nothing", jsonType, "", 200}, // a request without a key
		{"nested too deep", jsonType, `{"x":` + strings.Repeat("[", 60_000), 400},
		{"nested too deep and closed", jsonType, `{"x":` + strings.Repeat(`[`, 30_000) + strings.Repeat(`]`, 30_000) + "}", 400},
		{"a hundred thousand deep", jsonType, strings.Repeat("[", 100_000), 413},
		{"the same key twice", jsonType, strings.Replace(good, "{", `{"username":"bob",`, 1), 400},
		{"something behind", jsonType, good + good, 400},
		{"1 MB", jsonType, `{"x":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		{"1 MB of spaces", jsonType, strings.Repeat(" ", 1<<20) + good, 413},
		{"1 MB form", formType, "a=" + strings.Repeat("x", 1<<20), 413},
		{"text", "text/plain", good, 415},
		{"HTML", "text/html", good, 415},
		{"a type of rubbish", "\xff/\x80;;", good, 415},
		{"UTF-16", "application/json; charset=utf-16le", good, 415},
		{"JSON as multipart", "multipart/form-data; boundary=x", good, 400},
		{"multipart without a boundary", "multipart/form-data", good, 400},
		{"gzip unsaid", jsonType, gz, 400},
		{"form: the same twice", formType, "api-key=" + key + "&action=create_voucher&username=a&username=b", 400},
		{"form: the key twice", formType, "api-key=" + key + "&action=create_voucher&api-key=x", 400},
	} {
		send(c.name, c.kind, c.body, c.want)
	}
	r, err := http.NewRequest(http.MethodPost, a.url, strings.NewReader(gz))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("Content-Encoding", "gzip")
	if got := a.do(t, r); got.status != 415 || !strings.Contains(got.raw, "compressed") {
		t.Errorf("gzip: %d %s", got.status, got.raw)
	}
	if r, err = http.NewRequest(http.MethodGet, a.url+"?api-key="+key+"&action=create_voucher&username=a&username=b", nil); err != nil {
		t.Fatal(err)
	}
	if got := a.do(t, r); got.status != 400 {
		t.Errorf("the same twice in a query: %d %s", got.status, got.raw)
	}
	a.unchanged(t)
	// A byte order mark is what Windows programs write.
	if r, err = http.NewRequest(http.MethodPost, a.url, strings.NewReader("\ufeff"+good)); err != nil {
		t.Fatal(err)
	}
	if got := a.do(t, r); got.message() != "User added successfully" {
		t.Errorf("with a byte order mark: %s", got.raw)
	}
}

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestBodyAndQuery gives a parameter in both places: the body's counts.
func TestBodyAndQuery(t *testing.T) {
	a := newLANAPI(t)
	for param, good := range map[string]string{"username": "carl", "passcode": "pass", "fullname": "Carl", "valid_for": "2 days",
		"valid_from": "2026-01-02 03:04:05", "download_limit": "7", "upload_limit": "8", "action": "create_voucher", "api-key": a.key} {
		for _, v := range badValues() {
			if len(v.text) > 10_000 || v.kind == harmful && !wellFormed(v.text) {
				continue
			}
			r := ways(a.url)[1].send(map[string]string{"api-key": a.key, "action": "create_voucher"}, param, badValue{text: good})
			r.URL.RawQuery = url.Values{param: {v.text}}.Encode()
			got := a.do(t, r)
			user, _ := got.body["user"].(map[string]any)
			if user == nil || param != "action" && param != "api-key" && user[param] != good {
				t.Fatalf("%s %q, %s in the query: %d %s", param, good, v.name, got.status, got.raw)
			}
			if gone := a.call(t, "remove_voucher", map[string]string{"username": user["username"].(string)}); gone.failed() {
				t.Fatal(gone.raw)
			}
		}
	}
}

// wellFormed reports whether a query may hold a text at all.
func wellFormed(s string) bool { return strings.ToValidUTF8(s, "") == s }

// TestRawRequests sends what is no request, or hardly one, to the API and to
// the portal. Each is answered with what is wrong or hung up on, and the next one
// is served.
func TestRawRequests(t *testing.T) {
	t.Parallel() // it waits
	a := newLANAPI(t)
	var all errgroup.Group
	all.SetLimit(12) // one client's share is not much more
	for name, raw := range map[string]string{
		"rubbish":              "\x00\xff\xfe rubbish\r\n\r\n",
		"TLS":                  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 506),
		"HTTP/2":               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HTTP/0.9":             "GET /\r\n\r\n",
		"HTTP/3":               "GET / HTTP/3.0\r\nHost: x\r\n\r\n",
		"no host":              "GET /api/ HTTP/1.1\r\n\r\n",
		"two hosts":            "GET /api/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"a host of rubbish":    "GET /api/ HTTP/1.1\r\nHost: \x01\xff\r\n\r\n",
		"a space in a header":  "GET /api/ HTTP/1.1\r\nHost : a\r\n\r\n",
		"a bare line end":      "GET /api/ HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
		"two lengths":          "POST /api/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"length and chunks":    "POST /api/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n",
		"a negative length":    "POST /api/ HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
		"a huge length":        "POST /api/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"rubbish for chunks":   "POST /api/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"a chunk of 16 EB":     "POST /api/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
		"another method":       "DELETE /api/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"CONNECT":              "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nConnection: close\r\n\r\n",
		"a path upwards":       "GET /api/../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"a path of escapes":    "GET /%2e%2e/%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"a path with bad ones": "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"a long line":          "GET /" + strings.Repeat("a", 70<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"a long header":        "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 70<<10) + "\r\n\r\n",
		"many headers":         "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 10_000) + "\r\n",
	} {
		for where, to := range map[string]string{"API": a.url, "portal": a.ready.Portal} {
			all.Go(func() error {
				status, err := rawRequest(to, raw)
				// The portal answers a request for any host, with a redirect.
				fine := status >= 400 && status < 500 || where == "portal" && status >= 200 && status < 400 || status == 0 && err == nil
				// Versions and encodings that the server does not know.
				if !fine && status != 501 && status != 505 {
					t.Errorf("%s to the %s: status %d, %v", name, where, status, err)
				}
				return nil
			})
		}
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	a.unchanged(t)
}

// rawRequest sends bytes and returns the status of the answer, or 0 if the
// other side hangs up without one.
func rawRequest(to, raw string) (int, error) {
	u, err := url.Parse(to)
	if err != nil {
		return 0, err
	}
	c, err := net.DialTimeout("tcp", u.Host, patience)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	// Some look like the beginning of a request, for as long as one may take.
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, raw); err != nil && !gone(err) {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		resp.Body.Close()
		return resp.StatusCode, nil
	}
	if gone(err) {
		err = nil
	}
	return 0, err
}

// gone reports whether the other side has hung up.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

// TestEndless begins requests that never end, byte by byte or as fast as they
// are taken. Each is over within the server's bounds, or soon after on a slow machine.
func TestEndless(t *testing.T) {
	t.Parallel() // it waits
	a := newLANAPI(t)
	const head = "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	var all errgroup.Group
	for _, c := range []struct {
		name, to, head, more string
		every                time.Duration
	}{
		{"a header byte by byte", a.url, "GET /api/ HTTP/1.1\r\nX: ", "a", time.Second},
		{"a header byte by byte to the portal", a.ready.Portal, "GET / HTTP/1.1\r\nX: ", "a", time.Second},
		{"a body byte by byte", a.url, fmt.Sprintf(head, "/api/") + "Content-Length: 1000\r\n\r\n", "a", time.Second},
		{"a body byte by byte to the portal", a.ready.Portal, fmt.Sprintf(head, "/login") + "Content-Length: 1000\r\n\r\n", "a", time.Second},
		{"endless chunks", a.url, fmt.Sprintf(head, "/api/") + "Transfer-Encoding: chunked\r\n\r\n", "4000\r\n" + strings.Repeat("a", 0x4000) + "\r\n", 0},
		{"endless chunks to the portal", a.ready.Portal, fmt.Sprintf(head, "/login") + "Transfer-Encoding: chunked\r\n\r\n", "4000\r\n" + strings.Repeat("a", 0x4000) + "\r\n", 0},
		{"endless headers", a.url, "GET /api/ HTTP/1.1\r\n", "X: y\r\n", 0},
	} {
		all.Go(func() error {
			begun := time.Now()
			err := endless(t, c.to, c.head, c.more, c.every)
			t.Logf("%s: over after %v", c.name, time.Since(begun).Round(100*time.Millisecond))
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	a.unchanged(t)
}

// endless sends more and more until the other side hangs up.
func endless(t *testing.T, to, head, more string, every time.Duration) error {
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	c, err := net.DialTimeout("tcp", u.Host, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	head = strings.Replace(head, "Host: 127.0.0.1\r\n", "Host: "+u.Host+"\r\n", 1)
	if _, err := io.WriteString(c, head); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		tick := time.NewTicker(max(every, time.Nanosecond))
		defer tick.Stop()
		for {
			if every > 0 {
				select {
				case <-tick.C:
				case <-t.Context().Done():
					sent <- nil
					return
				}
			}
			if _, err := io.WriteString(c, more); err != nil {
				sent <- err
				return
			}
		}
	}()
	_, err = io.Copy(io.Discard, c)
	c.Close()
	<-sent
	if err != nil && !gone(err) {
		return err // the deadline, that is
	}
	return nil
}

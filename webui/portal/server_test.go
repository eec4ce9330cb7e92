package portal

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestServer speaks to the real server over a connection.
func TestServer(t *testing.T) {
	_, origin := serve(t, nil, nil)
	addr := strings.TrimPrefix(origin, "http://")
	for _, c := range []struct {
		name, raw string
		status    int
		closed    bool
	}{
		{"page", "GET /welcome HTTP/1.1\r\nHost: " + addr + "\r\n\r\n", 200, false},
		{"catch", "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive\r\n\r\n", 302, true},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400, true},
		{"bad host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, true},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, true},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 302, true},
		{"options *", "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n", 302, true},
		{"giant header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 20<<10) + "\r\n\r\n", 431, true},
		{"giant address", "GET /" + strings.Repeat("a", 20<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431, true},
		{"long body that nobody reads", "POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 100000000\r\n\r\n" + strings.Repeat("a", 1000), 303, true},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(90 * time.Second)); err != nil {
				t.Fatal(err)
			}
			// The server may hang up before it has read everything.
			_, _ = io.WriteString(conn, c.raw)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || resp.Close != c.closed {
				t.Errorf("status %d, close %v; want %d, %v", resp.StatusCode, resp.Close, c.status, c.closed)
			}
			if c.status == 302 && resp.Header.Get("Location") != fmt.Sprintf("%s/welcome", origin) {
				t.Errorf("sent to %s", resp.Header.Get("Location"))
			}
		})
	}
}

package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestServeBare records nothing new: what it is given comes back.
func TestServeBare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "answer")
	if err := os.WriteFile(file, []byte("HTTP/1.1 302 Found\r\nLocation: http://x/\r\nX-Own: y\r\nContent-Length: 2\r\n\r\nhi"), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ServeBare(ctx, addr, file, filepath.Join(t.TempDir(), "commits.db")) }()
	c := dialUntil(t, addr)
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusFound || resp.Header.Get("X-Own") != "y" || string(body) != "hi" {
		t.Errorf("%s, %v, %q, %v", resp.Status, resp.Header, body, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func dialUntil(t *testing.T, addr string) net.Conn {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if c, err := net.Dial("tcp", addr); err == nil {
			return c
		}
	}
	t.Fatal("nobody listens")
	return nil
}

func TestServeBareRefusesNonsense(t *testing.T) {
	file := filepath.Join(t.TempDir(), "answer")
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ServeBare(t.Context(), "127.0.0.1:0", file, ""); err == nil {
		t.Error("no error")
	}
}

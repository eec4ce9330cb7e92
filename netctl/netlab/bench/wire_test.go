package bench

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWire reads answers of every form on one connection.
func TestWire(t *testing.T) {
	long := strings.Repeat("0123456789", 30_000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/long":
			_, _ = io.WriteString(w, long)
		case "/no":
			http.Error(w, "no", http.StatusTeapot)
		default:
			_, _ = w.Write(append(body, r.Host...))
		}
	}))
	defer srv.Close()
	c, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWire(c)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for range 3 {
		if got, err := w.ask(asking("name", "/", []byte("{}"))); err != nil || string(got) != "{}name" {
			t.Errorf("got %q, %v", got, err)
		}
		if got, err := w.ask(asking("name", "/long", nil)); err != nil || string(got) != long {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if _, err := w.ask(asking("name", "/no", nil)); err == nil || !strings.Contains(err.Error(), "418") {
			t.Errorf("got %v", err)
		}
	}
	srv.CloseClientConnections()
	if _, err := w.ask(asking("name", "/", nil)); err == nil {
		t.Error("answered on a closed connection")
	}
}

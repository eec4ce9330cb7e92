package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// wire is one HTTP connection that is kept, with as little around it as can be:
// what the client costs is taken from the server on a small machine.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialWire(ctx context.Context, from *netlab.Host, addr string) (*wire, error) {
	c, err := from.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return nil, err
	}
	return &wire{conn: c, in: bufio.NewReader(c)}, nil
}

func (w *wire) close() { _ = w.conn.Close() }

// post sends a JSON body and returns the answer's.
func (w *wire) post(host, path string, body []byte) ([]byte, error) {
	_ = w.conn.SetDeadline(time.Now().Add(time.Minute))
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, host, len(body), body)
	if _, err := io.WriteString(w.conn, b.String()); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", resp.Status, out)
	}
	return out, err
}

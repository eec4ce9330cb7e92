package cloud_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"testing"
)

// TestIgnored: a request that a router has not looked at, as it told when it ended
// the connection, is answered with 503: nothing was done. One that it may have
// looked at is 502.
func TestIgnored(t *testing.T) {
	for name, tc := range map[string]struct {
		seen   bool
		status int
	}{"not looked at": {false, http.StatusServiceUnavailable}, "perhaps looked at": {true, http.StatusBadGateway}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			_, token := h.account("acme")
			id, err := h.enrol(token)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := id.TLS(h.roots)
			if err != nil {
				t.Fatal(err)
			}
			cfg.NextProtos = []string{"h2"}
			conn, err := tls.Dial("tcp", h.addr, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			greeted, ended := make(chan struct{}), make(chan error, 1)
			go func() { ended <- leaving(conn, tc.seen, greeted) }()
			next(t, "the relay's greeting", greeted)
			if status, body := h.post(id.Host, "{}"); status != tc.status {
				t.Errorf("%d %s", status, body)
			}
			if err := next(t, "the end", ended); err != nil {
				t.Error(err)
			}
		})
	}
}

// leaving is a router's end that answers what the relay says to it (RFC 9113),
// and ends the connection when it gets a request of a client's, whether it has
// looked at it or not. It tells when the relay has greeted it.
func leaving(conn io.ReadWriteCloser, seen bool, greeted chan<- struct{}) error {
	if _, err := io.ReadFull(conn, make([]byte, 24)); err != nil { // the preface
		return err
	}
	frame := func(kind, flags byte, stream uint32, payload string) error {
		b := []byte{0, 0, byte(len(payload)), kind, flags, 0, 0, 0, 0}
		binary.BigEndian.PutUint32(b[5:], stream)
		_, err := conn.Write(append(b, payload...))
		return err
	}
	if err := frame(4, 0, 0, ""); err != nil { // SETTINGS
		return err
	}
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(conn, head); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, conn, int64(head[1])<<8|int64(head[2])); err != nil {
			return err
		}
		stream := binary.BigEndian.Uint32(head[5:])
		if head[3] != 1 { // not HEADERS
			continue
		}
		if stream <= 3 { // the relay greets it with two requests
			if err := frame(1, 4, stream, "\x88"); err != nil { // :status 200
				return err
			}
			if err := frame(0, 1, stream, `{"version":"1.2.3"}`); err != nil {
				return err
			}
			if stream == 3 {
				close(greeted)
			}
			continue
		}
		last := stream
		if !seen {
			last -= 2
		}
		if err := frame(7, 0, 0, string(binary.BigEndian.AppendUint32(nil, last))+"\x00\x00\x00\x00"); err != nil { // GOAWAY
			return err
		}
		if !seen {
			return nil // what it has told is enough
		}
		return conn.Close()
	}
}

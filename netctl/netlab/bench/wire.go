package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// wire is one HTTP connection that is kept, with as little around it as can be:
// what the client costs is taken from the server on a small machine. Its socket
// blocks, so that the kernel wakes the one thread that waits, instead of one that
// looks whose turn it is.
type wire struct {
	fd   int
	used time.Time // last
	buf  []byte
}

// wireTimeout bounds each read and write.
const wireTimeout = time.Minute

func dialWire(ctx context.Context, from *netlab.Host, addr string) (*wire, error) {
	c, err := from.DialContext(ctx, "tcp4", addr)
	if err != nil {
		return nil, err
	}
	return newWire(c)
}

// newWire takes a connection over, also if that fails.
func newWire(c net.Conn) (w *wire, err error) {
	defer func() { err = errors.Join(err, c.Close()) }() // the runtime's poller lets go of it
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("a %T is no socket", c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	w = &wire{used: time.Now(), buf: make([]byte, 64<<10)}
	limit := unix.NsecToTimeval(wireTimeout.Nanoseconds())
	controlErr := raw.Control(func(fd uintptr) {
		if w.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return
		}
		err = errors.Join(unix.SetNonblock(w.fd, false),
			unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
			unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
		if err != nil {
			_ = unix.Close(w.fd)
		}
	})
	if err := errors.Join(controlErr, err); err != nil {
		return nil, fmt.Errorf("make a socket block: %w", err)
	}
	return w, nil
}

func (w *wire) close() { _ = unix.Close(w.fd) }

// Read implements io.Reader.
func (w *wire) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(w.fd, b)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// Write implements io.Writer.
func (w *wire) Write(b []byte) (sent int, err error) {
	for sent < len(b) {
		n, err := unix.Write(w.fd, b[sent:])
		if err != nil && !errors.Is(err, unix.EINTR) {
			return sent, err
		}
		sent += max(n, 0)
	}
	return sent, nil
}

// asking is a request as it goes over the wire.
func asking(host, path string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		path, host, len(body)), body...)
}

// ask sends a request and returns the answer's body, which is valid until the
// next one.
func (w *wire) ask(request []byte) ([]byte, error) {
	w.used = time.Now()
	if _, err := w.Write(request); err != nil {
		return nil, err
	}
	n := 0
	for n < len(w.buf) {
		m, err := w.Read(w.buf[n:])
		if err != nil {
			return nil, fmt.Errorf("after %d bytes of an answer: %w", n, err)
		}
		n += m
		head := bytes.Index(w.buf[:n], []byte("\r\n\r\n"))
		if head < 0 {
			continue
		}
		whole, ok := answerSize(w.buf[:head])
		if !ok || whole > len(w.buf) {
			return w.slowAnswer(n)
		}
		if n >= whole {
			return w.buf[head+4 : whole], status(w.buf[:whole])
		}
	}
	return w.slowAnswer(n)
}

// answerSize reads from its head how long an answer is.
func answerSize(head []byte) (int, bool) {
	const field = "\r\nContent-Length: "
	_, rest, ok := bytes.Cut(head, []byte(field))
	digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
	n, err := strconv.Atoi(string(digits))
	return len(head) + 4 + n, ok && err == nil && n >= 0
}

// status is an error if an answer is none of the good ones.
func status(answer []byte) error {
	if bytes.HasPrefix(answer, []byte("HTTP/1.1 2")) {
		return nil
	}
	return fmt.Errorf("answered %.500q", answer)
}

// slowAnswer reads an answer, of which the first n bytes have come, whatever its
// form is.
func (w *wire) slowAnswer(n int) ([]byte, error) {
	resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(w.buf[:n]), w)), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s: %.500q", resp.Status, out)
	}
	return out, err
}

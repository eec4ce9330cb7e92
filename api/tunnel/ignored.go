package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// ErrIgnored says that a request was sent, and that the router, which was about to
// end the connection, has told that it did not look at it: nothing was done.
var ErrIgnored = errors.New("the router has ended the connection without looking at the request")

// ignoring finds out what net/http says of a request that the other end has not
// looked at, as its GOAWAY told (RFC 9113, section 6.8): the error has no name
// there. It is nil if it cannot be told from others.
func ignoring(transport *http.Transport) error {
	ignored, seen := afterGoAway(transport, 0), afterGoAway(transport, 1)
	if ignored == nil || errors.Is(seen, ignored) || errors.Is(ignored, io.EOF) || errors.Is(ignored, io.ErrUnexpectedEOF) || errors.Is(ignored, net.ErrClosed) {
		return nil
	}
	return ignored
}

// Frames of HTTP/2 (RFC 9113, sections 6.5 and 6.8).
const (
	frameHead    = 9
	headersType  = 1
	preface      = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	noSettings   = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	goAway       = "\x00\x00\x08\x07\x00\x00\x00\x00\x00"
	goAwayReason = "\x00\x00\x00\x00" // none: NO_ERROR
)

// ignoredWithin bounds how long it may take to find out; it takes no time, unless the
// machine is held up, and what is not found out is not known to the links for good.
const ignoredWithin = 30 * time.Second

// afterGoAway is how the first request on a connection fails whose other end
// tells that it has looked at streams up to last, and then hangs up.
func afterGoAway(transport *http.Transport, last byte) error {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		buf := make([]byte, 64<<10)
		if _, err := io.ReadFull(far, buf[:len(preface)]); err != nil {
			return
		}
		for {
			if _, err := io.ReadFull(far, buf[:frameHead]); err != nil {
				return
			}
			kind, rest := buf[3], int64(buf[0])<<16|int64(buf[1])<<8|int64(buf[2])
			if _, err := io.CopyN(io.Discard, far, rest); err != nil {
				return
			}
			if kind != headersType {
				continue
			}
			// It fails if the request has ended, which is what it is about.
			_, _ = io.WriteString(far, noSettings+goAway+"\x00\x00\x00"+string(last)+goAwayReason)
			if last > 0 {
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), ignoredWithin)
	defer cancel()
	cc, err := transport.NewClientConn(context.WithValue(ctx, connKey{}, net.Conn(near)), "http", "router:443")
	if err != nil {
		return nil
	}
	defer cc.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://router/", http.NoBody)
	if err != nil {
		return nil
	}
	resp, err := cc.RoundTrip(r)
	if err == nil {
		resp.Body.Close()
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

package api

import (
	"fmt"
	"io"
	"net/http"
)

// drainBytes is how much of a body that is too large is read and thrown away.
// A client that has sent all it wanted reads the answer; one whose bytes we
// refuse to take gets a reset instead of a reason.
const drainBytes = 2 << 20

// ReadBody reads a request's body of at most limit bytes. A larger one is a
// [Problem] with status 413.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(w, r, limit)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, BadRequest("the body ended too early or is not well framed")
	}
	if int64(len(body)) > limit {
		return nil, tooLarge(w, r, limit)
	}
	return body, nil
}

func tooLarge(w http.ResponseWriter, r *http.Request, limit int64) *Problem {
	// A client that asked first (Expect: 100-continue) has sent nothing yet.
	unread := r.Header.Get("Expect") != ""
	if !unread {
		_, err := io.CopyN(io.Discard, r.Body, drainBytes)
		unread = err == nil // there is still more to come
	}
	if unread {
		w.Header().Set("Connection", "close")
	}
	return &Problem{
		Status:  http.StatusRequestEntityTooLarge,
		Message: "Request too large",
		Detail:  fmt.Sprintf("the body may have up to %d bytes", limit),
	}
}

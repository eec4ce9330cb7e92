package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Error is a refusal that the caller may be told of.
type Error struct {
	Status int // HTTP status
	Text   string
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

func refuse(status int, format string, args ...any) *Error {
	return &Error{Status: status, Text: fmt.Sprintf(format, args...)}
}

// asRefusal finds a refusal in an error.
func asRefusal(err error, at **Error) bool { return errors.As(err, at) }

// refusal is what a caller is told of an error. What the relay cannot help is in
// the log; that etcd does not answer stands there once, and not for each request.
func (r *Relay) refusal(err error) *Error {
	var no *Error
	switch {
	case errors.As(err, &no):
		return no
	case errors.Is(err, ErrUncertain):
		r.log.Error("request failed", "error", err)
		return refuse(http.StatusInternalServerError, "it is not known whether the change was made; look before you make it again")
	case errors.Is(err, ErrUnreachable), errors.Is(err, context.Canceled): // or the client has gone
		r.log.Debug("request failed", "error", err)
		return refuse(http.StatusServiceUnavailable, "the relay cannot reach its records; nothing was done, try again")
	}
	r.log.Error("request failed", "error", err)
	return refuse(http.StatusInternalServerError, "an error of the relay's; try again")
}

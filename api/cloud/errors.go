package cloud

import (
	"errors"
	"fmt"
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

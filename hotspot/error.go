package hotspot

import (
	"errors"
	"time"
)

// Code tells programs what went wrong; the text beside it tells people.
type Code string

// The codes. Refusals of a guest each have their own.
const (
	CodeInternal      Code = "internal"
	CodeInvalid       Code = "invalid"        // a value is out of its bounds
	CodeNotFound      Code = "not_found"      //
	CodeUsernameTaken Code = "username_taken" //
	CodeNameTaken     Code = "name_taken"     // of something else than a voucher
	CodeChanged       Code = "changed"        // what is to be changed is not what the caller looked at
	CodeForbidden     Code = "forbidden"      // the caller's credential does not reach that far
	CodeUnavailable   Code = "unavailable"    // disk full, gate not answering: try again

	CodeUnknownCode   Code = "unknown_code"   // no such voucher, or a wrong passcode
	CodeTimeUsed      Code = "time_used"      // validity over
	CodeDownloadUsed  Code = "download_used"  //
	CodeUploadUsed    Code = "upload_used"    //
	CodeDataUsed      Code = "data_used"      // download and upload together
	CodeNotYetValid   Code = "not_yet_valid"  // before valid_from
	CodeOtherDevice   Code = "other_device"   // bound to other devices
	CodeDisabled      Code = "disabled"       // by the operator
	CodeMethodOff     Code = "method_off"     // login method switched off
	CodeWrongPassword Code = "wrong_password" // not the venue's
	CodeTryLater      Code = "try_later"      // too many attempts
	CodeIdle          Code = "idle"           // these tell why a guest is offline
	CodeTimeout       Code = "session_timeout"
	CodeKicked        Code = "kicked"
	CodeRemoved       Code = "removed"
	CodeReplaced      Code = "replaced"
	CodeBlocked       Code = "blocked"        // the device is, by the operator
	CodeUnknownDevice Code = "unknown_device" // the device is not on the guest network
)

// Error is a domain error: a code, a sentence, and what the sentence is about.
type Error struct {
	Code  Code
	Text  string // a sentence for people, without secrets
	Field string // the input at fault, if one is
	// When belongs to the refusal: valid from, used up at, try again at.
	When time.Time
	Err  error // what caused it, for the log; never shown

	words *Wording // what other languages tell; nil: Text
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Text
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches errors of the same code, so that errors.Is works with the
// sentinels below whatever text an error carries.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Sentinels for errors.Is.
var (
	ErrNotFound      = &Error{Code: CodeNotFound, Text: "not found"}
	ErrUsernameTaken = &Error{Code: CodeUsernameTaken, Text: "username already exists"}
	ErrNameTaken     = &Error{Code: CodeNameTaken, Text: "the name is taken"}
	ErrChanged       = &Error{Code: CodeChanged, Text: "somebody changed it meanwhile; look at it as it is now, and decide again"}
	ErrForbidden     = &Error{Code: CodeForbidden, Text: "not allowed"}
	ErrInvalid       = &Error{Code: CodeInvalid, Text: "not valid"}
	ErrUnavailable   = &Error{Code: CodeUnavailable, Text: "not available now, try again"}
	ErrUnknownCode   = &Error{Code: CodeUnknownCode, Text: "no voucher has this code and passcode"}
	ErrUnknownDevice = &Error{Code: CodeUnknownDevice, Text: "the device is not on the guest network"}
)

// CodeOf returns the code of the first domain error in err's chain, or
// [CodeInternal].
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Invalid makes a [CodeInvalid] error about a field.
//
//go:noinline // it takes much code, in a hundred places
func Invalid(field, format string, args ...any) *Error {
	return Refuse(CodeInvalid, field, format, args...)
}

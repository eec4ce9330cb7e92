package v1

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// statuses is the one table of codes and HTTP statuses. The client reads it
// backwards for answers that carry no code; the first row of a status wins.
var statuses = [...]struct {
	code   hotspot.Code
	status int
}{
	{hotspot.CodeInternal, http.StatusInternalServerError},
	{hotspot.CodeInvalid, http.StatusUnprocessableEntity},
	{hotspot.CodeNotFound, http.StatusNotFound},
	{hotspot.CodeUsernameTaken, http.StatusConflict},
	{hotspot.CodeNameTaken, http.StatusConflict},
	{hotspot.CodeChanged, http.StatusPreconditionFailed},
	{hotspot.CodeForbidden, http.StatusForbidden},
	{hotspot.CodeUnavailable, http.StatusServiceUnavailable},
	{hotspot.CodeTryLater, http.StatusTooManyRequests},
	{hotspot.CodeUnknownDevice, http.StatusNotFound},
	{hotspot.CodeUnknownCode, http.StatusForbidden},
	{hotspot.CodeWrongPassword, http.StatusForbidden},
	{hotspot.CodeTimeUsed, http.StatusForbidden},
	{hotspot.CodeDownloadUsed, http.StatusForbidden},
	{hotspot.CodeUploadUsed, http.StatusForbidden},
	{hotspot.CodeDataUsed, http.StatusForbidden},
	{hotspot.CodeNotYetValid, http.StatusForbidden},
	{hotspot.CodeOtherDevice, http.StatusForbidden},
	{hotspot.CodeDisabled, http.StatusForbidden},
	{hotspot.CodeMethodOff, http.StatusForbidden},
	{hotspot.CodeIdle, http.StatusForbidden},
	{hotspot.CodeTimeout, http.StatusForbidden},
	{hotspot.CodeKicked, http.StatusForbidden},
	{hotspot.CodeRemoved, http.StatusForbidden},
	{hotspot.CodeReplaced, http.StatusForbidden},
	{hotspot.CodeBlocked, http.StatusForbidden},
}

func statusOf(c hotspot.Code) int {
	for _, row := range statuses {
		if row.code == c {
			return row.status
		}
	}
	return http.StatusInternalServerError
}

func codeOf(status int) hotspot.Code {
	if status == http.StatusUnauthorized {
		return CodeUnauthorized
	}
	for _, row := range statuses {
		if row.status == status {
			return row.code
		}
	}
	if status >= 400 && status < 500 {
		return hotspot.CodeInvalid
	}
	return hotspot.CodeInternal
}

// Problem is an error as the API sends it (RFC 9457).
type Problem struct {
	Title  string       `json:"title" doc:"the HTTP status in words"`
	Status int          `json:"status" doc:"the HTTP status" format:"int64"`
	Code   hotspot.Code `json:"code" doc:"what went wrong, for programs"`
	Detail string       `json:"detail" doc:"what went wrong, for people"`
	Field  string       `json:"field,omitempty" doc:"the input at fault"`
	When   *time.Time   `json:"when,omitempty" doc:"the time that the error speaks of"`

	challenge string // header WWW-Authenticate
	retry     int    // header Retry-After
}

// CodeUnauthorized is the code of problems with the caller's credential.
const CodeUnauthorized hotspot.Code = "unauthorized"

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

const problemType = "application/problem+json"

// problemOf turns an error into a problem. Only domain errors are told.
func problemOf(err error) *Problem {
	var e *hotspot.Error
	if !errors.As(err, &e) {
		e = &hotspot.Error{Code: hotspot.CodeInternal, Text: "internal error; the daemon's log says more"}
	}
	p := &Problem{Status: statusOf(e.Code), Code: e.Code, Detail: e.Text, Field: e.Field, When: when(e.When)}
	p.Title = http.StatusText(p.Status)
	return p
}

// domain is the reverse of problemOf.
func (p *Problem) domain() *hotspot.Error {
	e := &hotspot.Error{Code: p.Code, Text: p.Detail, Field: p.Field}
	if p.When != nil {
		e.When = *p.When
	}
	return e
}

// problemResponse describes errors in the OpenAPI document.
func problemResponse(s *server) *huma.Response {
	schema := s.doc.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{problemType: {Schema: schema}}}
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", problemType)
	if p.challenge != "" {
		w.Header().Set("WWW-Authenticate", p.challenge)
	}
	if p.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retry))
	}
	w.WriteHeader(p.Status)
	_ = encode(w, p) // the client is gone if this fails; there is nobody left to tell
}

// encode writes a value as JSON.
func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // it is no page
	return e.Encode(v)
}

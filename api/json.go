package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// Failure is the shape of every answer that says no.
type Failure struct {
	Message string `json:"message"`
	Error   bool   `json:"error"`
	// Detail says in plain words what was wrong.
	Detail string `json:"detail,omitempty"`
}

// SetJSONHeaders sets the headers of every JSON answer.
func SetJSONHeaders(h http.Header) {
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// WriteJSON answers with v. An error in encoding v is a programming mistake
// and panics before anything is written.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // this is not HTML, and nosniff keeps it so
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	SetJSONHeaders(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	// An error means that the client is gone; there is nobody left to tell.
	_, _ = w.Write(b.Bytes())
}

// WriteFailure answers with a [Failure].
func WriteFailure(w http.ResponseWriter, status int, message, detail string) {
	WriteJSON(w, status, Failure{Message: message, Error: true, Detail: detail})
}

// Problem is a request that cannot be served as it came. It is an error whose
// text may be shown to the client.
type Problem struct {
	Status  int // HTTP status
	Message string
	Detail  string
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Message
	}
	return p.Message + ": " + p.Detail
}

// Write answers with the problem.
func (p *Problem) Write(w http.ResponseWriter) {
	WriteFailure(w, p.Status, p.Message, p.Detail)
}

// BadRequest is a request that does not parse.
func BadRequest(detail string) *Problem {
	return &Problem{Status: http.StatusBadRequest, Message: "Bad request", Detail: detail}
}

const hexDigits = "0123456789abcdef"

// AppendString appends s to b as a JSON string. What is not UTF-8 becomes
// U+FFFD, so that the result is valid JSON whatever s is.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			b = appendASCII(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, `\ufffd`...)
		case r == '\u2028' || r == '\u2029': // line ends to JavaScript
			b = append(b, `\u202`...)
			b = append(b, hexDigits[r&15])
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return append(b, '"')
}

func appendASCII(b []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, '\\', 'n')
	case c == '\r':
		return append(b, '\\', 'r')
	case c == '\t':
		return append(b, '\\', 't')
	case c < ' ' || c == 0x7f:
		return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(b, c)
}

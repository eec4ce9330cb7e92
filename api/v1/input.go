package v1

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	jsonType = "application/json"
	// maxBody bounds the body of a request, and bodyTime how long it may take.
	maxBody  = 64 << 10
	bodyTime = 5 * time.Second
)

// param is a parameter of an operation: where it comes from, and which field
// of the input it goes to. The field is a string or an int.
type param struct {
	index    int
	name     string
	query    bool // it stands in the query, not in the path
	header   bool // it is a header
	fallback string
	schema   *huma.Schema
}

// read fills in the input from a request, and returns the request's body. What
// does not fit is a problem.
func (o *operation) read(w http.ResponseWriter, r *http.Request, in reflect.Value) ([]byte, *Problem) {
	query := r.URL.Query()
	for name := range query {
		if !o.known[name] {
			return nil, inputProblem(http.StatusUnprocessableEntity, name, "unknown query parameter")
		}
	}
	for _, p := range o.params {
		value := r.PathValue(p.name)
		switch {
		case p.query:
			value = query.Get(p.name)
		case p.header:
			value = strings.Join(r.Header.Values(p.name), ", ")
		}
		if value == "" {
			value = p.fallback
		}
		if value == "" {
			continue
		}
		if problem := o.set(in.Field(p.index), p, value); problem != nil {
			return nil, problem
		}
	}
	if o.body == nil {
		return nil, nil
	}
	b, problem := readBody(w, r)
	if problem != nil {
		return nil, problem
	}
	return b, o.decode(r.Header.Get("Content-Type"), b, in.FieldByName("Body"))
}

// set checks the value of a parameter and puts it into its field.
func (o *operation) set(field reflect.Value, p param, value string) *Problem {
	if field.Kind() == reflect.String {
		field.SetString(value)
		return o.check(p.name, p.schema, value)
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return inputProblem(http.StatusUnprocessableEntity, p.name, "invalid integer")
	}
	field.SetInt(n)
	return o.check(p.name, p.schema, n)
}

// readBody reads the whole body, within bounds.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *Problem) {
	// In-process requests have no deadline to set, and need none.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	var slow net.Error
	switch {
	case len(b) == maxBody:
		return nil, inputProblem(http.StatusRequestEntityTooLarge, "", "request body is too large limit="+strconv.Itoa(maxBody)+" bytes")
	case errors.As(err, &slow) && slow.Timeout():
		return nil, inputProblem(http.StatusRequestTimeout, "", "request body read timeout")
	case err != nil:
		return nil, inputProblem(http.StatusBadRequest, "", "cannot read request body: "+err.Error())
	case len(b) == 0:
		return nil, inputProblem(http.StatusBadRequest, "", "request body is required")
	}
	return b, nil
}

// decode checks a body against its schema, and then puts it into its field.
func (o *operation) decode(contentType string, b []byte, field reflect.Value) *Problem {
	if !isJSON(contentType) {
		return inputProblem(http.StatusUnsupportedMediaType, "", huma.ErrUnknownContentType.Error()+": "+contentType)
	}
	var loose any
	if err := json.Unmarshal(b, &loose); err != nil {
		return inputProblem(http.StatusBadRequest, "", err.Error())
	}
	if p := o.check("", o.body, loose); p != nil {
		return p
	}
	if err := json.Unmarshal(b, field.Addr().Interface()); err != nil {
		// Its words are of Go's types. What the schema lets pass is a number that
		// is too large for its field.
		var odd *json.UnmarshalTypeError
		if errors.As(err, &odd) {
			return inputProblem(http.StatusUnprocessableEntity, odd.Field, "is out of range")
		}
		return inputProblem(http.StatusUnprocessableEntity, "", err.Error())
	}
	return nil
}

// isJSON tells whether a body of that type is JSON, as that of
// application/merge-patch+json is, too. A body without a type is.
func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	if _, of, ok := strings.Cut(kind, "+"); ok {
		kind = of
	}
	return kind == "" || kind == jsonType || kind == "json"
}

// check tells the first thing that does not fit the schema. The field at fault
// is the parameter of that name; or, without a name, one of the body's.
func (o *operation) check(name string, schema *huma.Schema, v any) *Problem {
	path, result := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
	path.Push("body")
	huma.Validate(o.server.doc.Components.Schemas, schema, path, huma.ModeWriteToServer, v, result)
	if len(result.Errors) == 0 {
		return nil
	}
	detail := &huma.ErrorDetail{Message: result.Errors[0].Error()}
	if d, ok := result.Errors[0].(huma.ErrorDetailer); ok {
		detail = d.ErrorDetail()
	}
	if name == "" {
		_, name, _ = strings.Cut(detail.Location, ".")
	}
	return inputProblem(http.StatusUnprocessableEntity, name, detail.Message)
}

// inputProblem says what is wrong with a request.
func inputProblem(status int, field, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: codeOf(status), Field: field, Detail: detail}
}

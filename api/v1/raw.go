package v1

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// The media types of bodies that are not JSON.
const (
	linesType    = "application/x-ndjson"
	snapshotType = "application/octet-stream"
)

// raw adds an operation whose bodies are too large, or no JSON, to be read and
// checked as those of [register] are. A handler that returns an error has
// written nothing.
func (s *server) raw(who access, op *huma.Operation, takes string, gives *huma.Response, h func(http.ResponseWriter, *http.Request) error) {
	if takes != "" {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{takes: {}}}
	}
	if op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusOK
	}
	gives.Description = http.StatusText(op.DefaultStatus)
	op.Responses = map[string]*huma.Response{strconv.Itoa(op.DefaultStatus): gives, "default": problemResponse(s)}
	s.enter(who, op, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			writeProblem(w, s.problem(r.Context(), op.OperationID, err))
		}
	}))
}

// takes reports whether an operation takes a header.
func takes(op *huma.Operation, header string) bool {
	for _, p := range op.Parameters {
		if p.Name == header {
			return true
		}
	}
	return false
}

// answering describes an answer of a JSON type.
func answering[T any](s *server, name string) *huma.Response {
	schema := s.doc.Components.Schemas.Schema(reflect.TypeOf((*T)(nil)).Elem(), true, name)
	return &huma.Response{Content: map[string]*huma.MediaType{jsonType: {Schema: schema}}}
}

// query describes a parameter of the query.
func query(name, kind, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: kind}, Explode: new(bool)}
}

// inPath describes a text in the path.
func inPath(name string) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}}
}

// sendJSON writes an answer.
func (s *server) sendJSON(w http.ResponseWriter, r *http.Request, v any) {
	w.Header().Set("Content-Type", jsonType)
	if err := encode(w, v); err != nil {
		cutShort(r, err)
	}
}

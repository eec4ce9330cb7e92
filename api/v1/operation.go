package v1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// item is an answer whose body is one value.
type item[T any] struct {
	Body T
}

// none is an answer without a body.
type none struct{}

// operation is one operation of the API: how it is described, and how its
// input comes out of a request.
//
// It stands where huma.Register would: that function is instantiated, at 28 kB
// of code, for every operation, and knows many kinds of input that we have
// not. Schemas, their checks, and the OpenAPI document are huma's.
type operation struct {
	server  *server
	spec    *huma.Operation
	input   reflect.Type
	params  []param
	known   map[string]bool // the names that a query may have
	body    *huma.Schema    // nil: the operation takes none
	handler reflect.Value   // see register
	// made gives the body of the answer again, from what was made; nil: the
	// operation takes no Idempotency-Key.
	made func(made any) any
}

// tagged is an item with the name of its state, for the header If-Match; empty:
// the caller can have no use for it.
type tagged[T any] struct {
	Body T
	ETag string
}

// register adds an operation. h is a func(*server, context.Context, *I) (*O, error),
// of structs: fields of I with the tag path, query or header are parameters, its
// field Body is what the request's body holds, and that of O is what the
// answer's does; a field ETag is the header. Errors go through the one table.
//
// I and O are no type parameters, because a router's flash would have a copy of
// register for every operation, 90 kB together; and h is (*server).status, say,
// because s.status would be one more function each, 23 kB. It panics if h is
// something else.
func register(s *server, who access, op *huma.Operation, h any) {
	add(s, who, op, nil, h)
}

// registerOnce adds an operation that makes something, and that takes an
// Idempotency-Key. made gives the body of its answer again.
func registerOnce(s *server, who access, op *huma.Operation, made func(made any) any, h any) {
	op.Parameters = append(op.Parameters, onceParam())
	add(s, who, op, made, h)
}

// add describes the operation and serves it.
func add(s *server, who access, op *huma.Operation, made func(any) any, h any) {
	input, output, ok := shapeOf(reflect.TypeOf(h))
	if !ok {
		panic(fmt.Sprintf("operation %s is registered with a %T, not a func(*server, context.Context, *I) (*O, error) of structs", op.OperationID, h))
	}
	o := &operation{server: s, spec: op, input: input, handler: reflect.ValueOf(h), made: made}
	o.describeInput()
	o.describeOutput(output)
	s.enter(who, op, o)
}

// shapeOf returns the input and the output of what serves an operation.
func shapeOf(h reflect.Type) (input, output reflect.Type, ok bool) {
	if h.Kind() != reflect.Func || h.NumIn() != 3 || h.NumOut() != 2 ||
		h.In(0) != reflect.TypeFor[*server]() || h.In(1) != reflect.TypeFor[context.Context]() || h.Out(1) != reflect.TypeFor[error]() ||
		h.In(2).Kind() != reflect.Pointer || h.Out(0).Kind() != reflect.Pointer {
		return nil, nil, false
	}
	input, output = h.In(2).Elem(), h.Out(0).Elem()
	return input, output, input.Kind() == reflect.Struct && output.Kind() == reflect.Struct
}

// enter puts an operation into the table: the OpenAPI document, and the mux.
func (s *server) enter(who access, op *huma.Operation, h http.Handler) {
	who.mustBeGiven(op.OperationID)
	op.Path = Prefix + op.Path
	op.Security = who.security()
	if who.kind == accessWrite {
		op.Extensions = map[string]any{"x-writes": true}
	}
	s.doc.AddOperation(op)
	s.mux.Handle(op.Method+" "+op.Path, &route{op.OperationID, who, takes(op, onceHeader), takes(op, matchHeader), h})
}

// describeInput reads the tags of the input's fields.
func (o *operation) describeInput() {
	registry := o.server.doc.Components.Schemas
	o.known = map[string]bool{}
	for i := range o.input.NumField() {
		f := o.input.Field(i)
		schema := huma.SchemaFromField(registry, f, "")
		if f.Name == "Body" {
			o.body = schema
			o.spec.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{jsonType: {Schema: schema}}}
			continue
		}
		p := param{index: i, schema: schema, name: f.Tag.Get("path"), fallback: f.Tag.Get("default")}
		doc := &huma.Param{Name: p.name, In: "path", Required: true, Schema: schema, Description: schema.Description}
		if p.name == "" && f.Tag.Get("header") != "" {
			p.name, p.header = f.Tag.Get("header"), true
			doc.Name, doc.In, doc.Required = p.name, "header", false
		}
		if p.name == "" {
			p.name, p.query = f.Tag.Get("query"), true
			doc.Name, doc.In, doc.Required, doc.Explode = p.name, "query", false, new(bool)
			o.known[p.name] = true
		}
		o.params = append(o.params, p)
		o.spec.Parameters = append(o.spec.Parameters, doc)
	}
}

// describeOutput reads the type of the answer's body.
func (o *operation) describeOutput(output reflect.Type) {
	if o.spec.DefaultStatus == 0 {
		o.spec.DefaultStatus = http.StatusOK
	}
	answer := &huma.Response{Description: http.StatusText(o.spec.DefaultStatus)}
	if f, ok := output.FieldByName("Body"); ok {
		schema := huma.SchemaFromField(o.server.doc.Components.Schemas, f, "")
		answer.Content = map[string]*huma.MediaType{jsonType: {Schema: schema}}
	}
	if _, ok := output.FieldByName("ETag"); ok {
		answer.Headers = map[string]*huma.Param{etagHeader: {Schema: &huma.Schema{Type: huma.TypeString},
			Description: "names what an operator has decided about it, for If-Match; what guests use does not change it"}}
	}
	o.spec.Responses = map[string]*huma.Response{
		strconv.Itoa(o.spec.DefaultStatus): answer,
		"default":                          problemResponse(o.server),
	}
}

// ServeHTTP implements http.Handler.
func (o *operation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := reflect.New(o.input)
	body, p := o.read(w, r, in.Elem())
	if p != nil {
		writeProblem(w, p)
		return
	}
	ctx := r.Context()
	if o.made != nil {
		var done func()
		if ctx, done = o.server.once(w, r, o.spec.OperationID, o.spec.DefaultStatus, body, o.made); done == nil {
			return
		}
		defer done()
	}
	got := o.handler.Call([]reflect.Value{reflect.ValueOf(o.server), reflect.ValueOf(ctx), in})
	if err, failed := got[1].Interface().(error); failed {
		writeProblem(w, o.server.problem(r.Context(), o.spec.OperationID, err))
		return
	}
	v := got[0]
	if v.IsNil() || v.Elem().NumField() == 0 {
		w.WriteHeader(o.spec.DefaultStatus)
		return
	}
	w.Header().Set("Content-Type", jsonType)
	if tag := v.Elem().FieldByName("ETag"); tag.IsValid() && tag.String() != "" {
		w.Header().Set(etagHeader, strconv.Quote(tag.String()))
	}
	w.WriteHeader(o.spec.DefaultStatus)
	if err := encode(w, v.Elem().Field(0).Interface()); err != nil {
		cutShort(r, err)
	}
}

// cutShort ends an answer that could not be written. It tells a client that
// went away from a mistake of ours.
func cutShort(r *http.Request, err error) {
	var lost *net.OpError
	if r.Context().Err() != nil || errors.As(err, &lost) {
		panic(http.ErrAbortHandler)
	}
	panic(err)
}

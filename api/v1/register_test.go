package v1

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// The compiler does not see what operations are registered with.
func TestHandlersHaveOneShape(t *testing.T) {
	type in struct{ ID string }
	input, output, ok := shapeOf(reflect.TypeOf(func(*server, context.Context, *in) (*item[int], error) { return nil, nil }))
	if !ok || input != reflect.TypeFor[in]() || output != reflect.TypeFor[item[int]]() {
		t.Fatalf("got %v, %v, %t", input, output, ok)
	}
	for _, h := range []any{
		"a text",
		func() {},
		func(context.Context, *in) (*none, error) { return nil, nil },
		func(*server, context.Context, *in) *none { return nil },
		func(*server, context.Context, in) (*none, error) { return nil, nil },
		func(*server, context.Context, *in) (none, error) { return none{}, nil },
		func(*server, context.Context, *string) (*none, error) { return nil, nil },
		func(*server, context.Context, *in) (*string, error) { return nil, nil },
		func(*server, *in, context.Context) (*none, error) { return nil, nil },
		func(*server, context.Context, *in) (*none, string) { return nil, "" },
	} {
		if _, _, ok := shapeOf(reflect.TypeOf(h)); ok {
			t.Errorf("%T: accepted", h)
		}
	}
	defer func() {
		if said, _ := recover().(string); !strings.Contains(said, "operation get-all is registered with a func()") {
			t.Errorf("panic: %q", said)
		}
	}()
	register(nil, forAll(), &huma.Operation{OperationID: "get-all"}, func() {})
}

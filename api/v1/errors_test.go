package v1

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Every code that the domain declares has its row.
func TestEveryCodeHasAStatus(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../hotspot/error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "Code" {
			return true
		}
		text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		for _, row := range statuses {
			if row.code == hotspot.Code(text) {
				return true
			}
		}
		t.Errorf("code %q has no row in statuses", text)
		return true
	})
	if found != len(statuses) {
		t.Errorf("%d codes are declared, %d have rows", found, len(statuses))
	}
}

// A domain error survives the way to the client whole, but for its cause and what
// its text is made of.
func TestProblemsRoundTrip(t *testing.T) {
	for _, row := range statuses {
		want := hotspot.Error{Code: row.code, Text: "why", Field: "what", When: time.Unix(7, 0)}
		got := *problemOf(&want).domain()
		if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(hotspot.Error{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", row.code, d)
		}
		if codeOf(row.status) == "" {
			t.Errorf("%d gives no code", row.status)
		}
	}
}

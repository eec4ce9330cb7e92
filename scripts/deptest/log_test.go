package deptest

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// relayParts are the packages that run on the relay and not on a router.
var relayParts = []string{"api/cloud/...", "webui/account", "cmd/vouchsafe-cloud"}

// What the daemon and the relay log, an operator must be able to look up.
func TestLogIsDocumented(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	docs := map[bool][2]string{false: {"operations.md", read("operations.md")}, true: {"cloud.md", read("cloud.md")}}
	n := 0
	for _, f := range repository(t) {
		if f.test || !under(f.pkg, "daemon/...", "hotspot/...", "store/...", "netctl/...", "api/...", "webui/...", "cmd/vouchsafe", "cmd/vouchsafe-cloud") ||
			under(f.pkg, "netctl/netlab/...", "netctl/gatetest", "hotspot/hotspottest", "api/v1/v1test", "api/cloud/cloudtest") {
			continue
		}
		doc := docs[under(f.pkg, relayParts...)]
		ast.Inspect(f.ast, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			msg, ok := logged(call)
			if !ok {
				return true
			}
			n++
			if !strings.Contains(doc[1], "`"+msg+"`") {
				t.Errorf("%s: docs/%s does not explain the message %q", f.fset.Position(call.Pos()), doc[0], msg)
			}
			return true
		})
	}
	if n < 50 {
		t.Errorf("only %d messages were found", n)
	}
}

// logged returns the constant text of what a call logs, above debug: by a
// logger, or by a helper that hands its text to one.
func logged(call *ast.CallExpr) (string, bool) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	if len(call.Args) == 0 {
		return "", false
	}
	at := 0
	switch sel.Sel.Name {
	case "Info", "Warn", "Error":
		if !isLogger(sel.X) {
			return "", false
		}
	case "report":
		at = 1 // (ctx, text, err)
	case "fault":
		if w, ok := call.Args[0].(*ast.Ident); !ok || w.Name != "w" {
			return "", false
		}
		at = 2 // (w, r, text, err)
	default:
		return "", false
	}
	if len(call.Args) <= at {
		return "", false
	}
	return constant(call.Args[at])
}

// isLogger reports whether an expression is called log or Log at its end.
func isLogger(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return strings.EqualFold(e.Name, "log")
	case *ast.SelectorExpr:
		return strings.EqualFold(e.Sel.Name, "log")
	}
	return false
}

// constant returns a text, or the text that one begins with.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.BinaryExpr:
		return constant(e.X)
	}
	return "", false
}

package deptest

import (
	"go/ast"
	"testing"
)

// maxLines is how long a file may be.
const maxLines = 500

// longFiles may be longer, for the reason given.
var longFiles = map[string]string{}

func TestFilesAreShort(t *testing.T) {
	for _, f := range repository(t) {
		if f.lines > maxLines && !f.made && longFiles[f.path] == "" {
			t.Errorf("%s has %d lines: split it, or give the reason in longFiles", f.path, f.lines)
		}
		if f.lines <= maxLines && longFiles[f.path] != "" {
			t.Errorf("%s is short again: take it off longFiles", f.path)
		}
	}
}

// A test that sleeps is slow on a fast machine and wrong on a slow one.
func TestNobodySleeps(t *testing.T) {
	for _, f := range repository(t) {
		calls(f, func(call *ast.CallExpr, on, name string) {
			if on == "time" && name == "Sleep" {
				t.Errorf("%s: time.Sleep: wait for a condition with a deadline, inject a clock, or use testing/synctest", f.fset.Position(call.Pos()))
			}
		})
	}
}

// A test that cannot run must fail: one that skips itself is soon forgotten.
func TestNobodySkips(t *testing.T) {
	for _, f := range repository(t) {
		calls(f, func(call *ast.CallExpr, on, name string) {
			switch name {
			case "Skip", "Skipf", "SkipNow":
				if on == "t" || on == "b" || on == "f" || on == "tb" {
					t.Errorf("%s: %s.%s: let the test fail, saying what is missing", f.fset.Position(call.Pos()), on, name)
				}
			}
		})
	}
}

// Callers can do nothing about a process that another package ends.
func TestOnlyMainExits(t *testing.T) {
	for _, f := range repository(t) {
		if f.ast.Name.Name == "main" || f.test {
			continue
		}
		calls(f, func(call *ast.CallExpr, on, name string) {
			if on == "os" && name == "Exit" || on == "log" && (name == "Fatal" || name == "Fatalf") {
				t.Errorf("%s: %s.%s: return an error", f.fset.Position(call.Pos()), on, name)
			}
		})
	}
}

// calls reports every call of the form on.name(…).
func calls(f file, report func(call *ast.CallExpr, on, name string)) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if on, ok := sel.X.(*ast.Ident); ok {
			report(call, on.Name, sel.Sel.Name)
		}
		return true
	})
}

package auditlog

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/loginpage"
	"github.com/vouchsafe/vouchsafe/webui/admin/people"
	"github.com/vouchsafe/vouchsafe/webui/admin/printing"
	"github.com/vouchsafe/vouchsafe/webui/admin/system"
)

// writers are the packages that write changes into the audit log, and what they
// have to make them, with the place of the field's name.
var writers = map[string]map[string]int{
	"hotspot":       {"change": 1, "text": 0, "bytes": 0, "count": 0},
	"api/operators": nil, "api/keys": nil, "api/endpoint": nil, "daemon": nil,
	"api/webhooks": {"change": 0},
}

// TestFieldNames: every field that a change can name is called something.
func TestFieldNames(t *testing.T) {
	langs, err := webui.NewLanguages(Files, system.Files, loginpage.Files, people.Files, printing.Files)
	if err != nil {
		t.Fatal(err)
	}
	l := langs.Default()
	found := map[string]bool{}
	for dir, makers := range writers {
		for name, at := range fields(t, dir, makers) {
			found[name] = true
			if fieldName(l, name) == name && !l.Has("auditlog.field."+name) {
				t.Errorf("%s: there is no text for auditlog.field.%s", at, name)
			}
		}
	}
	for _, name := range []string{"passcode", "usernames", "scopes", "sessions_ended", "created", "url", "logins", "used", "total_limit", "venue.logo"} {
		if !found[name] {
			t.Errorf("%s is not found: the test misses some", name)
		}
	}
	for _, k := range hotspot.SettingKeys() {
		if fieldName(l, k.Key) == k.Key {
			t.Errorf("the setting %s has no name", k.Key)
		}
	}
}

// fields are the names of fields in a package's changes, and where they are.
func fields(t *testing.T, dir string, makers map[string]int) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("../../..", dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatal(dir, err)
	}
	fset, found := token.NewFileSet(), map[string]string{}
	var files []*ast.File
	for _, name := range paths {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_others.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Error: func(error) {}} // without imports there are many
	_, _ = conf.Check(dir, fset, files, &info)
	note := func(e ast.Expr) {
		if v := info.Types[e].Value; v != nil && v.Kind() == constant.String {
			found[constant.StringVal(v)] = fset.Position(e.Pos()).String()
		}
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok {
					if at, ok := makers[id.Name]; ok && at < len(n.Args) {
						note(n.Args[at])
					}
				}
			case *ast.CompositeLit:
				for _, e := range literals(n) {
					note(e)
				}
			}
			return true
		})
	}
	return found
}

// literals are the names of fields in changes that are written out, one or many;
// what is listed before it is made a change has its own type, of a field.
func literals(n *ast.CompositeLit) (names []ast.Expr) {
	of := n.Type
	if list, ok := of.(*ast.ArrayType); ok {
		of = list.Elt
		for _, e := range n.Elts {
			if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
				names = append(names, literals(&ast.CompositeLit{Type: of, Elts: inner.Elts})...)
			}
		}
		return names
	}
	switch of := of.(type) {
	case *ast.Ident:
		if of.Name != "Change" {
			return nil
		}
	case *ast.SelectorExpr:
		if of.Sel.Name != "Change" {
			return nil
		}
	case *ast.StructType:
		if len(of.Fields.List) == 0 || len(of.Fields.List[0].Names) == 0 || of.Fields.List[0].Names[0].Name != "field" {
			return nil
		}
	default:
		return nil
	}
	for i, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok && id.Name == "Field" {
				names = append(names, kv.Value)
			}
		} else if i == 0 {
			names = append(names, e)
		}
	}
	return names
}

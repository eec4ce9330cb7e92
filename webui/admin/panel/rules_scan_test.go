package panel_test

import (
	"cmp"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel"
	"github.com/vouchsafe/vouchsafe/webui/admin/panel/machine"
)

// root is the module's directory.
const root = "../../.."

// sources are the packages whose refusals the panel shows, and what they have to
// make some, beside what package hotspot has. Their tests are left out, and so is
// what is for programs alone. An area has texts of its own for some.
var sources = []struct {
	dir     string
	makers  map[string]maker
	without []string // files
	area    string
}{
	{dir: "hotspot"},
	{dir: "hotspot/sheet", makers: map[string]maker{"wrong": {format: 2}}, without: []string{"json.go"}}, // which the CLI reads
	{dir: "api"},
	{dir: "api/endpoint"},
	{dir: "api/keys", without: []string{"apikey.go", "token.go"}}, // of the API
	{dir: "api/operators", makers: map[string]maker{"forbidden": {always: "forbidden"}}},
	{dir: "api/webhooks", makers: map[string]maker{"bad": {}}},
	{dir: "daemon"},
	{dir: "webui/print", makers: map[string]maker{"check": {format: 2}}, without: []string{"pdfpage.go"}}, // for which there is printing.no_pdf
	{dir: "webui/admin/entry", area: "entry"},
	{dir: "webui/admin/guests", area: "guests"},
	{dir: "webui/admin/integrations", area: "integrations"},
	{dir: "webui/admin/loginpage", area: "loginpage"},
	{dir: "webui/admin/people", area: "people"},
	{dir: "webui/admin/printing", area: "printing", without: []string{"programs.go"}},
	{dir: "webui/admin/staff", area: "staff"},
	{dir: "webui/admin/system", area: "system"},
	{dir: "webui/admin/vouchers", area: "vouchers"},
}

// maker is a function that makes a refusal: which argument is the format, and
// which are the field and the code, from 1, if any are.
type maker struct {
	format, field, code int
	always              string // the code
}

// makers are those of package hotspot.
var makers = map[string]maker{
	"Invalid": {format: 1, field: 1}, "Refuse": {format: 2, field: 2, code: 1}, "Worded": {}, "Meaning": {},
}

// ofGuests are the codes that only guests are refused with. The login page has
// words of its own for them.
var ofGuests = []string{"unknown_code", "time_used", "download_used", "upload_used", "data_used", "not_yet_valid", "other_device",
	"disabled", "method_off", "wrong_password", "idle", "session_timeout", "kicked", "removed", "replaced", "blocked", "unknown_device"}

// told reports whether the panel tells what the rules say with a code. It has
// words of its own for some codes.
func told(own map[string]string, code, field string) bool {
	text, has := own["panel.error."+code]
	return !slices.Contains(ofGuests, code) && (!has || strings.Contains(text, "{text}") || code == "name_taken" && field == "")
}

// TestRules: what the rules say is in the catalogue, and there is nothing in it
// that they do not say any more. That of each language is compared with it.
func TestRules(t *testing.T) {
	said := sayings(t)
	if len(said) < 100 {
		t.Fatalf("only %d formats were found", len(said))
	}
	compare(t, "rules", said)
}

// compare looks for the formats that are said, and for no others, in the
// catalogue of a directory.
func compare(t *testing.T, dir string, said map[string]string) {
	t.Helper()
	english := map[string]string{}
	for format, at := range said {
		key, text := machine.Key(format), numbered(format)
		if other, taken := english[key]; taken && other != text {
			t.Errorf("%s: the key of %q is that of %q, too: say it in other words", at, format, other)
		}
		english[key] = text
	}
	has := texts(t, os.DirFS(dir), "en")
	for format, at := range said {
		if key := machine.Key(format); has[key] != english[key] {
			t.Errorf("%s: %s/lang/en.json has no\n    %q: %q,", at, dir, key, english[key])
		}
	}
	for key, text := range has {
		if english[key] == "" {
			t.Errorf("%s/lang/en.json: nothing says %q any more (%s)", dir, text, key)
		}
	}
}

// numbered is a format with places in the order of its values.
func numbered(format string) string {
	n := 0
	return verb.ReplaceAllStringFunc(format, func(string) string {
		n++
		return "{" + strconv.Itoa(n) + "}"
	})
}

// sayings are the formats that need words in other languages, and where they are.
func sayings(t *testing.T) map[string]string {
	said := map[string]string{}
	own := texts(t, panel.Files, "en")
	codes := codeNames(t)
	for _, s := range sources {
		p := scan{t: t, dir: s.dir, makers: maps.Clone(makers), codes: codes}
		maps.Copy(p.makers, s.makers)
		p.read(s.without)
		areas := map[string]string{}
		if s.area != "" {
			areas = texts(t, os.DirFS(filepath.Join(root, s.dir)), "en")
		}
		for _, f := range p.found {
			area, has := areas[s.area+".error."+f.code+"."+f.field]
			switch {
			case !told(own, f.code, f.field) || passes.MatchString(f.format) || has && !strings.Contains(area, "{text}"):
			case f.format == "":
				t.Errorf("%s: the text is put together: make the error with hotspot.Refuse, or give it a Meaning", f.at)
			default:
				said[f.format] = f.at
			}
		}
	}
	return said
}

var (
	passes = regexp.MustCompile(`^%[sv]$`) // what it is made of is told
	verb   = regexp.MustCompile(`%[.\d]*[a-zA-Z]`)
)

// texts is one language's catalogue.
func texts(t *testing.T, pages fs.FS, tag string) map[string]string {
	t.Helper()
	b, err := webui.TextFile(pages, tag)
	var file struct{ Text map[string]string }
	if err == nil {
		err = json.Unmarshal(b, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Text
}

// codeNames are the codes by the names of their constants.
func codeNames(t *testing.T) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "hotspot/error.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return constants(f)
}

// constants are a file's constants that are texts.
func constants(f *ast.File) map[string]string {
	found := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for i, name := range v.Names {
				if i < len(v.Values) {
					if s, ok := text(v.Values[i], found); ok {
						found[name.Name] = s
					}
				}
			}
		}
		return true
	})
	return found
}

// text is the value of an expression that is a constant text.
func text(e ast.Expr, known map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		s, ok := known[e.Name]
		return s, ok
	case *ast.BinaryExpr:
		a, ok1 := text(e.X, known)
		b, ok2 := text(e.Y, known)
		return a + b, ok1 && ok2 && e.Op == token.ADD
	}
	return "", false
}

// refusal is a place in the sources that makes one.
type refusal struct{ code, field, format, at string }

// scan looks for refusals in a package.
type scan struct {
	t      *testing.T
	dir    string
	makers map[string]maker
	codes  map[string]string
	known  map[string]string // the package's constants
	fset   *token.FileSet
	found  []refusal
	meant  ast.Expr // has a meaning, which is told instead
}

func (s *scan) read(without []string) {
	s.t.Helper()
	names, err := filepath.Glob(filepath.Join(root, s.dir, "*.go"))
	if err != nil || len(names) == 0 {
		s.t.Fatalf("%s: %d files, %v", s.dir, len(names), err)
	}
	s.fset, s.known = token.NewFileSet(), map[string]string{}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(without, path.Base(filepath.ToSlash(name))) {
			continue
		}
		f, err := parser.ParseFile(s.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			s.t.Fatal(err)
		}
		files = append(files, f)
		for name, text := range constants(f) {
			s.known[name] = text
		}
	}
	for _, f := range files {
		ast.Inspect(f, s.look)
	}
}

func (s *scan) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		s.call(n)
	case *ast.CompositeLit:
		s.literal(n)
	}
	return true
}

// call takes up a call of a maker.
func (s *scan) call(n *ast.CallExpr) {
	m, ok := s.makers[nameOf(n.Fun)]
	if !ok || len(n.Args) <= m.format || s.meant == n {
		return
	}
	code, field := cmp.Or(m.always, "invalid"), ""
	if m.code > 0 {
		code = s.codes[nameOf(n.Args[m.code-1])]
	}
	if m.field > 0 {
		field, _ = text(n.Args[m.field-1], s.known)
	}
	if at, ok := n.Fun.(*ast.SelectorExpr); ok && at.Sel.Name == "Meaning" {
		s.meant = at.X
	}
	s.note(n, code, field, n.Args[m.format])
}

// literal takes up an error that is written out.
func (s *scan) literal(n *ast.CompositeLit) {
	if nameOf(n.Type) != "Error" {
		return
	}
	var code, field string
	var said ast.Expr
	for _, e := range n.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		switch nameOf(kv.Key) {
		case "Code":
			code = s.codes[nameOf(kv.Value)]
		case "Field":
			field, _ = text(kv.Value, s.known)
		case "Text":
			said = kv.Value
		}
	}
	if code != "" && said != nil {
		s.note(n, code, field, said)
	}
}

// handedOn are the names of parameters whose values makers hand on.
var handedOn = []string{"format", "text"}

func (s *scan) note(n ast.Node, code, field string, said ast.Expr) {
	at := s.fset.Position(n.Pos())
	where := strings.TrimPrefix(filepath.ToSlash(at.Filename), root+"/") + ":" + strconv.Itoa(at.Line)
	if call, ok := said.(*ast.CallExpr); ok && nameOf(call.Fun) == "T" {
		return // it is in the page's language
	}
	format, ok := text(said, s.known)
	if ok || !slices.Contains(handedOn, nameOf(said)) {
		s.found = append(s.found, refusal{code, field, format, where})
	}
}

// nameOf is the last name of an expression.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

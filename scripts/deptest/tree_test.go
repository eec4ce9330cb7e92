package deptest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is this repository's module path.
const module = "github.com/vouchsafe/vouchsafe"

// file is one Go file of the repository.
type file struct {
	path    string // from the root, with slashes
	pkg     string // directory, which names the package here
	test    bool
	made    bool // by a program, from a source that the repository has, too
	lines   int
	imports []string // own packages are named like pkg, others by their path
	ast     *ast.File
	fset    *token.FileSet
}

// own reports whether an import is a package of this module.
func own(imp string) bool { return !strings.Contains(strings.Split(imp, "/")[0], ".") && ownDirs(imp) }

// ownDirs reports whether a path begins with a directory of the repository
// that holds packages, as opposed to the standard library.
func ownDirs(imp string) bool {
	switch strings.Split(imp, "/")[0] {
	case "hotspot", "netctl", "store", "api", "webui", "daemon", "cmd", "scripts":
		return true
	}
	return false
}

// standard reports whether an import is of the standard library.
func standard(imp string) bool {
	return !strings.Contains(strings.Split(imp, "/")[0], ".") && !ownDirs(imp)
}

// repository parses every Go file of the module.
func repository(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(p, "go.mod"))
			if p != root && (name == "testdata" || name == "bin" || name == "build" || name[0] == '.' || name[0] == '_' || nested == nil) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f, err := read(p, filepath.ToSlash(rel))
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("only %d Go files found below %s", len(files), root)
	}
	return files
}

func read(p, rel string) (file, error) {
	src, err := os.ReadFile(p)
	if err != nil {
		return file{}, err
	}
	f := file{path: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), lines: bytes.Count(src, []byte("\n")), fset: token.NewFileSet()}
	if f.ast, err = parser.ParseFile(f.fset, rel, src, parser.SkipObjectResolution|parser.ParseComments); err != nil {
		return f, err
	}
	f.made = ast.IsGenerated(f.ast)
	for _, spec := range f.ast.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, err
		}
		f.imports = append(f.imports, strings.TrimPrefix(imp, module+"/"))
	}
	return f, nil
}

// under reports whether a package is one of the named ones; "a/..." names a
// and all below it.
func under(pkg string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		base, all := strings.CutSuffix(name, "/...")
		return pkg == base || all && strings.HasPrefix(pkg, base+"/")
	})
}

package panel_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// speakers are the packages that say something of the machine, with the
// functions of theirs that are given formats, and at which places; names are of
// constants that are shown by themselves. Of a package that the relay has, too, only
// some files say what the panel shows.
var speakers = []struct {
	dir    string
	places map[string][]int
	names  []string
	only   []string
}{
	{dir: "store", names: []string{"unavailableText"}},
	{dir: "netctl/nft", names: []string{"unavailableText"}},
	{dir: "api/tunnel", places: map[string][]int{"New": {0}}, only: []string{"dial.go", "enrol.go", "router.go"}},
	{dir: "daemon"},
	{dir: "daemon/config", places: map[string][]int{"faulty": {2}, "fault": {2}, "bad": {1}, "Worded": {0}}},
	{dir: "daemon/certs"},
	{dir: "daemon/doctor", places: map[string][]int{"one": {1, 2}, "fine": {0}, "list": {1}, "add": {2, 3}, "unseen": {0}, "Worded": {0}}},
	{dir: "api/webhooks", names: []string{"goneText", "plainWarning"}},
	{dir: "hotspot"},
	{dir: "api/v1", places: map[string][]int{"say": {0}}},
	{dir: "webui/admin/panel"},
}

// causes are what errors begin with that are not of this repository: those of the
// kernel that can be met here, and ends of files and connections. What others are
// is quoted in English. Names of parts of the store are among them.
var causes = []string{io.EOF.Error(), io.ErrUnexpectedEOF.Error(), "the snapshot", "the schema version"}

// errnos are those of the kernel.
var errnos = []syscall.Errno{unix.EPERM, unix.ENOENT, unix.EINTR, unix.EIO, unix.ENXIO, unix.EAGAIN, unix.ENOMEM, unix.EACCES, unix.EBUSY, unix.EEXIST,
	unix.ENODEV, unix.ENOTDIR, unix.EISDIR, unix.EINVAL, unix.ENFILE, unix.EMFILE, unix.EFBIG, unix.ENOSPC, unix.EROFS, unix.EPIPE,
	unix.ENOSYS, unix.EBADMSG, unix.EUCLEAN, unix.EDQUOT, unix.ENOBUFS, unix.EPROTONOSUPPORT, unix.EOPNOTSUPP, unix.EAFNOSUPPORT,
	unix.EADDRINUSE, unix.EADDRNOTAVAIL, unix.ENETDOWN, unix.ENETUNREACH, unix.ECONNABORTED, unix.ECONNRESET, unix.ETIMEDOUT,
	unix.ECONNREFUSED, unix.EHOSTDOWN, unix.EHOSTUNREACH}

// TestMachine: what the daemon says of the machine has words in every language,
// with the same places, and there are none that it does not say any more.
func TestMachine(t *testing.T) {
	said := map[string]string{} // formats, and where they are
	for _, s := range speakers {
		l := listen(t, s.dir, s.names, s.only)
		for name, at := range s.places {
			l.places[name] = at
		}
		for _, f := range l.files {
			ast.Inspect(f, l.hear)
		}
		for format, at := range l.said {
			said[format] = at
		}
	}
	for _, text := range causes {
		said[text] = "causes"
	}
	for _, errno := range errnos {
		said[errno.Error()] = "errnos"
	}
	if len(said) < 200 {
		t.Fatalf("only %d formats were found", len(said))
	}
	compare(t, "machine", said)
}

// listener collects what a package says.
type listener struct {
	t      *testing.T
	fset   *token.FileSet
	files  []*ast.File
	info   types.Info
	places map[string][]int
	said   map[string]string
}

// listen reads a package. Its imports are not needed to know its constants.
func listen(t *testing.T, dir string, names, only []string) *listener {
	t.Helper()
	l := &listener{t: t, fset: token.NewFileSet(), said: map[string]string{}, places: map[string][]int{"Textf": {0}, "Addf": {0}},
		info: types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}}}
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range paths {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_others.go") || only != nil && !slices.Contains(only, filepath.Base(name)) {
			continue
		}
		f, err := parser.ParseFile(l.fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		l.files = append(l.files, f)
	}
	conf := types.Config{Error: func(error) {}} // without imports there are many
	_, _ = conf.Check(dir, l.fset, l.files, &l.info)
	for name, def := range l.info.Defs {
		if c, ok := def.(*types.Const); ok && slices.Contains(names, name.Name) {
			l.note(name, c.Val())
		}
	}
	return l
}

// hear takes up a text.
func (l *listener) hear(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		for _, at := range l.places[nameOf(n.Fun)] {
			if at < len(n.Args) {
				l.must(n.Args[at])
				l.whole(n.Args[at+1:])
			}
		}
	case *ast.CompositeLit:
		l.literal(n)
	}
	return true
}

// whole refuses errors among what is written into a text that are English
// already: as they are, pages can tell them.
func (l *listener) whole(args []ast.Expr) {
	for _, arg := range args {
		ast.Inspect(arg, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && nameOf(call.Fun) == "Error" && len(call.Args) == 0 {
				l.t.Errorf("%s: the error is English in every language: give the error itself, or hotspot.Because", l.fset.Position(n.Pos()))
			}
			return true
		})
	}
}

// literal takes up the format of a Text that is written out, and the name of a
// check.
func (l *listener) literal(n *ast.CompositeLit) {
	check, _ := l.info.Types[n].Type.(*types.Named)
	if check != nil && check.Obj().Name() == "check" && len(n.Elts) > 0 {
		l.must(n.Elts[0])
	}
	if nameOf(n.Type) != "Text" {
		return
	}
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && nameOf(kv.Key) == "Format" {
			l.note(kv.Value, l.info.Types[kv.Value].Value)
		}
	}
}

// must takes up a text that has to be a constant, or a parameter.
func (l *listener) must(e ast.Expr) {
	v := l.info.Types[e].Value
	if v == nil && !slices.Contains([]string{"format", "found", "remedy", "well", "what"}, nameOf(e)) {
		l.t.Errorf("%s: the text is put together: use a format", l.fset.Position(e.Pos()))
	}
	l.note(e, v)
}

func (l *listener) note(n ast.Node, v constant.Value) {
	if v == nil || v.Kind() != constant.String {
		return
	}
	if format := constant.StringVal(v); format != "" && !passes.MatchString(format) {
		at := l.fset.Position(n.Pos())
		l.said[format] = strings.TrimPrefix(filepath.ToSlash(at.Filename), root+"/") + ":" + strconv.Itoa(at.Line)
	}
}

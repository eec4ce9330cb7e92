package pagetest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// WithoutEnglish checks that the catalogues of the package under test are in files,
// but for the English one: its texts are in the code that says them.
func WithoutEnglish(t testing.TB, files fs.FS) {
	t.Helper()
	Catalogues(t, os.DirFS("."))
	names, err := filepath.Glob("lang/*.json.deflate")
	if err != nil || len(names) < 2 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if _, err := fs.Stat(files, filepath.ToSlash(name)); (err == nil) != (filepath.Base(name) != "en.json.deflate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

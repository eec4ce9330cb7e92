package machine

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/vouchsafe/vouchsafe/webui/pagetest"
)

func TestCatalogues(t *testing.T) { pagetest.Catalogues(t, os.DirFS(".")) }

// TestFiles: every language but English is in the program.
func TestFiles(t *testing.T) {
	names, err := filepath.Glob("lang/*.json.deflate")
	if err != nil || len(names) < 2 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if _, err := fs.Stat(Files, filepath.ToSlash(name)); (err == nil) != (filepath.Base(name) != "en.json.deflate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package pagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vouchsafe/vouchsafe/webui"
)

// Catalogues compares the language files of a package of pages with the
// English one: there is one for each language, with the same keys, in each form
// that the language has for a number, and with the same {names}.
func Catalogues(t testing.TB, pages fs.FS) {
	t.Helper()
	ls, err := webui.NewLanguages()
	if err != nil {
		t.Fatal(err)
	}
	english, err := catalogue(pages, "en")
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(pages, "lang/*.json*")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range ls.All() {
		files = slices.DeleteFunc(files, func(name string) bool {
			return strings.TrimSuffix(path.Base(name), ".deflate") == l.Tag+".json"
		})
		checkPacked(t, pages, l.Tag)
		texts, err := catalogue(pages, l.Tag)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, fault := range faults(english, texts, ls.Default().Forms(), l.Forms()) {
			t.Errorf("lang/%s.json: %s", l.Tag, fault)
		}
	}
	if len(files) > 0 {
		t.Errorf("%q are of languages that the shared texts do not have", files)
	}
}

// checkPacked fails where a file that pages hold packed is not one that lies in
// the test's directory, or in that of another package of pages.
func checkPacked(t testing.TB, pages fs.FS, tag string) {
	t.Helper()
	name := "lang/" + tag + ".json"
	if _, err := fs.Stat(pages, name+".deflate"); err != nil {
		return // it is not packed
	}
	packed, err := webui.TextFile(pages, tag)
	if err != nil {
		t.Error(err)
		return
	}
	for _, dir := range []string{"", "../*/", "../../*/"} {
		sources, _ := filepath.Glob(dir + name) // the patterns are good
		for _, source := range sources {
			if b, err := os.ReadFile(source); err == nil && bytes.Equal(b, packed) {
				return
			}
		}
	}
	t.Errorf("%s was changed after it was packed: run make templates", name)
}

// catalogue reads the texts of one file.
func catalogue(pages fs.FS, tag string) (map[string]string, error) {
	name := "lang/" + tag + ".json"
	b, err := webui.TextFile(pages, tag)
	if err != nil {
		return nil, err
	}
	var file struct{ Text map[string]string }
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for key := range file.Text {
		if bytes.Count(b, []byte("\n    \""+key+"\":")) != 1 {
			return nil, fmt.Errorf("%s: the key %q does not stand once on a line of its own", name, key)
		}
	}
	return file.Text, nil
}

// placeholder is what values take the place of.
var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// oddCharacters have no place in a text: they are markup, or turn around or
// hide what stands beside them.
const oddCharacters = "<>\t\n\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufeff"

// faults is what is wrong with a language's texts.
func faults(english, texts map[string]string, englishForms, forms []string) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	want := expected(english, englishForms, forms)
	for _, key := range slices.Sorted(maps.Keys(want)) {
		text, ok := texts[key]
		if !ok {
			fault("%q is missing", key)
			continue
		}
		if text == "" || strings.TrimSpace(text) != text || strings.ContainsAny(text, oddCharacters) {
			fault("%q is empty or has a character that does not belong there: %+q", key, text)
		}
		got, names := placeholders(text), placeholders(english[want[key]])
		if leavesOut(key) && want[key] != key && !slices.Contains(got, "{n}") {
			names = slices.DeleteFunc(names, func(name string) bool { return name == "{n}" })
		}
		if !slices.Equal(got, names) {
			fault("%q has the places %q, want %q", key, got, names)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if _, ok := want[key]; !ok {
			fault("%q is not a key of English, or not a form of this language", key)
		}
	}
	return faults
}

// expected are the keys that a language must have, and the English text that
// each is to be compared with.
func expected(english map[string]string, englishForms, forms []string) map[string]string {
	want := map[string]string{}
	for key := range english {
		if stem, ok := numbered(english, key, englishForms); ok {
			for _, form := range forms {
				want[stem+"."+form] = stem + ".other"
			}
			continue
		}
		want[key] = key
	}
	return want
}

// numbered reports whether a key is a form of a text that depends on a number,
// of which all forms must be there.
func numbered(texts map[string]string, key string, forms []string) (stem string, ok bool) {
	dot := strings.LastIndexByte(key, '.')
	if dot < 0 || !slices.Contains(forms, key[dot+1:]) {
		return "", false
	}
	for _, form := range forms {
		if _, ok := texts[key[:dot]+"."+form]; !ok {
			return "", false
		}
	}
	return key[:dot], true
}

// leavesOut reports whether a form may say its number in words.
func leavesOut(key string) bool {
	return slices.Contains([]string{".zero", ".one", ".two"}, key[max(strings.LastIndexByte(key, '.'), 0):])
}

func placeholders(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

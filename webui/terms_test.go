package webui_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// otherWords are those that a language does not use for a thing, since it has
// another one on all other pages; docs/translating.md lists those.
var otherWords = map[string]*regexp.Regexp{
	"ar": regexp.MustCompile(`[٠-٩۰-۹٪]|راوتر|جهاز التوجيه|أجهزة توجيه|رمز المرور|رموز المرور|رمز مرور|رموز مرور|مشاهد|(?:^|\s)webhooks?(?:\s|$)`),
	"it": regexp.MustCompile(`codic[ei] segret[oi]|[Tt]itolar[ei]|\butenza\b|\bdirectory\b|\bdaemon\b`),
}

// commands are what is typed or sent: it is English everywhere.
var commands = regexp.MustCompile("\u2066[^\u2069]*\u2069|`[^`]*`")

// TestOneWord: each thing has one name in each language, on all pages.
func TestOneWord(t *testing.T) {
	seen := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, _ fs.DirEntry, err error) error {
		tag, isText := strings.CutSuffix(path.Base(name), ".json")
		if err != nil || !isText || path.Base(path.Dir(name)) != "lang" || otherWords[tag] == nil {
			return err
		}
		seen++
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var file struct{ Text map[string]string }
		if err := json.Unmarshal(b, &file); err != nil {
			return err
		}
		for key, text := range file.Text {
			if other := otherWords[tag].FindString(commands.ReplaceAllString(text, "")); other != "" {
				t.Errorf("%s: %s says %q, for which docs/translating.md has another word: %s", name, key, other, text)
			}
		}
		return nil
	})
	if err != nil || seen < 20 {
		t.Errorf("%d files: %v", seen, err)
	}
}

package pagetest

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"
)

// TestFaults makes sure that silence means something.
func TestFaults(t *testing.T) {
	english := map[string]string{"a": "{x} and {y}", "n.one": "{n} day", "n.other": "{n} days", "ended.other": "Over."}
	good := map[string]string{"a": "{y} e {x}", "n.one": "un giorno", "n.two": "{n} giorni", "n.other": "{n} giorni", "ended.other": "Fine."}
	forms := []string{"one", "two", "other"}
	if got := faults(english, good, []string{"one", "other"}, forms); len(got) > 0 {
		t.Errorf("good texts: %q", got)
	}
	for _, c := range []struct{ key, text, want string }{
		{"a", "", `"a" is empty`},
		{"a", "{x} e", `"a" has the places ["{x}"]`},
		{"a", "{x} {y} {z}", `"a" has the places`},
		{"a", "{x} e <b>{y}</b>", `"a" is empty or has a character`},
		{"a", "{x} \u202e{y}", `"a" is empty or has a character`},
		{"b", "B", `"b" is not a key`},
		{"n.few", "{n} giorni", `"n.few" is not a key`},
		{"n.other", "giorni", `"n.other" has the places`},
		{"ended.other", "-", ""},
		{"n.two", "missing", `"n.two" is missing`},
	} {
		texts := maps.Clone(good)
		texts[c.key] = c.text
		if c.text == "missing" {
			delete(texts, c.key)
		}
		got := faults(english, texts, []string{"one", "other"}, forms)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) == 0 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s = %q: %q, want %q", c.key, c.text, got, c.want)
		}
	}
}

// TestKeyTwice: a parser of JSON takes the last one without a word.
func TestKeyTwice(t *testing.T) {
	pages := fstest.MapFS{"lang/en.json": {Data: []byte("{\"text\": {\n    \"a\": \"1\",\n    \"a\": \"2\"\n}}")}}
	if _, err := catalogue(pages, "en"); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("%v", err)
	}
}

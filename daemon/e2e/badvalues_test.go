package e2e

import (
	"encoding/json"
	"strings"
)

// badValue is something that a parameter should not hold, or that breaks
// programs which are not careful.
type badValue struct {
	name string
	text string // as text, whatever the way it is sent
	json string // as a JSON literal; empty: the text as a JSON string
	// kind says what a parameter that takes names and passcodes does with it.
	kind verdict
}

type verdict int

const (
	odd     verdict = iota // the parameter's own rules say
	spaced                 // a username must not be so
	noCode                 // nor so, and a passcode neither
	harmful                // a text must be refused
	strange                // a text must be taken, and read back as it is
)

// badValues are tried for every parameter of every action.
func badValues() []badValue {
	return []badValue{
		{name: "empty", text: ""},
		{name: "blank", text: " ", kind: spaced},
		{name: "null", text: "null", json: "null"},
		{name: "object", text: "{}", json: `{"$gt":""}`},
		{name: "array", text: "[]", json: `["a"]`},
		{name: "nested", text: "[[{}]]", json: `[[[[{"a":[{}]}]]]]`},
		{name: "true", text: "true", json: "true"},
		{name: "false", text: "false", json: "false"},
		{name: "zero", text: "0", json: "0"},
		{name: "negative zero", text: "-0", json: "-0"},
		{name: "negative", text: "-1", json: "-1"},
		{name: "fraction", text: "1.5", json: "1.5"},
		{name: "exponent", text: "1e3", json: "1e3"},
		{name: "huge number", text: "1e400", json: "1e400"},
		{name: "2^64", text: "18446744073709551616", json: "18446744073709551616"},
		{name: "2^63 in bytes", text: "8796093022208", json: "8796093022208"},
		{name: "500 digits", text: strings.Repeat("9", 500), json: strings.Repeat("9", 500), kind: harmful},
		{name: "NaN", text: "NaN"},
		{name: "infinity", text: "-Infinity"},
		{name: "hexadecimal", text: "0x10"},
		{name: "other digits", text: "١٢٣"},
		{name: "64 characters", text: strings.Repeat("é", 64), kind: strange},
		{name: "65 characters", text: strings.Repeat("x", 65), kind: noCode},
		{name: "1000 characters", text: strings.Repeat("x", 1000), kind: harmful},
		{name: "64 kB", text: strings.Repeat("x", 64<<10), kind: harmful},
		{name: "NUL", text: "a\x00b", kind: harmful},
		{name: "not UTF-8", text: "a\xff\xfe", json: "\"a\xff\xfe\"", kind: harmful},
		{name: "overlong UTF-8", text: "\xc0\xaf", json: "\"\xc0\xaf\"", kind: harmful},
		{name: "half a character", text: "\xed\xa0\x80", json: `"\ud800"`, kind: harmful},
		{name: "bell", text: "a\ab", kind: harmful},
		{name: "terminal escape", text: "\x1b[2J\x1b]0;owned\a", kind: harmful},
		{name: "C1 control", text: "a\u009b31m", kind: harmful},
		{name: "delete", text: "a\x7f", kind: harmful},
		{name: "line end", text: "a\nb", kind: noCode},
		{name: "header injection", text: "a\r\nSet-Cookie: x=y", kind: harmful},
		{name: "line separator", text: "a\u2028b", kind: noCode},
		{name: "right to left", text: "a\u202egnp.exe", kind: noCode},
		{name: "zero width", text: "a\u200bb", kind: noCode},
		{name: "byte order mark", text: "\ufeffa", kind: noCode},
		{name: "leading space", text: " a", kind: spaced},
		{name: "trailing space", text: "a ", kind: spaced},
		{name: "emoji", text: "Zoë 🦊", kind: strange},
		{name: "script", text: `'"><script>alert(1)</script>`, kind: strange},
		{name: "event handler", text: `" onmouseover="alert(1)`, kind: strange},
		{name: "SQL", text: `'; DROP TABLE vouchers; --`, kind: strange},
		{name: "template", text: `{{.}}${7*7}#{7*7}<%= 7*7 %>`, kind: strange},
		{name: "format", text: `%s%n%d%x%!(EXTRA`, kind: strange},
		{name: "shell", text: "$(reboot)`reboot`|reboot", kind: strange},
		{name: "path", text: "../../../../etc/passwd", kind: strange},
		{name: "separators", text: "a&b=c;d,e", kind: strange},
		{name: "escapes", text: `\u0041\x41%41&#65;`, kind: strange},
		{name: "formula", text: `=cmd|' /C calc'!A0`, kind: strange},
		{name: "prototype", text: "__proto__", kind: strange},
	}
}

// literal is the value as JSON.
func (v badValue) literal() string {
	if v.json != "" {
		return v.json
	}
	b, err := json.Marshal(v.text)
	if err != nil {
		panic(err) // a string
	}
	return string(b)
}

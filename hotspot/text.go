package hotspot

import (
	"fmt"
	"strings"
)

// Text is a sentence about the machine. By itself it is English, as logs,
// commands and programs have it; pages tell it in their languages as they do
// what the rules say, see [Wording.Message].
type Text struct {
	Format string
	// Args are names, numbers, errors and the like; what has a Message itself is
	// told in the same language, and so is each of a [Texts].
	Args []any
}

// Texts are told one after another.
type Texts []Text

// Message is what the texts are made of.
func (t Texts) Message() (format string, args []any) {
	switch len(t) {
	case 0:
		return "", nil
	case 1:
		return t[0].Message()
	}
	return Textf("%s; %s", t[0], t[1:]).Message()
}

// Textf makes a Text, as fmt.Sprintf does. The format must be a constant: a test
// looks for it in the languages of the pages.
//
//go:noinline
func Textf(format string, args ...any) Text { return Text{format, args} }

// IsZero reports whether nothing is said.
func (t Text) IsZero() bool { return t.Format == "" }

// Message is what the text is made of.
func (t Text) Message() (format string, args []any) { return t.Format, t.Args }

// String is the text in English.
func (t Text) String() string {
	if len(t.Args) == 0 {
		return t.Format
	}
	return fmt.Sprintf(t.Format, t.Args...)
}

// MarshalText implements encoding.TextMarshaler.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. What was read is English in
// every language.
func (t *Text) UnmarshalText(b []byte) error {
	*t = Text{Format: string(b)}
	return nil
}

// Strings are the texts in English.
func (t Texts) Strings() []string {
	out := make([]string, len(t))
	for i := range t {
		out[i] = t[i].String()
	}
	return out
}

// String is the texts in English.
func (t Texts) String() string { return strings.Join(t.Strings(), "; ") }

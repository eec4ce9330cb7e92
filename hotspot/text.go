package hotspot

import (
	"errors"
	"strings"
)

// Text is a sentence about the machine. By itself it is English, as logs,
// commands and programs have it; pages tell it in their languages as they do
// what the rules say. It is one word long, because there are many.
type Text struct{ words *Wording }

// Texts are told one after another.
type Texts []Text

// Textf makes a Text as [Worded] makes a sentence. The format must be a constant:
// a test looks for it in the languages of the pages. What is in it may be a Text,
// or some, and is told in the same language.
//
//go:noinline // as Invalid
func Textf(format string, args ...any) Text { return Text{Worded(format, args...)} }

// Said makes a Text of one that was said before, in English. "" says nothing.
//
//go:noinline // as Invalid
func Said(text string) Text {
	if text == "" {
		return Text{}
	}
	return Text{&Wording{text: text, format: text}}
}

// Because makes a Text of an error, nil for none. One that several are joined in
// tells each. What pages tell in place of an error that is English alone, such as
// one of the kernel, is theirs to say.
//
//go:noinline // as Invalid
func Because(err error) Text {
	if err == nil {
		return Text{}
	}
	joined, several := err.(interface{ Unwrap() []error })
	if _, told := err.(interface{ Message() (string, []any) }); told || !several {
		return Textf("%v", err)
	}
	var all Texts
	for _, e := range joined.Unwrap() {
		all = append(all, Because(e))
	}
	return Textf("%s", all)
}

// Innermost is what an error began with, without what it passed through.
func Innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// IsZero reports whether nothing is said.
func (t Text) IsZero() bool { return t.words == nil || t.words.text == "" }

// String is the text in English.
func (t Text) String() string {
	if t.words == nil {
		return ""
	}
	return t.words.text
}

// Message is what the text is made of, see [Wording.Message].
func (t Text) Message() (format string, args []any) {
	if t.words == nil {
		return "", nil
	}
	return t.words.Message()
}

// MarshalText implements encoding.TextMarshaler.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. What was read is English in
// every language.
func (t *Text) UnmarshalText(b []byte) error {
	*t = Said(string(b))
	return nil
}

// Addf appends a text, which [Textf] makes.
//
//go:noinline // as Invalid
func (t *Texts) Addf(format string, args ...any) { *t = append(*t, Text{Worded(format, args...)}) }

// Add appends texts.
//
//go:noinline // it takes much code where it is called
func (t *Texts) Add(more Texts) { *t = append(*t, more...) }

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

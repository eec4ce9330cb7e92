package hotspot

import (
	"fmt"
	"slices"
)

// Wording is a sentence for people: in English, and as what it is made of, so
// that a page can tell it in another language. By itself it is an error about a
// value, of a caller who knows whose value that is.
type Wording struct {
	text   string
	format string
	args   []any
}

// Worded makes a sentence after a format of package fmt's. One without verbs is
// taken as it is.
//
//go:noinline // as Invalid
func Worded(format string, args ...any) *Wording {
	w := &Wording{text: format, format: format}
	if len(args) > 0 {
		w.text = fmt.Sprintf(format, args...)
		w.args = slices.Clone(args) // so that callers keep theirs on their stack
	}
	return w
}

// Error implements error.
func (w *Wording) Error() string { return w.text }

// Message is what the sentence is made of: its English format, which is what it
// is known by, and what is written into it. The caller must not change that.
func (w *Wording) Message() (format string, args []any) { return w.format, w.args }

// Refuse makes an error about a field, or about none.
//
//go:noinline // as Invalid
func Refuse(code Code, field, format string, args ...any) *Error {
	e := &Error{Code: code, Field: field, Text: format}
	if len(args) > 0 {
		e.words = Worded(format, args...)
		e.Text = e.words.text
	}
	return e
}

// Meaning sets what pages in other languages tell in place of the error's text,
// if that is of a kind that nobody can translate. It returns the error.
//
//go:noinline // as Invalid
func (e *Error) Meaning(text string) *Error {
	e.words = &Wording{format: text}
	return e
}

// Message is what the error's text is made of; see [Wording.Message].
func (e *Error) Message() (format string, args []any) {
	if e.words == nil {
		return e.Text, nil
	}
	return e.words.Message()
}

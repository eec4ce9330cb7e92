package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// FieldError is one fault of a configuration.
type FieldError struct {
	File   string // empty: not from a file
	Line   int    // from 1; 0: not from a file, or a key that is missing
	Column int
	Path   string       // such as guest.portal_port or lan.listen[1]; empty: the file as a whole
	Text   hotspot.Text // what is wrong and how to put it right
}

// faulty makes an error of a sentence, after a format.
//
//go:noinline // it takes much code where it is called
func faulty(path string, at place, format string, args ...any) *FieldError {
	return &FieldError{Line: at.line, Column: at.column, Path: path, Text: hotspot.Textf(format, args...)}
}

// Error implements error, in the form editors jump to.
func (e *FieldError) Error() string {
	if where := e.where(); where != "" {
		return where + ": " + e.Text.String()
	}
	return e.Text.String()
}

// where is the place of the fault.
func (e *FieldError) where() string {
	var b strings.Builder
	b.WriteString(e.File)
	for _, n := range [...]int{e.Line, e.Column} {
		if n == 0 {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strconv.Itoa(n))
	}
	if b.Len() > 0 && e.Path != "" {
		b.WriteString(": ")
	}
	b.WriteString(e.Path)
	return b.String()
}

// Message is what the error is made of, see [hotspot.Wording].
func (e *FieldError) Message() (format string, args []any) {
	where := e.where()
	if where == "" {
		return e.Text.Message()
	}
	return hotspot.Textf("%s: %s", where, e.Text).Message()
}

// maxFaults bounds what one hostile or mixed-up file can print.
const maxFaults = 50

// faults collects errors.
type faults struct {
	list    []*FieldError
	dropped int
}

func (f *faults) add(e *FieldError) {
	if len(f.list) >= maxFaults {
		f.dropped++
		return
	}
	f.list = append(f.list, e)
}

// covers reports whether a list of faults is about a key already: about its
// list or about its section.
func covers(list []*FieldError, path string) bool {
	base, _, _ := strings.Cut(path, "[")
	return slices.ContainsFunc(list, func(e *FieldError) bool {
		have, _, _ := strings.Cut(e.Path, "[")
		return have == base || strings.HasPrefix(base, have+".")
	})
}

// join returns all faults as one error in the file's order, or nil.
func (f *faults) join(file string) error {
	slices.SortStableFunc(f.list, func(a, b *FieldError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	errs := make([]error, 0, len(f.list)+1)
	for _, e := range f.list {
		e.File = file
		errs = append(errs, e)
	}
	if f.dropped > 0 {
		errs = append(errs, hotspot.Worded("and %d more", f.dropped))
	}
	return errors.Join(errs...)
}

// Faults are the errors that [Load] or [Config.Validate] found, one by one.
func Faults(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}

// clip shortens a value from the file for an error's text.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%.*q…", most, s)
	}
	return fmt.Sprintf("%q", s)
}

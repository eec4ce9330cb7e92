package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FieldError is one fault of a configuration.
type FieldError struct {
	File   string // empty: not from a file
	Line   int    // from 1; 0: not from a file, or a key that is missing
	Column int
	Path   string // such as guest.portal_port or lan.listen[1]; empty: the file as a whole
	Text   string // what is wrong and how to put it right
}

// Error implements error, in the form editors jump to.
func (e *FieldError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, "%d:", e.Column)
		}
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Text)
	return b.String()
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
		errs = append(errs, fmt.Errorf("and %d more", f.dropped))
	}
	return errors.Join(errs...)
}

// clip shortens a value from the file for an error's text.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%.*q…", most, s)
	}
	return fmt.Sprintf("%q", s)
}

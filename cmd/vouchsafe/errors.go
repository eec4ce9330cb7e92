package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The exit codes.
const (
	exitFailed = 1 // it was tried and did not work
	exitUsage  = 2 // the command line made no sense
)

// usageError is a mistake in the command line itself.
type usageError struct {
	text string
}

func (e *usageError) Error() string { return e.text }

// usage makes a usage error that says where help is.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...) + "; see: " + cmd.CommandPath() + " --help"}
}

// noArgs refuses arguments; a group of commands has been given an unknown one.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasAvailableSubCommands():
		return usage(cmd, "there is no command %q%s", args[0], suggest(cmd, args[0]))
	}
	return usage(cmd, "%q is one argument too many", args[0])
}

func suggest(cmd *cobra.Command, word string) string {
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(word); len(s) > 0 {
		return " (did you mean " + strings.Join(s, " or ") + "?)"
	}
	return ""
}

// exactly wants the named arguments, no more and no fewer.
//
//go:noinline // or each command gets a copy of the closure
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage(cmd, "%s is missing", names[len(args)])
		case len(args) > len(names):
			return usage(cmd, "%q is one argument too many", args[len(names)])
		}
		for i, a := range args {
			if a == "" && names[i] != "VALUE" {
				return usage(cmd, "%s must not be empty", names[i])
			}
		}
		return nil
	}
}

// remedied is an error with what to do about it.
type remedied struct {
	err    error
	remedy string
}

func (e *remedied) Error() string { return e.err.Error() + "; " + e.remedy }
func (e *remedied) Unwrap() error { return e.err }

// remedy says what to do about errors of a code; others stay as they are.
func remedy(err error, code hotspot.Code, format string, args ...any) error {
	if err == nil || hotspot.CodeOf(err) != code {
		return err
	}
	return &remedied{err, fmt.Sprintf(format, args...)}
}

// report prints an error, or each of several on a line of its own, and returns
// the exit code.
func report(w io.Writer, err error, asJSON bool) int {
	if err == nil {
		return 0
	}
	code := exitFailed
	if ue := (*usageError)(nil); errors.As(err, &ue) {
		code = exitUsage
	}
	if asJSON {
		reportJSON(w, err)
		return code
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(w, "vouchsafe: "+printable(strings.TrimSpace(line)))
	}
	return code
}

// failure is an error as programs get it.
type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Field   string `json:"field,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
}

func reportJSON(w io.Writer, err error) {
	f := failure{Code: "failed", Message: err.Error()}
	if r := (*remedied)(nil); errors.As(err, &r) {
		f.Remedy = r.remedy
		f.Message = strings.ReplaceAll(f.Message, r.Error(), r.err.Error())
	}
	if e := (*hotspot.Error)(nil); errors.As(err, &e) {
		f.Code, f.Field = string(e.Code), e.Field
	}
	if u := (*usageError)(nil); errors.As(err, &u) {
		f.Code = "usage"
	}
	_ = printJSON(w, map[string]failure{"error": f}) // there is nobody else to tell
}

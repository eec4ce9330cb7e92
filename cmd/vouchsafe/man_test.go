package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go test -run TestManPage -update .

// manFile is the manual page. What writes it is a test, so that none of it is
// in the program that is flashed on routers.
var manFile = filepath.Join("..", "..", "docs", "vouchsafe.1")

// man writes a manual page.
type man struct{ strings.Builder }

// roff escapes a text; no line of it begins a request.
func roff(s string) string {
	s = strings.ReplaceAll(s, `\`, `\e`)
	s = strings.ReplaceAll(s, "-", `\-`)
	s = strings.NewReplacer("'", `\(aq`, "`", `\(ga`, "…", `\&...`, "“", `\(lq`, "”", `\(rq`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func (m *man) line(s string) { m.WriteString(s + "\n") }

func (m *man) section(title string) { m.line(".SH " + title) }

// text writes paragraphs; indented lines stay as they are.
func (m *man) text(s string) {
	fixed := false
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	for i, l := range lines {
		if indented := strings.HasPrefix(l, "  "); indented != fixed {
			m.line(map[bool]string{true: ".PP\n.nf\n.RS 4", false: ".RE\n.fi"}[indented])
			fixed = indented
		}
		switch {
		case l == "" && strings.HasPrefix(lines[i+1], "  "):
		case l == "":
			m.line(".PP")
		case fixed:
			m.line(roff(l[2:]))
		default:
			m.line(roff(l))
		}
	}
	if fixed {
		m.line(".RE\n.fi")
	}
}

func (m *man) flags(f *pflag.FlagSet) {
	f.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, doc := pflag.UnquoteUsage(f)
		name := `\-\-` + roff(f.Name)
		if f.Shorthand != "" {
			name = `\-` + f.Shorthand + ", " + name
		}
		m.line(".TP\n\\fB" + name + "\\fR" + map[bool]string{true: " \\fI" + roff(kind) + "\\fR"}[kind != ""])
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
			doc += " (default " + f.DefValue + ")"
		}
		m.line(roff(doc) + ".")
	})
}

func (m *man) command(c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		m.line(".SS " + roff(strings.TrimPrefix(usageLine(c), "vouchsafe ")))
		text := c.Long
		if text == "" {
			text = c.Short + "."
		}
		m.text(text)
		m.flags(c.LocalNonPersistentFlags())
		if c.Example != "" {
			m.line(".PP\nExamples:")
			m.text(c.Example)
		}
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			m.command(sub)
		}
	}
}

const manOutput = `What is asked for goes to standard output, everything else to standard error.
With --json, a result is one JSON value: an object, or an array with an item per
line; log --follow prints an object per line. Commands that otherwise print
nothing then print what they changed. Amounts are bytes, times are RFC 3339.

An error is one line that says what is wrong and what to do. With --json it is

  {"error": {"code": "...", "message": "...", "field": "...", "remedy": "..."}}

on standard error. field and remedy are left out where there is none. code is
usage for a mistake in the command line, the API's code (not_found, invalid,
username_taken, unavailable, internal ...), or else failed.`

const manExit = `0  it worked
1  it was tried and did not work, or doctor found a problem
2  the command line made no sense; nothing was done`

func manPage() string {
	root := newCommand(parts{})
	m := &man{}
	m.line(`.\" Written by go generate ./cmd/vouchsafe; do not edit.`)
	m.line(`.TH VOUCHSAFE 1 "" "Vouchsafe" "Vouchsafe manual"`)
	m.section("NAME")
	m.line(`vouchsafe \- ` + roff(strings.ToLower(root.Short[:1])+root.Short[1:]))
	m.section("SYNOPSIS")
	m.line(`.B vouchsafe`)
	m.line(`[\fIflags\fR] \fICOMMAND\fR`)
	m.section("DESCRIPTION")
	m.text(root.Long)
	m.section("FLAGS OF EVERY COMMAND")
	m.flags(root.PersistentFlags())
	m.section("COMMANDS")
	m.command(root)
	m.section("OUTPUT AND ERRORS")
	m.text(manOutput)
	m.section("EXIT STATUS")
	for _, l := range strings.Split(manExit, "\n") {
		code, text, _ := strings.Cut(l, "  ")
		m.line(".TP\n\\fB" + code + "\\fR\n" + roff(text) + ".")
	}
	m.section("ENVIRONMENT")
	m.line(".TP\n\\fBVOUCHSAFE_DATA\\fR\n" + roff("The data directory, where --data is not given."))
	m.section("FILES")
	m.line(".TP\n\\fI" + roff(configFile) + "\\fR\nThe configuration.")
	m.line(".TP\n\\fI" + roff(defaultData) + "\\fR\nThe data directory where nothing else is said.")
	m.line(".TP\n\\fIcontrol.sock\\fR\n" + roff("In the data directory: the control socket. Who may open it may do everything."))
	m.line(".TP\n\\fIbefore\\-restore.vsnap\\fR\n" + roff("In the data directory: what the last restore replaced."))
	return m.String()
}

// The manual page is of these commands.
func TestManPage(t *testing.T) {
	got := manPage()
	if *update {
		if err := os.WriteFile(manFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(manFile)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is not current (-want +got; `go generate ./cmd/vouchsafe` writes it anew):\n%s", manFile, d)
	}
}

package main

import (
	"fmt"
	"strings"
	"time"
)

// figure is a row of the table.
type figure struct {
	name, got, beside, target string
	verdict                   string
}

// Verdicts of figures.
const (
	met    = "met"
	missed = "**missed**"
	noGoal = "–"
)

func judged(ok bool) string {
	if ok {
		return met
	}
	return missed
}

// section is what one benchmark has to say.
type section struct {
	name, title, how string
	figures          []figure
	notes            []string
	busy             float64
	took             time.Duration
	err              error
}

func (s *section) add(name, got, beside, target, verdict string) {
	s.figures = append(s.figures, figure{name, got, beside, target, verdict})
}

func (s *section) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// report is a whole run.
type report struct {
	command, version string
	begun            time.Time
	took             time.Duration
	short            bool
	machine          []string
	sections         []section
}

const intro = `# Benchmarks of the cloud

Everything here was measured by one command, which anyone can run again: the relay is
` + "`vouchsafe-cloud serve`" + ` in a process of its own, the routers are tunnels in another one.
A figure is a median; in brackets are the least and the greatest value and the number of
runs. Ratios are of one run; times and memory are this machine's.

`

// busyMost is the share of the processors that others may use before figures are
// marked.
const busyMost = 0.1

// markdown returns the report as text.
func (r report) markdown() string {
	var b strings.Builder
	b.WriteString(intro)
	if r.short {
		b.WriteString("**This is the short form: it shows that the benchmarks run. Its figures mean nothing.**\n\n")
	}
	fmt.Fprintf(&b, "- command: `%s`\n- version: %s\n- begun %s, took %s\n", r.command, r.version, r.begun.UTC().Format("2006-01-02 15:04 MST"), r.took.Round(time.Second))
	for _, line := range r.machine {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	if busy := r.disturbed(); busy != "" {
		fmt.Fprintf(&b, "\n**Provisional: other programs were at work on this machine (%s). Run it again on a quiet one.**\n", busy)
	}
	b.WriteString("\n## All figures\n\n| figure | measured | beside it | target | |\n| --- | --- | --- | --- | --- |\n")
	var lost []string
	for _, s := range r.sections {
		for _, f := range s.figures {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", f.name, f.got, f.beside, f.target, f.verdict)
			if f.verdict == missed {
				lost = append(lost, fmt.Sprintf("- %s: %s, where the target is %s.\n", f.name, f.got, f.target))
			}
		}
		if s.err != nil {
			fmt.Fprintf(&b, "| %s | not measured to the end: %s | | | %s |\n", s.title, strings.ReplaceAll(s.err.Error(), "\n", " "), missed)
		}
	}
	if len(lost) > 0 {
		b.WriteString("\nThese figures missed their targets in this run:\n\n" + strings.Join(lost, ""))
	} else {
		b.WriteString("\nEvery figure with a target met it in this run.\n")
	}
	for _, s := range r.sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", s.title, strings.TrimSpace(s.how))
		fmt.Fprintf(&b, "Took %.0f s; just before, other programs kept %.0f %% of the processors busy.\n", s.took.Seconds(), 100*s.busy)
		for _, n := range s.notes {
			fmt.Fprintf(&b, "\n%s\n", n)
		}
	}
	return b.String()
}

// disturbed says which sections began while others worked.
func (r report) disturbed() string {
	var list []string
	for _, s := range r.sections {
		if s.busy > busyMost {
			list = append(list, fmt.Sprintf("%.0f %% of the processors before %q", 100*s.busy, s.title))
		}
	}
	return strings.Join(list, ", ")
}

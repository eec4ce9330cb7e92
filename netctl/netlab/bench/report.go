package bench

import "time"

// Verdict says whether a figure is what it should be.
type Verdict string

// The verdicts. A figure without a target has none.
const (
	Met    Verdict = "met"
	Missed Verdict = "**missed**"
	NoGoal Verdict = "–"
)

// atLeast and atMost judge a value.
func atLeast(v, goal float64) Verdict { return verdict(v >= goal) }
func atMost(v, goal float64) Verdict  { return verdict(v <= goal) }

func verdict(ok bool) Verdict {
	if ok {
		return Met
	}
	return Missed
}

// Figure is one row of the table.
type Figure struct {
	Name     string
	Got      string
	Baseline string // what it is beside, of the same run; empty: nothing
	Target   string // empty: none
	Verdict  Verdict
}

// Plot is a chart of samples, drawn by [Plot.SVG].
type Plot struct {
	Name  string // of the file, without directory and suffix
	Title string
	Unit  string
	Rows  []PlotRow
	// Goal draws a line at a target, if not zero.
	Goal     float64
	GoalText string
}

// PlotRow is one sample in a chart.
type PlotRow struct {
	Label  string
	Values Sample
	Base   bool // a baseline
}

// Section is what one benchmark has to say.
type Section struct {
	Name    string // as --only takes it
	Title   string
	How     string // a paragraph: what is measured and how
	Figures []Figure
	Plots   []Plot
	Notes   []string
	// Busy is the share of the machine's processors that others used just
	// before the benchmark.
	Busy float64
	Took time.Duration
	Err  error // why there is no more
}

func (s *Section) figure(name, got, baseline, target string, v Verdict) {
	s.Figures = append(s.Figures, Figure{name, got, baseline, target, v})
}

func (s *Section) note(text string) { s.Notes = append(s.Notes, text) }

// Report is a whole run.
type Report struct {
	Machine  []string // what it ran on, a line each
	Command  string
	Version  string // of the program that was measured
	Begun    time.Time
	Took     time.Duration
	Short    bool
	Sections []Section
}

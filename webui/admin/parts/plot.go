package parts

import (
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/webui"
)

// The plot's own coordinates; the style stretches them to the page.
const (
	plotWidth  = 600
	plotHeight = 200
)

// PlotView is a plot of figures over time, or of some things beside each
// other. The picture has a title and a description, and the figures stand in a
// table below it.
type PlotView struct {
	Lang        *webui.Language
	ID          string
	Title       string
	Description string   // the one thing that the plot says
	Names       []string // of the places along the axis
	Axis        string   // what these are
	Series      []SeriesView
	Bars        bool // instead of lines; of the first series
	Top         string
}

// SeriesView is one line of a plot.
type SeriesView struct {
	Name   string
	Values []float64 // not negative, one for each name
	Texts  []string  // the same, written for people
}

// limit is what the top of the plot stands for.
func (v *PlotView) limit() float64 {
	limit := 0.0
	for _, s := range v.Series {
		for _, y := range s.Values {
			limit = max(limit, y)
		}
	}
	return max(limit, 1e-9)
}

// points is a line in the plot's coordinates.
func (v *PlotView) points(s *SeriesView) string {
	var b strings.Builder
	limit := v.limit()
	for i, y := range s.Values {
		x := 0
		if len(s.Values) > 1 {
			x = i * plotWidth / (len(s.Values) - 1)
		}
		b.WriteString(strconv.Itoa(x) + "," + strconv.Itoa(plotHeight-height(y, limit)) + " ")
	}
	return strings.TrimSpace(b.String())
}

// bar is the rectangle of a value.
type bar struct{ x, y, width, height int }

func (v *PlotView) bars() []bar {
	if len(v.Series) == 0 {
		return nil
	}
	values, limit := v.Series[0].Values, v.limit()
	bars := make([]bar, len(values))
	for i, y := range values {
		step := float64(plotWidth) / float64(len(values))
		h := height(y, limit)
		bars[i] = bar{int(step*float64(i) + step*0.15), plotHeight - h, max(int(step*0.7), 1), h}
	}
	return bars
}

// height is a value's. What is not zero is to be seen.
func height(y, limit float64) int {
	if !(y > 0) {
		return 0
	}
	return max(int(min(y/limit, 1)*plotHeight), 1)
}

// text is a figure in words.
func (s *SeriesView) text(i int) string {
	if i < len(s.Texts) {
		return s.Texts[i]
	}
	return ""
}

// end is the first or the last name of the axis.
func (v *PlotView) end(last bool) string {
	if len(v.Names) == 0 {
		return ""
	}
	if last {
		return v.Names[len(v.Names)-1]
	}
	return v.Names[0]
}

package bench

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// Measures of a chart, in pixels.
const (
	chartWidth  = 760
	labelWidth  = 260
	valueWidth  = 90
	rowHeight   = 30
	headHeight  = 44
	axisHeight  = 40
	chartMargin = 12
)

const chartStyle = `text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}.s{fill:#59636e;font-size:12px}
.o{fill:#0969da;opacity:.45}.b{fill:#6e7781;opacity:.45}.mo{stroke:#0969da;stroke-width:3}.mb{stroke:#6e7781;stroke-width:3}
.r{stroke:#afb8c1}.g{stroke:#cf222e;stroke-dasharray:4 3}.x{stroke:#d1d9e0}.p{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.p{fill:#0d1117}.o{fill:#4493f8}.mo{stroke:#4493f8}.b{fill:#9198a1}.mb{stroke:#9198a1}.r{stroke:#59636e}.x{stroke:#30363d}.g{stroke:#f85149}}`

// SVG draws the chart: a line for each sample with a dot for each run and a
// bar at the median.
func (p Plot) SVG() string {
	height := headHeight + len(p.Rows)*rowHeight + axisHeight
	c := &canvas{top: p.top()}
	c.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n",
		chartWidth, height, chartWidth, height)
	c.printf("<title>%s</title>\n<style>%s</style>\n", escape(p.Title), chartStyle)
	c.printf(`<rect class="p" width="%d" height="%d"/>`+"\n", chartWidth, height)
	c.printf(`<text class="t" x="%d" y="26">%s</text>`+"\n", chartMargin, escape(p.Title))
	bottom := headHeight + len(p.Rows)*rowHeight
	c.axis(bottom, p.Unit)
	if p.Goal > 0 {
		x := c.x(p.Goal)
		c.printf(`<line class="g" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", x, x, headHeight-4, bottom)
		c.printf(`<text class="s" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x, headHeight-8, escape(p.GoalText))
	}
	for i, row := range p.Rows {
		c.row(headHeight+i*rowHeight+rowHeight/2, row)
	}
	c.printf("</svg>\n")
	return c.String()
}

// top is where the axis ends: a round number above all.
func (p Plot) top() float64 {
	most := p.Goal
	for _, r := range p.Rows {
		most = max(most, r.Values.Max())
	}
	return roundUp(most)
}

// roundUp returns the next of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power
// of ten.
func roundUp(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 1
	}
	scale := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8} {
		if v <= step*scale {
			return step * scale
		}
	}
	return 10 * scale
}

// canvas collects a chart.
type canvas struct {
	strings.Builder
	top float64
}

func (c *canvas) printf(format string, args ...any) { fmt.Fprintf(c, format, args...) }

// x is where a value lies.
func (c *canvas) x(v float64) float64 {
	return labelWidth + v/c.top*(chartWidth-labelWidth-valueWidth)
}

func (c *canvas) axis(y int, unit string) {
	const parts = 4
	for i := range parts + 1 {
		v := c.top * float64(i) / parts
		c.printf(`<line class="x" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", c.x(v), c.x(v), headHeight, y)
		c.printf(`<text class="s" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", c.x(v), y+16, short(v))
	}
	c.printf(`<text class="s" x="%d" y="%d" text-anchor="end">%s</text>`+"\n", chartWidth-chartMargin, y+16, escape(unit))
}

func (c *canvas) row(y int, row PlotRow) {
	dot, bar := "o", "mo"
	if row.Base {
		dot, bar = "b", "mb"
	}
	c.printf(`<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-10, y+4, escape(row.Label))
	c.printf(`<line class="r" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", c.x(row.Values.Min()), c.x(row.Values.Max()), y, y)
	for _, v := range thin(row.Values, 120) {
		c.printf(`<circle class="%s" cx="%.1f" cy="%d" r="3"/>`+"\n", dot, c.x(v), y)
	}
	m := row.Values.Median()
	c.printf(`<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", bar, c.x(m), c.x(m), y-9, y+9)
	c.printf(`<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", chartWidth-chartMargin, y+4, short(m))
}

// thin leaves at most about n values.
func thin(s Sample, n int) Sample {
	step := (len(s) + n - 1) / n
	if step <= 1 {
		return s
	}
	var out Sample
	for i := 0; i < len(s); i += step {
		out = append(out, s[i])
	}
	return out
}

// short prints a number in three figures or so.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return ""
	}
	return b.String()
}

package print

// segment is a straight line on paper.
type segment struct{ x1, y1, x2, y2 length }

// Marks to cut along.
const (
	tick   length = 5 * mm      // longest one in a margin
	apart  length = 1 * mm      // between it and the voucher
	cross  length = 1500        // half of one between vouchers
	border length = 2 * mm      // of the paper, where printers do not print
	hair   length = mm * 1 / 10 // width of every line
)

// cuts are the lines that show where to cut, the same on every page.
func (j *Job) cuts() []segment {
	l := j.sheet.Layout
	p := l.paper()
	switch {
	case j.sheet.Cut == CutNone || !p.grid && p.h != 0:
		return nil
	case p.h == 0: // the end of a roll's page
		y := j.plan.h - mm/2
		return []segment{{0, y, j.plan.w, y}}
	}
	var m marks
	m.xs, m.ys = edges(l)
	if j.sheet.Cut == CutLines {
		m.lines()
	} else {
		m.ticks(p)
	}
	return m.all
}

// marks collects segments along the edges of vouchers.
type marks struct {
	xs, ys []length
	all    []segment
}

//go:noinline
func (m *marks) add(x1, y1, x2, y2 length) { m.all = append(m.all, segment{x1, y1, x2, y2}) }

// ticks are in the margins, with crosses where four vouchers meet.
func (m *marks) ticks(p paper) {
	up, down := m.ys[0], m.ys[len(m.ys)-1]
	for _, x := range m.xs {
		m.add(x, max(up-apart-tick, border), x, max(up-apart, border))
		m.add(x, min(down+apart, p.h-border), x, min(down+apart+tick, p.h-border))
	}
	start, end := m.xs[0], m.xs[len(m.xs)-1]
	for _, y := range m.ys {
		m.add(max(start-apart-tick, border), y, max(start-apart, border), y)
		m.add(min(end+apart, p.w-border), y, min(end+apart+tick, p.w-border), y)
	}
	for _, y := range m.ys[1 : len(m.ys)-1] {
		for _, x := range m.xs[1 : len(m.xs)-1] {
			m.add(x-cross, y, x+cross, y)
			m.add(x, y-cross, x, y+cross)
		}
	}
}

// lines go along every edge.
func (m *marks) lines() {
	for _, x := range m.xs {
		m.add(x, m.ys[0], x, m.ys[len(m.ys)-1])
	}
	for _, y := range m.ys {
		m.add(m.xs[0], y, m.xs[len(m.xs)-1], y)
	}
}

// edges are where vouchers begin and end, across and down.
func edges(l Layout) (xs, ys []length) {
	for i := range l.Columns {
		c := l.cell(i)
		xs = appendEdges(xs, c.x, c.w)
	}
	for i := range l.Rows {
		c := l.cell(i * l.Columns)
		ys = appendEdges(ys, c.y, c.h)
	}
	return xs, ys
}

// appendEdges adds both edges of a voucher; one shared with the voucher before
// is there already.
func appendEdges(to []length, at, size length) []length {
	if len(to) == 0 || to[len(to)-1] != at {
		to = append(to, at)
	}
	return append(to, at+size)
}

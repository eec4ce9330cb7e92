package print

import "slices"

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
	p := papers[l.Paper]
	switch {
	case j.sheet.Cut == CutNone || !p.grid && p.h != 0:
		return nil
	case p.h == 0: // the end of a roll's page
		y := j.plan.h - mm/2
		return []segment{{0, y, j.plan.w, y}}
	}
	xs, ys := edges(l)
	if j.sheet.Cut == CutLines {
		return lines(xs, ys)
	}
	var marks []segment
	up, down := ys[0], ys[len(ys)-1]
	for _, x := range xs {
		marks = append(marks, segment{x, max(up-apart-tick, border), x, max(up-apart, border)},
			segment{x, min(down+apart, p.h-border), x, min(down+apart+tick, p.h-border)})
	}
	start, end := xs[0], xs[len(xs)-1]
	for _, y := range ys {
		marks = append(marks, segment{max(start-apart-tick, border), y, max(start-apart, border), y},
			segment{min(end+apart, p.w-border), y, min(end+apart+tick, p.w-border), y})
	}
	for _, y := range ys[1 : len(ys)-1] {
		for _, x := range xs[1 : len(xs)-1] {
			marks = append(marks, segment{x - cross, y, x + cross, y}, segment{x, y - cross, x, y + cross})
		}
	}
	return marks
}

// edges are where vouchers begin and end, across and down.
func edges(l Layout) (xs, ys []length) {
	for i := range l.perPage() {
		c := l.cell(i)
		xs = append(xs, c.x, c.x+c.w)
		ys = append(ys, c.y, c.y+c.h)
	}
	slices.Sort(xs)
	slices.Sort(ys)
	return slices.Compact(xs), slices.Compact(ys)
}

// lines are a line along every edge.
func lines(xs, ys []length) []segment {
	var all []segment
	for _, x := range xs {
		all = append(all, segment{x, ys[0], x, ys[len(ys)-1]})
	}
	for _, y := range ys {
		all = append(all, segment{xs[0], y, xs[len(xs)-1], y})
	}
	return all
}

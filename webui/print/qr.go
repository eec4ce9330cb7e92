package print

import (
	"errors"

	"rsc.io/qr/coding"
)

// Where a reader must find the modules of a code.
const (
	quiet            = 4   // white modules around the dark ones
	minModule length = 330 // smallest module that old phones read off paper
)

// qrCode is a QR code.
type qrCode struct{ *coding.Code }

// modules is how many modules the code has on a side, with its quiet zone.
func (q qrCode) modules() length { return length(q.Size + 2*quiet) }

// errTooLong: no QR code holds as much.
var errTooLong = errors.New("too long for a QR code")

// encoder makes QR codes. It keeps the plans of the versions that it has met:
// to make one takes as long as a code itself.
type encoder struct {
	plans [coding.M + 1][coding.MaxVersion + 1]*coding.Plan
}

// encode makes the smallest code of a level.
//
// The mask is always the first one. The standard would have all eight tried and
// the most even one taken, which costs a router eight times the work; readers
// take any, and tests read thousands of these codes.
func (e *encoder) encode(text string, level coding.Level) (qrCode, error) {
	data := coding.String(text)
	for v := coding.Version(coding.MinVersion); v <= coding.MaxVersion; v++ {
		if data.Bits(v) > v.DataBytes(level)*8 {
			continue
		}
		p := &e.plans[level][v]
		if *p == nil {
			plan, err := coding.NewPlan(v, level, 0)
			if err != nil {
				return qrCode{}, err
			}
			*p = plan
		}
		c, err := (*p).Encode(data)
		return qrCode{c}, err
	}
	return qrCode{}, errTooLong
}

// fitting makes a code that can be read off a square of the given side: the
// more robust one if both do.
func (e *encoder) fitting(text string, side length) (q qrCode, ok bool) {
	for _, level := range []coding.Level{coding.M, coding.L} {
		q, err := e.encode(text, level)
		if err == nil && side/q.modules() >= minModule {
			return q, true
		}
	}
	return qrCode{}, false
}

// runs calls f with every horizontal run of dark modules: its place within the
// quiet zone and its length.
func (q qrCode) runs(f func(x, y, n int)) {
	for y := range q.Size {
		for x := 0; x < q.Size; x++ {
			if !q.Black(x, y) {
				continue
			}
			begin := x
			for x < q.Size && q.Black(x, y) {
				x++
			}
			f(begin+quiet, y+quiet, x-begin)
		}
	}
}

// vertex is a corner of modules, counted from the corner of the quiet zone.
type vertex struct{ x, y int }

// outline is a line around dark modules or around light ones among them. Its
// steps go across and down in turn; the last one back, which closes it, is left
// out.
type outline struct {
	from  vertex
	steps []int
}

// The four ways that an outline goes, each to the right of the one before.
var ways = [4]vertex{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}

// outlines calls f with every outline, dark modules being on its right. As a
// path it is half as long as the runs are, and no program that draws it can
// leave gaps between rows. The steps are good until f returns.
func (q qrCode) outlines(f func(outline)) {
	dark := func(x, y int) bool { return q.Black(x, y) }
	seen := make([]bool, q.Size*q.Size) // upper edges of dark modules
	var steps []int
	for y := range q.Size {
		for x := range q.Size {
			if dark(x, y) && !dark(x, y-1) && !seen[y*q.Size+x] {
				o := q.outline(x, y, seen, steps[:0])
				f(o)
				steps = o.steps
			}
		}
	}
}

// outline follows the outline that has a module's upper edge. That is the first
// one of a step: the one to the left of it would have been met before.
func (q qrCode) outline(x, y int, seen []bool, steps []int) outline {
	o := outline{from: vertex{x + quiet, y + quiet}, steps: steps}
	at, way, n := vertex{x, y}, 0, 0
	for {
		if way == 0 {
			if seen[at.y*q.Size+at.x] {
				break
			}
			seen[at.y*q.Size+at.x] = true
		}
		at.x, at.y, n = at.x+ways[way].x, at.y+ways[way].y, n+1
		turn := q.turn(at, way)
		if turn == 0 {
			continue
		}
		o.steps = append(o.steps, n*(ways[way].x+ways[way].y))
		way, n = (way+turn)&3, 0
	}
	o.steps = o.steps[:len(o.steps)-1]
	return o
}

// turn says whether an outline goes on straight (0), to the right (1) or to the
// left (3) at a corner.
func (q qrCode) turn(at vertex, way int) int {
	// The modules ahead of the corner, on the left and on the right of the way.
	ahead, side := ways[way], ways[(way+1)&3]
	cell := func(s int) (x, y int) {
		return at.x + (ahead.x+s*side.x-1)/2, at.y + (ahead.y+s*side.y-1)/2
	}
	switch {
	case !q.Black(cell(1)):
		return 1
	case q.Black(cell(-1)):
		return 3
	}
	return 0
}

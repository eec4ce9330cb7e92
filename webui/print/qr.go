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
	plans map[planKey]*coding.Plan
}

type planKey struct {
	version coding.Version
	level   coding.Level
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
		plan, err := e.plan(planKey{v, level})
		if err != nil {
			return qrCode{}, err
		}
		c, err := plan.Encode(data)
		return qrCode{c}, err
	}
	return qrCode{}, errTooLong
}

func (e *encoder) plan(k planKey) (*coding.Plan, error) {
	if p := e.plans[k]; p != nil {
		return p, nil
	}
	p, err := coding.NewPlan(k.version, k.level, 0)
	if err != nil {
		return nil, err
	}
	if e.plans == nil {
		e.plans = map[planKey]*coding.Plan{}
	}
	e.plans[k] = p
	return p, nil
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

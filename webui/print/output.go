package print

import "strconv"

// output collects what is written. Its methods are not inlined: an append takes
// a hundred bytes of a router's flash, and there are many.
type output struct{ b []byte }

// raw writes a text as it is.
//
//go:noinline
func (o *output) raw(s string) { o.b = append(o.b, s...) }

// put writes a pattern, in which each @ is the next value as a distance in
// millimetres, and each # the next one as a whole number.
//
//go:noinline
func (o *output) put(pattern string, values ...length) {
	for i := range len(pattern) {
		switch c := pattern[i]; c {
		case '@':
			o.b = appendMM(o.b, values[0])
			values = values[1:]
		case '#':
			o.b = strconv.AppendInt(o.b, int64(values[0]), 10)
			values = values[1:]
		default:
			o.b = append(o.b, c)
		}
	}
}

// appendMM writes a distance in millimetres, without float's rounding.
func appendMM(b []byte, v length) []byte {
	if v < 0 {
		b, v = append(b, '-'), -v
	}
	b = strconv.AppendInt(b, int64(v/mm), 10)
	if part := v % mm; part != 0 {
		b = append(b, '.')
		for unit := mm / 10; part != 0; unit /= 10 {
			b = append(b, byte('0'+part/unit))
			part %= unit
		}
	}
	return b
}

// points is a distance in thousandths of a point, the unit of a PDF's pages;
// written as millimetres are, it comes out in points.
func points(v length) length { return (v*720/127 + 1) / 2 }

package print

import "errors"

// The base size of letters, and what it may shrink to where much is to be
// said. At the smallest, terms are 3.5 points high, and codes 8.
const (
	smallest length = 1800
	step     length = 100
)

// Of a line, in percent of the size.
const (
	lineHeight = 122
	ascent     = 92
)

// line is a line of a voucher. y is that of its letters' feet, from the top of
// the block.
type line struct {
	font font
	size length
	y    length
	text string
	part part
}

// block is what a voucher says, broken into lines.
type block struct {
	base  length
	lines []line
	h     length
}

// set breaks paragraphs into lines of a width. ok is false if they are higher
// than most.
func set(ps []para, base, w, most length) (b block, ok bool) {
	b.base = base
	for _, p := range ps {
		size := base * length(p.size) / 100
		if len(b.lines) > 0 {
			b.h += base * length(p.before) / 100
		}
		for _, s := range wrap(p.text, p.font, int(w*1000/size), p.keep) {
			b.lines = append(b.lines, line{p.font, size, b.h + size*ascent/100, s, p.part})
			b.h += size * lineHeight / 100
		}
		if b.h > most {
			return b, false
		}
	}
	return b, true
}

// errNoRoom: not even the code fits.
var errNoRoom = errors.New("no room")

// fit breaks paragraphs into lines within a width and a height, from a base
// size down to the smallest one. What has no room even then is left out, the
// least needed first; a code last becomes as small as the text around it.
func fit(ps []para, base, w, h length) (b block, left []part, err error) {
	for size := base; size >= smallest; size -= step {
		if b, ok := set(ps, size, w, h); ok {
			return b, nil, nil
		}
	}
	for p := partTerms; p < partCode; p++ {
		kept := without(ps, p)
		if len(kept) == len(ps) {
			continue
		}
		ps, left = kept, append(left, p)
		if b, ok := set(ps, smallest, w, h); ok {
			return b, left, nil
		}
	}
	for i := range ps {
		ps[i].size, ps[i].before = min(ps[i].size, sizeText), 0
	}
	if b, ok := set(ps, smallest, w, h); ok {
		return b, left, nil
	}
	return block{}, left, errNoRoom
}

// without is a copy of the paragraphs that leaves out one part.
func without(ps []para, p part) []para {
	kept := make([]para, 0, len(ps))
	for _, x := range ps {
		if x.part != p {
			kept = append(kept, x)
		}
	}
	return kept
}

package print

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clip bounds a text that goes into a message.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// printable makes a text fit for paper: control characters, which no page may
// contain, are shown as the sign for something unknown. Line breaks stay.
func printable(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef:
			return '\uFFFD'
		}
		return r
	}, s)
}

// oneLine is printable without line breaks.
func oneLine(s string) string { return strings.ReplaceAll(printable(s), "\n", " ") }

// isolated keeps the order of a text's letters apart from that of the sentence
// around it, where they are written in different directions.
func isolated(s string, sentenceRTL bool) string {
	if rtl, known := direction(s); known && rtl == sentenceRTL {
		return s
	}
	if ascii(s) && !sentenceRTL {
		return s
	}
	return "\u2068" + s + "\u2069"
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// direction tells in which direction a text is written by its first letter
// that has one.
func direction(s string) (rtl, known bool) {
	for _, r := range s {
		switch {
		case isRTL(r):
			return true, true
		case unicode.IsLetter(r):
			return false, true
		}
	}
	return false, false
}

// isRTL reports whether a letter is of a script written from right to left:
// the blocks that Unicode keeps for them.
func isRTL(r rune) bool {
	return r >= 0x0590 && r <= 0x08ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff ||
		r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff || r == 0x200f
}

// attaches reports whether a character belongs to the one before it, so that
// no line may begin with it.
func attaches(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc) || r == 0x200d || r >= 0xfe00 && r <= 0xfe0f ||
		r >= 0x1f3fb && r <= 0x1f3ff || r >= 0xe0020 && r <= 0xe007f
}

// font is one of the three that every reader of PDF has.
type font byte

const (
	sans font = iota
	bold
	mono
)

// The widths in thousandths of the size, of characters that the fonts of PDF
// do not have: more than what browsers' fonts take.
const (
	monoWidth   = 600
	arabicWidth = 800  // and Hebrew
	otherWidth  = 900  // letters of other alphabets, …
	upperWidth  = 1250 // … and their capitals
	squareWidth = 1400 // ideographs, emoji
)

// width is how wide a character is, in thousandths of the size; exact ones are
// those of the PDF's fonts, to which the page's are fitted.
func width(r rune, f font) (w int, exact bool) {
	if c, ok := winAnsi(r); ok {
		if f == mono {
			return monoWidth, true
		}
		return int(widths[f][c-' ']), true
	}
	switch {
	case r >= 0x2066 && r <= 0x2069 || r == 0x200d || r >= 0xfe00 && r <= 0xfe0f:
		return 0, false
	case r >= 0x0590 && r <= 0x08ff:
		return arabicWidth, false
	case r < 0x1100 || r >= 0x1e00 && r < 0x2600 && r != 0x2e3b:
		if unicode.IsUpper(r) {
			return upperWidth, false
		}
		return otherWidth, false
	case r == 0xfdfd || r >= 0x12000 && r < 0x12500: // the widest that there are
		return 8 * squareWidth, false
	case r >= 0xfdf0 && r <= 0xfdfc || r == 0x2e3a || r == 0x2e3b:
		return 3 * squareWidth, false
	}
	return squareWidth, false
}

// measure is how wide a text is, in thousandths of the size.
func measure(s string, f font) (total int, exact bool) {
	exact = true
	for _, r := range s {
		w, e := width(r, f)
		total += w
		exact = exact && e
	}
	return total, exact
}

// wrap breaks a text into lines that are no wider than limit, in thousandths
// of the size: at spaces, and within what is wider than a line. keep leaves
// every space where it is, as a code needs it.
func wrap(s string, f font, limit int, keep bool) []string {
	var lines []string
	for _, par := range strings.Split(s, "\n") {
		if !keep {
			par = strings.Join(strings.Fields(par), " ")
		}
		lines = wrapLine(lines, par, f, limit, keep)
	}
	return lines
}

func wrapLine(lines []string, s string, f font, limit int, keep bool) []string {
	for s != "" {
		used, space, end := 0, -1, len(s)
		for i, r := range s {
			w, _ := width(r, f)
			if used+w > limit && i > 0 && !attaches(r) && !(r == ' ' && !keep) {
				end = i
				break
			}
			if r == ' ' && !keep {
				space = i
			}
			used += w
		}
		if end < len(s) && space > 0 {
			end = space
		}
		line := s[:end]
		if s = s[end:]; !keep {
			s = strings.TrimPrefix(s, " ")
		}
		lines = append(lines, line)
	}
	return lines
}

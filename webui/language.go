package webui

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Language is one language's texts and manners.
type Language struct {
	Tag  string // BCP 47, for <html lang>
	Dir  string // "ltr" or "rtl", for <html dir>
	Name string // in the language itself

	plural   string
	text     map[string]string // see texts
	fallback *Language

	once   sync.Once
	unread []textFile
	faults []error // of files that were read late
}

// Has reports whether a key has a text.
func (l *Language) Has(key string) bool {
	_, ok := l.lookup(key)
	return ok
}

func (l *Language) lookup(key string) (string, bool) {
	s, ok := l.texts()[key]
	if !ok && l.fallback != nil {
		return l.fallback.lookup(key)
	}
	return s, ok
}

// T returns the text of a key, with each {name} replaced. args are names and
// their values in turn; whole numbers are written by [Language.Number]. An unknown key is returned as it is: a test makes sure
// that pages use none.
func (l *Language) T(key string, args ...any) string {
	s, ok := l.lookup(key)
	if !ok {
		return key
	}
	if len(args) < 2 {
		return s
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		pairs = append(pairs, "{"+fmt.Sprint(args[i])+"}", l.value(args[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// Around returns what stands before and after {name} in the text of a key, for
// what is to be marked up in its midst.
func (l *Language) Around(key, name string) (before, after string) {
	before, after, _ = strings.Cut(l.T(key), "{"+name+"}")
	return before, after
}

// minGrouped is how many digits a number has before they are grouped: four are
// read at a glance, and a year is never grouped.
const minGrouped = 5

// Number writes a whole number.
func (l *Language) Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := len(s) - len(strings.TrimPrefix(s, "-")) // digit
	if len(s)-first >= minGrouped {
		for i := len(s) - 3; i > first; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
	}
	return l.numerals(s)
}

// numerals writes a number made of 0–9, with a point and grouped by commas, in
// the way of the language.
func (l *Language) numerals(s string) string {
	digits := []rune(l.T("number.digits"))
	var b strings.Builder
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9' && len(digits) == 10:
			b.WriteRune(digits[c-'0'])
		case c == '.':
			b.WriteString(l.T("number.point"))
		case c == ',':
			b.WriteString(l.T("number.group"))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// value writes what takes the place of a {name}.
func (l *Language) value(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return l.Number(int64(v))
	case int64:
		return l.Number(v)
	}
	return fmt.Sprint(v)
}

// unitKeys name the units of 2^10, 2^20, …
var unitKeys = [...]string{"unit.kb", "unit.mb", "unit.gb", "unit.tb"}

// Bytes writes an amount of data: below 100 with one decimal unless that is 0.
// It rounds down, so that what is left is never overstated. A limit that is a
// round number of the next smaller unit, such as 2000 MB, is told as that.
func (l *Language) Bytes(n uint64) string {
	if n < 1<<10 {
		return l.N("unit.b", int64(n))
	}
	u := min((bits.Len64(n)-1)/10, len(unitKeys))
	shift := uint(10 * u)
	if smaller := n >> (shift - 10); u > 2 && n<<(74-shift) == 0 && n*10&(1<<shift-1) != 0 && smaller%50 == 0 && smaller < 100_000 {
		return l.T(unitKeys[u-2], "n", l.Number(int64(smaller)))
	}
	whole := n >> shift
	tenths := (n & (1<<shift - 1)) * 10 >> shift
	num := l.Number(int64(whole)) // below 2^24
	if whole < 100 && tenths > 0 {
		num += l.numerals("." + strconv.FormatUint(tenths, 10))
	}
	return l.T(unitKeys[u-1], "n", num)
}

// durationUnits are the units that durations are told in, largest first.
var durationUnits = [...]struct {
	key string
	len time.Duration
}{
	{"duration.day", 24 * time.Hour},
	{"duration.hour", time.Hour},
	{"duration.minute", time.Minute},
}

// Duration writes a duration in words: its two largest units, rounded down.
func (l *Language) Duration(d time.Duration) string {
	for i, u := range durationUnits {
		if d < u.len {
			continue
		}
		s := l.N(u.key, int64(d/u.len))
		if i+1 < len(durationUnits) {
			next := durationUnits[i+1]
			if n := d % u.len / next.len; n > 0 {
				s = l.T("duration.pair", "large", s, "small", l.N(next.key, int64(n)))
			}
		}
		return s
	}
	return l.T("duration.moment")
}

// Time writes a moment in the zone of now; the date is left out on the same
// day. A zero time is an empty string.
func (l *Language) Time(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	day, clock := l.Split(t, now)
	if day == "" {
		return l.T("time.today", "time", clock)
	}
	return l.T("time.date", "time", clock, "day", day)
}

// Split writes a moment in the zone of now for a narrow place: its day, unless
// that is today, and its time of day.
func (l *Language) Split(t, now time.Time) (day, clock string) {
	t = t.In(now.Location())
	y, m, d := t.Date()
	if ny, nm, nd := now.Date(); y != ny || m != nm || d != nd {
		day = l.T("time.day", "day", d, "month", l.T("month."+strconv.Itoa(int(m))), "year", y)
	}
	return day, l.numerals(t.Format("15:04"))
}

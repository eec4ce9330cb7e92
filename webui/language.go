package webui

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// Language is one language's texts and manners.
type Language struct {
	Tag string // BCP 47, for <html lang>
	Dir string // "ltr" or "rtl", for <html dir>

	plural   string
	text     map[string]string
	fallback *Language
}

// plurals choose the form of a text for a number: the suffix of its key.
var plurals = map[string]func(n int64) string{
	"one-other": func(n int64) string {
		if n == 1 {
			return "one"
		}
		return "other"
	},
	"other": func(int64) string { return "other" },
}

// Has reports whether a key has a text.
func (l *Language) Has(key string) bool {
	_, ok := l.lookup(key)
	return ok
}

func (l *Language) lookup(key string) (string, bool) {
	s, ok := l.text[key]
	if !ok && l.fallback != nil {
		return l.fallback.lookup(key)
	}
	return s, ok
}

// T returns the text of a key, with each {name} replaced. args are names and
// their values in turn. An unknown key is returned as it is: a test makes sure
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
		pairs = append(pairs, "{"+fmt.Sprint(args[i])+"}", fmt.Sprint(args[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// N returns the text of a key in the form for a number, which replaces {n}.
func (l *Language) N(key string, n int64) string {
	return l.T(key+"."+plurals[l.plural](n), "n", strconv.FormatInt(n, 10))
}

// unitKeys name the units of 2^10, 2^20, …
var unitKeys = [...]string{"unit.kb", "unit.mb", "unit.gb", "unit.tb"}

// Bytes writes an amount of data: below 100 with one decimal unless that is 0.
// It rounds down, so that what is left is never overstated.
func (l *Language) Bytes(n uint64) string {
	if n < 1<<10 {
		return l.T("unit.b", "n", strconv.FormatUint(n, 10))
	}
	u := min((bits.Len64(n)-1)/10, len(unitKeys))
	shift := uint(10 * u)
	whole := n >> shift
	tenths := (n & (1<<shift - 1)) * 10 >> shift
	num := strconv.FormatUint(whole, 10)
	if whole < 100 && tenths > 0 {
		num += l.T("number.point") + strconv.FormatUint(tenths, 10)
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
	t = t.In(now.Location())
	clock := t.Format("15:04")
	y, m, d := t.Date()
	if ny, nm, nd := now.Date(); y == ny && m == nm && d == nd {
		return l.T("time.today", "time", clock)
	}
	return l.T("time.date", "time", clock, "day", d,
		"month", l.T("month."+strconv.Itoa(int(m))), "year", y)
}

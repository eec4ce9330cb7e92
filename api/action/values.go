package action

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

// timeLayout is how every time is written and read.
const timeLayout = "2006-01-02 15:04:05"

// text returns a parameter that must be text, or a number taken as it is
// written; "" if it is missing or empty.
func (p params) textOf(name string) (string, error) {
	if p[name].Kind == api.KindOther {
		return "", hotspot.Invalid(name, "must be text")
	}
	return p[name].Text, nil
}

// validityOf returns a parameter that must be a listed validity, or nil.
func (p params) validityOf(name string) (*hotspot.Validity, error) {
	s, err := p.textOf(name)
	if err != nil || s == "" {
		return nil, err
	}
	v, err := hotspot.ParseValidity(s)
	if err != nil {
		return nil, hotspot.Invalid(name, "%s is not one of the accepted values", quote(s))
	}
	return &v, nil
}

// timeOf returns a parameter that must be a time in the given zone, or the
// zero time.
func (p params) timeOf(name string, zone *time.Location) (time.Time, error) {
	s, err := p.textOf(name)
	if err != nil || s == "" {
		return time.Time{}, err
	}
	t, err := time.ParseInLocation(timeLayout, s, zone)
	// Parsing alone would let fractions and missing digits through.
	if err != nil || len(s) != len(timeLayout) || t.Year() < 1970 {
		return time.Time{}, hotspot.Invalid(name, "%s is not a time such as 2018-08-24 00:00:00", quote(s))
	}
	return t, nil
}

// limitOf returns a limit in bytes. As the contract has it, whatever is not a
// number of MB within the bounds means unlimited; note then tells the client,
// unless it said 0 or nothing.
func (p params) limitOf(name string) (bytes uint64, note string, err error) {
	v := p[name]
	if v.Kind == api.KindOther {
		return 0, "", hotspot.Invalid(name, "must be a number")
	}
	s := strings.TrimSpace(v.Text)
	if s == "" || s == "0" {
		return 0, "", nil
	}
	n, ok := number(s)
	if !ok || !(n >= 1 && n < hotspot.MaxLimitMB+1) {
		return 0, fmt.Sprintf("%s: %s is not a number of MB from 1 to %d, so there is no limit",
			name, quote(v.Text), hotspot.MaxLimitMB), nil
	}
	// A part of a MB is left away: never more than was asked for.
	return uint64(n) * hotspot.MB, "", nil
}

// countOf returns a parameter that must be a whole number within bounds, or
// ok false.
func (p params) countOf(name string, least, most uint64) (n uint64, ok bool, err error) {
	v := p[name]
	if v.Kind != api.KindOther && v.Text == "" {
		return 0, false, nil
	}
	n, perr := strconv.ParseUint(v.Text, 10, 64)
	if f, ok := number(v.Text); perr != nil && ok && f >= 0 && f < 1<<53 && f == math.Trunc(f) {
		n, perr = uint64(f), nil // 10.0 and 1e1 are 10
	}
	if v.Kind == api.KindOther || perr != nil || n < least || n > most {
		return 0, false, hotspot.Invalid(name, "must be a whole number from %d to %d", least, most)
	}
	return n, true, nil
}

// number reads a decimal number, of the forms that JSON and people use.
func number(s string) (float64, bool) {
	if strings.Trim(s, "0123456789+-.eE") != "" { // no hex, no "inf", no "_"
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) { // too large is a number all the same
		return 0, false
	}
	return f, true
}

// quote shows a client what it sent, within bounds.
func quote(s string) string { return strconv.Quote(clip(s, 40)) }

// clip cuts s to about n bytes, at a character's end.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

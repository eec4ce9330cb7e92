package hotspot

import (
	"strconv"
	"strings"
	"time"
)

// Validity is how long a voucher lasts once its time has begun. The zero
// value never ends and is spelled "always".
type Validity time.Duration

// Always never ends.
const Always Validity = 0

const day = 24 * time.Hour

// longDays are the day counts above 30 that the contract accepts (seed 004).
var longDays = [...]int{35, 40, 45, 50, 55, 60, 90, 120, 150, 180, 365}

// Validities lists every accepted value, shortest first, "always" in front.
func Validities() []Validity {
	v := []Validity{Always}
	for h := 1; h <= 23; h++ {
		v = append(v, Validity(time.Duration(h)*time.Hour))
	}
	for d := 1; d <= 30; d++ {
		v = append(v, Validity(time.Duration(d)*day))
	}
	for _, d := range longDays {
		v = append(v, Validity(time.Duration(d)*day))
	}
	return v
}

// ParseValidity reads the contract's spelling: "always", "1 hour",
// "2 hours" … "23 hours", "1 day" … "365 days". Anything else is refused.
func ParseValidity(s string) (Validity, error) {
	if s == "always" {
		return Always, nil
	}
	bad := Worded("%q is not one of the accepted values", s)
	num, unit, ok := strings.Cut(s, " ")
	n, err := strconv.Atoi(num)
	if !ok || err != nil || n < 1 || n > 365 {
		return 0, bad
	}
	v := Validity(time.Duration(n) * time.Hour)
	if strings.HasPrefix(unit, "day") {
		v *= 24
	}
	// Only the canonical spelling is accepted, so "01 day" and "1 days" are
	// not; and only listed lengths have one.
	if v.String() != s || !v.listed() {
		return 0, bad
	}
	return v, nil
}

func (v Validity) listed() bool {
	d := time.Duration(v)
	if d < day {
		return d >= time.Hour && d%time.Hour == 0
	}
	n := int(d / day)
	if d%day != 0 {
		return false
	}
	if n <= 30 {
		return true
	}
	for _, l := range longDays {
		if n == l {
			return true
		}
	}
	return false
}

// String gives the contract's spelling. A length that the contract does not
// list (an operator may extend a voucher by any amount) is spelled as a Go
// duration.
func (v Validity) String() string {
	d := time.Duration(v)
	switch {
	case d == 0:
		return "always"
	case d%day == 0:
		return plural(int64(d/day), "day")
	case d%time.Hour == 0:
		return plural(int64(d/time.Hour), "hour")
	}
	return d.String()
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatInt(n, 10) + " " + unit + "s"
}

// maxDays bounds a length of time long before it overflows.
const maxDays = 36500

// ReadValidity reads "always" and "N hours|days"; an operator's voucher may
// last any whole number of them, not just those that the contract lists.
func ReadValidity(s string) (Validity, error) {
	if v, err := ParseValidity(s); err == nil {
		return v, nil
	}
	// So is written what is no whole number of hours.
	if d, err := time.ParseDuration(s); err == nil && d > 0 && d <= maxDays*day {
		return Validity(d), nil
	}
	num, unit, _ := strings.Cut(s, " ")
	n, err := strconv.ParseUint(num, 10, 32)
	length := time.Duration(0)
	switch unit {
	case "hour", "hours":
		length = time.Hour
	case "day", "days":
		length = day
	}
	if err != nil || n < 1 || length == 0 || n > uint64(maxDays*day/length) {
		return 0, Invalid("valid_for", "%q is not a length of time such as \"6 hours\", \"1 day\", \"30 days\" or \"always\"", s)
	}
	return Validity(time.Duration(n) * length), nil
}

// timeForms are the ways to give a time, beside RFC 3339.
var timeForms = [...]string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04:05"}

// ReadTime reads a time in a zone, to the second; empty is the zero time.
func ReadTime(field, s string, zone *time.Location) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.Truncate(time.Second), nil
	}
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, s, zone); err == nil {
			return t.Truncate(time.Second), nil
		}
	}
	return time.Time{}, Invalid(field, "%q is not a time such as \"2026-01-31 18:00:00\"", s)
}

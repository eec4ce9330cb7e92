package keys

import (
	"strconv"
	"strings"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// expiry reads when a key made now shall expire; the zero time is never.
// Months and years are those of the calendar, in UTC.
func expiry(s string, now time.Time) (time.Time, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	switch s {
	case "one day":
		return now.AddDate(0, 0, 1), nil
	case "one week":
		return now.AddDate(0, 0, 7), nil
	case "", "one month":
		return addMonths(now, 1), nil
	case "three months":
		return addMonths(now, 3), nil
	case "six months":
		return addMonths(now, 6), nil
	case "one year":
		return addMonths(now, 12), nil
	case "never", "-1":
		return time.Time{}, nil
	}
	if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= 365 {
		return now.AddDate(0, 0, n), nil
	}
	return time.Time{}, hotspot.Invalid("expires",
		"must be One Day, One Week, One Month, Three Months, Six Months, One Year, Never, a number of days from 1 to 365, or -1 for never")
}

// addMonths goes to the same day of another month, or to that month's last
// day if it is shorter.
func addMonths(t time.Time, n int) time.Time {
	to := t.AddDate(0, n, 0)
	if to.Day() != t.Day() { // it ran over into the month after
		to = to.AddDate(0, 0, -to.Day())
	}
	return to
}

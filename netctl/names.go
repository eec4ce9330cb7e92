package netctl

import (
	"strconv"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Names of the objects in a gate. They are found in kernels of routers that
// run: what is written here must always be read.
//
//	v43d      quota of what account v43 may download
//	v43t      quota of what it may transfer in both directions together
//	s17v43u   counter of what session 17, charged to account v43, has sent
//
// A suffix such as ".1" tells an object from an older one of the same name that
// the kernel has not let go of yet.

// letters of the directions at the end of a name.
const (
	letterDown = 'd'
	letterUp   = 'u'
	letterBoth = 't'
)

// QuotaName names an account's quota in one direction, or in both together.
func QuotaName(a hotspot.AccountID, d hotspot.Direction) string {
	return a.String() + string(letter(d))
}

// MeterName names a session's counter in one direction.
func MeterName(k SessionKey, d hotspot.Direction) string {
	return "s" + strconv.FormatUint(k.ID, 10) + k.Account.String() + string(letter(d))
}

// ParseQuotaName reads what [QuotaName] gave, with or without a suffix.
func ParseQuotaName(s string) (a hotspot.AccountID, d hotspot.Direction, ok bool) {
	s, _, ok = cutSuffix(s)
	if !ok {
		return a, 0, false
	}
	d, s, ok = cutLetter(s)
	if !ok {
		return a, 0, false
	}
	a, err := hotspot.ParseAccountID(s)
	return a, d, err == nil && a.String() == s
}

// ParseMeterName reads what [MeterName] gave, with or without a suffix.
func ParseMeterName(s string) (k SessionKey, d hotspot.Direction, ok bool) {
	s, _, ok = cutSuffix(s)
	if !ok || !strings.HasPrefix(s, "s") {
		return k, 0, false
	}
	d, s, ok = cutLetter(s[1:])
	if !ok || d == hotspot.Total {
		return k, 0, false
	}
	n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if n <= 0 {
		return k, 0, false
	}
	id, err := strconv.ParseUint(s[:n], 10, 64)
	if err != nil || strconv.FormatUint(id, 10) != s[:n] {
		return k, 0, false
	}
	a, err := hotspot.ParseAccountID(s[n:])
	return SessionKey{ID: id, Account: a}, d, err == nil && a.String() == s[n:]
}

func letter(d hotspot.Direction) byte {
	switch d {
	case hotspot.Up:
		return letterUp
	case hotspot.Total:
		return letterBoth
	}
	return letterDown
}

// cutLetter takes the direction off the end of a name.
func cutLetter(s string) (hotspot.Direction, string, bool) {
	if s == "" {
		return 0, "", false
	}
	rest := s[:len(s)-1]
	switch s[len(s)-1] {
	case letterDown:
		return hotspot.Down, rest, true
	case letterUp:
		return hotspot.Up, rest, true
	case letterBoth:
		return hotspot.Total, rest, true
	}
	return 0, "", false
}

// cutSuffix takes the number after a dot off a name; without one it is 0.
func cutSuffix(s string) (name string, n uint64, ok bool) {
	name, suffix, dot := strings.Cut(s, ".")
	if !dot {
		return s, 0, true
	}
	n, err := strconv.ParseUint(suffix, 10, 16)
	return name, n, err == nil && n > 0 && strconv.FormatUint(n, 10) == suffix
}

// suffix returns the number at the end of a name, or 0.
func suffix(s string) uint64 {
	_, n, _ := cutSuffix(s)
	return n
}

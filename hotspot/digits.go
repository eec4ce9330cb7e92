package hotspot

import "strings"

// ASCIIDigits writes the digits of Arabic and Persian keyboards, and the wide
// ones of Chinese and Japanese ones, as 0–9: codes and numbers are made of
// those, whatever the keyboard that they are typed on.
func ASCIIDigits(s string) string {
	return strings.Map(func(r rune) rune {
		for _, zero := range [...]rune{'\u0660', '\u06f0', '\uff10'} {
			if zero <= r && r <= zero+9 {
				return '0' + r - zero
			}
		}
		return r
	}, s)
}

package hosts

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the length of a host name's longest part (RFC 1035), in bytes.
const maxName = 63

// cleanName makes a device's own name fit to be shown: valid text of at most
// 63 bytes that can be printed. It is still hostile: escape it where it is
// shown.
func cleanName(s string) string {
	if len(s) > 4*maxName {
		s = s[:4*maxName]
	}
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			continue // control characters, and those that turn text around
		}
		if b.Len()+utf8.RuneLen(r) > maxName {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

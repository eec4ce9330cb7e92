// Package machine has what the daemon says of the machine it runs on, such as
// findings, notices and how deliveries of webhooks went, in languages other than
// English: see [hotspot.Text]. A test of the panel's compares it with the sources.
package machine

import (
	"embed"
	"strconv"
)

// Files are the texts. The English ones are for translators and not in the
// program, which has them where they are said; a language whose tag begins with
// an e is to be named here beside the others.
//
//go:embed lang/[^e]*.deflate
var Files embed.FS

// Key is the key of a text, made of its English format: FNV-1a, in so few lines
// that a package for it would be longer. It is short because flash is: that of a
// router has no room to have the formats once more for each language.
func Key(format string) string {
	h := uint32(2166136261)
	for i := range len(format) {
		h = (h ^ uint32(format[i])) * 16777619
	}
	return strconv.FormatUint(uint64(h), 36)
}

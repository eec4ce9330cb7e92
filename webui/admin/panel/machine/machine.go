// Package machine has what the daemon says of the machine it runs on, such as
// findings, notices and how deliveries of webhooks went, in languages other than
// English: see [hotspot.Text]. A test of the panel's compares it with the sources.
package machine

import (
	"embed"
	"hash/fnv"
	"io"
	"strconv"
)

// Files are the texts. The English ones are for translators and not in the
// program, which has them where they are said; a language whose tag begins with
// an e is to be named here beside the others.
//
//go:embed lang/[^e]*.gz
var Files embed.FS

// Key is the key of a text, made of its English format. It is short because flash
// is: that of a router has no room to have the formats once more for each language.
func Key(format string) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, format) // never fails
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

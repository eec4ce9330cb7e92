// Package rules has what the rules say in languages other than theirs, see
// [hotspot.Wording], by the key of the English format that package machine makes.
// A test of the panel's compares it with the sources.
package rules

import "embed"

// Files are the texts. The English ones are for translators and not in the
// program, as in package machine.
//
//go:embed lang/[^e]*.deflate
var Files embed.FS

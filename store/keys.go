package store

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Bounds of what is stored. Whoever calls the store bounds its input far
// below; these keep a mistake from becoming a file that cannot be read.
const (
	maxKey   = 1 << 10
	maxValue = 1 << 20
)

// Keys of the meta bucket.
const (
	metaSchema    = "schema"
	metaVoucherID = "id/voucher" // the highest id given
	metaSessionID = "id/session"
	metaAuditID   = "id/audit"
	metaUserID    = "id/user/" // and the method
	metaEventSeq  = "id/event" // not raised by a restore: it counts what waits
	clockKey      = "mark"     // the only key of the clock bucket
)

// idKey is an id as a key: big-endian, so that keys sort as numbers do.
func idKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

func keyID(key []byte) (uint64, bool) {
	if len(key) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(key), true
}

// macKey is a key of the index of bound devices.
func macKey(m hotspot.MAC, id uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 14), m[:]...), id)
}

// methodPrefix begins the keys of one method's users.
func methodPrefix(m hotspot.Method) []byte {
	return append(append(make([]byte, 0, len(m)+9), m...), 0)
}

func userKey(m hotspot.Method, id uint64) []byte {
	return binary.BigEndian.AppendUint64(methodPrefix(m), id)
}

// splitUserKey reads what userKey made.
func splitUserKey(key []byte) (hotspot.Method, uint64, bool) {
	n := len(key) - 9
	if n < 1 || key[n] != 0 {
		return "", 0, false
	}
	return hotspot.Method(key[:n]), binary.BigEndian.Uint64(key[n+1:]), true
}

func userIndexKey(m hotspot.Method, key string) []byte {
	return append(methodPrefix(m), key...)
}

func checkMethod(m hotspot.Method) error {
	if m == "" || len(m) > 32 || strings.IndexByte(string(m), 0) >= 0 {
		return hotspot.Invalid("method", "a user needs a login method of 1 to 32 characters")
	}
	return nil
}

// checkName bounds what becomes a key.
func checkName(field, name string) error {
	if len(name) > maxKey/2 {
		return hotspot.Invalid(field, "longer than %d bytes", maxKey/2)
	}
	return nil
}

// fold makes usernames that differ only in case equal, in every script: each
// rune becomes the smallest one that strings.EqualFold takes for the same.
// What is not UTF-8 is kept as it is.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		if r == utf8.RuneError {
			_, n := utf8.DecodeRuneInString(s[i:])
			b.WriteString(s[i : i+n])
			continue
		}
		b.WriteRune(foldRune(r))
	}
	return b.String()
}

func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

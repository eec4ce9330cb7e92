package v1

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// A cursor is a place in a list: the last row that the client has. A page goes
// on behind it, whatever was added or removed meanwhile. To clients it is
// opaque. Its checksum goes over what was asked for, too, so that a cursor of
// another list, or of another search, is refused instead of skipping rows.

const (
	cursorVersion = 1
	maxCursor     = 1 << 10
)

func cursorCode() *base64.Encoding { return base64.RawURLEncoding.Strict() }

// cursorSum binds a place to a list and to what is asked of it.
func cursorSum(body []byte, list string, asked []string) uint32 {
	sum := crc32.ChecksumIEEE([]byte(list + "\x00" + strings.Join(asked, "\x00")))
	return crc32.Update(sum, crc32.IEEETable, body)
}

// cursorOf writes a place as a cursor.
func cursorOf(p hotspot.VoucherPlace, list string, asked ...string) string {
	b := []byte{cursorVersion}
	b = binary.AppendUvarint(b, p.ID)
	b = binary.AppendVarint(b, p.Num)
	b = append(b, p.Text...)
	return cursorCode().EncodeToString(binary.BigEndian.AppendUint32(b, cursorSum(b, list, asked)))
}

// cursorByID is a cursor of a list in order of id; 0: there is no more.
func cursorByID(id uint64, list string, asked ...string) string {
	if id == 0 {
		return ""
	}
	return cursorOf(hotspot.VoucherPlace{ID: id}, list, asked...)
}

// parseCursor reads what cursorOf wrote; an empty one is the zero place.
func parseCursor(text, list string, asked ...string) (p hotspot.VoucherPlace, err error) {
	if text == "" {
		return p, nil
	}
	bad := hotspot.Invalid("cursor", "is not one that a page of this list gave, with the same conditions")
	if len(text) > maxCursor {
		return p, bad
	}
	b, err := cursorCode().DecodeString(text)
	n := len(b) - 4
	if err != nil || n < 3 || b[0] != cursorVersion || binary.BigEndian.Uint32(b[n:]) != cursorSum(b[:n], list, asked) {
		return p, bad
	}
	b = b[1:n]
	id, n := binary.Uvarint(b)
	if n <= 0 || id == 0 {
		return p, bad
	}
	num, m := binary.Varint(b[n:])
	if m <= 0 {
		return p, bad
	}
	p = hotspot.VoucherPlace{ID: id, Num: num, Text: string(b[n+m:])}
	if cursorOf(p, list, asked...) != text {
		return hotspot.VoucherPlace{}, bad // a place is written in one way only
	}
	return p, nil
}

package hotspot

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// Version names what an operator has decided about a voucher: it is another
// one after a change, and the same again when the change is taken back. What
// guests use leaves it alone.
func (v Voucher) Version() string {
	var b []byte
	for _, s := range [...]string{v.Username, v.Passcode, v.FullName, v.Note} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	off := uint64(0)
	if v.Disabled {
		off = 1
	}
	from := int64(0)
	if !v.ValidFrom.IsZero() {
		from = v.ValidFrom.UnixMicro()
	}
	for _, n := range [...]uint64{v.ID, uint64(v.ValidFor), uint64(from), v.Limit.Down, v.Limit.Up, v.LimitTotal, uint64(v.Devices), off} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

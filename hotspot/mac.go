package hotspot

import (
	"encoding/hex"
)

// MAC is an EUI-48 hardware address. The zero MAC means "not known".
type MAC [6]byte

// ParseMAC reads six hexadecimal octets separated by colons or hyphens, in
// either case.
func ParseMAC(s string) (MAC, error) {
	var m MAC
	if len(s) != 17 {
		return MAC{}, Worded("%q is not a MAC address such as 02:00:5E:10:00:01", s)
	}
	sep := s[2]
	for i := range m {
		if i > 0 && s[3*i-1] != sep {
			sep = 0
		}
		if _, err := hex.Decode(m[i:i+1], []byte(s[3*i:3*i+2])); err != nil || (sep != ':' && sep != '-') {
			return MAC{}, Worded("%q is not a MAC address such as 02:00:5E:10:00:01", s)
		}
	}
	return m, nil
}

// IsZero reports whether the address is not known.
func (m MAC) IsZero() bool { return m == MAC{} }

// String gives the contract's form: upper case, colons.
func (m MAC) String() string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, 17)
	for i, o := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, digits[o>>4], digits[o&15])
	}
	return string(b)
}

// MarshalText implements encoding.TextMarshaler.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *MAC) UnmarshalText(b []byte) error {
	v, err := ParseMAC(string(b))
	if err == nil {
		*m = v
	}
	return err
}

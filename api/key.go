package api

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"net/netip"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// ID names a key or an operator. As text it is 24 lower-case hexadecimal
// digits. The zero ID is the house itself, which owns the keys that no operator
// made.
type ID [12]byte

// NewID returns a random ID.
func NewID() (id ID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// ParseID reads an ID as String writes it.
//
//go:noinline // it takes much code where it is called
func ParseID(s string) (id ID, err error) {
	if len(s) != 2*len(id) {
		return ID{}, hotspot.Invalid("id", "must be 24 hexadecimal digits")
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, hotspot.Invalid("id", "must be 24 hexadecimal digits")
	}
	return id, nil
}

// String returns 24 hexadecimal digits.
//
//go:noinline // it takes much code where it is called
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Key describes a named API key. What it opens with is not in it.
type Key struct {
	ID     ID
	Owner  ID     // the operator to whom it belongs; zero: the house
	Label  string // unique among the owner's
	Prefix string // its first characters, for people to recognize it by
	Hash   [sha512.Size]byte
	Scopes []Scope
	// Viewable: the key can be shown again; it is kept encrypted.
	Viewable  bool
	Created   time.Time
	CreatedBy string // the principal's name
	Modified  time.Time
	Expires   time.Time // zero: never
	// Expired: it opens nothing any more.
	Expired  bool
	LastUsed time.Time  // zero: never
	LastFrom netip.Addr // where it was last used from; not valid: unknown
}

// NewKey says what key to make.
type NewKey struct {
	Label    string  // 1 to 64 characters
	Expires  string  // "One Day" … "One Year", "Never", days, -1; empty: One Month
	Scopes   []Scope // nil: vouchers, users and live
	Viewable bool
}

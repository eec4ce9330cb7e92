package hotspot

import "time"

// VoucherSpec says what a new voucher shall be. Zero fields take the
// defaults named beside them.
type VoucherSpec struct {
	_ [0]func() // never compared

	Username string // random, 6 characters without look-alikes
	Prefix   string // of a random username
	Passcode string // the same
	FullName string // a random readable name
	Note     string
	// ValidFor nil: the setting voucher.valid_for.
	ValidFor  *Validity
	ValidFrom time.Time // at once
	Limit     Usage     // unlimited
	// LimitTotal is of both directions together: unlimited.
	LimitTotal uint64
	Devices    int // the setting voucher.devices
	Disabled   bool
}

// VoucherEdit changes the fields that are not nil. A live voucher's guests
// feel it at once.
type VoucherEdit struct {
	Username  *string
	Passcode  *string
	FullName  *string
	Note      *string
	ValidFor  *Validity
	ValidFrom *time.Time // zero: at once
	Limit     *Usage
	// LimitDown and LimitUp change one direction and leave the other.
	LimitDown, LimitUp *uint64
	LimitTotal         *uint64 // of both together
	// TopUp adds to the limits that there are; an unlimited direction stays so.
	TopUp *Usage
	// TopUpTotal adds to the limit of both directions together.
	TopUpTotal uint64
	Devices    *int
	Disabled   *bool
	// Unbind forgets the devices, so that another may use the voucher.
	Unbind bool
	// Reset forgets what was used: bytes, and the begin of the validity.
	Reset bool
	// Extend adds to the validity. One that is over ends so long from now; one
	// that never ends stays so.
	Extend time.Duration
	// If is the [Voucher.Version] that the voucher must still have; empty: any.
	// An edit of another is [ErrChanged].
	If string
}

// VoucherStatus sums up what a voucher can still do.
type VoucherStatus string

// The statuses, as the API and the command line show them.
const (
	VoucherNew      VoucherStatus = "new"      // never used
	VoucherActive   VoucherStatus = "active"   // used, with something left
	VoucherOnline   VoucherStatus = "online"   // a guest is on it now
	VoucherUsedUp   VoucherStatus = "used up"  // a quota is spent
	VoucherExpired  VoucherStatus = "expired"  // its time is over
	VoucherPending  VoucherStatus = "pending"  // before its valid_from
	VoucherDisabled VoucherStatus = "disabled" // by an operator
)

// VoucherView is a voucher with what follows from it now.
type VoucherView struct {
	Voucher // Used includes the bytes not yet flushed
	Status  VoucherStatus
	// ExpiresAt is zero while the time has not begun and when it never ends.
	ExpiresAt time.Time
	Online    int // devices on it now
}

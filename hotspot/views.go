package hotspot

import "time"

// Guest is a device that is let in now.
type Guest struct {
	Session        // Used is current, not just what was flushed
	Host    Host   // zero Age if the device is not seen at present
	Name    string // what the device calls itself; hostile text
	Uptime  time.Duration
	Idle    time.Duration // since the last byte in either direction
	Rate    Rate          // smoothed; see [Service.Live]
	// Account of the guest with current figures, shared by its devices.
	Allowance Allowance
	FullName  string // of the voucher, or of the person
}

// GuestHost is a device seen on the guest network, let in or not.
type GuestHost struct {
	Host
	Guest *Guest // nil if it is not let in
}

// GuestStatus is what a guest is told of itself.
type GuestStatus struct {
	Online bool
	// Guest is set when online.
	Guest Guest
	// TimeLeft is what remains until the session's deadline; limited is false
	// when there is none.
	TimeLeft    time.Duration
	TimeLimited bool
	// Why tells, when not online, how the last session ended; nil if the
	// device has not been online or logged out by itself.
	Why *Error
}

// Claim is a login method's decision: this person may use this account, if the
// account's own rules allow.
type Claim struct {
	Method Method
	// Voucher is the voucher's id, for [MethodVoucher].
	Voucher uint64
	// User is created, or found by its Key and updated, for other methods.
	// Only Key, Name, Email, Comments, Marketing and Verified are read.
	User User
	// Login is what the log shows.
	Login string
}

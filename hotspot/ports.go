package hotspot

import (
	"context"
	"net/netip"
	"time"
)

// Clock reads the system's clocks.
type Clock interface {
	Read() Reading
}

// Reading is one look at the system's clocks.
type Reading struct {
	Wall time.Time     // the wall clock, right or wrong
	Mono time.Duration // since boot, never set, running through sleep
	Boot string        // names this boot of the machine
	// Synced: the system says that the wall clock is right (NTP, an operator).
	Synced bool
	// Kept: the wall clock survives a power cut (a battery-backed clock).
	Kept bool
}

// Hosts knows the devices on the guest network.
type Hosts interface {
	// ByAddr returns the device that holds an address.
	ByAddr(a netip.Addr) (Host, bool)
	// ByMAC returns a device.
	ByMAC(m MAC) (Host, bool)
	// List returns every device seen, in order of MAC.
	List() []Host
	// Keep says whether a device is let in: then its addresses are protected
	// against others' claims. It does no I/O.
	Keep(m MAC, in bool)
	// Sighted tells of a packet that came from a device with an address. It is
	// a mere claim; what becomes of it shows in ByMAC. It does no I/O.
	Sighted(m MAC, a netip.Addr)
}

// Host is a device on the guest network, let in or not.
type Host struct {
	MAC   MAC
	Addrs []netip.Addr  // IPv4 first; never link-local
	Name  string        // as the device calls itself; hostile text
	Age   time.Duration // since it was first seen on the network
	Idle  time.Duration // since it was last heard of
}

// Gate decides about packets. All methods may be called at any time by several
// goroutines. What a call changes of one account changes at once as far as
// packets are concerned; a call about thousands may take several steps.
type Gate interface {
	// Set makes the gate hold exactly the grants of each pass, and leaves
	// other accounts alone. A pass without grants lets nobody in and drops the
	// account's quota. Grants that are no longer set let nothing more pass, in
	// either direction, when Set returns; their meters stay until Forget.
	// Setting what is set already changes nothing.
	Set(ctx context.Context, passes ...Pass) error
	// Read returns all that the gate has counted.
	Read(ctx context.Context) (Tally, error)
	// Forget drops the meters of closed grants, once their bytes are stored.
	// A session that is unknown, or still open, is left alone without error.
	Forget(ctx context.Context, sessions ...uint64) error
	// Watch reports events until ctx ends, which is the only nil return. The
	// callback must not block.
	Watch(ctx context.Context, report func(GateEvent)) error
}

// Pass is what the gate is told of one account: what its devices share, and
// the devices.
type Pass struct {
	Account AccountID
	Limit   Usage // bytes over the account's whole life; 0 = unlimited
	// LimitTotal is of both directions together, beside or instead of Limit.
	LimitTotal uint64
	// Used starts the quotas of an account that the gate does not hold, or
	// holds as depleted. A quota that runs keeps its own, exact count.
	Used   Usage
	Grants []Grant
}

// Grant lets one device pass.
type Grant struct {
	Session uint64
	MAC     MAC
	Addrs   []netip.Addr // IPv4 and IPv6, any number; unique among all grants
	// Left is the time until the gate must stop it by itself; 0: no end.
	Left time.Duration
	// Used starts the meter of a session that the gate does not hold.
	Used Usage
}

// Tally is what a gate has counted.
type Tally struct {
	Meters []Meter
	// Depleted are the quotas that are used up: the gate accepts nothing more
	// in that direction, or in neither. While the one of both directions is
	// used up, refused packets may use up that of a direction, too.
	Depleted []Depletion
}

// Meter is the count of one session's accepted bytes, from Grant.Used up.
type Meter struct {
	Session uint64
	Account AccountID
	Used    Usage
}

// Depletion names a quota that is used up.
type Depletion struct {
	Account   AccountID
	Direction Direction
}

// GateEvent is something the gate noticed by itself: a sighting (if it has a
// MAC), or (Lost) that its rules or grants were changed or deleted by somebody
// else and every pass must be set again, or else one depletion.
type GateEvent struct {
	Depletion
	Seen Sighting
	Lost bool
}

// Sighting is a device that is let in and uses an address that it was not
// granted, such as a new IPv6 privacy address. The gate lets nothing of it pass.
type Sighting struct {
	MAC  MAC
	Addr netip.Addr
}

// Store keeps what must outlive a power cut.
type Store interface {
	// View runs f on one consistent state. f must be short: it holds up the
	// reuse of space, and what it got is its own copy.
	View(ctx context.Context, f func(Reader) error) error
	// Update runs f and makes all that it wrote durable before it returns, or
	// nothing if f or the disk fails. Concurrent updates may share one
	// commit, so f can run more than once: it must not change anything
	// outside the store that a second run would not set again.
	Update(ctx context.Context, f func(Tx) error) error
}

// Reader reads the store. What is not there is [ErrNotFound].
type Reader interface {
	BlockedReader
	EventReader
	DayReader
	Voucher(id uint64) (Voucher, error)
	// VoucherByUsername ignores case.
	VoucherByUsername(name string) (Voucher, error)
	// Vouchers returns up to limit vouchers with ids above after, ascending.
	Vouchers(after uint64, limit int) ([]Voucher, error)
	// ScanVouchers hands vouchers to f one by one until f returns false: those
	// with ids from an id on, ascending (0: from the oldest), or from it down,
	// descending (0: from the newest). It is for looking at many and keeping
	// few: v is the same variable each time, and f copies what it keeps. An
	// error of f ends the scan and is returned.
	ScanVouchers(from uint64, down bool, f func(v *Voucher) (more bool, err error)) error
	// VouchersByMAC returns the vouchers to which a device is bound, ascending.
	VouchersByMAC(m MAC) ([]Voucher, error)

	User(m Method, id uint64) (User, error)
	UserByKey(m Method, key string) (User, error)
	// Users returns up to limit users with ids above after, ascending.
	Users(m Method, after uint64, limit int) ([]User, error)
	// ScanUsers hands users to f one by one, as ScanVouchers does vouchers.
	ScanUsers(m Method, from uint64, down bool, f func(u *User) (more bool, err error)) error

	Session(id uint64) (Session, error)
	// OpenSessions returns all sessions that have not ended, ascending.
	OpenSessions() ([]Session, error)
	// Sessions returns up to limit sessions with ids below before (0: from the
	// newest), descending.
	Sessions(before uint64, limit int) ([]Session, error)

	Device(m MAC) (Device, error)
	// Settings returns every setting that was ever set, as text.
	Settings() (map[string]string, error)
	// Secret returns a named secret, such as the API's device key.
	Secret(name string) ([]byte, error)
	// Secrets returns every secret whose name begins with a prefix, by name.
	Secrets(prefix string) (map[string][]byte, error)
	ClockMark() (ClockMark, error)
	// Audit returns up to limit rows of the audit log with ids below before (0:
	// from the newest), descending.
	Audit(before uint64, limit int) ([]AuditRow, error)
}

// Tx reads and writes the store.
type Tx interface {
	Reader
	BlockedWriter
	EventWriter
	DayWriter
	// PutVoucher stores v, giving it an id if it has none. A username that
	// another voucher has is [ErrUsernameTaken].
	PutVoucher(v *Voucher) error
	DeleteVoucher(id uint64) error
	// PutUser stores u, giving it an id if it has none.
	PutUser(u *User) error
	DeleteUser(m Method, id uint64) error
	// PutSession stores s, giving it an id if it has none.
	PutSession(s *Session) error
	// PruneSessions deletes up to limit closed sessions that ended before
	// the given time (zero: none for age) or that are not among the newest
	// keep (0: none for count), and returns them.
	PruneSessions(ended time.Time, keep, limit int) ([]Session, error)
	PutDevice(d Device) error
	DeleteDevice(m MAC) error
	PutSetting(key, value string) error
	DeleteSetting(key string) error
	PutSecret(name string, value []byte) error
	DeleteSecret(name string) error
	PutClockMark(m ClockMark) error
	// PutAudit stores a row of the audit log, giving it an id. A row is never
	// changed: one that has an id is [ErrInvalid].
	PutAudit(r *AuditRow) error
	// PruneAudit deletes up to limit of the oldest rows of the audit log, for as
	// long as the oldest is from before a time (zero: none for age) or not
	// among the newest keep (0: none for count).
	PruneAudit(before time.Time, keep, limit int) error
}

// ClockMark is the last time known to the store.
type ClockMark struct {
	Time     time.Time     // the house's time
	Wall     time.Time     // the wall clock at that moment
	Mono     time.Duration // the boot clock at that moment
	Boot     string
	Believed bool
}

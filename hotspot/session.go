package hotspot

import (
	"net/netip"
	"time"
)

// Reason says why a session ended. Its text is stored and shown in the API.
type Reason string

// Why sessions end.
const (
	EndLogout      Reason = "logout"          // the guest said so
	EndIdle        Reason = "idle timeout"    // no traffic for the idle timeout
	EndTimeout     Reason = "session timeout" // longest session reached
	EndExpired     Reason = "time used up"    // the account's validity ended
	EndDownload    Reason = "download used up"
	EndUpload      Reason = "upload used up"
	EndData        Reason = "data used up"  // download and upload together
	EndKicked      Reason = "kicked"        // by an operator
	EndRemoved     Reason = "removed"       // the account was removed
	EndDisabled    Reason = "disabled"      // the account was disabled
	EndReplaced    Reason = "replaced"      // a newer device took its place
	EndNotYetValid Reason = "not yet valid" // found out once the clock was right
	EndBlocked     Reason = "blocked"       // the device was, by an operator
)

// wantsForm reports whether a device must log in again after such an end.
func (r Reason) wantsForm() bool {
	switch r {
	case EndLogout, EndKicked, EndReplaced, EndRemoved, EndTimeout:
		return true
	}
	return false
}

// Session is one device's stay, from login to its end. Open sessions have no
// Ended; closed ones are the login log.
type Session struct {
	ID      uint64 // 0 until stored
	Account AccountID
	Login   string // who: username, e-mail, number; a free guest's MAC
	MAC     MAC
	Addrs   []netip.Addr // as last known, the one that logged in first
	Started time.Time
	Ended   time.Time // zero while open
	Reason  Reason
	Used    Usage
	// Timeout is how long the session may be, as set when it began; 0: as long
	// as its account lasts.
	Timeout time.Duration
	// Deadline is when the session must end by itself; zero: never. It is
	// the earlier of the account's expiry and the session's timeout.
	Deadline time.Time
	// DeadlineReason is the Reason to be given at the Deadline.
	DeadlineReason Reason
	// Provisional: Started was read from a clock that could not be believed.
	Provisional bool
}

// Open reports whether the session has not ended.
func (s Session) Open() bool { return s.Ended.IsZero() }

// Addr returns the address that the session is shown with, or an invalid one.
func (s Session) Addr() netip.Addr {
	if len(s.Addrs) == 0 {
		return netip.Addr{}
	}
	return s.Addrs[0]
}

// Device is what is remembered of a device between its sessions.
type Device struct {
	MAC     MAC
	Account AccountID // of its last login
	Login   string
	// Returning: the device is let in again without the form while its
	// account lasts. A logout or a kick ends that.
	Returning bool
	// LastEnd and LastReason tell the portal why the guest is offline.
	LastEnd    time.Time
	LastReason Reason
}

package netctl

import (
	"net/netip"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Map is one of the maps that a gate decides by. Each exists for IPv4 and for
// IPv6; the address tells which.
type Map uint8

// The maps.
const (
	// Up lets a device's address send: MAC and address to the account's quota.
	Up Map = iota + 1
	// Down lets an address receive: address to the account's quota.
	Down
	// MeterUp and MeterDown count what was accepted: address to the session's
	// counter.
	MeterUp
	MeterDown
	// EachUp, EachDown and Together are for accounts whose directions have limits
	// besides the one of both together: they lead to the direction's quota and to
	// that of both, and a packet needs both. Such accounts are not in Up and Down.
	EachUp
	EachDown
	Together
	// Device knows the devices that are let in, whatever their address: MAC to
	// the session's upload counter, which serves as the session's name only.
	Device
)

// String names the map.
func (m Map) String() string {
	names := [...]string{Up: "up", Down: "down", MeterUp: "meter up", MeterDown: "meter down",
		EachUp: "each up", EachDown: "each down", Together: "together", Device: "device"}
	if int(m) < len(names) && m > 0 {
		return names[m]
	}
	return "unknown map"
}

// Timed reports whether the map's elements end by themselves. The others are
// of no use to a packet without a timed one beside them.
func (m Map) Timed() bool {
	return m == Up || m == Down || m == EachUp || m == EachDown || m == Device
}

// Key is the place of an element.
type Key struct {
	Map  Map
	MAC  hotspot.MAC // Up, EachUp and Device
	Addr netip.Addr  // all but Device
}

// Kind is a kind of object.
type Kind uint8

// The kinds.
const (
	Counter Kind = iota + 1
	Quota
)

// Verb says what an [Op] does.
type Verb uint8

// The verbs, in the order in which a plan has them: an object goes after the
// elements that name it and comes before them.
const (
	Remove Verb = iota + 1 // an element
	Drop                   // an object
	Create                 // an object
	Limit                  // change a quota's limit, keeping its count
	Insert                 // an element
)

// String names the verb.
func (v Verb) String() string {
	names := [...]string{Remove: "remove", Drop: "drop", Create: "create", Limit: "limit", Insert: "insert"}
	if int(v) < len(names) && v > 0 {
		return names[v]
	}
	return "unknown verb"
}

// Op is one change of a gate.
type Op struct {
	Verb   Verb
	Key    Key    // Remove and Insert
	Object string // all but Remove
	Kind   Kind   // Drop, Create and Limit
	// Session owns the element or counter; of a quota only the account is set.
	Session SessionKey
	// Ended: the element to be removed has ended by itself. It may not be
	// there any more.
	Ended bool
	// Left is the time after which an inserted element ends; 0: never.
	Left time.Duration
	// Limit is a quota's, in bytes; 0 = unlimited.
	Limit uint64
	// Used is the count from which a created object starts. A changed quota
	// carries it too, in case the gate has lost the quota meanwhile.
	Used uint64
	// Ahead is how much of Used the caller does not know of yet.
	Ahead uint64
}

// Plan is an ordered list of changes to be made at once.
type Plan struct {
	Ops []Op
	// Gone are addresses that must not keep a flow that they have now.
	Gone []netip.Addr
}

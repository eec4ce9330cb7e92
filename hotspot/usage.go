package hotspot

// MB is the megabyte of every limit in this project: 2^20 bytes.
const MB = 1 << 20

// MaxLimitMB is the largest limit the contract accepts, in MB (9 × 2^20).
const MaxLimitMB = 9437184

// Usage is an amount of layer-3 bytes per direction. As a limit, zero means
// unlimited.
type Usage struct {
	Down uint64 // to the guest
	Up   uint64 // from the guest
}

// Add returns u + v.
func (u Usage) Add(v Usage) Usage { return Usage{u.Down + v.Down, u.Up + v.Up} }

// Sub returns u − v, never below zero.
func (u Usage) Sub(v Usage) Usage {
	return Usage{u.Down - min(u.Down, v.Down), u.Up - min(u.Up, v.Up)}
}

// IsZero reports whether both directions are zero.
func (u Usage) IsZero() bool { return u == Usage{} }

// Direction is one or both directions of traffic, as a bit set. It also names a
// quota: each direction has one, and so have both together.
type Direction uint8

// The two directions, as the guest sees them, and the quota of their sum.
const (
	Down Direction = 1 << iota
	Up
	Total
)

// Has reports whether d contains all of x.
func (d Direction) Has(x Direction) bool { return d&x == x && x != 0 }

// String names the direction for logs and messages.
func (d Direction) String() string {
	switch d {
	case Down:
		return "download"
	case Up:
		return "upload"
	case Down | Up:
		return "download and upload"
	case Total:
		return "download and upload together"
	}
	return "none"
}

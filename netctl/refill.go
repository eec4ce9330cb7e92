package netctl

// MaxPacket is the most that one packet can hold. A quota that is used up was
// used to within one packet of its limit.
const MaxPacket = 1 << 16

// Refill returns the count from which a used-up quota must go on when its
// limit rises. used is what the caller believes was accepted, which may be
// some seconds old; held and base are the limit and the start of the quota as
// the gate holds it. Less than the quota's start means that the caller has
// forgotten the usage on purpose; otherwise it cannot have been less than one
// packet short of the limit.
func Refill(used, held, base uint64) uint64 {
	if used < base {
		return used
	}
	return max(used, held-min(held, MaxPacket))
}

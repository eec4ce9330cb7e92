package netctl

// MaxPacket is the most that one packet can hold.
const MaxPacket = 1 << 16

// Refill returns the count from which a used-up quota must go on when it gets
// room again. used is what the caller believes was accepted; limit is the limit
// that was used up, base the count that the quota started from, and seen the
// last count that was read while it ran.
//
// The first packet that is refused ends a quota, so used is less than one
// packet short of the limit if it is exact. Less than that is some seconds old,
// and the whole limit is taken for used, unless it is below base: then the
// caller has forgotten the usage on purpose.
func Refill(used, limit, base, seen uint64) uint64 {
	if used < base || used >= limit-min(limit, MaxPacket) && used >= seen {
		return used
	}
	return max(limit, seen)
}

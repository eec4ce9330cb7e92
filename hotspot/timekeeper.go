package hotspot

import "time"

const (
	// stepTolerance is how far the wall clock may drift from the house's time
	// between two looks before it counts as having been set.
	stepTolerance = 2 * time.Second
	// maxPowerOff is the longest time that the router is believed to have been
	// without power. A clock found further ahead than this was set wrongly,
	// now or before: no validity is longer, so nothing is judged by it.
	maxPowerOff = 400 * 24 * time.Hour
)

// oldest is a time before which no clock can be right: this software did not
// exist. It stands in for the last known time of a store that knows none.
var oldest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// timekeeper keeps the house's time, on which all rules are judged. A router
// has no clock battery: it boots in 1970 or at its last flash write, and NTP
// sets it minutes later, or never.
//
// The house's time therefore runs on the boot clock, which nobody can set. It
// begins at the last time known to the store, a lower bound of the truth, so
// what has expired by it has expired; and it takes over the wall clock's time
// once that can be believed. When it does, or when the wall clock is set while
// the router runs, [step] tells which stored times must move along so that
// nobody gains or loses.
type timekeeper struct {
	house    time.Time     // the house's time at mono
	mono     time.Duration // boot clock
	believed bool
	since    time.Time // when it came to be believed; zero: before, or not
}

// step is a correction of the house's time.
type step struct {
	// Begun moves the times that were read from a believed clock.
	Begun time.Duration
	// Provisional moves the times that were read from one that was not.
	Provisional time.Duration
	// Believed: the clock became believable by this step.
	Believed bool
}

func (s step) isZero() bool { return s == step{} }

// newTimekeeper goes on from the last time known to the store.
func newTimekeeper(last ClockMark, r Reading) timekeeper {
	switch {
	case last.Boot != "" && last.Boot == r.Boot && r.Mono >= last.Mono:
		// The daemon was restarted; the boot clock bridges the gap exactly.
		return timekeeper{house: last.Time.Add(r.Mono - last.Mono), mono: r.Mono, believed: last.Believed}
	case !last.Time.IsZero():
		return timekeeper{house: last.Time, mono: r.Mono}
	case r.Wall.After(oldest):
		return timekeeper{house: r.Wall, mono: r.Mono}
	}
	return timekeeper{house: oldest, mono: r.Mono}
}

// now returns the house's time at a reading.
func (k *timekeeper) now(r Reading) time.Time { return k.house.Add(r.Mono - k.mono) }

// observe compares the wall clock with the house's time and corrects it.
func (k *timekeeper) observe(r Reading) step {
	now := k.now(r)
	off := r.Wall.Sub(now)
	if !k.believed {
		// A kept clock may be trusted to have gone on, not to be wildly off.
		if !r.Synced && !(r.Kept && off >= 0 && off < maxPowerOff) {
			return step{}
		}
		s := step{Provisional: off, Believed: true}
		if off < 0 || off > maxPowerOff {
			s.Begun = off
		}
		*k = timekeeper{house: r.Wall, mono: r.Mono, believed: true, since: r.Wall}
		return s
	}
	k.house, k.mono = r.Wall, r.Mono
	if off.Abs() <= stepTolerance {
		return step{}
	}
	if !k.since.IsZero() {
		k.since = k.since.Add(off)
	}
	return step{Begun: off, Provisional: off}
}

// mark is what the store must know to go on from here.
func (k *timekeeper) mark(r Reading) ClockMark {
	return ClockMark{Time: k.now(r), Wall: r.Wall, Mono: r.Mono, Boot: r.Boot, Believed: k.believed}
}

// move applies a step to an allowance's begun time.
func (s step) moveAllowance(a *Allowance) (moved bool) {
	if a.Started.IsZero() {
		return false
	}
	by := s.Begun
	if a.Provisional {
		by = s.Provisional
	}
	wasProvisional := a.Provisional
	a.Started = a.Started.Add(by)
	a.Provisional = a.Provisional && !s.Believed
	return by != 0 || wasProvisional != a.Provisional
}

// moveVoucher applies a step to a voucher; now is the time before it. A
// valid_from that the validity began with, or that one in use has reached, takes
// part, or the voucher would not be valid yet.
func (s step) moveVoucher(v *Voucher, now time.Time) (moved bool) {
	inUse := !v.Started.IsZero() && !v.Provisional
	if inUse && !v.ValidFrom.IsZero() && (v.Started.Equal(v.ValidFrom) || !v.ValidFrom.After(now)) {
		v.ValidFrom = v.ValidFrom.Add(s.Begun)
		moved = s.Begun != 0
	}
	return s.moveAllowance(&v.Allowance) || moved
}

// moveSession applies a step to an open session.
func (s step) moveSession(x *Session) (moved bool) {
	by := s.Begun
	if x.Provisional {
		by = s.Provisional
	}
	was := x.Provisional
	x.Started = x.Started.Add(by)
	x.Provisional = x.Provisional && !s.Believed
	return by != 0 || was != x.Provisional
}

package hosts

import (
	"net/netip"
	"slices"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// rank says how far a binding of an address to a device can be believed.
//
// An address moves to another device
//   - on a lease: always; away from the device that has the lease: never, as
//     long as that device is kept;
//   - away from a device that is kept: only if the kernel verified it;
//   - else: if the kernel verified it, or the holder's own binding was a mere
//     claim, or the holder has been silent for a minute.
type rank uint8

const (
	claimed  rank = iota // in a frame, or in the kernel's table unconfirmed
	verified             // the kernel has reached the device there
	leased               // our DHCP server gave it
)

// sighting is one piece of news about a device.
type sighting struct {
	mac   hotspot.MAC
	addr  netip.Addr // invalid: none
	rank  rank
	name  string
	alive bool          // the device itself was heard of
	idle  time.Duration // before now, if not alive
	sure  bool          // a connection of the device is at hand: no budget for it
}

// learn takes up a sighting; the mutex is held.
func (t *Table) learn(s sighting) {
	if !t.net.isGuest(s.mac) {
		return
	}
	now := t.cfg.Mono()
	d, known := t.devices[s.mac]
	if !known {
		if d = t.join(s, now); d == nil {
			return
		}
		t.tell(s.mac)
	}
	if s.alive {
		if now-d.seen > silence {
			t.tell(s.mac)
		}
		d.seen = now
	}
	if s.name != "" {
		d.name = s.name
	}
	if s.addr.IsValid() && t.net.isGuestAddr(s.addr) {
		t.hold(d, s, now)
	}
}

// join adds a device, if the table has room or can make some.
func (t *Table) join(s sighting, now time.Duration) *device {
	if _, kept := t.kept[s.mac]; !kept && !s.sure && !t.joins.take(now) {
		return nil
	}
	if len(t.devices) >= maxDevices+len(t.kept) && !t.evict() {
		return nil
	}
	d := &device{mac: s.mac, first: now - s.idle, seen: now - s.idle}
	t.devices[s.mac] = d
	return d
}

// evict drops the device that is silent for longest and not kept.
func (t *Table) evict() bool {
	var oldest *device
	for m, d := range t.devices {
		if _, kept := t.kept[m]; !kept && (oldest == nil || d.seen < oldest.seen) {
			oldest = d
		}
	}
	if oldest != nil {
		t.drop(oldest)
	}
	return oldest != nil
}

// drop forgets a device.
func (t *Table) drop(d *device) {
	for _, h := range d.held {
		delete(t.holders, h.addr)
	}
	delete(t.devices, d.mac)
}

// hold gives an address to a device, unless another's claim to it is better.
func (t *Table) hold(d *device, s sighting, now time.Duration) {
	if t.leases.holder[s.addr] == s.mac {
		s.rank = leased
	}
	seen := now
	if !s.alive {
		seen = now - s.idle
	}
	holder, taken := t.holders[s.addr]
	if taken && holder == d.mac {
		h := &d.held[d.index(s.addr)]
		h.rank, h.seen = max(h.rank, s.rank), max(h.seen, seen)
		return
	}
	if taken && s.rank == claimed && !s.alive && t.heldAt(holder, s.addr).seen >= seen {
		return // the kernel's entry is merely old
	}
	if !t.mayMove(s, holder, taken, now) {
		t.conflict(s.addr, holder, s.mac, now)
		return
	}
	if taken {
		t.devices[holder].release(s.addr)
		t.tell(holder)
	}
	d.held = append(d.held, holding{addr: s.addr, seen: seen, rank: s.rank})
	t.holders[s.addr] = d.mac
	t.trim(d, s.addr)
	t.tell(d.mac)
}

// mayMove decides whether an address goes to the device that a sighting names.
func (t *Table) mayMove(s sighting, holder hotspot.MAC, taken bool, now time.Duration) bool {
	if s.rank == leased {
		return true
	}
	if owner, ok := t.leases.holder[s.addr]; ok {
		if _, kept := t.kept[owner]; kept {
			return false
		}
	}
	if !taken || s.rank >= verified {
		return true
	}
	if _, kept := t.kept[holder]; kept {
		return false
	}
	h := t.heldAt(holder, s.addr)
	return h.rank == claimed || now-h.seen > fresh
}

// heldAt returns a device's hold on an address, which it must have.
func (t *Table) heldAt(m hotspot.MAC, a netip.Addr) holding {
	d := t.devices[m]
	return d.held[d.index(a)]
}

// conflict logs that two devices claim one address.
func (t *Table) conflict(a netip.Addr, holder, claimant hotspot.MAC, now time.Duration) {
	if !t.moans.take(now) {
		return
	}
	if holder.IsZero() {
		holder = t.leases.holder[a]
	}
	t.log.Warn("address conflict: a claim is ignored",
		"addr", a, "holder", holder, "claimant", claimant)
}

// trim drops a device's oldest address over the bound of a family, or of the
// whole table, but not the one that it has just got.
func (t *Table) trim(d *device, newest netip.Addr) {
	most := maxIPv6
	if newest.Is4() {
		most = maxIPv4
	}
	count, oldest := 0, -1
	for i, h := range d.held {
		if h.addr.Is4() != newest.Is4() {
			continue
		}
		count++
		if h.addr != newest && (oldest < 0 || h.seen < d.held[oldest].seen) {
			oldest = i
		}
	}
	if count > most || count > 1 && len(t.holders) > maxAddrs {
		delete(t.holders, d.held[oldest].addr)
		d.held = slices.Delete(d.held, oldest, oldest+1)
	}
}

// sweep forgets what has been silent for long, and addresses that are not
// the guest network's any more.
func (t *Table) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.cfg.Mono()
	for m, d := range t.devices {
		_, kept := t.kept[m]
		if !t.net.isGuest(m) || !kept && now-d.seen > forget {
			t.drop(d)
			continue
		}
		before := len(d.held)
		d.held = slices.DeleteFunc(d.held, func(h holding) bool {
			gone := !t.net.isGuestAddr(h.addr) || now-h.seen > forget && h.rank != leased
			if gone {
				delete(t.holders, h.addr)
			}
			return gone
		})
		if len(d.held) != before {
			t.tell(m)
		}
	}
}

// tell makes a device news; the mutex is held.
func (t *Table) tell(m hotspot.MAC) {
	if len(t.news) < 2*maxDevices {
		t.news[m] = struct{}{}
	}
	select {
	case t.wake <- struct{}{}:
	default: // whoever waits is on the way
	}
}

// takeNews returns the devices that changed since the last call.
func (t *Table) takeNews() []hotspot.MAC {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]hotspot.MAC, 0, len(t.news))
	for m := range t.news {
		out = append(out, m)
	}
	clear(t.news)
	return out
}

// index returns where an address is among those held, which it must be.
func (d *device) index(a netip.Addr) int {
	return slices.IndexFunc(d.held, func(h holding) bool { return h.addr == a })
}

func (d *device) release(a netip.Addr) {
	d.held = slices.DeleteFunc(d.held, func(h holding) bool { return h.addr == a })
}

// budget allows rate events a second on average, and burst at once.
type budget struct {
	rate, burst float64
	left        float64
	last        time.Duration
	begun       bool
}

func (b *budget) take(now time.Duration) bool {
	if !b.begun {
		b.begun, b.left = true, b.burst
	}
	b.left = min(b.burst, b.left+(now-b.last).Seconds()*b.rate)
	b.last = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

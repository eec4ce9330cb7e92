package memory

import (
	"net/netip"
	"slices"
	"sort"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Pass offers the gate one packet of n layer-3 bytes to or from a guest's
// address, and reports whether it may pass. Upwards the MAC must be the one
// that the address was granted to; downwards it does not matter, as in the
// kernel. What is accepted is counted; an address that a known device was not
// granted is reported as a sighting.
func (g *Gate) Pass(mac hotspot.MAC, addr netip.Addr, d hotspot.Direction, n uint64) bool {
	ok, events := g.decide(mac, addr.Unmap(), d, n)
	for _, e := range events {
		e.to.send(e.GateEvent)
	}
	return ok
}

// notice is an event on its way.
type notice struct {
	to *watcher
	hotspot.GateEvent
}

// decide returns the verdict on a packet and who is to be told of what it did,
// such as to use up a quota.
func (g *Gate) decide(mac hotspot.MAC, addr netip.Addr, d hotspot.Direction, n uint64) (ok bool, events []notice) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s, owned := g.owners[addr]
	if d == hotspot.Up && (!owned || s.mac != mac) && g.knows(mac) {
		return false, g.notices(hotspot.GateEvent{Seen: hotspot.Sighting{MAC: mac, Addr: addr}})
	}
	if !owned || !s.forever && g.now() >= s.deadline || d == hotspot.Up && s.mac != mac {
		return false, nil
	}
	a := g.accounts[s.key.Account]
	q, meter := &a.down, &s.used.Down
	if d == hotspot.Up {
		q, meter = &a.up, &s.used.Up
	}
	// The direction's quota first: what it refuses, the other does not count.
	ok = q.take(n) && a.total.take(n)
	if ok {
		*meter += n
	}
	for d, q := range map[hotspot.Direction]*quota{d: q, hotspot.Total: &a.total} {
		if q.depleted() && !q.told {
			q.told = true
			events = append(events, g.notices(hotspot.GateEvent{Depletion: hotspot.Depletion{Account: s.key.Account, Direction: d}})...)
		}
	}
	return ok, events
}

// notices tells the current watchers of an event. The caller holds mu.
func (g *Gate) notices(e hotspot.GateEvent) (out []notice) {
	for _, w := range g.listeners() {
		out = append(out, notice{w, e})
	}
	return out
}

// take counts a packet, and reports whether there was room for it.
func (q *quota) take(n uint64) bool {
	q.consumed += n
	if q.limit > 0 && q.consumed > q.limit {
		return false
	}
	q.accepted += n
	return true
}

// knows reports whether a device is let in. The caller holds mu.
func (g *Gate) knows(mac hotspot.MAC) bool {
	for _, s := range g.sessions {
		if s.open && s.mac == mac && (s.forever || g.now() < s.deadline) {
			return true
		}
	}
	return false
}

// listeners returns the current watchers. The caller holds mu.
func (g *Gate) listeners() []*watcher {
	ws := make([]*watcher, 0, len(g.watchers))
	for w := range g.watchers {
		ws = append(ws, w)
	}
	return ws
}

// Lose empties the gate as if somebody else had deleted its rules, and reports
// so to the watchers.
func (g *Gate) Lose() {
	g.mu.Lock()
	clear(g.accounts)
	clear(g.sessions)
	clear(g.owners)
	ws := g.listeners()
	g.mu.Unlock()
	for _, w := range ws {
		w.send(hotspot.GateEvent{Lost: true})
	}
}

// Admitted lists the open grants, in order of session, with the time that is
// left as set and the bytes as counted.
func (g *Gate) Admitted() []hotspot.Grant {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []hotspot.Grant
	for k, s := range g.sessions {
		if !s.open {
			continue
		}
		gr := hotspot.Grant{Session: k.ID, MAC: s.mac, Addrs: slices.Clone(s.addrs), Used: s.used}
		if !s.forever {
			gr.Left = s.deadline - g.now()
		}
		sort.Slice(gr.Addrs, func(i, j int) bool { return gr.Addrs[i].Less(gr.Addrs[j]) })
		out = append(out, gr)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Session < out[j].Session })
	return out
}

package memory

import (
	"net/netip"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Pass offers the gate one packet of n layer-3 bytes to or from a guest's
// address, and reports whether it may pass. Upwards the MAC must be the one
// that the address was granted to; downwards it does not matter, as in the
// kernel. What is accepted is counted; an address that a known device was not
// granted is reported as a sighting.
func (g *Gate) Pass(mac hotspot.MAC, addr netip.Addr, d hotspot.Direction, n uint64) bool {
	ok, event, watchers := g.decide(mac, addr.Unmap(), d, n)
	for _, w := range watchers {
		w.send(event)
	}
	return ok
}

// decide returns the verdict on a packet and, if this packet used up a quota,
// who is to be told of it.
func (g *Gate) decide(mac hotspot.MAC, addr netip.Addr, d hotspot.Direction, n uint64) (bool, hotspot.GateEvent, []*watcher) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var none hotspot.GateEvent
	s, ok := g.owners[addr]
	if d == hotspot.Up && (!ok || s.mac != mac) && g.knows(mac) {
		return false, hotspot.GateEvent{Seen: hotspot.Sighting{MAC: mac, Addr: addr}}, g.listeners()
	}
	if !ok || !s.forever && g.now() >= s.deadline || d == hotspot.Up && s.mac != mac {
		return false, none, nil
	}
	a := g.accounts[s.key.Account]
	q, meter := &a.down, &s.used.Down
	if d == hotspot.Up {
		q, meter = &a.up, &s.used.Up
	}
	q.consumed += n
	if q.limit > 0 && q.consumed > q.limit {
		ok = false
	} else {
		*meter += n
		q.accepted += n
	}
	if !q.depleted() || q.told {
		return ok, none, nil
	}
	q.told = true
	e := hotspot.GateEvent{Depletion: hotspot.Depletion{Account: s.key.Account, Direction: d}}
	return ok, e, g.listeners()
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
		slices.SortFunc(gr.Addrs, netip.Addr.Compare)
		out = append(out, gr)
	}
	slices.SortFunc(out, func(a, b hotspot.Grant) int {
		if a.Session < b.Session {
			return -1
		}
		return 1
	})
	return out
}

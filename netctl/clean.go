package netctl

import (
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// SessionKey names a session and what it is charged to. Both are in the names
// of kernel objects, so that a gate can be taken over without a database.
type SessionKey struct {
	ID      uint64
	Account hotspot.AccountID
}

// expired stands in for a deadline that has passed by the time it is set: zero
// would mean that there is none.
const expired = time.Millisecond

// Clean checks passes and returns them in the form that gates work with: every
// address unmapped, sorted, and in one grant only; link-local addresses, which
// are never forwarded, left out; deadlines in the past as near as can be set.
// An address named twice belongs to the newest session.
func Clean(passes []hotspot.Pass) ([]hotspot.Pass, error) {
	out := make([]hotspot.Pass, len(passes))
	accounts := make(map[hotspot.AccountID]struct{}, len(passes))
	sessions := make(map[uint64]struct{}, len(passes))
	owner := make(map[netip.Addr]uint64, len(passes))
	for i, p := range passes {
		if _, err := hotspot.ParseAccountID(p.Account.String()); err != nil {
			return nil, hotspot.Invalid("account", "%v", err)
		}
		if _, ok := accounts[p.Account]; ok {
			return nil, hotspot.Invalid("account", "%s is given twice", p.Account)
		}
		accounts[p.Account] = struct{}{}
		grants := make([]hotspot.Grant, len(p.Grants))
		for j, g := range p.Grants {
			if _, ok := sessions[g.Session]; ok {
				return nil, hotspot.Invalid("session", "%d is given twice", g.Session)
			}
			sessions[g.Session] = struct{}{}
			c, err := cleanGrant(g)
			if err != nil {
				return nil, err
			}
			grants[j] = c
			for _, a := range c.Addrs {
				owner[a] = max(owner[a], c.Session)
			}
		}
		p.Grants = grants
		out[i] = p
	}
	for _, p := range out {
		for j := range p.Grants {
			g := &p.Grants[j]
			g.Addrs = slices.DeleteFunc(g.Addrs, func(a netip.Addr) bool { return owner[a] != g.Session })
		}
	}
	return out, nil
}

func cleanGrant(g hotspot.Grant) (hotspot.Grant, error) {
	if g.Session == 0 {
		return g, hotspot.Invalid("session", "must not be zero")
	}
	if g.MAC.IsZero() {
		return g, hotspot.Invalid("mac", "session %d has no MAC address", g.Session)
	}
	addrs := make([]netip.Addr, 0, len(g.Addrs))
	for _, a := range g.Addrs {
		a = a.Unmap().WithZone("")
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
			return g, hotspot.Invalid("addrs", "%v is not a guest's address", a)
		}
		if !a.IsLinkLocalUnicast() {
			addrs = append(addrs, a)
		}
	}
	sort.Slice(addrs, func(i, j int) bool { return addrs[i].Less(addrs[j]) })
	g.Addrs = slices.Compact(addrs)
	if g.Left < 0 {
		g.Left = expired
	}
	return g, nil
}

package hosts

import (
	"net/netip"
	"slices"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// network is what of the guest network belongs to the router.
type network struct {
	macs     []hotspot.MAC
	addrs    []netip.Addr   // the router's, on any interface
	prefixes []netip.Prefix // of the guest interface, with the router's address
}

// isGuest reports whether a MAC can be a guest's.
func (n *network) isGuest(m hotspot.MAC) bool {
	return !m.IsZero() && m[0]&1 == 0 && !slices.Contains(n.macs, m)
}

// isGuestAddr reports whether a guest can hold an address: one of the guest
// network's, and not the router's.
func (n *network) isGuestAddr(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() ||
		a.IsLinkLocalUnicast() || slices.Contains(n.addrs, a) {
		return false
	}
	for _, p := range n.prefixes {
		if p.Contains(a) && !isEdge(p, a) {
			return true
		}
	}
	return false
}

// isEdge reports whether an address is the network's own: the first of any
// network, the last (broadcast) of an IPv4 one.
func isEdge(p netip.Prefix, a netip.Addr) bool {
	if p.Bits() >= a.BitLen()-1 {
		return false // a link of two has neither
	}
	if a == p.Masked().Addr() {
		return true
	}
	next := a.Next()
	return a.Is4() && (!next.IsValid() || !p.Contains(next))
}

package links

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"sort"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Lengths of the fixed parts of the messages.
const (
	linkHeader = 16 // struct ifinfomsg
	addrHeader = 8  // struct ifaddrmsg
)

// decodeLink reads an RTM_NEWLINK message.
func decodeLink(b []byte) (l Link, ok bool) {
	if len(b) < linkHeader || b[0] != unix.AF_UNSPEC {
		return l, false // of the family AF_BRIDGE: about a port's state
	}
	l.Index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	l.Up = binary.NativeEndian.Uint32(b[8:])&unix.IFF_UP != 0
	attrs, err := netlink.UnmarshalAttributes(b[linkHeader:])
	if err != nil {
		return l, false
	}
	for _, a := range attrs {
		switch {
		case a.Type == unix.IFLA_IFNAME:
			l.Name = string(bytes.TrimRight(a.Data, "\x00"))
		case a.Type == unix.IFLA_MASTER && len(a.Data) == 4:
			l.Master = int(int32(binary.NativeEndian.Uint32(a.Data)))
		}
	}
	return l, l.Index > 0 && l.Name != "" && len(l.Name) < unix.IFNAMSIZ
}

// decodeAddr reads an RTM_NEWADDR message: the interface and its own address.
func decodeAddr(b []byte) (index int, p netip.Prefix, ok bool) {
	if len(b) < addrHeader {
		return 0, p, false
	}
	index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	attrs, err := netlink.UnmarshalAttributes(b[addrHeader:])
	if err != nil {
		return 0, p, false
	}
	var addr netip.Addr
	for _, a := range attrs {
		// IFA_ADDRESS is the other end's on a link of two, and only IPv4 has
		// IFA_LOCAL always.
		if a.Type == unix.IFA_LOCAL || a.Type == unix.IFA_ADDRESS && !addr.IsValid() {
			if at, valid := netip.AddrFromSlice(a.Data); valid {
				addr = at.Unmap()
			}
		}
	}
	if !addr.IsValid() || int(b[1]) > addr.BitLen() {
		return 0, p, false
	}
	return index, netip.PrefixFrom(addr, int(b[1])), index > 0
}

// assemble puts links and addresses together.
func assemble(links, addrs []netlink.Message) State {
	var s State
	at := map[int]int{}
	for _, m := range links {
		l, ok := decodeLink(m.Data)
		if _, twice := at[l.Index]; ok && !twice && len(s) < maxLinks {
			at[l.Index] = len(s)
			s = append(s, l)
		}
	}
	for _, m := range addrs {
		index, p, ok := decodeAddr(m.Data)
		if i, known := at[index]; ok && known && len(s[i].Addrs) < maxAddrs {
			s[i].Addrs = append(s[i].Addrs, p)
		}
	}
	for i := range s {
		addrs := s[i].Addrs
		sort.SliceStable(addrs, func(i, j int) bool { return addrs[i].Addr().BitLen() < addrs[j].Addr().BitLen() })
	}
	sort.Slice(s, func(i, j int) bool { return s[i].Index < s[j].Index })
	return s
}

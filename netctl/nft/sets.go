package nft

import (
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl"
)

// Data types of nft(8), which list the keys readably, and how many bits each
// has in the type of a concatenation.
const (
	typeIP4   = 7
	typeIP6   = 8
	typeEther = 9
	typeBits  = 6
)

// keyByteorderBig is the user data by which nft(8) knows that keys are in the
// network's byte order.
var keyByteorderBig = []byte{0, 4, 2, 0, 0, 0}

// expressions in desc that x/sys/unix does not name.
const setDescSize = 1 // NFTA_SET_DESC_SIZE

// set is one of the table's maps, all of which lead to objects.
type set struct {
	name    string
	mapKind netctl.Map
	six     bool
	keyType uint32
	keyLen  uint32
	object  uint32 // NFT_OBJECT_…
	size    uint32 // 0: grows as it fills
}

// Sizes per guest: more addresses than a device has, and room for a few that
// are being replaced. The kernel makes a map's table as large as the map may
// become, and a large table costs packets of many guests dear: its parts are not
// in the processor's cache.
const (
	perGuest4 = 2
	perGuest6 = 16
)

// layout returns the maps for a number of guests. Those without timeouts get
// the kernel's fixed hash, which for IPv4 is its fastest; those with timeouts
// its resizable one. Those that few guests are in take no room until then.
//
//	map up4        { type ether_addr . ipv4_addr : quota; flags timeout; size …; }
//	map up6        { type ether_addr . ipv6_addr : quota; flags timeout; size …; }
//	map down4      { type ipv4_addr : quota; flags timeout; size …; }
//	map down6      { type ipv6_addr : quota; flags timeout; size …; }
//	map meterup4   { type ipv4_addr : counter; size …; }
//	map meterup6   { type ipv6_addr : counter; size …; }
//	map meterdown4 { type ipv4_addr : counter; size …; }
//	map meterdown6 { type ipv6_addr : counter; size …; }
//	map eachup4    { type ether_addr . ipv4_addr : quota; flags timeout; }
//	map eachup6    { type ether_addr . ipv6_addr : quota; flags timeout; }
//	map eachdown4  { type ipv4_addr : quota; flags timeout; }
//	map eachdown6  { type ipv6_addr : quota; flags timeout; }
//	map total4     { type ipv4_addr : quota; }
//	map total6     { type ipv6_addr : quota; }
//	map devices    { type ether_addr : counter; flags timeout; size …; }
func layout(guests uint32) []set {
	n4, n6 := guests*perGuest4, guests*perGuest6
	const etherLen, len4, len6 = 8, 4, 16 // a MAC is padded inside a concatenation
	return []set{
		{"up4", netctl.Up, false, typeEther<<typeBits | typeIP4, etherLen + len4, unix.NFT_OBJECT_QUOTA, n4},
		{"up6", netctl.Up, true, typeEther<<typeBits | typeIP6, etherLen + len6, unix.NFT_OBJECT_QUOTA, n6},
		{"down4", netctl.Down, false, typeIP4, len4, unix.NFT_OBJECT_QUOTA, n4},
		{"down6", netctl.Down, true, typeIP6, len6, unix.NFT_OBJECT_QUOTA, n6},
		{"meterup4", netctl.MeterUp, false, typeIP4, len4, unix.NFT_OBJECT_COUNTER, n4},
		{"meterup6", netctl.MeterUp, true, typeIP6, len6, unix.NFT_OBJECT_COUNTER, n6},
		{"meterdown4", netctl.MeterDown, false, typeIP4, len4, unix.NFT_OBJECT_COUNTER, n4},
		{"meterdown6", netctl.MeterDown, true, typeIP6, len6, unix.NFT_OBJECT_COUNTER, n6},
		{"eachup4", netctl.EachUp, false, typeEther<<typeBits | typeIP4, etherLen + len4, unix.NFT_OBJECT_QUOTA, 0},
		{"eachup6", netctl.EachUp, true, typeEther<<typeBits | typeIP6, etherLen + len6, unix.NFT_OBJECT_QUOTA, 0},
		{"eachdown4", netctl.EachDown, false, typeIP4, len4, unix.NFT_OBJECT_QUOTA, 0},
		{"eachdown6", netctl.EachDown, true, typeIP6, len6, unix.NFT_OBJECT_QUOTA, 0},
		{"total4", netctl.Together, false, typeIP4, len4, unix.NFT_OBJECT_QUOTA, 0},
		{"total6", netctl.Together, true, typeIP6, len6, unix.NFT_OBJECT_QUOTA, 0},
		{"devices", netctl.Device, false, typeEther, 6, unix.NFT_OBJECT_COUNTER, n4},
	}
}

// setFor returns the name of the set in which a key is.
func setFor(k netctl.Key) string {
	names := [...][2]string{
		netctl.Up:        {"up4", "up6"},
		netctl.Down:      {"down4", "down6"},
		netctl.MeterUp:   {"meterup4", "meterup6"},
		netctl.MeterDown: {"meterdown4", "meterdown6"},
		netctl.EachUp:    {"eachup4", "eachup6"},
		netctl.EachDown:  {"eachdown4", "eachdown6"},
		netctl.Together:  {"total4", "total6"},
		netctl.Device:    {"devices", "devices"},
	}
	if k.Addr.Is6() {
		return names[k.Map][1]
	}
	return names[k.Map][0]
}

func (b *batch) newSet(table string, s set, id uint32) {
	b.add(msgNewSet, unix.NLM_F_CREATE, func() {
		b.str(unix.NFTA_SET_TABLE, table)
		b.str(unix.NFTA_SET_NAME, s.name)
		flags := uint32(unix.NFT_SET_OBJECT)
		if s.mapKind.Timed() {
			flags |= unix.NFT_SET_TIMEOUT
		}
		b.u32(unix.NFTA_SET_FLAGS, flags)
		b.u32(unix.NFTA_SET_KEY_TYPE, s.keyType)
		b.u32(unix.NFTA_SET_KEY_LEN, s.keyLen)
		b.u32(unix.NFTA_SET_OBJ_TYPE, s.object)
		if s.size > 0 {
			b.nest(unix.NFTA_SET_DESC, func() { b.u32(setDescSize, s.size) })
		}
		b.u32(unix.NFTA_SET_ID, id)
		b.bytes(unix.NFTA_SET_USERDATA, keyByteorderBig)
	})
}

// appendKey adds a key in the form that the kernel compares.
func appendKey(d []byte, k netctl.Key) []byte {
	switch k.Map {
	case netctl.Device:
		return append(d, k.MAC[:]...)
	case netctl.Up, netctl.EachUp:
		d = append(append(d, k.MAC[:]...), 0, 0)
	}
	if k.Addr.Is4() {
		a := k.Addr.As4()
		return append(d, a[:]...)
	}
	a := k.Addr.As16()
	return append(d, a[:]...)
}

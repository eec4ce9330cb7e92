package nft

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl"
)

// decodeObject reads a NEWOBJ message about a counter or quota.
func decodeObject(attrs []byte) (table string, o netctl.HeldObject, ok bool) {
	var data []byte
	attributes(attrs, func(typ uint16, v []byte) {
		switch typ {
		case unix.NFTA_OBJ_TABLE:
			table = text(v)
		case unix.NFTA_OBJ_NAME:
			o.Name = text(v)
		case unix.NFTA_OBJ_TYPE:
			switch number(v) {
			case unix.NFT_OBJECT_COUNTER:
				o.Kind = netctl.Counter
			case unix.NFT_OBJECT_QUOTA:
				o.Kind = netctl.Quota
			}
		case unix.NFTA_OBJ_DATA:
			data = v
		case unix.NFTA_OBJ_USE:
			o.InUse = number(v) > 0
		}
	})
	switch o.Kind {
	case netctl.Counter:
		attributes(data, func(typ uint16, v []byte) {
			if typ == unix.NFTA_COUNTER_BYTES {
				o.Used = number(v)
			}
		})
	case netctl.Quota:
		decodeQuota(data, &o)
	default:
		return table, o, false
	}
	return table, o, true
}

func decodeQuota(data []byte, o *netctl.HeldObject) {
	attributes(data, func(typ uint16, v []byte) {
		switch typ {
		case unix.NFTA_QUOTA_BYTES:
			o.Limit = limitFromKernel(number(v))
		case unix.NFTA_QUOTA_CONSUMED:
			o.Used = number(v)
		case unix.NFTA_QUOTA_FLAGS:
			o.Depleted = number(v)&unix.NFT_QUOTA_F_DEPLETED != 0
		}
	})
}

// decodeElements reads a NEWSETELEM message and calls f with each element
// whose key is one of the set's.
func decodeElements(attrs []byte, s set, f func(netctl.HeldElement)) {
	attributes(attrs, func(typ uint16, v []byte) {
		if typ != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
			return
		}
		attributes(v, func(_ uint16, v []byte) {
			if e, ok := decodeElement(v, s); ok {
				f(e)
			}
		})
	})
}

func decodeElement(d []byte, s set) (e netctl.HeldElement, ok bool) {
	attributes(d, func(typ uint16, v []byte) {
		switch typ {
		case unix.NFTA_SET_ELEM_KEY:
			attributes(v, func(typ uint16, v []byte) {
				if typ == unix.NFTA_DATA_VALUE {
					e.Key, ok = decodeKey(v, s)
				}
			})
		case unix.NFTA_SET_ELEM_EXPIRATION:
			ms := min(number(v), uint64(maxLeft.Milliseconds()))
			e.Left = max(minTimeout, time.Duration(ms)*time.Millisecond)
		case unix.NFTA_SET_ELEM_OBJREF:
			e.Object = text(v)
		}
	})
	return e, ok
}

// maxLeft is the longest time that is read; longer ones are cut.
const maxLeft = time.Duration(1 << 62)

// decodeKey is the reverse of appendKey.
func decodeKey(d []byte, s set) (netctl.Key, bool) {
	k := netctl.Key{Map: s.mapKind}
	if len(d) != int(s.keyLen) {
		return k, false
	}
	switch s.mapKind {
	case netctl.Device:
		k.MAC = hotspot.MAC(d)
		return k, true
	case netctl.Up, netctl.EachUp:
		k.MAC, d = hotspot.MAC(d[:6]), d[8:]
	}
	k.Addr, _ = netip.AddrFromSlice(d)
	return k, k.Addr.IsValid()
}

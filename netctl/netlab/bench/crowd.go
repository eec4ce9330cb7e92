package bench

import (
	"net/netip"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The crowd are guests that exist by their packets alone: guest i of it has
// crowdMAC(i) and crowdAddr(i). Its network lies behind the lab's guest 1, so
// that the router needs no neighbour entry for each.
const (
	crowdNet = "10.64.0.0/16"
	// unlimited is a quota that no benchmark uses up; the kernel checks it all
	// the same.
	unlimited = 1 << 50
)

func crowdMAC(i int) hotspot.MAC {
	return hotspot.MAC{0x02, 0xc0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
}

func crowdAddr(i int) netip.Addr {
	i++ // not the network's own
	return netip.AddrFrom4([4]byte{10, 64, byte(i >> 8), byte(i)})
}

// crowdPasses lets the first n of the crowd in, each on an account of its own
// with a quota in both directions.
func crowdPasses(n int) []hotspot.Pass {
	passes := make([]hotspot.Pass, n)
	for i := range passes {
		passes[i] = crowdPass(i)
	}
	return passes
}

func crowdPass(i int) hotspot.Pass {
	id := uint64(i + 1)
	return hotspot.Pass{
		Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: id},
		Limit:   hotspot.Usage{Down: unlimited, Up: unlimited},
		Grants:  []hotspot.Grant{{Session: id, MAC: crowdMAC(i), Addrs: []netip.Addr{crowdAddr(i)}}},
	}
}

package hosts

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

func TestLocal(t *testing.T) {
	l := NewLocal()
	a, ok := l.ByAddr(ip("127.0.0.1"))
	b, _ := l.ByAddr(ip("::ffff:127.0.0.1"))
	c, _ := l.ByAddr(ip("::1"))
	if !ok || a.MAC != b.MAC || a.MAC == c.MAC || a.MAC[0] != 2 {
		t.Errorf("%v %v %v", a, b, c)
	}
	if !slices.Equal(a.Addrs, []netip.Addr{ip("127.0.0.1")}) {
		t.Errorf("%v", a.Addrs)
	}
	if again, _ := NewLocal().ByAddr(ip("127.0.0.1")); again.MAC != a.MAC {
		t.Error("another run makes another MAC")
	}
	if got, ok := l.ByMAC(c.MAC); !ok || got.MAC != c.MAC {
		t.Errorf("%v %v", got, ok)
	}
	for _, bad := range []netip.Addr{{}, ip("0.0.0.0"), ip("::"), ip("224.0.0.1")} {
		if _, ok := l.ByAddr(bad); ok {
			t.Errorf("%v is a device", bad)
		}
	}
	for i := range 2 * maxLocal {
		l.ByAddr(ip6(i))
	}
	list := l.List()
	if len(list) != maxLocal || !slices.IsSortedFunc(list, func(a, b hotspot.Host) int { return slices.Compare(a.MAC[:], b.MAC[:]) }) {
		t.Errorf("%d devices", len(list))
	}
}

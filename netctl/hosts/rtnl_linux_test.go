package hosts

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// message makes the body of RTM_NEWNEIGH.
func message(tb testing.TB, family uint8, index int, state uint16, flags byte, attrs ...netlink.Attribute) []byte {
	tb.Helper()
	b := ndmsg(family, index, state)
	b[10] = flags
	list, err := netlink.MarshalAttributes(attrs)
	if err != nil {
		tb.Fatal(err)
	}
	return append(b, list...)
}

func neighbourAttrs() []netlink.Attribute {
	m, a, age := mac(1), ip("192.168.0.10"), make([]byte, 16)
	binary.NativeEndian.PutUint32(age, 250)
	return []netlink.Attribute{
		{Type: unix.NDA_DST, Data: a.AsSlice()},
		{Type: unix.NDA_LLADDR, Data: m[:]},
		{Type: unix.NDA_CACHEINFO, Data: age},
		{Type: ndaProtocol, Data: []byte{madeBy}},
	}
}

func TestParseNeighbour(t *testing.T) {
	all := neighbourAttrs()
	for name, tc := range map[string]struct {
		msg    []byte
		ok     bool
		rank   rank
		alive  bool
		pinned bool
	}{
		"reachable":       {message(t, unix.AF_INET, 7, unix.NUD_REACHABLE, 0, all...), true, verified, true, false},
		"stale":           {message(t, unix.AF_INET, 7, unix.NUD_STALE, 0, all...), true, claimed, false, false},
		"delay":           {message(t, unix.AF_INET, 7, unix.NUD_DELAY, 0, all...), true, claimed, false, false},
		"pinned":          {message(t, unix.AF_INET, 7, unix.NUD_PERMANENT, 0, all...), true, verified, false, true},
		"an operator's":   {message(t, unix.AF_INET, 7, unix.NUD_PERMANENT, 0, all[:3]...), true, verified, false, false},
		"failed":          {message(t, unix.AF_INET, 7, unix.NUD_FAILED, 0, all...), false, 0, false, false},
		"incomplete":      {message(t, unix.AF_INET, 7, unix.NUD_INCOMPLETE, 0, all...), false, 0, false, false},
		"multicast":       {message(t, unix.AF_INET, 7, unix.NUD_NOARP, 0, all...), false, 0, false, false},
		"other interface": {message(t, unix.AF_INET, 8, unix.NUD_REACHABLE, 0, all...), false, 0, false, false},
		"proxy":           {message(t, unix.AF_INET, 7, unix.NUD_PERMANENT, unix.NTF_PROXY, all...), false, 0, false, false},
		"bridge":          {message(t, unix.AF_BRIDGE, 7, unix.NUD_REACHABLE, 0, all...), false, 0, false, false},
		"no MAC":          {message(t, unix.AF_INET, 7, unix.NUD_REACHABLE, 0, all[0]), false, 0, false, false},
		"no address":      {message(t, unix.AF_INET, 7, unix.NUD_REACHABLE, 0, all[1]), false, 0, false, false},
		"short":           {make([]byte, 11), false, 0, false, false},
		"empty":           {nil, false, 0, false, false},
	} {
		e, ok := parseNeighbour(tc.msg, 7)
		if ok != tc.ok {
			t.Errorf("%s: ok %v", name, ok)
			continue
		}
		if !ok {
			continue
		}
		if e.rank != tc.rank || e.alive != tc.alive || e.pinned != tc.pinned || e.mac != mac(1) || e.addr != ip("192.168.0.10") {
			t.Errorf("%s: %+v", name, e)
		}
		if e.idle != 2500*time.Millisecond && name != "an operator's" {
			t.Errorf("%s: idle for %v", name, e.idle)
		}
	}
}

func FuzzParseNeighbour(f *testing.F) {
	f.Add(message(f, unix.AF_INET, 7, unix.NUD_REACHABLE, 0, neighbourAttrs()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := parseNeighbour(b, 7)
		if ok && (e.addr == netip.Addr{} || e.mac == hotspot.MAC{}) {
			t.Errorf("%+v", e)
		}
	})
}

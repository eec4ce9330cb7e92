package netctl

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestAdopt takes over what restarts, old kernels and other programs can leave.
func TestAdopt(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	mac := hotspot.MAC{2, 5: 1}
	objs := []HeldObject{
		{Name: "v1d", Kind: Quota, Limit: 1000, Used: 10},   // an older one, held on to
		{Name: "v1d.1", Kind: Quota, Limit: 1000, Used: 10}, // in use
		{Name: "v1d.2", Kind: Quota, Limit: 1000},
		{Name: "v1u", Kind: Quota},
		{Name: "v7d", Kind: Quota}, // nobody's
		{Name: "s11v1d", Kind: Counter}, {Name: "s11v1u", Kind: Counter},
		{Name: "s12v1d", Kind: Counter}, {Name: "s12v1u", Kind: Counter}, // closed
		{Name: "s13v1d", Kind: Counter}, // abandoned before
		{Name: "somebody's", Kind: Counter}, {Name: "other", Kind: Quota},
	}
	elems := []HeldElement{
		{Key{Map: Up, MAC: mac, Addr: a}, "v1u", time.Hour},
		{Key{Map: Down, Addr: a}, "v1d.1", time.Hour},
		{Key{Map: MeterDown, Addr: a}, "s11v1d", 0},
		{Key{Map: MeterUp, Addr: a}, "s11v1u", 0},
		{Key{Map: Device, MAC: mac}, "s11v1u", time.Hour},
		{Key{Map: Down, Addr: b}, "v1d.1", 0}, // without a meter
		{Key{Map: MeterUp, Addr: b}, "somebody's", 0},
	}
	old := NewState()
	old.Abandon([]Op{{Verb: Drop, Kind: Counter, Object: "s13v1d"}})
	s := Adopt(objs, elems, old, 0)
	if d := cmp.Diff([]string{"drop s13v1d", "drop v1d", "drop v1d.2", "drop v7d"}, render(Plan{Ops: s.Trash()})); d != "" {
		t.Errorf("abandoned (-want +got):\n%s", d)
	}
	if d := cmp.Diff(4, s.Counters()); d != "" {
		t.Errorf("counters: %s", d)
	}
	if ops := s.Orphans(); len(ops) != 2 || ops[0].Key.Addr != b || ops[1].Key.Addr != b {
		t.Errorf("orphans %v", render(Plan{Ops: ops}))
	} else {
		s.Apply(ops, 0)
	}
	passes, err := Clean([]hotspot.Pass{pass(1, 1000, 0, g(11, 1, time.Hour, "10.0.0.1"))})
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Plan(passes, 0); len(p.Ops) > 0 {
		t.Errorf("more to change: %v", render(p))
	}
	if n := len(s.Forget([]uint64{11, 12, 13})); n != 2 {
		t.Errorf("%d counters can be forgotten, want 2", n)
	}
}

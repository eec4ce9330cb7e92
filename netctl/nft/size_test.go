package nft

import (
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// TestResize changes the number of guests under those that are in.
func TestResize(t *testing.T) {
	l := newLab(t, 1, 1500)
	pass := hotspot.Pass{Account: voucher(900), Limit: hotspot.Usage{Down: 1 << 30}, Grants: []hotspot.Grant{labGrant(0, 11)}}
	g := l.open(t, func(c *Config) { c.MaxGuests = 3 })
	mustSet(t, g, pass)
	l.ready(t, 0)
	used := settledCount(t, g)
	for _, n := range []int{20, 2} {
		_ = g.Close()
		g = l.open(t, func(c *Config) { c.MaxGuests = n })
		if got := counted(t, g); got != used {
			t.Errorf("for %d guests: %+v is counted, was %+v", n, got, used)
		}
		l.ready(t, 0)
		mustSet(t, g, pass)
		used = settledCount(t, g)
	}
	_ = g.Close()
	g = l.open(t, func(c *Config) { c.MaxGuests = 20 })
	if err := g.Set(t.Context(), crowd(30, false)...); err != nil {
		t.Errorf("30 guests with an address each, in maps for 20 guests with two: %v", err)
	}
	if err := g.Set(t.Context(), crowd(100, false)...); hotspot.CodeOf(err) != hotspot.CodeUnavailable {
		t.Errorf("100 guests in maps for 20: %v", err)
	}
	l.ready(t, 0)
}

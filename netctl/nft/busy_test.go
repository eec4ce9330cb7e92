package nft

import (
	"slices"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/gatetest"
)

// TestEndedButNotCleared lets elements end and uses their account again before
// the kernel has cleared them away: their objects are held on to, and go later.
func TestEndedButNotCleared(t *testing.T) {
	for name, oldKernel := range map[string]bool{"new kernel": false, "old kernel": true} {
		t.Run(name, func(t *testing.T) {
			n := newNamespace(t)
			g := openIn(t, n, nil)
			if oldKernel {
				g.destroy = 0
			}
			grant := labGrant(0, 11)
			busy := false
			for range 20 {
				grant.Left = 30 * time.Millisecond
				mustSet(t, g, hotspot.Pass{Account: voucher(1), Limit: hotspot.Usage{Down: 10}, Grants: []hotspot.Grant{grant}})
				<-time.After(40 * time.Millisecond)
				mustSet(t, g, hotspot.Pass{Account: voucher(1)})
				busy = busy || len(g.state.Trash()) > 0
				if err := g.Forget(t.Context(), 11); err != nil {
					t.Fatal(err)
				}
				grant.Left = time.Hour
				mustSet(t, g, hotspot.Pass{Account: voucher(1), Limit: hotspot.Usage{Down: 20}, Grants: []hotspot.Grant{grant}})
				tally, err := g.Read(t.Context())
				if want := []hotspot.Meter{{Session: 11, Account: voucher(1)}}; err != nil || !slices.Equal(tally.Meters, want) || len(tally.Depleted) > 0 {
					t.Fatalf("%+v, %v", tally, err)
				}
				mustSet(t, g, hotspot.Pass{Account: voucher(1)})
				if err := g.Forget(t.Context(), 11); err != nil {
					t.Fatal(err)
				}
			}
			if !busy {
				t.Error("the kernel never held on to an object: nothing was tested")
			}
			gatetest.Eventually(t, "the kernel lets go of all", func() bool {
				_, err := g.Read(t.Context())
				return err == nil && len(g.state.Trash()) == 0
			})
			golden(t, "nobody.nft", bare(n.run(t, "nft", "-y", "list", "ruleset")))
		})
	}
}

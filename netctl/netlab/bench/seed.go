package bench

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
)

// seedBatch is how many guests one transaction takes in.
const seedBatch = 2500

// seedGuests stores n of the crowd as guests who are online: a voucher, a
// session and a device each.
func seedGuests(n int) func(context.Context, *store.DB) error {
	return inBatches(n, func(tx hotspot.Tx, i int) error {
		begun := time.Now().Add(-time.Minute)
		v := seedVoucher(i)
		v.FirstUse, v.LastUse, v.Started, v.Bound = begun, begun, begun, []hotspot.MAC{crowdMAC(i)}
		if err := tx.PutVoucher(&v); err != nil {
			return err
		}
		s := hotspot.Session{
			Account: v.Account(), Login: v.Username, MAC: crowdMAC(i), Addrs: []netip.Addr{crowdAddr(i)}, Started: begun,
		}
		if err := tx.PutSession(&s); err != nil {
			return err
		}
		return tx.PutDevice(hotspot.Device{MAC: s.MAC, Account: s.Account, Login: s.Login, Returning: true})
	})
}

// seedVouchers stores n vouchers that nobody has used.
func seedVouchers(n int) func(context.Context, *store.DB) error {
	return inBatches(n, func(tx hotspot.Tx, i int) error {
		v := seedVoucher(i)
		return tx.PutVoucher(&v)
	})
}

func inBatches(n int, one func(hotspot.Tx, int) error) func(context.Context, *store.DB) error {
	return func(ctx context.Context, db *store.DB) error {
		for i := 0; i < n; i += seedBatch {
			err := db.Update(ctx, func(tx hotspot.Tx) error {
				for j := i; j < min(i+seedBatch, n); j++ {
					if err := one(tx, j); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func seedVoucher(i int) hotspot.Voucher {
	now := time.Now()
	return hotspot.Voucher{
		Username: fmt.Sprintf("crowd%06d", i), Passcode: fmt.Sprintf("pass%06d", i), FullName: fmt.Sprintf("Guest Number %d", i),
		Created: now, Modified: now,
		Allowance: hotspot.Allowance{
			ValidFor: hotspot.Validity(30 * 24 * time.Hour), Limit: hotspot.Usage{Down: unlimited, Up: unlimited},
		},
	}
}

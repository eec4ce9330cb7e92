package store

import (
	"crypto/rand"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

// BenchmarkFindLogins looks through a page's worth of a long log in vain.
func BenchmarkFindLogins(b *testing.B) {
	db := openNew(b)
	const many = 200_000
	for from := 0; from < many; from += 10_000 {
		put(b, db, func(tx hotspot.Tx) error {
			for i := from; i < from+10_000; i++ {
				began := at().Add(time.Duration(i) * time.Minute)
				x := hotspot.Session{Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: uint64(i % 5000)}, Login: "K7Q2MH", MAC: hotspot.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)},
					Addrs: []netip.Addr{netip.MustParseAddr("192.168.77.5"), netip.MustParseAddr("fd00:1:2:3:4:5:6:7")}, Started: began, Ended: began.Add(time.Hour), Reason: hotspot.EndIdle,
					Used: hotspot.Usage{Down: 1 << 28, Up: 1 << 20}}
				if err := tx.PutSession(&x); err != nil {
					return err
				}
			}
			return nil
		})
	}
	clock := hotspottest.NewClock(at())
	svc := hotspot.New(hotspot.Config{Store: db, Gate: memory.New(memory.Now(clock.Mono)), Hosts: &hotspottest.Hosts{}, Clock: clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	for name, q := range map[string]hotspot.LoginQuery{
		"text":   {Text: "nobody", Limit: 100, Scan: hotspot.LoginScan},
		"method": {Method: hotspot.MethodFree, Limit: 100, Scan: hotspot.LoginScan},
		"newest": {Limit: 100, Scan: hotspot.LoginScan},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := svc.FindLogins(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

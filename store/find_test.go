package store

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
)

// addFindable stores vouchers as a venue that has been at it for years has
// them: most were used, and are over.
func addFindable(tb testing.TB, db *DB, n int) {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	for from := 0; from < n; from += 5000 {
		put(tb, db, func(tx hotspot.Tx) error {
			for i := from; i < min(n, from+5000); i++ {
				v := hotspot.Voucher{Username: fmt.Sprintf("%c%c%04X", 'a'+rnd.IntN(26), 'a'+rnd.IntN(26), i), Passcode: "x7kq2m",
					FullName: "Quiet Heron", Note: fmt.Sprintf("Room %d, party of %d", i%300, i%7), Created: at().Add(time.Duration(i) * time.Second)}
				v.Modified, v.ValidFor, v.Limit.Down = v.Created, hotspot.Validity(24*time.Hour), 5<<30
				if i%10 != 0 {
					v.FirstUse = v.Created.Add(time.Duration(rnd.IntN(1000)) * time.Hour)
					v.LastUse, v.Started, v.Used.Down = v.FirstUse.Add(time.Hour), v.FirstUse, 1<<30
					v.Bound = []hotspot.MAC{{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}}
				}
				if err := tx.PutVoucher(&v); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func finding(db *DB) *hotspot.Service {
	return hotspot.New(hotspot.Config{Store: db, Clock: hotspottest.NewClock(at().Add(1000 * time.Hour)), Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
}

func findQueries() map[string]hotspot.VoucherQuery {
	middle := hotspot.VoucherPlace{ID: many / 2}
	return map[string]hotspot.VoucherQuery{
		"first page":          {Limit: 50},
		"newest":              {Limit: 50, Descending: true},
		"middle":              {Limit: 50, After: middle},
		"text, common":        {Limit: 50, Text: "room 7"},
		"text, one":           {Limit: 50, Text: "fffe"},
		"text, none":          {Limit: 50, Text: "no such text"},
		"text, not ASCII":     {Limit: 50, Text: "hérön"},
		"status, none":        {Limit: 50, Match: func(v *hotspot.VoucherView) bool { return v.Status == hotspot.VoucherOnline }},
		"by username":         {Limit: 50, Order: hotspot.ByUsername},
		"by last use, latest": {Limit: 50, Order: hotspot.ByLastUse, Descending: true},
		"by expiry":           {Limit: 50, Order: hotspot.ByExpiry},
		"by expiry, of text":  {Limit: 50, Order: hotspot.ByExpiry, Text: "room 7"},
		"by username, 1000":   {Limit: hotspot.MaxFind, Order: hotspot.ByUsername},
	}
}

// BenchmarkFind is one page of the list of 100,000 vouchers, as the panel asks
// for it.
func BenchmarkFind(b *testing.B) {
	opts, _ := options(benchDir(b))
	db := open(b, opts)
	addFindable(b, db, many)
	s := finding(db)
	for name, q := range findQueries() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.FindVouchers(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestFindIsFrugal: a search takes memory for its page, not for the list. What
// it allocates on the way is a copy of each record, which is garbage at once.
func TestFindIsFrugal(t *testing.T) {
	const some = 20_000
	db := openNew(t)
	addFindable(t, db, some)
	s := finding(db)
	for name, q := range findQueries() {
		if q.Limit == hotspot.MaxFind {
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := s.FindVouchers(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if allocs := float64(after.Mallocs-before.Mallocs) / some; allocs > 5 {
			t.Errorf("%s: %.1f allocations per voucher", name, allocs)
		}
		if bytes := (after.TotalAlloc - before.TotalAlloc) / some; bytes > 400 {
			t.Errorf("%s: %d bytes allocated per voucher", name, bytes)
		}
	}
}

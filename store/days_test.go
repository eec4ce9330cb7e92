package store

import (
	"math"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// fullDay is a day with all that a day can have.
func fullDay(date hotspot.Date, accounts int) *hotspot.Day {
	d := &hotspot.Day{Date: date, Through: uint64(date) * 50}
	for h := range 24 {
		d.Hours = append(d.Hours, hotspot.Hour{Start: date.In(time.UTC).Add(time.Duration(h) * time.Hour),
			Used: hotspot.Usage{Down: 3 << 30, Up: 200 << 20}, Logins: hotspot.Logins{9, 2}, Peak: 40})
	}
	for a := range accounts {
		d.Accounts = append(d.Accounts, hotspot.AccountUse{Account: hotspot.AccountID{Method: hotspot.MethodVoucher, ID: uint64(a + 1000)},
			Used: hotspot.Usage{Down: 600 << 20, Up: 50 << 20}})
	}
	return d
}

// TestDaysAreSmall bounds what a day takes of the flash.
func TestDaysAreSmall(t *testing.T) {
	if n := len(encodeDay(fullDay(20000, 0))); n > 800 {
		t.Errorf("a day without accounts takes %d bytes", n)
	}
	if n := len(encodeDay(fullDay(20000, hotspot.MaxDayAccounts))); n > 3500 {
		t.Errorf("a day with accounts takes %d bytes", n)
	}
}

func TestBadDays(t *testing.T) {
	good := encodeDay(fullDay(1, 2))
	for _, key := range [][]byte{{}, {0, 0, 0, 1}, {0, 0, 0, 1, 2}, {0x80, 0, 0, 1, 0}, {0, 0, 0, 1, 0, 0}} {
		if err := checkDay(key, string(good)); err == nil {
			t.Errorf("key %x is taken", key)
		}
	}
	for n := range len(good) {
		_ = checkDay(dayKey(1, true), string(good[:n])) // must not panic
	}
	if err := checkDay(dayKey(math.MaxInt32, true), string(good)); err != nil {
		t.Error(err)
	}
}

// BenchmarkDays reads all days that are kept, as a year by day does.
func BenchmarkDays(b *testing.B) {
	opts, _ := options(b.TempDir())
	db := open(b, opts)
	if err := db.Update(b.Context(), func(tx hotspot.Tx) error {
		for i := range hotspot.Date(400) {
			n := 0
			if i > 390 {
				n = hotspot.MaxDayAccounts
			}
			if err := tx.PutDay(fullDay(20000+i, n)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := db.View(b.Context(), func(r hotspot.Reader) error {
			return r.ScanDays(0, math.MaxInt32, func(*hotspot.Day) error { n++; return nil })
		}); err != nil || n != 400 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(db.Stats().Size), "B/file")
}

package vouchers

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/store"
	"github.com/vouchsafe/vouchsafe/webui/admin/paneltest"
)

// stored is how many vouchers the list must bear.
const stored = 100_000

// large is the area over a store on disk with many vouchers, most of them used.
func large(b *testing.B) *paneltest.Site {
	b.Helper()
	db, err := store.Open(context.Background(), store.Options{Path: filepath.Join(b.TempDir(), "store.db"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	for from := 0; from < stored; from += 5000 {
		if err := db.Update(context.Background(), func(tx hotspot.Tx) error {
			for i := from; i < from+5000; i++ {
				v := hotspot.Voucher{Username: fmt.Sprintf("%05X%c", i*7919%stored, 'A'+i%26), Passcode: "X7KQ2M", FullName: "Quiet Heron", Note: fmt.Sprintf("Room %d, party of %d", i%300, i%7),
					Created: start.Add(time.Duration(i-stored) * time.Minute)}
				v.Modified, v.ValidFor, v.Limit.Down = v.Created, hotspot.Validity(24*time.Hour), 5<<30
				if i%10 != 0 {
					v.FirstUse = v.Created.Add(time.Duration(i%1000) * time.Hour)
					v.LastUse, v.Started, v.Used.Down = v.FirstUse.Add(time.Hour), v.FirstUse, 1<<30
					v.Bound = []hotspot.MAC{{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}}
				}
				if err := tx.PutVoucher(&v); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	clock := hotspottest.NewClock(start)
	service := hotspot.New(hotspot.Config{Store: db, Gate: memory.New(memory.Now(clock.Mono)), Hosts: &hotspottest.Hosts{}, Clock: clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := service.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	return paneltest.Serve(b, api.RoleManager, New(Config{Service: service}))
}

// BenchmarkList is a page of the list of 100,000 vouchers on disk, as a browser
// gets it: the search, the count, the markup, packed.
func BenchmarkList(b *testing.B) {
	s := large(b)
	for _, c := range []struct{ name, query string }{
		{"newest", ""}, {"search", "?q=room+7"}, {"search for one", "?q=0FFFE"}, {"search for none", "?q=nothing+like+it"}, {"one state", "?status=new"},
		{"state and text", "?status=expired&q=party+of+3"}, {"by code", "?sort=username"}, {"by end", "?sort=expires"}, {"by last login", "?sort=-last_use&q=room"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if a := s.Get(b, Path+c.query); a.Status != http.StatusOK {
					b.Fatalf("%d", a.Status)
				}
			}
		})
	}
}

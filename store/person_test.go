package store

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

// TestPersonIsGone: after somebody is deleted, no key and no record of the store
// has anything of them, indexes included, and the store is whole.
func TestPersonIsGone(t *testing.T) {
	db := openNew(t)
	clock, hosts := hotspottest.NewClock(at()), &hotspottest.Hosts{}
	svc := hotspot.New(hotspot.Config{Store: db, Gate: memory.New(memory.Now(clock.Mono)), Hosts: hosts, Clock: clock,
		Rand: rand.Reader, Log: slog.New(slog.DiscardHandler), Zone: time.UTC})
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := svc.SetSetting(t.Context(), "free.duration", "0s"); err != nil {
		t.Fatal(err)
	}
	svc.Subscribe([]hotspot.Subscription{{Endpoint: "x", Types: hotspot.EventTypes()}})
	vouchers, err := svc.CreateVouchers(t.Context(), hotspot.VoucherSpec{Devices: 50})
	if err != nil {
		t.Fatal(err)
	}
	device := func(i int) hotspot.Host {
		d := hotspot.Host{MAC: hotspot.MAC{0xAA, 0xBB, 0xCC, 0xDD, 0xEE, byte(i)}, Name: "Annas Telefon", Addrs: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})}}
		hosts.Put(d)
		return d
	}
	for i := range 40 {
		d := device(i - i%3/2)
		claim := hotspot.Claim{Method: hotspot.MethodEmail, Login: "anna@example.org", User: hotspot.User{Key: "anna@example.org", Name: "Rossi"}}
		if i%3 == 2 {
			claim = hotspot.Claim{Method: hotspot.MethodVoucher, Voucher: vouchers[0].ID, Login: vouchers[0].Username}
		}
		if _, err := svc.Login(t.Context(), d, claim); err != nil {
			t.Fatal(err)
		}
		if err := svc.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		clock.Pass(2 * time.Minute)
		if err := svc.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	marks := []string{"anna@example.org", "Rossi", "Annas Telefon", "AA:BB:CC:DD:EE", `\xaa\xbb\xcc\xdd\xee`, "203.0.113", `\xcb\x00q`}
	before := dump(t, db)
	for _, s := range marks[:2] {
		if !strings.Contains(before, s) {
			t.Errorf("%q is not there before", s)
		}
	}
	if _, err := svc.Erase(t.Context(), hotspot.Who{Key: "anna@example.org"}); err != nil {
		t.Fatal(err)
	}
	after := dump(t, db)
	for _, s := range marks {
		if i := strings.Index(after, s); i >= 0 {
			t.Errorf("%q is stored: …%s…", s, after[max(0, i-100):min(len(after), i+100)])
		}
	}
	if was, is := strings.Count(before, "\nsessions "), strings.Count(after, "\nsessions "); was != is || is != 40 {
		t.Errorf("%d logins of %d", is, was)
	}
	if err := db.Check(); err != nil {
		t.Error(err)
	}
	// The snapshot has nothing of them, either.
	look(t, db, func(r hotspot.Reader) error {
		d, err := r.Sightings()
		if len(d) > 0 {
			err = fmt.Errorf("%d sightings", len(d))
		}
		return err
	})
}

package hotspot_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
	"github.com/vouchsafe/vouchsafe/store"
)

// stored is a house whose store is the real one, in a file that every restart
// opens again.
type stored struct {
	*house
	path string
	db   *store.DB
}

func newStored(t *testing.T) *stored {
	t.Helper()
	s := &stored{path: filepath.Join(t.TempDir(), "store.db")}
	s.house = &house{t: t, hosts: &hotspottest.Hosts{}, clock: hotspottest.NewClock(start)}
	s.gate = memory.New(memory.Now(s.clock.Mono))
	t.Cleanup(func() { s.db.Close() })
	s.restart()
	return s
}

// restart ends the daemon as kill -9 does, and starts it again.
func (s *stored) restart() {
	s.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if s.db != nil {
		if err := s.db.Close(); err != nil {
			s.t.Fatal(err)
		}
	}
	var err error
	if s.db, err = store.Open(s.t.Context(), store.Options{Path: s.path, Log: log}); err != nil {
		s.t.Fatalf("open: %v", err)
	}
	s.Service = hotspot.New(hotspot.Config{Store: s.db, Gate: s.gate, Hosts: s.hosts, Clock: s.clock,
		Rand: rand.Reader, Log: log, Zone: time.UTC})
	if err := s.Start(s.t.Context()); err != nil {
		s.t.Fatalf("start: %v", err)
	}
}

// reboot starts the machine with an empty gate and a clock that shows wall.
func (s *stored) reboot(wall time.Time, boot string) {
	s.clock.Reboot(wall, boot)
	s.gate = memory.New(memory.Now(s.clock.Mono))
	s.restart()
}

// ways are how a clock comes to show another time.
func ways() map[string]func(s *stored, wall time.Time, synced bool) {
	return map[string]func(*stored, time.Time, bool){
		"while running": func(s *stored, wall time.Time, synced bool) {
			s.clock.Set(wall, synced)
			s.poll()
		},
		"while running, then killed": func(s *stored, wall time.Time, synced bool) {
			s.clock.Set(wall, synced)
			s.poll()
			s.restart()
		},
		"while dead": func(s *stored, wall time.Time, synced bool) {
			s.clock.Set(wall, synced)
			s.restart()
			s.poll()
		},
		"by a reboot": func(s *stored, wall time.Time, synced bool) {
			s.flush()
			s.reboot(wall, "boot-2")
			s.clock.Set(wall, synced)
			s.poll()
		},
		"by a reboot, and killed before NTP": func(s *stored, wall time.Time, synced bool) {
			s.flush()
			s.reboot(wall, "boot-2")
			s.restart()
			s.clock.Set(wall, synced)
			s.restart()
		},
	}
}

// TestYearsOff sets the clock ten years ahead, ten years back or to 1970, in
// every way, and back again. Through restarts of the real store nobody's
// voucher ends or lasts longer: online, offline, unused, or of free access.
func TestYearsOff(t *testing.T) {
	for name, way := range ways() {
		for _, wall := range []time.Time{start.AddDate(10, 0, 0), start.AddDate(-10, 0, 0), time.Unix(0, 0).UTC()} {
			for _, synced := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%d/synced=%v", name, wall.Year(), synced), func(t *testing.T) {
					yearsOff(t, way, wall, synced)
				})
			}
		}
	}
}

// people are the vouchers that a clock must neither end nor extend.
type people struct {
	online, offline, unused hotspot.Voucher
	device, other, free     hotspot.Host
}

func yearsOff(t *testing.T, way func(*stored, time.Time, bool), wall time.Time, synced bool) {
	s := newStored(t)
	s.set("session.idle_timeout", "0s")
	s.set("free.duration", "10h")
	ten := hotspot.VoucherSpec{ValidFor: hours(10), Limit: hotspot.Usage{Down: 1 << 40}}
	p := people{online: s.voucher(ten), offline: s.voucher(ten), unused: s.voucher(ten), device: s.device(10), other: s.device(11), free: s.device(13)}
	s.login(p.device, p.online)
	s.login(p.other, p.offline)
	if _, err := s.tryFree(p.free); err != nil {
		t.Fatal(err)
	}
	if err := s.Logout(t.Context(), p.other.MAC); err != nil {
		t.Fatal(err)
	}
	s.clock.Pass(time.Hour)
	s.poll()
	way(s, wall, synced)
	p.check(s, "after", 9*time.Hour)
	s.clock.Pass(time.Hour)
	s.flush()
	s.restart()
	p.check(s, "an hour later, after a restart", 8*time.Hour)
	s.clock.Set(start.Add(2*time.Hour), true)
	s.poll()
	p.check(s, "put right", 8*time.Hour)
	s.restart()
	p.check(s, "restarted with the right time", 8*time.Hour)
	if now, believed := s.Now(); !believed || !now.Equal(start.Add(2*time.Hour)) {
		t.Errorf("the house's time is %v, believed %v", now, believed)
	}
	s.flush()
	s.reboot(start.Add(2*time.Hour), "boot-3")
	s.clock.Set(start.Add(2*time.Hour), true)
	s.poll()
	p.check(s, "rebooted with the right time", 8*time.Hour)
	third := s.device(12)
	s.login(third, p.unused)
	if st, err := s.Status(t.Context(), third); err != nil || st.TimeLeft != 10*time.Hour {
		t.Errorf("the unused voucher gives %v, %v", st.TimeLeft, err)
	}
	s.clock.Pass(8*time.Hour - time.Second)
	s.poll()
	s.wantWhy(p.device, "online")
	s.clock.Pass(time.Second)
	s.poll()
	s.wantWhy(p.device, hotspot.CodeTimeUsed)
}

func (p people) check(s *stored, when string, left time.Duration) {
	s.t.Helper()
	for _, d := range []hotspot.Host{p.device, p.free} {
		st, err := s.Status(s.t.Context(), d)
		if err != nil || !st.Online || st.TimeLeft != left {
			s.t.Errorf("%s: %s: online %v, %v left, want %v; %v", when, d.MAC, st.Online, st.TimeLeft, left, err)
		}
	}
	s.wantDown(p.device, 1000, 1000)
	now, _ := s.Now()
	if got := s.view(p.offline).ExpiresAt.Sub(now); got != left {
		s.t.Errorf("%s: the voucher that nobody is on has %v left, want %v", when, got, left)
	}
	if v := s.view(p.unused); !v.ExpiresAt.IsZero() || !v.Started.IsZero() {
		s.t.Errorf("%s: the unused voucher has begun at %v", when, v.Started)
	}
}

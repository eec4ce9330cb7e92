package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	"github.com/vouchsafe/vouchsafe/store/storetest"
)

// sample is what a guest had received at a moment, and how far the disk was.
type sample struct {
	time     time.Time
	position int
	bytes    uint64
}

// samples are taken while a guest downloads.
type samples []sample

// at returns the moments right before and right after a position of the disk.
func (s samples) at(position int) (before, after sample) {
	i, _ := slices.BinarySearchFunc(s, position, func(x sample, p int) int { return x.position - p })
	return s[max(i-1, 0)], s[min(i, len(s)-1)]
}

// before returns the last sample that is as old.
func (s samples) before(t time.Time) sample {
	i, _ := slices.BinarySearchFunc(s, t, func(x sample, t time.Time) int { return x.time.Compare(t) })
	return s[max(i-1, 0)]
}

// TestPowerCutUnderDownload cuts the power of a router at many moments while a
// guest downloads and vouchers are made. Acknowledged vouchers are there, of
// the usage at most one flush period is lost, and after the reboot the guest is
// let in again with what is left.
func TestPowerCutUnderDownload(t *testing.T) {
	image := formatted(t)
	content, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	plug, err := storetest.NewDisk(t.TempDir(), content)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plug.Close(); err != nil {
			t.Error(err)
		}
	})
	h := newHouse(t, "power", netlab.Options{Guests: 2})
	d := h.onDisk(func(d *disk) { d.run("mount", "-o", "loop", plug.Path(), d.dir) })
	g := h.Guest(1)
	user, pass := h.voucher(map[string]any{"download_limit": 100})
	h.login(g, user, pass)
	begin := plug.Position()
	booked, seen, slowest := h.downloadOn(plug, g)
	t.Logf("the slowest answer took %v", slowest)
	end := plug.Position()
	h.kill()
	if err := unix.Unmount(d.dir, 0); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	dir := t.TempDir()
	var lost time.Duration
	for n := range 60 {
		at := begin + r.IntN(end-begin+1)
		if err := plug.Cut(at, r, image); err != nil {
			t.Fatal(err)
		}
		l, err := booked.charged(image, dir, at, user, seen, slowest)
		if err != nil {
			t.Errorf("cut %d, at %d of %d: %v", n, at, end, err)
		}
		lost = max(lost, l)
	}
	t.Logf("%d vouchers made, %d removed; of the usage at most the last %v was lost", len(booked.made), len(booked.removed), lost.Round(10*time.Millisecond))
	if len(booked.made) < 20 || lost == 0 {
		t.Error("hardly anything happened: the test tests nothing")
	}
	// The machine comes up from the last of these disks, with an empty kernel.
	if err := errors.Join(h.StopFirewall(t.Context()), h.ReloadFirewall(t.Context())); err != nil {
		t.Fatal(err)
	}
	d.run("mount", "-o", "loop", image, d.dir)
	h.start()
	h.released(g)
	h.caught(h.Guest(2))
	used, _ := h.used(user)
	rest := h.send(netlab.Flow{Guest: g, Bytes: 200 * mb, Time: patience})
	if got := used + rest.Down; got > 100*mb || got < 100*mb-netGSO {
		t.Errorf("%d bytes were used before the power cut, %d passed after it, of a quota of %d", used, rest.Down, 100*mb)
	}
}

// downloadOn lets a guest download and makes vouchers meanwhile, and notes how
// far the disk was. slowest is how long one of the answers took: the daemon, or its
// disk, was held up for so long.
func (h *house) downloadOn(plug *storetest.Disk, g *netlab.Guest) (booked *powerLog, seen samples, slowest time.Duration) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 16*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		if _, err := h.Send(h.t.Context(), netlab.Flow{Guest: g, Rate: 2 * mb, Time: 14 * time.Second}); err != nil {
			h.t.Error(err)
		}
	})
	booked = &powerLog{made: map[string]int{}, removed: map[string]int{}}
	wg.Go(func() { slowest = h.bookOffice(ctx, plug, booked) })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		c, err := g.Counters()
		if err != nil {
			h.t.Error(err)
			cancel()
		}
		seen = append(seen, sample{time.Now(), plug.Position(), c.RxBytes})
		<-tick.C
	}
	wg.Wait()
	return booked, seen, slowest
}

// bookOffice makes and removes vouchers, some thirty a second, and returns how long
// the slowest step took.
func (h *house) bookOffice(ctx context.Context, plug *storetest.Disk, booked *powerLog) (slowest time.Duration) {
	w := &worker{h: h, api: h.LAN().HTTPClient(netlab.ClientOptions{KeepAlive: true, Timeout: patience})}
	defer w.api.CloseIdleConnections()
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		begun, name := time.Now(), map[string]any{"username": fmt.Sprintf("office-%d", n)}
		_, err := w.call("create_voucher", name, "User added successfully")
		if err == nil && n%3 == 2 {
			_, err = w.call("remove_voucher", name, "User removed successfully")
			booked.removed[name["username"].(string)] = plug.Position()
		} else {
			booked.made[name["username"].(string)] = plug.Position()
		}
		if err != nil {
			h.t.Error(err)
			return slowest
		}
		slowest = max(slowest, time.Since(begun))
		<-tick.C
	}
	return slowest
}

// flushPeriod is the house's, and what reading and storing may take beside it.
const flushPeriod, flushTakes = 5 * time.Second, 2 * time.Second

// charged mounts the disk that a cut left and compares the usage in its store
// with what the guest had received. lost is how old the usage is; it may be older
// where the machine was held up: a flush waits for a disk as often as a voucher does,
// and for those before it.
func (b *powerLog) charged(image, dir string, at int, user string, seen samples, heldUp time.Duration) (lost time.Duration, err error) {
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("mount: %w: %s", err, out)
	}
	defer func() { err = errors.Join(err, unix.Unmount(dir, 0)) }()
	db, err := powerStore(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Check(), db.Close()) }()
	if db.Recovery() != nil {
		return 0, errors.New(db.Recovery().String())
	}
	err = db.View(context.Background(), func(r hotspot.Reader) error {
		v, err := r.VoucherByUsername(user)
		if err != nil {
			return err
		}
		before, after := seen.at(at)
		most, least := after.bytes-seen[0].bytes, seen.before(before.time.Add(-flushPeriod-flushTakes-4*heldUp)).bytes-seen[0].bytes
		// A link counts 14 bytes more a packet; what the guest had before the
		// first sample, and a packet on its way, are within the margin.
		if used := v.Used.Down; used > most+2*netGSO || used < least-least/20 {
			return fmt.Errorf("%d bytes are charged, at least %d and at most %d had passed", used, least, most)
		}
		i := slices.IndexFunc(seen, func(s sample) bool { return s.bytes-seen[0].bytes > v.Used.Down+v.Used.Down/20 })
		if i >= 0 {
			lost = max(before.time.Sub(seen[i].time), 0)
		}
		return b.compare(r, at)
	})
	return lost, err
}

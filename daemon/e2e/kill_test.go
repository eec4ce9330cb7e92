package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
	"github.com/vouchsafe/vouchsafe/store"
)

// number reads a number from the environment.
func number(t *testing.T, name string, preset uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return preset
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// killing is a house whose daemon is killed again and again.
type killing struct {
	*house
	book     *ledger
	rand     *rand.Rand
	killed   atomic.Bool
	offices  []*worker
	visitors []*visitor
	early    int // kills before the daemon was ready
}

// TestKillAtRandomMoments kills the daemon with kill -9 at random moments while
// vouchers are made, edited, used and removed. No acknowledged change may be
// lost or undone, a change that was not acknowledged is done or not done, the
// store is whole, usage never runs backwards, and what a voucher is charged is
// what passed.
func TestKillAtRandomMoments(t *testing.T) {
	seed := number(t, "VOUCHSAFE_KILL_SEED", 1)
	kills := int(number(t, "VOUCHSAFE_KILLS", 200))
	t.Logf("seed %d", seed)
	k := newKilling(t, seed)
	begun := time.Now()
	for n := range kills {
		k.work()
		k.dead(n)
		k.again()
		k.check(n)
		if t.Failed() {
			t.Fatalf("after kill %d", n+1)
		}
	}
	b := k.book
	t.Logf("%d kills in %v, %d of them while the daemon started; %d changes acknowledged; of those in flight %d were done and %d were not",
		kills+k.early, time.Since(begun).Round(time.Second), k.early, b.acked, b.done, b.undone)
	if b.acked < 3*kills || b.done == 0 || b.undone == 0 || len(b.arrived) < 10 {
		t.Error("hardly anything happened: the test tests nothing")
	}
	if aside, _ := filepath.Glob(filepath.Join(k.DataDir(), "*.damaged-*")); len(aside) > 0 {
		t.Errorf("a store was set aside: %v", aside)
	}
}

func newKilling(t *testing.T, seed uint64) *killing {
	t.Helper()
	k := &killing{house: newHouse(t, "kills", netlab.Options{Guests: 3}), book: newLedger(), rand: rand.New(rand.NewPCG(seed, 1))}
	pc, err := k.Upstream().ListenPacket(t.Context(), "udp4", net.JoinHostPort(netlab.Upstream4, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { echo(pc, k.book) })
	t.Cleanup(func() { pc.Close(); wg.Wait() })
	for i := range 3 {
		k.offices = append(k.offices, newWorker(k.house, k.book, &k.killed, fmt.Sprintf("office%d", i), seed+uint64(10+i)))
	}
	for i, g := range k.Guests() {
		conn, err := g.DialContext(t.Context(), "udp4", pc.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		w := newWorker(k.house, k.book, &k.killed, g.Name(), seed+uint64(20+i))
		k.visitors = append(k.visitors, &visitor{worker: w, g: g, conn: conn, on: []string{""}})
	}
	return k
}

// work lets everybody work until the daemon is killed in the midst of it.
func (k *killing) work() {
	k.killed.Store(false)
	var wg sync.WaitGroup
	for _, w := range k.offices {
		wg.Go(func() { w.round(w.office) })
	}
	for _, v := range k.visitors {
		wg.Go(func() { v.round(v.step) })
	}
	k.moment()
	k.killed.Store(true)
	k.kill()
	wg.Wait()
}

// moment waits for a random moment: some changes later, and then a little, so
// that as much happens on a slow machine as on a fast one.
func (k *killing) moment() {
	after := k.book.acknowledged() + k.rand.IntN(16)
	late := time.NewTimer(2 * time.Second)
	defer late.Stop()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for over := false; !over && k.book.acknowledged() < after; {
		select {
		case <-tick.C:
		case <-late.C:
			over = true
		}
	}
	little := time.NewTimer(time.Duration(k.rand.IntN(4000)) * time.Microsecond)
	defer little.Stop()
	<-little.C
}

// dead looks at the store that a kill left, and lets guests go on without a
// daemon.
func (k *killing) dead(n int) {
	k.t.Helper()
	for _, v := range k.visitors {
		if len(v.on) == 1 && v.on[0] != "" && !v.send(v.on[0], patience) {
			k.t.Errorf("kill %d: %s is on %s, and the dead daemon keeps it out", n, v.name, v.on[0])
		}
	}
	data, err := os.ReadFile(filepath.Join(k.DataDir(), "vouchsafe.db"))
	if err != nil {
		k.t.Fatal(err)
	}
	copied := filepath.Join(k.t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		k.t.Fatal(err)
	}
	db, err := store.Open(k.t.Context(), store.Options{Path: copied, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		k.t.Fatalf("kill %d: open the store: %v", n, err)
	}
	if db.Recovery() != nil {
		k.t.Errorf("kill %d: %s", n, db.Recovery())
	}
	if err := errors.Join(db.Check(), db.Close(), os.Remove(copied)); err != nil {
		k.t.Errorf("kill %d: check the store: %v", n, err)
	}
}

// again starts the daemon; one time in five it is killed while it starts.
func (k *killing) again() {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 2*patience)
	defer cancel()
	if k.rand.IntN(5) == 0 {
		k.early++
		fired := make(chan struct{})
		shot := time.AfterFunc(time.Duration(k.rand.IntN(50_000))*time.Microsecond, func() {
			k.daemon.Kill()
			close(fired)
		})
		_ = k.daemon.Start(ctx) // killed, or ready before the shot
		if !shot.Stop() {
			<-fired // or it would hit the next daemon
		}
		k.kill()
	}
	if err := k.daemon.Start(ctx); err != nil {
		k.t.Fatalf("start again: %v", err)
	}
}

// check holds the ledger and the visitors against what the daemon says now.
func (k *killing) check(n int) {
	k.t.Helper()
	guests, _ := k.api("get_active_guests", nil)["data"].([]any)
	rows, ok := k.api("get_voucher_users", nil)["users"].([]any)
	if !ok {
		k.t.Fatalf("kill %d: no list of vouchers", n)
	}
	k.book.compare(k.t, rows)
	on := map[string]string{}
	for _, g := range guests {
		row := g.(map[string]any)
		on[row["mac-address"].(string)] = row["logins"].(string)
	}
	for _, v := range k.visitors {
		mac, err := v.g.MAC()
		if err != nil {
			k.t.Fatal(err)
		}
		is := on[macText(mac)]
		delete(on, macText(mac))
		if !slices.Contains(v.on, is) {
			k.t.Errorf("kill %d: %s is on %q, want one of %q", n, v.name, is, v.on)
		}
		if is != "" && k.book.is(is) == (account{}) {
			k.t.Errorf("kill %d: %s is online on %s, which is gone", n, v.name, is)
		}
		v.on = []string{is}
		wait := 200 * time.Millisecond // for what must not come
		if is != "" {
			wait = patience
		}
		if passes := v.send(is, wait); passes != (is != "") {
			k.t.Errorf("kill %d: %s is on %q, passes %v", n, v.name, is, passes)
		}
	}
	if len(on) > 0 {
		k.t.Errorf("kill %d: strangers are online: %v", n, on)
	}
}

// macText is an address as the API writes it.
func macText(mac net.HardwareAddr) string {
	return fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
}

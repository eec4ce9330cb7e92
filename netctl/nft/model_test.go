package nft

import (
	"context"
	"flag"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/gatetest"
)

var (
	modelSeed = flag.Uint64("model.seed", modelNumber("VOUCHSAFE_MODEL_SEED", 1), "begin of the random tests against the model")
	modelTime = flag.Duration("model.time", modelDuration("VOUCHSAFE_MODEL_TIME", 12*time.Second), "how long to try random sequences on the kernel")
)

func modelNumber(key string, otherwise uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(key), 10, 64); err == nil {
		return n
	}
	return otherwise
}

func modelDuration(key string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(key)); err == nil {
		return d
	}
	return otherwise
}

// kernelWorld is the kernel's gate for the model. Only the hotspot's clock is
// the test's: elements that should end are ended by the hotspot.
type kernelWorld struct{ *bench }

func (w kernelWorld) Restart() hotspot.Gate { return w.Reopen() }
func (w kernelWorld) Probe() int            { return 100 }

func (w kernelWorld) Reboot() hotspot.Gate {
	if err := w.gate.Teardown(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return w.Reopen()
}

// Lose deletes the table and waits until the gate has noticed.
func (w kernelWorld) Lose() {
	ctx, stop := context.WithCancel(w.t.Context())
	lost, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- w.gate.Watch(ctx, func(e hotspot.GateEvent) {
			if e.Lost {
				select {
				case lost <- struct{}{}:
				default:
				}
			}
		})
	}()
	gatetest.Eventually(w.t, "the gate watches", func() bool { return w.Watched() > 0 })
	w.lab.router.run(w.t, "nft", "delete", "table", "inet", DefaultTable)
	gatetest.Eventually(w.t, "the gate notices that its table is gone", func() bool { return len(lost) > 0 })
	stop()
	if err := <-ended; err != nil {
		w.t.Errorf("watch: %v", err)
	}
}

// Packet offers a packet. Upwards the fence is a stranger's: a guest's packets
// from an address that it was not granted vanish, its fence too.
func (w kernelWorld) Packet(m hotspot.MAC, a netip.Addr, d hotspot.Direction, n int) bool {
	if d == hotspot.Down {
		return w.bench.Packet(m, a, d, n)
	}
	outside, router, stranger := outside4, routerGuest4, guest4(80)
	if a.Is6() {
		outside, router, stranger = outside6, routerGuest6, guest6(80)
	}
	w.neighbour("guest", a, m)
	p := packet{src: a, dst: outside, sport: guestPort, dport: serverPort, srcMAC: m, dstMAC: macOf(routerGuestMAC)}
	fence := packet{src: stranger, dst: netip.MustParseAddr(router), sport: guestPort, dport: dnsPort,
		srcMAC: hotspot.MAC{2, 0, 0, 2, 0, 1}, dstMAC: macOf(routerGuestMAC)}
	return w.offer(w.guest, w.server, p, fence, n)
}

// TestModel holds the service on this kernel against the model of the session
// rules, with real packets, over random sequences of what can happen to a
// hotspot. VOUCHSAFE_MODEL_TIME makes it longer.
func TestModel(t *testing.T) {
	const steps = 16
	t.Logf("seed %d (set VOUCHSAFE_MODEL_SEED to repeat)", *modelSeed)
	b := newBench(t, false)
	try := func(s []hotspottest.Step) error {
		return hotspottest.Run(t.Context(), s, func(*hotspottest.Clock) hotspottest.World {
			w := kernelWorld{b}
			w.Reboot()
			return w
		})
	}
	runs := uint64(0)
	for begin := time.Now(); time.Since(begin) < *modelTime; runs++ {
		seed := *modelSeed + runs
		all := hotspottest.RandomSteps(rand.New(rand.NewPCG(seed, 0)), steps)
		err := try(all)
		if err == nil {
			continue
		}
		short := hotspottest.Shrink(all, func(s []hotspottest.Step) bool { return try(s) != nil })
		t.Fatalf("seed %d: %v\nshrunk: %v\n%s", seed, err, try(short), hotspottest.PrintSteps(short))
	}
	t.Logf("%d sequences of %d steps", runs, steps)
}

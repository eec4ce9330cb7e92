package hotspot_test

import (
	"flag"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/hotspot/hotspottest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

var (
	modelSeed = flag.Uint64("model.seed", envNumber("VOUCHSAFE_MODEL_SEED", 1), "begin of the random tests against the model")
	modelRuns = flag.Uint64("model.runs", envNumber("VOUCHSAFE_MODEL_RUNS", 2000), "sequences to try against the model")
)

func envNumber(key string, otherwise uint64) uint64 {
	n, err := strconv.ParseUint(os.Getenv(key), 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}

// memoryWorld is a gate in memory, whose time is the test's.
type memoryWorld struct {
	clock *hotspottest.Clock
	gate  *memory.Gate
}

func newMemoryWorld(c *hotspottest.Clock) hotspottest.World {
	w := &memoryWorld{clock: c}
	w.Reboot()
	return w
}

func (w *memoryWorld) Gate() hotspot.Gate    { return w.gate }
func (w *memoryWorld) Restart() hotspot.Gate { return w.gate }
func (w *memoryWorld) Lose()                 { w.gate.Lose() }
func (w *memoryWorld) Probe() int            { return 0 }

func (w *memoryWorld) Reboot() hotspot.Gate {
	w.gate = memory.New(memory.Now(w.clock.Mono))
	return w.gate
}

func (w *memoryWorld) Packet(m hotspot.MAC, a netip.Addr, d hotspot.Direction, n int) bool {
	return w.gate.Pass(m, a, d, uint64(n))
}

// TestModel holds the service against a plain model of the session rules, over
// random sequences of what can happen to a hotspot. VOUCHSAFE_MODEL_RUNS makes
// it longer.
func TestModel(t *testing.T) {
	const steps = 40
	runs := *modelRuns
	if testing.Short() || underRace {
		runs = min(runs, 100)
	}
	t.Logf("seed %d (set VOUCHSAFE_MODEL_SEED to repeat), %d runs", *modelSeed, runs)
	for i := range runs {
		seed := *modelSeed + i
		all := hotspottest.RandomSteps(rand.New(rand.NewPCG(seed, 0)), steps)
		try := func(s []hotspottest.Step) error { return hotspottest.Run(t.Context(), s, newMemoryWorld) }
		err := try(all)
		if err == nil {
			continue
		}
		short := hotspottest.Shrink(all, func(s []hotspottest.Step) bool { return try(s) != nil })
		t.Fatalf("seed %d: %v\nshrunk: %v\n%s", seed, err, try(short), hotspottest.PrintSteps(short))
	}
}

// TestModelCases replays sequences that once failed.
func TestModelCases(t *testing.T) {
	const years = 365 * 24 * time.Hour
	cases := map[string][]hotspottest.Step{
		"clock set, crash before a flush": {
			{Do: "make", For: 5 * time.Hour},
			{Do: "login", Device: 3},
			{Do: "jump", Off: -10 * years},
			{Do: "crash"},
		},
		"clock set under a voucher with a date, edit": {
			{Do: "make", Voucher: 1, From: -time.Hour},
			{Do: "login", Device: 3, Voucher: 1},
			{Do: "jump", Off: -10 * years},
			{Do: "edit", Voucher: 1, Switch: "devices"},
		},
		"clock set under a voucher with a date, crash": {
			{Do: "make", Voucher: 1, From: -time.Hour},
			{Do: "login", Device: 3, Voucher: 1},
			{Do: "jump", Off: -10 * years},
			{Do: "crash"},
			{Do: "logout", Device: 3},
			{Do: "login", Device: 3, Voucher: 1},
		},
		"free time made longer, asked for again while online": {
			{Do: "free", Device: 3},
			{Do: "set", Key: "session.idle_timeout", Value: "0s"},
			{Do: "set", Key: "free.duration", Value: "2h"},
			{Do: "free", Device: 3},
			{Do: "pass", For: 90 * time.Minute},
		},
		"reset without a daemon after an earlier session": {
			{Do: "make", Limit: hotspot.Usage{Up: 6900}},
			{Do: "login", Device: 3},
			{Do: "traffic", Device: 3, Up: true, Packets: 4, Size: 1400},
			{Do: "logout", Device: 3},
			{Do: "login", Device: 3},
			{Do: "crash", Switch: "reset"},
			{Do: "traffic", Device: 3, Up: true, Packets: 4, Size: 1400},
		},
		"address that changed hands, power cut": {
			{Do: "make"},
			{Do: "make", Voucher: 1},
			{Do: "login"},
			{Do: "seen", Device: 1, Addr: 1},
			{Do: "seen", Addr: 4},
			{Do: "login", Device: 1, Voucher: 1},
			{Do: "reboot"},
		},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			if err := hotspottest.Run(t.Context(), steps, newMemoryWorld); err != nil {
				t.Error(err)
			}
		})
	}
}

// choices makes random numbers of bytes, so that a fuzzer finds its way by
// changing them. In the end all are alike.
type choices struct{ rest []byte }

// Uint64 has the byte in its high and in its low bits: small numbers are made of
// either. The bit between keeps them from being drawn again for ever.
func (c *choices) Uint64() uint64 {
	var b uint64
	if len(c.rest) > 0 {
		b, c.rest = uint64(c.rest[0]), c.rest[1:]
	}
	return b<<56 | 1<<55 | b
}

// FuzzModel looks for sequences that no seed leads to.
func FuzzModel(f *testing.F) {
	for seed := range uint64(8) {
		b := make([]byte, 150)
		r := rand.NewChaCha8([32]byte{byte(seed)})
		_, _ = r.Read(b)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		steps := hotspottest.RandomSteps(rand.New(&choices{b}), min(len(b)/4, 40))
		if err := hotspottest.Run(t.Context(), steps, newMemoryWorld); err != nil {
			t.Fatalf("%v\n%s", err, hotspottest.PrintSteps(steps))
		}
	})
}

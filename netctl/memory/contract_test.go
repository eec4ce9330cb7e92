package memory_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/gatetest"
	"github.com/vouchsafe/vouchsafe/netctl/memory"
)

// lab offers packets to a gate in memory. There is no program to start again:
// what it keeps ends with it.
type lab struct {
	gate *memory.Gate
	now  time.Duration
}

func (l *lab) Gate() hotspot.Gate   { return l.gate }
func (l *lab) Reopen() hotspot.Gate { return l.gate }
func (l *lab) Wait(d time.Duration) { l.now += d }
func (l *lab) Now() time.Duration   { return l.now }
func (l *lab) Watched() int         { return l.gate.Watched() }

func (l *lab) Packet(mac hotspot.MAC, addr netip.Addr, d hotspot.Direction, n int) bool {
	return l.gate.Pass(mac, addr, d, uint64(n))
}

func TestContract(t *testing.T) {
	gatetest.Run(t, func(*testing.T) gatetest.Lab {
		l := &lab{}
		l.gate = memory.New(memory.Now(func() time.Duration { return l.now }))
		return l
	})
}

package hotspottest

import (
	"sync"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Clock is a clock that stands still until told. It starts believed (Synced),
// on boot "boot-1".
type Clock struct {
	mu sync.Mutex // guards r
	r  hotspot.Reading
}

// NewClock returns a clock that shows the given wall time.
func NewClock(wall time.Time) *Clock {
	return &Clock{r: hotspot.Reading{Wall: wall, Mono: time.Hour, Boot: "boot-1", Synced: true}}
}

// Read implements [hotspot.Clock].
func (c *Clock) Read() hotspot.Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.r
}

// Mono is the boot clock's reading.
func (c *Clock) Mono() time.Duration { return c.Read().Mono }

// Pass lets time go by.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.r.Wall = c.r.Wall.Add(d)
	c.r.Mono += d
}

// Set sets the wall clock, as an operator or NTP would.
func (c *Clock) Set(wall time.Time, synced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.r.Wall, c.r.Synced = wall, synced
}

// Reboot starts the machine anew after it was off for a time, with the wall
// clock at the given time, which nobody vouches for.
func (c *Clock) Reboot(wall time.Time, boot string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.r = hotspot.Reading{Wall: wall, Mono: 20 * time.Second, Boot: boot}
}

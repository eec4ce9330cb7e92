// Package clock reads the system's clocks for the rules of the house: it
// implements [hotspot.Clock].
//
// A router without a battery starts at 1970, or at the time of its newest
// file, and jumps when NTP answers. So a reading says, beside the wall clock's
// time, how long the machine has been up, which boot this is, and who vouches
// for the wall clock.
package clock

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// Config is what a [Clock] is made of.
type Config struct {
	Log *slog.Logger // must not be nil
	// Trust makes every reading say that the wall clock is right.
	Trust bool
}

// Clock reads the system's clocks. It is safe for concurrent use.
type Clock struct {
	sys    system
	log    *slog.Logger
	trust  atomic.Bool
	boot   string
	kept   bool
	marked atomic.Bool
}

var _ hotspot.Clock = (*Clock)(nil)

// system is what differs between operating systems.
type system interface {
	mono() time.Duration // since boot, running through sleep
	boot() (string, error)
	synced() bool
	kept() bool
}

// New returns the system's clock.
func New(cfg Config) *Clock { return newClock(cfg, newSystem()) }

func newClock(cfg Config, sys system) *Clock {
	c := &Clock{sys: sys, log: cfg.Log.With("component", "clock"), kept: sys.kept()}
	c.trust.Store(cfg.Trust)
	boot, err := sys.boot()
	if err != nil {
		// Without a name, every start of the daemon counts as a boot of its
		// own: what was measured before it cannot be continued.
		c.log.Warn("this boot has no name; each start counts as one", "error", err)
		boot = fmt.Sprintf("unnamed-%d-%d", sys.mono(), os.Getpid())
	}
	c.boot = boot
	c.log.Debug("the wall clock", "synced", c.Read().Synced, "battery", c.kept, "trusted", cfg.Trust)
	return c
}

// Read implements [hotspot.Clock].
func (c *Clock) Read() hotspot.Reading {
	return hotspot.Reading{
		Wall:   time.Now().Round(0), // strips the monotonic reading: only the wall counts
		Mono:   c.sys.mono(),
		Boot:   c.boot,
		Synced: c.trust.Load() || c.marked.Load() || c.sys.synced(),
		Kept:   c.kept,
	}
}

// SetTrust changes [Config.Trust].
func (c *Clock) SetTrust(trust bool) { c.trust.Store(trust) }

// MarkSynced says that the wall clock is right, from now until the daemon
// ends: an NTP client's hook or the operator calls it. The kernel's own word
// lapses when NTP falls silent for hours, this one does not. It reports whether
// nobody had said so before.
func (c *Clock) MarkSynced() (first bool) {
	if c.marked.Swap(true) {
		return false
	}
	c.log.Info("the wall clock was declared right", "time", time.Now().Round(0))
	return true
}

// Vouches says who vouches for the wall clock now; none of them: nobody does.
func (c *Clock) Vouches() (trusted, declared, synced, kept bool) {
	return c.trust.Load(), c.marked.Load(), c.sys.synced(), c.kept
}

package doctor

import (
	"context"
	"slices"
)

// briefChecks are those that cost next to nothing: they read what the kernel
// keeps in memory, and write nothing.
func briefChecks() []string {
	return []string{"guest interface", "uplink", "DHCP", "clock", "data directory", "snapshots", "memory"}
}

// Brief makes the few checks that a dashboard shows, as [Run] does, without
// asking anybody on the network and without a write.
func Brief(ctx context.Context, o Options, report func(Finding)) {
	sys := newSystem()
	sys.tryWriting = nil
	brief(ctx, o, sys, report)
}

func brief(ctx context.Context, o Options, sys *system, report func(Finding)) {
	ctx, cancel := context.WithTimeout(ctx, Within)
	defer cancel()
	x := &exam{Options: o, sys: sys}
	x.links, _ = sys.links() // none: every interface is missing, and is said to be
	x.make(ctx, report, func(c check) bool { return slices.Contains(briefChecks(), c.name) })
}

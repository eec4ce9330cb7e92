//go:build !linux

package doctor

import "context"

// Brief examines nothing: hotspots run on Linux.
func Brief(ctx context.Context, o Options, report func(Finding)) { Run(ctx, o, report) }

//go:build !linux

package doctor

import "context"

// Run examines nothing: hotspots run on Linux.
func Run(_ context.Context, _ Options, report func(Finding)) {
	report(Finding{Check: "system", Verdict: Unknown, Found: "this system is not Linux", Remedy: "run it on the router"})
}

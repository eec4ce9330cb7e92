package hotspottest

import "slices"

// Shrink makes a failing list of steps as short and as plain as it can while
// it still fails.
func Shrink(steps []Step, fails func([]Step) bool) []Step {
	for changed := true; changed; {
		changed = false
		for size := max(len(steps)/2, 1); size > 0; size /= 2 {
			for at := 0; at+size <= len(steps); {
				less := slices.Delete(slices.Clone(steps), at, at+size)
				if fails(less) {
					steps, changed = less, true
				} else {
					at += size
				}
			}
		}
		for i := range steps {
			for _, plain := range plainer(steps[i]) {
				next := slices.Clone(steps)
				next[i] = plain
				if fails(next) {
					steps, changed = next, true
					break
				}
			}
		}
	}
	return steps
}

// plainer returns simpler forms of a step. Each differs from it, and none leads
// back to it.
func plainer(s Step) []Step {
	var out []Step
	try := func(change func(*Step)) {
		p := s
		change(&p)
		if p != s {
			out = append(out, p)
		}
	}
	try(func(p *Step) { p.Packets = min(p.Packets, 1) })
	try(func(p *Step) { p.For = 0 })
	try(func(p *Step) { p.Addr = 0 })
	try(func(p *Step) { p.Up = false })
	try(func(p *Step) { p.Limit.Up = 0 })
	try(func(p *Step) { p.Limit.Down = 0 })
	try(func(p *Step) { p.Total = 0 })
	try(func(p *Step) { p.TopUpTotal = 0 })
	try(func(p *Step) { p.TopUp.Up = 0 })
	try(func(p *Step) { p.TopUp.Down = 0 })
	try(func(p *Step) { p.Devices = 0 })
	try(func(p *Step) { p.Off = 0 })
	try(func(p *Step) { p.From = 0 })
	return out
}

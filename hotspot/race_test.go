//go:build race

package hotspot_test

// underRace: the race detector runs. What one goroutine does ten times more
// slowly under it, it has nothing to say about.
const underRace = true

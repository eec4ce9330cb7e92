//go:build !race

package hotspot_test

const underRace = false

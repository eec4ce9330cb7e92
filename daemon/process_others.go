//go:build !linux

package daemon

func diskSpace(string) (free, size float64) { return -1, -1 }

func residentMemory() float64 { return -1 }

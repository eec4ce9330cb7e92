//go:build !linux

package daemon

// totalMemory is the machine's memory, in bytes; 0: it cannot be told.
func totalMemory() uint64 { return 0 }

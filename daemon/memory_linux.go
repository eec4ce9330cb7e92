package daemon

import "golang.org/x/sys/unix"

// totalMemory is the machine's memory, in bytes; 0 if it cannot be told.
func totalMemory() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(max(info.Unit, 1))
}

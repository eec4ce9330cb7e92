package daemon

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// diskSpace returns the free and all bytes of the filesystem of a directory;
// -1 if it does not say.
func diskSpace(dir string) (free, size float64) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return -1, -1
	}
	return float64(st.Bavail) * float64(st.Bsize), float64(st.Blocks) * float64(st.Bsize)
}

// residentMemory is what the process takes of the machine's memory, in bytes;
// -1 if it cannot be told.
func residentMemory() float64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return -1
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return -1
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return -1
	}
	return float64(pages) * float64(os.Getpagesize())
}

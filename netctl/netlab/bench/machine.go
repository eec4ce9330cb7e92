package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine describes what the benchmarks run on. It names no host.
func machine(dir string) []string {
	lines := []string{
		fmt.Sprintf("%d × %s, %s", runtime.NumCPU(), field("/proc/cpuinfo", "model name"), runtime.GOARCH),
		"memory: " + memory(),
		"kernel: Linux " + firstLine("/proc/sys/kernel/osrelease"),
		"Go: " + runtime.Version(),
	}
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) == nil {
		lines = append(lines, "file system of the store: "+fsName(int64(fs.Type)))
	}
	return lines
}

func fsName(magic int64) string {
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.TMPFS_MAGIC: "tmpfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.XFS_SUPER_MAGIC: "xfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
	}
	if n, ok := names[magic]; ok {
		return n
	}
	return fmt.Sprintf("%#x", magic)
}

func memory() string {
	kb, err := strconv.ParseUint(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.1f GB", float64(kb)/(1<<20))
}

// field returns the value of the first line "name: value" of a file.
func field(path, name string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func firstLine(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return line
}

// busyNow returns the share of the processors in use over a moment in which
// this program does nothing.
func busyNow(ctx context.Context) float64 {
	busy, all := cpuTimes()
	if wait(ctx, 500*time.Millisecond) != nil {
		return 0
	}
	busy2, all2 := cpuTimes()
	if all2 == all {
		return 0
	}
	return float64(busy2-busy) / float64(all2-all)
}

// cpuTimes reads the first line of /proc/stat: ticks spent working, and all.
func cpuTimes() (busy, all uint64) {
	for i, f := range strings.Fields(firstLine("/proc/stat")) {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil || i > 8 { // the label; guest time is in user time already
			continue
		}
		all += n
		if i != 4 && i != 5 { // idle, waiting for a disk
			busy += n
		}
	}
	return busy, all
}

// wait lets a duration pass, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

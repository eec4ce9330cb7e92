package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sample is what was measured of one thing, time after time.
type sample []float64

// quantile is the value below which the share q lies, interpolated; of nothing, 0.
func (s sample) quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(s))
	at := q * float64(len(v)-1)
	low := int(math.Floor(at))
	return v[low] + (at-float64(low))*(v[min(low+1, len(v)-1)]-v[low])
}

func (s sample) median() float64 { return s.quantile(0.5) }
func (s sample) most() float64   { return s.quantile(1) }

// spread prints the median, the least and the greatest value, and how many there
// are.
func (s sample) spread(decimals int, unit string) string {
	if len(s) == 1 {
		return fmt.Sprintf("%.*f %s", decimals, s[0], unit)
	}
	return fmt.Sprintf("%.*f %s (%.*f–%.*f, n = %d)", decimals, s.median(), unit, decimals, s.quantile(0), decimals, s.most(), len(s))
}

// resident is the memory of a process that is in use, in bytes.
func resident(pid int) (float64, error) {
	kb, err := strconv.ParseFloat(strings.TrimSuffix(field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS"), " kB"), 64)
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return kb * 1024, nil
}

// ticks is how much the kernel counts a second of a processor as.
const ticks = 100

// spent is how long a process has kept processors busy.
func spent(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:])) // state is the first
	if len(f) < 13 {
		return 0, errors.New("/proc/<pid>/stat is not understood")
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * time.Second / ticks, errors.Join(err1, err2)
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

// machine describes what the benchmarks run on. It names no host.
func machine() []string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		release = []byte("unknown")
	}
	memory := "unknown"
	if kb, err := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 64); err == nil {
		memory = fmt.Sprintf("%.1f GB", kb/(1<<20))
	}
	return []string{
		fmt.Sprintf("%d × %s, %s", runtime.NumCPU(), field("/proc/cpuinfo", "model name"), runtime.GOARCH),
		"memory: " + memory, "kernel: Linux " + strings.TrimSpace(string(release)), "Go: " + runtime.Version(),
	}
}

// busyNow is the share of the processors that is in use over a moment in which
// this program does nothing.
func busyNow(ctx context.Context) float64 {
	busy, all := cpuTimes()
	if wait(ctx, 500*time.Millisecond) != nil {
		return 0
	}
	busy2, all2 := cpuTimes()
	return (busy2 - busy) / max(1, all2-all)
}

// cpuTimes reads the first line of /proc/stat: ticks spent working, and all.
func cpuTimes() (busy, all float64) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	for i, f := range strings.Fields(line) {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil || i > 8 { // the label; guests' time is in users' time already
			continue
		}
		all += n
		if i != 4 && i != 5 { // idle, waiting for a disk
			busy += n
		}
	}
	return busy, all
}

// reply is what came of a request.
type reply struct {
	status int
	took   time.Duration // until the last byte
	bytes  int64
}

// post asks a router something.
func post(ctx context.Context, client *http.Client, host string, q question) (reply, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return reply{}, err
	}
	begun := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/api/", bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return reply{took: time.Since(begun)}, err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	return reply{resp.StatusCode, time.Since(begun), n}, err
}

// fine asks for something that must be answered well, and returns how long that
// took.
func fine(ctx context.Context, client *http.Client, host string, q question) (time.Duration, error) {
	r, err := post(ctx, client, host, q)
	if err == nil && (r.status != http.StatusOK || q.Action == askList && r.bytes != int64(q.Bytes)) {
		err = fmt.Errorf("%s: status %d, %d bytes", q.Action, r.status, r.bytes)
	}
	return r.took, err
}

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Priorities among real-time threads: the router's work goes before the sender's.
const (
	routerPriority = 50
	senderPriority = 40
)

// precedence lets the kernel's threads for network packets go before whatever
// else wants a processor, so that a busy machine widens the spread less. The
// function that it returns takes that back.
func precedence() (back func(), err error) {
	var threads []int
	back = func() {
		for _, pid := range threads {
			_ = unix.SchedSetAttr(pid, &unix.SchedAttr{Policy: unix.SCHED_NORMAL}, 0)
		}
	}
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return back, err
	}
	for _, name := range names {
		text, err := os.ReadFile(name) // of a process that may be gone
		if err != nil || !strings.HasPrefix(string(text), "ksoftirqd/") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			return back, err
		}
		if err := realTime(pid, routerPriority); err != nil {
			return back, err
		}
		threads = append(threads, pid)
	}
	return back, nil
}

// realTime gives a thread a real-time priority; 0 is the calling thread.
func realTime(thread int, priority uint32) error {
	err := unix.SchedSetAttr(thread, &unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: priority}, 0)
	if err != nil {
		return fmt.Errorf("real-time priority: %w", err)
	}
	return nil
}

package clock

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// linux reads the kernel's clocks.
type linux struct {
	root fs.FS // the file system from /
	// adjtimex reads the state of the kernel's time keeping.
	adjtimex func(*unix.Timex) (state int, err error)
}

func newSystem() system { return linux{root: os.DirFS("/"), adjtimex: unix.Adjtimex} }

// mono reads CLOCK_BOOTTIME, which nobody can set.
func (l linux) mono() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // not on any kernel since 2.6.39
	}
	return time.Duration(ts.Nano())
}

const bootID = "proc/sys/kernel/random/boot_id"

var errNoBootID = errors.New("the kernel does not name this boot")

func (l linux) boot() (string, error) {
	b, err := fs.ReadFile(l.root, bootID)
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(b))
	if id == "" || len(id) > 64 {
		return "", errNoBootID
	}
	return id, nil
}

// staUnsync and timeError are from linux/timex.h.
const (
	staUnsync = 0x0040 // STA_UNSYNC: nobody disciplines the clock
	timeError = 5      // TIME_ERROR: the clock is not synchronised
)

func (l linux) synced() bool {
	var tx unix.Timex // no modes: nothing is set
	state, err := l.adjtimex(&tx)
	return err == nil && state != timeError && tx.Status&staUnsync == 0
}

// plausible is a time that has passed (2025): a battery-backed clock before
// it has lost its battery.
const plausible = 1735689600

// kept looks for a battery-backed clock that the kernel read at boot.
func (l linux) kept() bool {
	const class = "sys/class/rtc"
	dirs, err := fs.ReadDir(l.root, class)
	if err != nil {
		return false
	}
	for _, d := range dirs {
		if l.number(path.Join(class, d.Name(), "hctosys")) == 1 &&
			l.number(path.Join(class, d.Name(), "since_epoch")) >= plausible {
			return true
		}
	}
	return false
}

// number reads a file of one number; 0 if it cannot be read.
func (l linux) number(name string) int64 {
	b, err := fs.ReadFile(l.root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

package clock

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"
)

var silent = slog.New(slog.DiscardHandler)

// state makes an adjtimex that answers with one state.
func state(state int, status int32, err error) func(*unix.Timex) (int, error) {
	return func(tx *unix.Timex) (int, error) {
		if tx.Modes != 0 {
			return 0, errors.New("the clock would be set")
		}
		tx.Status = status
		return state, err
	}
}

func files(kv ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = &fstest.MapFile{Data: []byte(kv[i+1])}
	}
	return m
}

func TestSynced(t *testing.T) {
	for name, tc := range map[string]struct {
		adjtimex func(*unix.Timex) (int, error)
		trust    bool
		mark     bool
		want     bool
	}{
		"ntp":                 {state(0, 1, nil), false, false, true},
		"unsynchronised":      {state(timeError, staUnsync, nil), false, false, false},
		"status only":         {state(0, staUnsync, nil), false, false, false},
		"state only":          {state(timeError, 0, nil), false, false, false},
		"refused":             {state(0, 0, unix.EPERM), false, false, false},
		"operator":            {state(timeError, staUnsync, nil), false, true, true},
		"trusted":             {state(timeError, staUnsync, nil), true, false, true},
		"leap second pending": {state(1, 0x11, nil), false, false, true},
	} {
		c := newClock(Config{Log: silent, Trust: tc.trust}, linux{root: files(), adjtimex: tc.adjtimex})
		if tc.mark {
			c.MarkSynced()
		}
		if got := c.Read().Synced; got != tc.want {
			t.Errorf("%s: synced %v", name, got)
		}
	}
}

func TestKept(t *testing.T) {
	for name, tc := range map[string]struct {
		files fstest.MapFS
		want  bool
	}{
		"none":         {files(), false},
		"read at boot": {files("sys/class/rtc/rtc0/hctosys", "1\n", "sys/class/rtc/rtc0/since_epoch", "1800000000\n"), true},
		"second one": {files("sys/class/rtc/rtc0/hctosys", "0\n", "sys/class/rtc/rtc0/since_epoch", "1800000000\n",
			"sys/class/rtc/rtc1/hctosys", "1\n", "sys/class/rtc/rtc1/since_epoch", "1800000000\n"), true},
		"not read at boot": {files("sys/class/rtc/rtc0/hctosys", "0\n", "sys/class/rtc/rtc0/since_epoch", "1800000000\n"), false},
		"empty battery":    {files("sys/class/rtc/rtc0/hctosys", "1\n", "sys/class/rtc/rtc0/since_epoch", "86400\n"), false},
		"does not answer":  {files("sys/class/rtc/rtc0/hctosys", "1\n"), false},
		"nonsense":         {files("sys/class/rtc/rtc0/hctosys", "1\n", "sys/class/rtc/rtc0/since_epoch", "soon"), false},
	} {
		c := newClock(Config{Log: silent}, linux{root: tc.files, adjtimex: state(timeError, staUnsync, nil)})
		if got := c.Read().Kept; got != tc.want {
			t.Errorf("%s: kept %v", name, got)
		}
	}
}

func TestBoot(t *testing.T) {
	read := func(root fstest.MapFS) string {
		return newClock(Config{Log: silent}, linux{root: root, adjtimex: state(0, 0, nil)}).Read().Boot
	}
	if got := read(files(bootID, "c0ffee\n")); got != "c0ffee" {
		t.Errorf("boot %q", got)
	}
	for _, root := range []fstest.MapFS{files(), files(bootID, "\n"), files(bootID, strings.Repeat("x", 65))} {
		a, b := read(root), read(root)
		if a == "" || a == b {
			t.Errorf("unnamed boots %q and %q are not told apart", a, b)
		}
	}
}

// TestKernel reads this machine's clocks.
func TestKernel(t *testing.T) {
	c := New(Config{Log: silent})
	a, b := c.Read(), c.Read()
	if a.Mono <= 0 || b.Mono < a.Mono {
		t.Errorf("boot clock went from %v to %v", a.Mono, b.Mono)
	}
	if off := time.Since(a.Wall); off < 0 || off > time.Minute {
		t.Errorf("wall clock is %v off", off)
	}
	if a.Wall != a.Wall.Round(0) {
		t.Error("the wall clock's time has a monotonic part")
	}
	id, err := os.ReadFile("/" + bootID)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(id)); a.Boot != want || b.Boot != want {
		t.Errorf("boot %q and %q, want %q", a.Boot, b.Boot, want)
	}
}

func BenchmarkRead(b *testing.B) {
	c := New(Config{Log: silent})
	for b.Loop() {
		c.Read()
	}
}

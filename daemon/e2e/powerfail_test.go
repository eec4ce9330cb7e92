package e2e

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/store/storetest"
)

// TestFailedWritesAndPowerCut lets single writes of the store's file fail on the
// disk, which the kernel reports once, by a sync, and then forgets: its cache
// shows what the disk has not. Whatever was acknowledged before and after must
// be on the disk all the same when the power is cut.
func TestFailedWritesAndPowerCut(t *testing.T) {
	image := formatted(t)
	base, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	plug, err := storetest.NewDisk(t.TempDir(), base)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := plug.Close(); err != nil {
			t.Error(err)
		}
	}()
	lines, failures := 0, 0
	enough := func(b *powerLog) bool { return failures >= 5 && len(b.made) >= 100 }
	booked := record(t, plug, "loop", 3*time.Second, enough, func(dir string) {
		if lines++; lines%50 == 0 && (failures == 0 || plug.Failed()) {
			plug.FailOnce(blocksOf(t, filepath.Join(dir, "vouchsafe.db")))
			failures++
		}
	})
	t.Logf("%d failures of the disk; %d changes refused, %d vouchers made", failures, booked.refused, len(booked.made))
	if !enough(booked) {
		t.Error("hardly anything happened: the test tests nothing")
	}
	r := rand.New(rand.NewPCG(1, 1))
	dir, end := t.TempDir(), plug.Position()
	for n := range 80 {
		at := r.IntN(end + 1)
		if err := plug.Cut(at, r, image); err != nil {
			t.Fatal(err)
		}
		if err := booked.verify(image, dir, at); err != nil {
			t.Errorf("cut %d, at %d of %d: %v", n, at, end, err)
		}
	}
}

// fibmap is the ioctl that tells where a block of a file is on the disk.
const fibmap = 1

// blocksOf lists the disk's blocks that a file has.
func blocksOf(t *testing.T, path string) (out []int64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for n := range (fi.Size() + storetest.FailBlock - 1) / storetest.FailBlock {
		block := int32(n)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fibmap, uintptr(unsafe.Pointer(&block)))
		if errno != 0 {
			t.Fatalf("where block %d of %s is: %v", n, path, errno)
		}
		if block != 0 {
			out = append(out, int64(block))
		}
	}
	return out
}

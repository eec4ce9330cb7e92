package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
	"github.com/vouchsafe/vouchsafe/store/storetest"
)

// powerLog is what was acknowledged, and from which position of the disk on it
// must hold.
type powerLog struct {
	made, removed map[string]int
	meter         []int // meter[i]: from where on the meter is more than i
	secret        int   // 0: not yet
	copied        int   // from where on there is a snapshot
	refused       int   // how many changes were
}

// TestPowerCut lets a store write to a real filesystem on a disk that remembers
// every write and flush, and then cuts the power at many moments: with nothing,
// all, or any part of what the disk had not flushed. On each of these disks the
// filesystem is mounted and the store opened. All that was acknowledged must be
// there, without a snapshot.
func TestPowerCut(t *testing.T) {
	seed := number(t, "VOUCHSAFE_POWER_SEED", 1)
	cuts := int(number(t, "VOUCHSAFE_POWER_CUTS", 150))
	t.Logf("seed %d", seed)
	// Ordered is what everybody has. Writeback lets names and sizes reach the
	// disk before the data, as filesystems for flash do.
	for i, data := range []string{"ordered", "writeback"} {
		t.Run(data, func(t *testing.T) { powerCuts(t, data, rand.New(rand.NewPCG(seed, uint64(i))), cuts/2) })
	}
}

func powerCuts(t *testing.T, data string, r *rand.Rand, cuts int) {
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
	enough := func(b *powerLog) bool { return len(b.made) >= 100 && len(b.removed) >= 10 && b.copied != 0 }
	booked := record(t, plug, "loop,data="+data, 2*time.Second, enough, func(string) {})
	if booked.refused > 0 {
		t.Errorf("%d changes were refused", booked.refused)
	}
	end := plug.Position()
	writes, flushes := plug.Counts()
	t.Logf("%d writes and %d flushes; %d vouchers made, %d removed, the meter at %d", writes, flushes, len(booked.made), len(booked.removed), len(booked.meter))
	if !enough(booked) {
		t.Error("hardly anything was written: the test tests nothing")
	}
	dir := t.TempDir()
	for n := range cuts {
		at := r.IntN(end + 1)
		if n < cuts/5 { // the first moments are special: no store, no secret
			at = r.IntN(end/20 + 1)
		}
		if err := plug.Cut(at, r, image); err != nil {
			t.Fatal(err)
		}
		if err := booked.verify(image, dir, at); err != nil {
			t.Errorf("cut %d, at %d of %d: %v", n, at, end, err)
		}
	}
}

// formatted makes a file with an empty ext4 filesystem.
func formatted(t *testing.T) string {
	t.Helper()
	d := &disk{t: t}
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 16<<20); err != nil {
		t.Fatal(err)
	}
	d.run("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0", path)
	return path
}

// record runs the job on the disk for a time, longer if that was not enough on a
// slow machine, and books what it says.
func record(t *testing.T, on *storetest.Disk, options string, span time.Duration, enough func(*powerLog) bool, meanwhile func(dir string)) *powerLog {
	t.Helper()
	dir := t.TempDir()
	d := &disk{t: t}
	d.run("mount", "-o", options, on.Path(), dir)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), powerJob+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var over atomic.Bool
	soon := time.AfterFunc(span, func() { over.Store(true) })
	defer soon.Stop()
	stop := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	booked := &powerLog{made: map[string]int{}, removed: map[string]int{}}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		meanwhile(dir)
		if err := booked.book(lines.Text(), on.Position()); err != nil {
			t.Errorf("the job says: %v", err)
		}
		if over.Load() && enough(booked) {
			_ = cmd.Process.Kill() // in the midst of what comes next
		}
	}
	_ = cmd.Wait()
	d.run("umount", dir)
	return booked
}

// book books a line of the job.
func (b *powerLog) book(line string, at int) error {
	word, what, ok := strings.Cut(line, " ")
	switch {
	case !ok: // cut off by the end
	case word == saysMade:
		b.made[what] = at
	case word == saysRemoved:
		b.removed[what] = at
	case word == saysMeter:
		n, err := strconv.Atoi(what)
		if err != nil || n != len(b.meter)+1 {
			return fmt.Errorf("%q after %d", line, len(b.meter))
		}
		b.meter = append(b.meter, at)
	case word == saysSecret && b.secret == 0:
		b.secret = at
	case word == saysCopied && b.copied == 0:
		b.copied = at
	case word == saysRefused:
		b.refused++
	case word == saysError:
		return errors.New(line)
	}
	return nil
}

// verify mounts the disk that a cut left and looks for what must be on it.
func (b *powerLog) verify(image, dir string, at int) (err error) {
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	defer func() { err = errors.Join(err, unix.Unmount(dir, 0)) }()
	secret, err := os.ReadFile(filepath.Join(dir, "secret"))
	switch must := b.secret != 0 && at >= b.secret; {
	case errors.Is(err, fs.ErrNotExist) && !must:
	case err != nil:
		return err
	case len(secret) != 32:
		return fmt.Errorf("the secret has %d bytes", len(secret))
	}
	copies, err := filepath.Glob(filepath.Join(dir, "snapshots", "snapshot-*.vsnap"))
	if err == nil && b.copied != 0 && at >= b.copied && len(copies) == 0 {
		err = errors.New("the snapshot is gone")
	}
	if err != nil {
		return err
	}
	for _, path := range copies {
		if err := verifyCopy(path); err != nil {
			return err
		}
	}
	db, err := powerStore(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Check(), db.Close()) }()
	if db.Recovery() != nil {
		return errors.New(db.Recovery().String())
	}
	return db.View(context.Background(), func(r hotspot.Reader) error { return b.compare(r, at) })
}

func verifyCopy(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = store.VerifySnapshot(f)
	return err
}

// compare looks for what must be in the store from a position on.
func (b *powerLog) compare(r hotspot.Reader, at int) error {
	there := map[string]hotspot.Voucher{}
	vs, err := r.Vouchers(0, 1<<20)
	if err != nil {
		return err
	}
	for _, v := range vs {
		there[v.Username] = v
	}
	var errs []error
	for name, from := range b.made {
		if _, ok := there[name]; !ok && at >= from {
			errs = append(errs, fmt.Errorf("%s was acknowledged at %d, and is gone", name, from))
		}
	}
	for name, from := range b.removed {
		if _, ok := there[name]; ok && at >= from {
			errs = append(errs, fmt.Errorf("%s was removed at %d, and is back", name, from))
		}
	}
	used := there[meterName].Used.Down
	if used < uint64(len(b.meter)) && at >= b.meter[used] {
		errs = append(errs, fmt.Errorf("usage ran back to %d", used))
	}
	return errors.Join(errs...)
}

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// inside says that a test runs in a mount namespace of its own.
const inside = "VOUCHSAFE_STORE_TEST_INSIDE"

// smallDisk returns a directory on a filesystem of 1 MiB. For that the test
// runs again, in a namespace whose mounts go with it and for which it need not
// be root; ok is false in the outer run, which has then nothing left to do.
func smallDisk(t *testing.T) (dir string, ok bool) {
	t.Helper()
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if uid := os.Getuid(); uid != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return "", false
	}
	dir = t.TempDir()
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatalf("make mounts private: %v", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
		t.Fatalf("mount a small filesystem: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir, true
}

// fillUp creates vouchers, ten at a time, until the store refuses; it returns
// how many were acknowledged.
func fillUp(t *testing.T, db *DB, from int) (n int) {
	t.Helper()
	for {
		vs := make([]hotspot.Voucher, 10)
		err := db.Update(context.Background(), func(tx hotspot.Tx) error {
			for i := range vs {
				vs[i] = voucher(from + n + i)
				if err := tx.PutVoucher(&vs[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			if !errors.Is(err, hotspot.ErrUnavailable) || vs[0].ID != 0 {
				t.Fatalf("got %v, id %d", err, vs[0].ID)
			}
			return n
		}
		n += len(vs)
		if n > 100_000 {
			t.Fatal("the disk does not fill up")
		}
	}
}

func countVouchers(t *testing.T, db *DB) (n int) {
	t.Helper()
	look(t, db, func(r hotspot.Reader) error {
		vs, err := r.Vouchers(0, 1<<20)
		n = len(vs)
		return err
	})
	return n
}

func TestDiskFull(t *testing.T) {
	dir, ok := smallDisk(t)
	if !ok {
		return
	}
	balloon := filepath.Join(dir, "balloon")
	write(t, balloon, make([]byte, 512<<10))
	opts, _ := options(dir)
	db := open(t, opts)
	n := fillUp(t, db, 0)
	n += fillUp(t, db, n) // still full, and still usable
	if got := countVouchers(t, db); got != n || n < 100 {
		t.Fatalf("%d vouchers are there, %d were acknowledged", got, n)
	}
	if err := db.Check(); err != nil {
		t.Errorf("check: %v", err)
	}
	if _, err := db.SnapshotTo(t.Context(), filepath.Join(dir, "snapshots"), 3); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("snapshot on a full disk: %v", err)
	}
	if err := db.Compact(t.Context()); !errors.Is(err, hotspot.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("compaction on a full disk: %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*"+tmpSuffix)); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
	closeChecked(t, db)
	db = open(t, opts) // a restart does not need room
	if err := os.Remove(balloon); err != nil {
		t.Fatal(err)
	}
	n += fillUp(t, db, n)
	if got := countVouchers(t, db); got != n {
		t.Errorf("%d vouchers are there, %d were acknowledged", got, n)
	}
	if s := db.Stats(); s.Failures == 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestDiskFullRecovery: no room for a new file is an error, not an empty store.
func TestDiskFullRecovery(t *testing.T) {
	dir, ok := smallDisk(t)
	if !ok {
		return
	}
	opts, _ := options(dir)
	db := open(t, opts)
	fill(t, db)
	if _, err := db.SnapshotTo(t.Context(), filepath.Join(dir, "snapshots"), 3); err != nil {
		t.Fatal(err)
	}
	want := dump(t, db)
	closeChecked(t, db)
	bad := bytes.Repeat([]byte("rubbish "), 4000)
	write(t, opts.Path, bad)
	balloon := filepath.Join(dir, "balloon")
	f, err := os.Create(balloon)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	_ = f.Close()
	if _, err := Open(t.Context(), opts); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "is full: delete something") {
		t.Fatalf("got %v", err)
	}
	if !bytes.Equal(read(t, opts.Path), bad) {
		t.Error("the damaged file was touched")
	}
	if err := os.Remove(balloon); err != nil {
		t.Fatal(err)
	}
	db = open(t, opts)
	if db.Recovery() == nil || withoutIDs(dump(t, db)) != withoutIDs(want) {
		t.Errorf("recovery %v", db.Recovery())
	}
}

// TestFileLimit: the kernel refuses to let the file grow, and later to write.
func TestFileLimit(t *testing.T) {
	opts, _ := options(t.TempDir())
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childJob+"=limit "+opts.Path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the child: %v\n%s", err, out)
	}
	n := 0
	if _, err := fmt.Sscanf(string(out), "acknowledged %d", &n); err != nil {
		t.Fatalf("the child says %q", out)
	}
	if got := countVouchers(t, open(t, opts)); got != n || n == 0 {
		t.Errorf("%d vouchers are there, %d were acknowledged", got, n)
	}
}

// childLimit fills a store until the limit of its process on files, lifts the
// limit, and goes on.
func childLimit(path string) {
	fail := func(format string, args ...any) {
		fmt.Printf(format+"\n", args...)
		os.Exit(1)
	}
	db := childOpen(path)
	n := 0
	create := func() error {
		v := voucher(n)
		err := db.Update(context.Background(), func(tx hotspot.Tx) error { return tx.PutVoucher(&v) })
		if err == nil {
			n++
		}
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		fail("getrlimit: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 300 << 10, Max: was.Max}); err != nil {
		fail("setrlimit: %v", err)
	}
	var err error
	for err == nil && n < 50_000 {
		err = create()
	}
	if !errors.Is(err, hotspot.ErrUnavailable) {
		fail("got %v after %d", err, n)
	}
	if err := db.Check(); err != nil {
		fail("check: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		fail("setrlimit: %v", err)
	}
	for range 100 {
		if err := create(); err != nil {
			fail("after the limit: %v", err)
		}
	}
	if err := errors.Join(db.Check(), db.Close()); err != nil {
		fail("close: %v", err)
	}
	fmt.Printf("acknowledged %d\n", n)
}

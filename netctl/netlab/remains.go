package netlab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// RunningError says that a lab of this id stands already.
type RunningError struct {
	ID  string
	PID int // of the process that holds it; 0 if unknown
}

// Error implements error.
func (e *RunningError) Error() string {
	return fmt.Sprintf("lab %q is running already, as process %d", e.ID, e.PID)
}

// lock claims an id for as long as this process lives. An abstract socket
// vanishes with its process, so there is no stale lock after a crash.
func lock(ctx context.Context, id string) (net.Listener, error) {
	name := "@vouchsafe-lab/" + id
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", name)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &RunningError{ID: id, PID: holder(name)}
	}
	if err != nil {
		return nil, fmt.Errorf("claim the id %q: %w", id, err)
	}
	return ln, nil
}

// holder returns the process that listens on a Unix socket.
func holder(name string) (pid int) {
	c, err := net.DialTimeout("unix", name, time.Second)
	if err != nil {
		return 0
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// Cleanup removes what a crashed lab left behind: namespaces with the
// processes that live in them, and files. It removes nothing of a lab that
// runs; that is a *[RunningError].
func Cleanup(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	l, err := lock(ctx, id)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := removeRemains(ctx, id); err != nil {
		return fmt.Errorf("clean up lab %q: %w", id, err)
	}
	return nil
}

// Remains lists what there is of a lab: its namespaces and directories.
func Remains(id string) ([]string, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	var found []string
	for _, dir := range []string{netnsRoot, etcNetns} {
		names, err := filepath.Glob(filepath.Join(dir, nsName(id, "*")))
		if err != nil {
			return nil, err
		}
		found = append(found, names...)
	}
	if _, err := os.Stat(stateDir(id)); err == nil {
		found = append(found, stateDir(id))
	}
	return found, nil
}

// removeRemains removes what Remains lists. The caller holds the lock.
func removeRemains(ctx context.Context, id string) error {
	found, err := Remains(id)
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range found {
		if filepath.Dir(path) == netnsRoot {
			errs = append(errs, removeNamespace(ctx, path))
		} else {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	// Empty parents go too; those with other labs' things in them stay.
	for _, dir := range []string{stateRoot, etcNetns} {
		_ = os.Remove(dir)
	}
	return errors.Join(errs...)
}

func removeNamespace(ctx context.Context, path string) error {
	err := evict(ctx, path)
	// A crash between making the file and mounting on it leaves a plain file.
	if err2 := netns.DeleteNamed(filepath.Base(path)); err2 != nil {
		if err2 = os.Remove(path); err2 != nil && !errors.Is(err2, fs.ErrNotExist) {
			err = errors.Join(err, err2)
		}
	}
	return err
}

// evict kills the processes that live in a namespace, and waits until they
// are gone.
func evict(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return poll(ctx, 5*time.Millisecond, func() (bool, error) {
		pids, err := inhabitants(path)
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return false, fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		return len(pids) == 0, err
	})
}

// inhabitants returns the processes whose network namespace is the one at
// path, zombies and this process excepted.
func inhabitants(path string) ([]int, error) {
	var ns unix.Stat_t
	if err := unix.Stat(path, &ns); err != nil {
		return nil, fmt.Errorf("stat %s: %w", path, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		var st unix.Stat_t
		err = unix.Stat("/proc/"+e.Name()+"/ns/net", &st)
		if err == nil && st.Ino == ns.Ino && st.Dev == ns.Dev {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// poll calls f until it reports true or an error, or ctx ends.
func poll(ctx context.Context, every time.Duration, f func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := f(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// makeEtc makes the directory whose files the namespace's processes see in
// /etc.
func makeEtc(ns string) (string, error) {
	dir := filepath.Join(etcNetns, ns)
	if err := makeDir(dir, 0o755); err != nil {
		return "", err
	}
	return filepath.Join(dir, "resolv.conf"), nil
}

// makeDir makes a directory and its parents. Another lab that ends may remove the
// empty parent in between.
func makeDir(dir string, mode fs.FileMode) (err error) {
	for range 10 {
		if err = os.MkdirAll(dir, mode); err == nil {
			return nil
		}
	}
	return err
}

func writeResolv(path string, servers ...string) error {
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

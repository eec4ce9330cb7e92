package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// slowWrites is how many writes the slow disk takes in a second: about what
// the eMMC of a small router does with small writes that are synced.
const slowWrites = 2000

// slowBytes is its size.
const slowBytes = 64 << 20

// throttle is where the kernel is told how many writes a disk may do.
const throttle = "/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device"

// slowDisk is an ext4 file system on a loop device that is slowed down.
type slowDisk struct {
	image string // file, in a directory of its own
	loop  string // device
	dir   string // where it is mounted
	limit string // what throttle calls the device
}

// newSlowDisk makes a slow disk. Not every machine can: it takes root, loop
// devices and the blkio cgroup.
func (r *run) newSlowDisk(ctx context.Context) (d *slowDisk, err error) {
	if _, err := os.Stat(throttle); err != nil {
		return nil, fmt.Errorf("it cannot slow a disk down: %w", err)
	}
	tmp, err := r.tempDir()
	if err != nil {
		return nil, err
	}
	d = &slowDisk{image: filepath.Join(tmp, "image"), dir: filepath.Join(tmp, "mount")}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err := errors.Join(os.Mkdir(d.dir, 0o700), os.WriteFile(d.image, make([]byte, slowBytes), 0o600)); err != nil {
		return nil, err
	}
	out, err := tool(ctx, "losetup", "--find", "--show", d.image)
	if err != nil {
		return nil, err
	}
	d.loop = strings.TrimSpace(out)
	if _, err := tool(ctx, "mkfs.ext4", "-q", "-F", d.loop); err != nil {
		return nil, err
	}
	if err := unix.Mount(d.loop, d.dir, "ext4", 0, ""); err != nil {
		return nil, fmt.Errorf("mount %s: %w", d.loop, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(d.loop, &st); err != nil {
		return nil, err
	}
	d.limit = fmt.Sprintf("%d:%d", unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)))
	return d, d.slow(slowWrites)
}

// slow bounds the writes in a second; 0: no bound.
func (d *slowDisk) slow(writes int) error {
	return os.WriteFile(throttle, fmt.Appendf(nil, "%s %d", d.limit, writes), 0)
}

// close takes it all down; nothing may use it any more.
func (d *slowDisk) close() error {
	var errs []error
	if d.limit != "" {
		errs = append(errs, d.slow(0), unix.Unmount(d.dir, 0))
	}
	if d.loop != "" {
		_, err := tool(context.Background(), "losetup", "--detach", d.loop)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take down the slow disk at %s: %w", d.dir, err)
	}
	return os.RemoveAll(filepath.Dir(d.image))
}

func tool(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return string(out), err
}

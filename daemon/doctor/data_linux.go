package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/store"
)

// The names in the data directory.
const (
	storeFile    = "vouchsafe.db"
	snapshotsDir = "snapshots"
)

// dataFacts are about the directory and the disk that it is on.
type dataFacts struct {
	dir     string
	there   bool
	err     error
	disk    disk
	kind    string // of the file system that holds what is written
	used    uint64 // bytes of the store
	tried   bool   // writing was
	writing writing
	wrote   error
}

func (x *exam) dataDirectory(context.Context) []Finding {
	if x.ConfigErr != nil {
		return nil
	}
	f := dataFacts{dir: x.Config.Data}
	at := f.dir
	for {
		info, err := os.Stat(at)
		if err == nil {
			f.there = at == f.dir
			if !info.IsDir() {
				f.err = &fs.PathError{Op: "use", Path: at, Err: unix.ENOTDIR}
			}
			break
		}
		if up := filepath.Dir(at); errors.Is(err, fs.ErrNotExist) && up != at {
			at = up
			continue
		}
		f.err = err
		break
	}
	if f.err == nil {
		f.disk, f.err = x.sys.disk(at)
	}
	f.kind = kindOf(f.disk.magic)
	if f.kind == "overlay" {
		if under := x.sys.upper(); under != "" {
			f.kind = under
		}
	}
	if info, err := os.Stat(filepath.Join(f.dir, storeFile)); err == nil {
		f.used = uint64(info.Size())
	}
	if f.there && f.err == nil && x.sys.tryWriting != nil {
		f.tried = true
		f.writing, f.wrote = x.sys.tryWriting(f.dir)
	}
	return x.judgeData(f)
}

// kinds are the file systems that matter here, by their magic numbers.
var kinds = map[uint32]string{
	0x72b6: "JFFS2", unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay",
	unix.SQUASHFS_MAGIC: "squashfs", unix.NFS_SUPER_MAGIC: "NFS", unix.MSDOS_SUPER_MAGIC: "FAT", 0x24051905: "UBIFS",
	unix.EXT4_SUPER_MAGIC: "ext4", unix.F2FS_SUPER_MAGIC: "F2FS", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.XFS_SUPER_MAGIC: "XFS",
}

func kindOf(magic uint32) string {
	if k, ok := kinds[magic]; ok {
		return k
	}
	return fmt.Sprintf("%#x", magic) // nobody has a name for it
}

// upper finds out what is under OpenWrt's overlay, where what is written goes.
func (s *system) upper() string {
	mounts, err := s.text("/proc/mounts")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(mounts) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "/overlay" {
			switch f[2] {
			case "jffs2":
				return "JFFS2"
			case "ubifs":
				return "UBIFS"
			case "f2fs":
				return "F2FS"
			}
			return f[2]
		}
	}
	return ""
}

// Bounds of space and time on the disk.
const (
	leastFree  = 512 << 10 // below, the next growth of the store may fail
	tightFree  = 2 << 20   // beside two copies of the store: snapshots, rewriting
	slowSync   = time.Second
	leastFiles = 16
)

func (x *exam) judgeData(f dataFacts) []Finding {
	if errors.Is(f.err, fs.ErrPermission) {
		return x.unseen("the data directory", f.err)
	}
	return judgeData(f)
}

func judgeData(f dataFacts) []Finding {
	const move = "choose a data directory on flash or disk that keeps it, with ext4, F2FS or UBIFS"
	const room = "delete what is not needed, keep fewer snapshots (store.snapshots), or move the data directory to a larger disk"
	if f.err != nil {
		return one(Problem, "correct the key data", "the data directory: %v", f.err)
	}
	var all []Finding
	switch {
	case f.kind == "JFFS2" || f.tried && f.wrote == nil && !f.writing.maps:
		add(&all, Problem, move+"; a USB stick will do", "%s is on %s, which cannot map files that are written: the store cannot be opened there", f.dir, f.kind)
	case f.kind == "tmpfs" || f.kind == "ramfs":
		add(&all, Warning, move, "%s is on %s, in memory: every voucher is lost at the next reboot", f.dir, f.kind)
	}
	switch {
	case f.disk.readOnly:
		add(&all, Problem, "mount it for writing; a file system that turned read-only by itself has errors: see dmesg", "%s is on a read-only file system", f.dir)
	case errors.Is(f.wrote, unix.ENOSPC) || f.disk.free < leastFree && f.disk.size > 0:
		add(&all, Problem, room, "the disk of %s is full (%s free): vouchers cannot be made and usage cannot be kept", f.dir, size(f.disk.free))
	case f.wrote != nil:
		add(&all, Problem, "let the daemon write there", "%s cannot be written to: %v", f.dir, f.wrote)
	case f.disk.size > 0 && f.disk.free < 2*f.used+tightFree:
		add(&all, Warning, room, "only %s are free on the disk of %s: snapshots or a migration may fail", size(f.disk.free), f.dir)
	case f.disk.files > 0 && f.disk.left < leastFiles:
		add(&all, Problem, room, "the disk of %s has room for %d more files only", f.dir, f.disk.left)
	}
	if f.tried && f.wrote == nil && f.writing.sync > slowSync {
		add(&all, Warning, "see whether the flash is worn or the disk is busy; vouchers take as long to make", "writing %s to the disk took %v", f.dir, f.writing.sync.Round(time.Millisecond).String())
	}
	if !f.there {
		return list(all, "%s is not there yet; the daemon makes it, on %s with %s free", f.dir, f.kind, size(f.disk.free))
	}
	if !f.tried {
		return list(all, "%s is on %s with %s free", f.dir, f.kind, size(f.disk.free))
	}
	return list(all, "%s is on %s with %s free; writing took %v at most", f.dir, f.kind, size(f.disk.free), f.writing.sync.Round(100*time.Microsecond).String())
}

// size writes an amount of bytes for people.
//
//go:noinline
func size(n uint64) hotspot.Text {
	if n < 10<<20 {
		return hotspot.Textf("%d kB", n>>10)
	}
	return hotspot.Textf("%d MB", n>>20)
}

func (x *exam) store(ctx context.Context) []Finding {
	if x.ConfigErr != nil {
		return nil
	}
	aside, _ := filepath.Glob(filepath.Join(x.Config.Data, storeFile+".damaged-*"))
	file := filepath.Join(x.Config.Data, storeFile)
	if x.Daemon != nil {
		return judgeStore(file, false, nil, true, aside)
	}
	migrate, err := x.sys.verify(ctx, file)
	if errors.Is(err, fs.ErrPermission) {
		return x.unseen("the store", err)
	}
	return judgeStore(file, migrate, err, false, aside)
}

func judgeStore(file string, migrate bool, err error, running bool, aside []string) []Finding {
	var all []Finding
	if len(aside) > 0 {
		add(&all, Warning, "compare vouchers and usage with what you know, then delete that file", "a damaged store was set aside and replaced: %s", aside[len(aside)-1])
	}
	var damaged *store.DamagedError
	var newer *store.NewerSchemaError
	var locked *store.LockedError
	switch {
	case running:
		return list(all, "the daemon verified it when it started")
	case errors.Is(err, fs.ErrNotExist):
		return list(all, "there is none yet; the daemon makes it")
	case errors.As(err, &newer):
		add(&all, Problem, "install the newer version again, or restore a snapshot that this version has made", "%v", err)
	case errors.As(err, &locked):
		add(&all, Warning, "wait until it is done; if a daemon runs there, name its control socket with --socket", "another program has the store open")
	case errors.As(err, &damaged):
		add(&all, Problem, "start the daemon: it sets the file aside and takes the newest good snapshot; or restore a backup first", "%v", err)
	case err != nil:
		add(&all, Problem, "see whether the disk works: dmesg may tell", "%s cannot be verified: %v", file, err)
	case migrate:
		return list(all, "it is whole, and of an older version: the next start migrates it, after a snapshot")
	}
	return list(all, "it is whole")
}

func (x *exam) snapshots(context.Context) []Finding {
	if x.ConfigErr != nil {
		return nil
	}
	dir := path.Join(x.Config.Data, snapshotsDir)
	entries, err := fs.ReadDir(x.sys.root, within(dir))
	if errors.Is(err, fs.ErrPermission) {
		return x.unseen("the snapshots", err)
	}
	var newest, made time.Time
	if info, err := fs.Stat(x.sys.root, within(path.Join(x.Config.Data, storeFile))); err == nil {
		made = info.ModTime()
	}
	n := 0
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), ".vsnap") {
			n++
			if info.ModTime().After(newest) {
				newest = info.ModTime()
			}
		}
	}
	// The daemon that has just started will make the first one.
	begun := !made.IsZero() && (x.Daemon == nil || x.Daemon.Uptime > firstSnapshot)
	return judgeSnapshots(n, newest, begun, x.Config.Store.Snapshots, x.sys.now())
}

// firstSnapshot is how long after a start the first one is there.
const firstSnapshot = 15 * time.Minute

// staleAfter is when a daily snapshot is late.
const staleAfter = 50 * time.Hour

func judgeSnapshots(n int, newest time.Time, due bool, keep int, now time.Time) []Finding {
	const backup = "; make a backup elsewhere, too: flash fails as a whole"
	switch {
	case keep == 0:
		return one(Warning, "set store.snapshots: a damaged store is then replaced by the newest one", "store.snapshots is 0: nothing is kept to fall back to")
	case n == 0 && !due:
		return fine("there are none yet")
	case n == 0:
		return one(Warning, "they are made ten minutes after a start and when the daemon stops; if none appears, the log says why"+backup, "there is no snapshot yet")
	case now.Sub(newest) > staleAfter:
		return one(Warning, "let the daemon run; if it does, its log says why it makes none"+backup, "the newest of %d snapshots is %d days old", n, int(now.Sub(newest).Hours()/24))
	}
	return fine("%d are kept, the newest of %s", n, newest.UTC().Format("2006-01-02 15:04 UTC"))
}

func (x *exam) secrets(context.Context) []Finding {
	if x.ConfigErr != nil {
		return nil
	}
	names, err := fs.ReadDir(x.sys.root, within(x.Config.Data))
	if errors.Is(err, fs.ErrPermission) {
		return x.unseen("the files of the data directory", err)
	}
	var open []string
	dir, err := fs.Stat(x.sys.root, within(x.Config.Data))
	if err != nil {
		return fine("there are none yet")
	}
	if dir.Mode().Perm()&0o077 == 0 {
		return fine("only root can open the data directory")
	}
	for _, e := range names {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
			open = append(open, e.Name())
		}
	}
	return judgeSecrets(x.Config.Data, open)
}

func judgeSecrets(dir string, open []string) []Finding {
	if len(open) == 0 {
		return fine("only root can read the store and the device secret")
	}
	return do(one(Problem, "run: chmod 700 %s; chmod go= %s/*", "other users of this machine can read %s: passcodes and the API's key are in there", strings.Join(open, ", ")), dir, dir)
}

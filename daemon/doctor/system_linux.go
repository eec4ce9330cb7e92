package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/nft"
	"github.com/vouchsafe/vouchsafe/store"
)

// system is what an examination reads of the machine. Tests fill in their own.
type system struct {
	root fs.FS // the file system from /
	now  func() time.Time
	// links lists the interfaces.
	links func() ([]link, error)
	// synced tells whether something keeps the kernel's clock right.
	synced func() (bool, error)
	// kernel names what the kernel lacks for the gate.
	kernel func(context.Context, nft.Config) ([]nft.Part, error)
	// firewall reads the rules of all tables.
	firewall func(context.Context) (*nft.Ruleset, error)
	// disk looks at the file system of a directory.
	disk func(dir string) (disk, error)
	// tryWriting writes a small file in a directory and deletes it; nil: nothing
	// may be written.
	tryWriting func(dir string) (writing, error)
	// verify verifies a store that nobody has open.
	verify func(ctx context.Context, path string) (migrate bool, err error)
	// askNetwork asks the name servers and the internet.
	askNetwork func(context.Context, Options) netFacts
	// random tells whether the kernel's random numbers are good.
	random func() (bool, error)
}

// link is an interface.
type link struct {
	name     string
	index    int
	up       bool // by configuration
	carrier  bool
	prefixes []netip.Prefix // with the machine's address
}

func newSystem() *system {
	return &system{
		root: os.DirFS("/"), now: time.Now, links: readLinks,
		synced: synced, disk: statDisk, tryWriting: tryWriting, verify: store.Inspect,
		kernel:     nft.Probe,
		firewall:   func(ctx context.Context) (*nft.Ruleset, error) { return nft.Inspect(ctx, 0) },
		askNetwork: askNetwork, random: randomReady,
	}
}

func readLinks() ([]link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var out []link
	for _, i := range all {
		l := link{name: i.Name, index: i.Index, up: i.Flags&net.FlagUp != 0, carrier: i.Flags&net.FlagRunning != 0}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok {
					ones, _ := n.Mask.Size()
					l.prefixes = append(l.prefixes, netip.PrefixFrom(ip.Unmap(), ones))
				}
			}
		}
		out = append(out, l)
	}
	return out, nil
}

func synced() (bool, error) {
	var tx unix.Timex // no modes: nothing is set
	state, err := unix.Adjtimex(&tx)
	return state != unix.TIME_ERROR && tx.Status&unix.STA_UNSYNC == 0, err
}

func randomReady() (bool, error) {
	_, err := unix.Getrandom(make([]byte, 1), unix.GRND_NONBLOCK)
	if errors.Is(err, unix.EAGAIN) {
		return false, nil
	}
	return err == nil, err
}

// disk is the file system of a directory.
type disk struct {
	magic       uint32
	free, size  uint64 // bytes, for this user
	files, left uint64 // how many there can be and how many more; 0, 0: not counted
	readOnly    bool
}

func statDisk(dir string) (disk, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return disk{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	block := uint64(st.Bsize)
	return disk{
		magic: uint32(st.Type), free: st.Bavail * block, size: st.Blocks * block,
		files: st.Files, left: st.Ffree, readOnly: uint64(st.Flags)&unix.ST_RDONLY != 0,
	}, nil
}

// writing is how a directory takes a small file.
type writing struct {
	sync time.Duration // the longest of a few
	maps bool          // the file can be mapped, as the store needs it
}

// syncs is how often a file is written and synced. Flash that has to erase
// shows it not each time.
const syncs = 3

func tryWriting(dir string) (w writing, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4096)
	for i := range syncs {
		start := time.Now()
		if _, err := f.WriteAt(page, int64(i*len(page))); err != nil {
			return w, err
		}
		if err := f.Sync(); err != nil {
			return w, err
		}
		w.sync = max(w.sync, time.Since(start))
	}
	m, err := unix.Mmap(int(f.Fd()), 0, len(page), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return w, nil // not mappable, which is what was to be found out
	}
	w.maps = true
	return w, unix.Munmap(m)
}

// within makes an absolute path one of an fs.FS from /.
//
//go:noinline
func within(p string) string {
	p = strings.TrimPrefix(path.Clean(filepath.ToSlash(p)), "/")
	if p == "" {
		return "."
	}
	return p
}

// text reads a small file, without the blanks around it.
//
//go:noinline
func (s *system) text(name string) (string, error) {
	b, err := fs.ReadFile(s.root, within(name))
	return strings.TrimSpace(string(b)), err
}

// number reads a file of one number.
//
//go:noinline
func (s *system) number(name string) (int64, error) {
	t, err := s.text(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}

// is reports whether a file holds a number.
//
//go:noinline
func (s *system) is(name string, want int64) bool {
	n, err := s.number(name)
	return err == nil && n == want
}

//go:noinline
func (s *system) exists(name string) bool {
	_, err := fs.Stat(s.root, within(name))
	return err == nil
}

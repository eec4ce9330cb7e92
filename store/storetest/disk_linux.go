package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Sector is what a disk writes as a whole or not at all.
const Sector = 512

// event is a write that the disk has taken, or a flush.
type event struct {
	flush  bool
	offset int64
	data   []byte
}

// Disk is a disk that remembers every write and every flush, in order. It
// shows as one file, to be attached to a loop device: what a filesystem on that
// writes comes here as a disk would get it. It lives until [Disk.Close].
type Disk struct {
	path string
	dir  string
	fuse *fuseConn
	base []byte // what was on it at first

	ended chan error

	mu   sync.Mutex // guards all below
	now  []byte
	log  []event
	fail map[int64]bool // blocks of which the next write fails
}

// NewDisk shows a disk with the given content in an empty directory, for which
// it needs root. Its size must be a multiple of [Sector].
func NewDisk(dir string, content []byte) (*Disk, error) {
	if len(content) == 0 || len(content)%Sector != 0 {
		return nil, fmt.Errorf("a disk of %d bytes: want a multiple of %d", len(content), Sector)
	}
	d := &Disk{
		dir: dir, path: filepath.Join(dir, diskName),
		base: bytes.Clone(content), now: bytes.Clone(content), ended: make(chan error, 1),
	}
	var err error
	if d.fuse, err = mountFUSE(dir); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.fuse.serve(d) }()
	return d, nil
}

// Path is the file that the disk shows as.
func (d *Disk) Path() string { return d.path }

// closeWithin is how long the kernel may take to let go of a loop device whose
// filesystem was unmounted.
const closeWithin = 90 * time.Second

// Close takes the disk away. Nothing may be mounted from it any more.
func (d *Disk) Close() error {
	late := time.NewTimer(closeWithin)
	defer late.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	err := unix.Unmount(d.dir, 0)
	for errors.Is(err, unix.EBUSY) {
		select {
		case <-again.C:
			err = unix.Unmount(d.dir, 0)
		case <-late.C:
			err = errors.Join(err, unix.Unmount(d.dir, unix.MNT_DETACH))
			return fmt.Errorf("unmount %s: %w", d.dir, err) // somebody has it open: it is served on
		}
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", d.dir, err)
	}
	return errors.Join(<-d.ended, d.fuse.close())
}

// Position is the moment between what the disk has done so far and what it
// will do. What a program has seen acknowledged before it asks for the position
// must be on the disk from that position on.
func (d *Disk) Position() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

func (d *Disk) size() int64 { return int64(len(d.base)) }

func (d *Disk) read(offset int64, n int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if offset < 0 || offset >= d.size() {
		return nil
	}
	return bytes.Clone(d.now[offset:min(offset+int64(n), d.size())])
}

// FailBlock is the size of the blocks of [Disk.FailOnce].
const FailBlock = 4096

// FailOnce lets the next write that touches one of some blocks fail: the disk
// keeps what it had there, and says so.
func (d *Disk) FailOnce(blocks []int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = map[int64]bool{}
	for _, b := range blocks {
		d.fail[b] = true
	}
}

// Failed reports whether a write has failed since [Disk.FailOnce].
func (d *Disk) Failed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fail == nil
}

func (d *Disk) write(offset int64, data []byte) unix.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if offset < 0 || offset > d.size()-int64(len(data)) {
		return unix.ENOSPC
	}
	for at := offset &^ (FailBlock - 1); at < offset+int64(len(data)); at += FailBlock {
		if d.fail[at/FailBlock] {
			d.fail = nil
			return unix.EIO
		}
	}
	copy(d.now[offset:], data)
	d.log = append(d.log, event{offset: offset, data: bytes.Clone(data)})
	return 0
}

func (d *Disk) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, event{flush: true})
}

// Cut writes to a file what the disk may hold after its power was cut at a
// position: all that was written before the last flush, and of what was written
// after it whatever the disk had got to: nothing, all, some writes, or some
// sectors of them, in any order.
func (d *Disk) Cut(position int, r *rand.Rand, path string) error {
	d.mu.Lock()
	log := d.log[:position]
	d.mu.Unlock()
	image := bytes.Clone(d.base)
	certain := 0
	for i, e := range log {
		if e.flush {
			certain = i
		}
	}
	for _, e := range log[:certain] {
		copy(image[e.offset:], e.data)
	}
	whole, part := r.Float64(), r.Float64()
	switch r.IntN(4) {
	case 0:
		whole, part = 0, 0
	case 1:
		whole = 1
	}
	for _, e := range log[certain:] {
		switch {
		case r.Float64() < whole:
			copy(image[e.offset:], e.data)
		case part > 0 && !e.flush:
			e.copySectors(image, part, r)
		}
	}
	return os.WriteFile(path, image, 0o600)
}

// superblock is where ext4's superblock begins, and how long it is. It has a
// checksum, and what is in both of its sectors belongs together: the filesystem
// relies on its being written as a whole, as disks do.
const superblock = 1024

// copySectors writes each sector with a probability.
func (e event) copySectors(image []byte, p float64, r *rand.Rand) {
	for at, size := 0, 0; at < len(e.data); at += size {
		if size = Sector; e.offset+int64(at) == superblock {
			size = superblock
		}
		if r.Float64() < p {
			copy(image[e.offset+int64(at):], e.data[at:min(at+size, len(e.data))])
		}
	}
}

// Counts are how many writes and flushes the disk has seen.
func (d *Disk) Counts() (writes, flushes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.log {
		if e.flush {
			flushes++
		}
	}
	return len(d.log) - flushes, flushes
}

package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// diskName is the only file of the filesystem.
const diskName = "disk"

// The part of the kernel's FUSE protocol that one file needs. Numbers are in
// the machine's byte order.
const (
	fuseMajor, fuseMinor = 7, 31

	opLookup    = 1
	opForget    = 2
	opGetattr   = 3
	opSetattr   = 4
	opOpen      = 14
	opRead      = 15
	opWrite     = 16
	opStatfs    = 17
	opRelease   = 18
	opFsync     = 20
	opFlush     = 25
	opInit      = 26
	opInterrupt = 36
	opDestroy   = 38
	opForgets   = 42
	opFallocate = 43

	rootNode, diskNode = 1, 2

	inHeader, outHeader = 40, 16
	writeHeader         = 40
	maxWrite            = 128 << 10

	flagBigWrites, flagMaxPages = 1 << 5, 1 << 22
	// fallocate's modes that let a range read as zeros.
	punchHole, zeroRange = 0x02, 0x10
)

// fuseConn is the kernel's end of a mounted filesystem.
type fuseConn struct{ fd int }

func mountFUSE(dir string) (*fuseConn, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)
	if err := unix.Mount("vouchsafe-disk", dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return nil, errors.Join(fmt.Errorf("mount on %s: %w", dir, err), unix.Close(fd))
	}
	return &fuseConn{fd}, nil
}

func (c *fuseConn) close() error { return unix.Close(c.fd) }

// serve answers the kernel until the filesystem is unmounted. One request is
// done after the other, so that their order is certain.
func (c *fuseConn) serve(d *Disk) error {
	buf := make([]byte, maxWrite+2*4096)
	for {
		n, err := unix.Read(c.fd, buf)
		switch {
		case errors.Is(err, unix.ENODEV): // unmounted
			return nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOENT):
			continue
		case err != nil:
			return fmt.Errorf("read a request: %w", err)
		case n < inHeader:
			return fmt.Errorf("a request of %d bytes", n)
		}
		req := request{buf[:n]}
		body, errno := req.answer(d)
		if op := req.op(); op == opForget || op == opForgets || op == opInterrupt {
			continue // wants no answer
		}
		if err := c.reply(req, body, errno); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("answer a request: %w", err)
		}
	}
}

func (c *fuseConn) reply(req request, body []byte, errno unix.Errno) error {
	if errno != 0 {
		body = nil
	}
	out := make([]byte, outHeader, outHeader+len(body))
	ne.PutUint32(out, uint32(outHeader+len(body)))
	ne.PutUint32(out[4:], uint32(-int32(errno)))
	copy(out[8:16], req.b[8:16]) // which request
	_, err := unix.Write(c.fd, append(out, body...))
	return err
}

var ne = binary.NativeEndian

// request is a request of the kernel's: header, fixed part, data.
type request struct{ b []byte }

func (r request) op() uint32   { return ne.Uint32(r.b[4:]) }
func (r request) node() uint64 { return ne.Uint64(r.b[16:]) }

// num64 and num32 are numbers in the fixed part, at an offset; 0 if it is too
// short.
func (r request) num64(at int) uint64 {
	if len(r.b) < inHeader+at+8 {
		return 0
	}
	return ne.Uint64(r.b[inHeader+at:])
}

func (r request) num32(at int) uint32 {
	if len(r.b) < inHeader+at+4 {
		return 0
	}
	return ne.Uint32(r.b[inHeader+at:])
}

func (r request) answer(d *Disk) ([]byte, unix.Errno) {
	switch r.op() {
	case opInit:
		return r.init()
	case opLookup:
		if r.node() != rootNode || string(r.b[inHeader:]) != diskName+"\x00" {
			return nil, unix.ENOENT
		}
		return append(entry(), attributes(d, diskNode)...), 0
	case opGetattr, opSetattr:
		return append(make([]byte, 16), attributes(d, r.node())...), 0
	case opOpen, opStatfs:
		return make([]byte, map[uint32]int{opOpen: 16, opStatfs: 80}[r.op()]), 0
	case opRead:
		return d.read(int64(r.num64(8)), int(r.num32(16))), 0
	case opWrite:
		return r.write(d)
	case opFallocate:
		return r.fallocate(d)
	case opFsync:
		d.flush()
		return nil, 0
	case opRelease, opFlush, opDestroy, opForget, opForgets, opInterrupt:
		return nil, 0
	}
	return nil, unix.ENOSYS
}

func (r request) init() ([]byte, unix.Errno) {
	if r.num32(0) != fuseMajor {
		return nil, unix.EPROTO
	}
	out := make([]byte, 64)
	ne.PutUint32(out, fuseMajor)
	ne.PutUint32(out[4:], fuseMinor)
	ne.PutUint32(out[8:], maxWrite) // read-ahead
	ne.PutUint32(out[12:], flagBigWrites|flagMaxPages)
	ne.PutUint16(out[16:], 16) // requests in the background
	ne.PutUint16(out[18:], 12)
	ne.PutUint32(out[20:], maxWrite)
	ne.PutUint32(out[24:], 1) // granularity of times, in ns
	ne.PutUint16(out[28:], maxWrite/4096)
	return out, 0
}

func (r request) write(d *Disk) ([]byte, unix.Errno) {
	n := r.num32(16)
	if len(r.b) < inHeader+writeHeader || uint32(len(r.b)-inHeader-writeHeader) < n {
		return nil, unix.EINVAL
	}
	if errno := d.write(int64(r.num64(8)), r.b[inHeader+writeHeader:][:n]); errno != 0 {
		return nil, errno
	}
	out := make([]byte, 8)
	ne.PutUint32(out, n)
	return out, 0
}

func (r request) fallocate(d *Disk) ([]byte, unix.Errno) {
	offset, n := int64(r.num64(8)), int64(r.num64(16))
	if r.num32(24)&(punchHole|zeroRange) == 0 {
		return nil, unix.EOPNOTSUPP
	}
	if n < 0 || n > d.size() {
		return nil, unix.EINVAL
	}
	return nil, d.write(offset, make([]byte, n))
}

// entry begins the answer to a look-up.
func entry() []byte {
	out := make([]byte, 40)
	ne.PutUint64(out, diskNode)
	return out
}

func attributes(d *Disk, node uint64) []byte {
	out := make([]byte, 88)
	ne.PutUint64(out, node)
	mode, links := uint32(unix.S_IFDIR|0o700), uint32(2)
	if node == diskNode {
		mode, links = unix.S_IFREG|0o600, 1
		ne.PutUint64(out[8:], uint64(d.size()))
		ne.PutUint64(out[16:], uint64(d.size()/Sector))
	}
	ne.PutUint32(out[60:], mode)
	ne.PutUint32(out[64:], links)
	ne.PutUint32(out[80:], 4096)
	return out
}

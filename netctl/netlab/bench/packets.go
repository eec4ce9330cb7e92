package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/netctl/netlab"
)

// A ring is memory shared with the kernel, from which it sends frames without
// a system call for each: the sender must cost less than the router.
const (
	ringFrame  = 256
	ringBlock  = 64 << 10
	ringHeader = 32 // tpacket2_hdr, aligned
	vnetHeader = 10 // virtio_net_hdr: says how much of a frame is headers
	// payload makes datagrams of 64 bytes with their IP header.
	payload  = 64 - 28
	frameLen = 14 + 64
)

// frame is one Ethernet frame with a UDP datagram.
type frame struct {
	src, dst net.HardwareAddr
	from, to netip.AddrPort
	index    uint32 // the first four bytes of the payload
}

func (f frame) bytes() []byte {
	b := make([]byte, 0, frameLen)
	b = append(append(b, f.dst...), f.src...)
	b = append(b, 0x08, 0x00)
	ip := []byte{0x45, 0, 0, 28 + payload, 0, 0, 0x40, 0, 64, unix.IPPROTO_UDP, 0, 0}
	ip = append(append(ip, f.from.Addr().AsSlice()...), f.to.Addr().AsSlice()...)
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))
	b = append(b, ip...)
	b = binary.BigEndian.AppendUint16(b, f.from.Port())
	b = binary.BigEndian.AppendUint16(b, f.to.Port())
	b = binary.BigEndian.AppendUint16(b, 8+payload)
	b = binary.BigEndian.AppendUint16(b, 0) // no checksum
	b = binary.BigEndian.AppendUint32(b, f.index)
	return append(b, make([]byte, payload-4)...)
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// ring sends the same frames over and over from one host's interface.
type ring struct {
	fd     int
	mem    []byte
	frames int
	next   int       // the frame whose turn it is
	since  time.Time // when the wait for a frame was first noticed
}

// newRing opens a ring with frames on a host's main interface.
func newRing(h *netlab.Host, frames []frame) (*ring, error) {
	r := &ring{fd: -1, frames: max(len(frames), 2*inFlight)}
	err := h.Do(func() error { return r.open(h.Link()) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: ring of frames: %w", h.Name(), err), r.close())
	}
	for i := range r.frames {
		slot, f := r.slot(i), frames[i%len(frames)]
		// What the kernel is told are headers it copies; the rest it would
		// have to gather from this memory at each step of the way.
		data := slot[ringHeader:]
		binary.NativeEndian.PutUint16(data[2:], frameLen)
		copy(data[vnetHeader:], f.bytes())
		binary.NativeEndian.PutUint32(slot[4:], vnetHeader+frameLen) // tp_len
	}
	return r, nil
}

func (r *ring) open(link string) (err error) {
	iface, err := net.InterfaceByName(link)
	if err != nil {
		return err
	}
	// Protocol 0: it receives nothing.
	if r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	for _, o := range [][2]int{
		{unix.PACKET_VERSION, unix.TPACKET_V2}, {unix.PACKET_QDISC_BYPASS, 1}, {unix.PACKET_VNET_HDR, 1},
	} {
		if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, o[0], o[1]); err != nil {
			return fmt.Errorf("option %d: %w", o[0], err)
		}
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64<<20); err != nil {
		return err
	}
	blocks := (r.frames*ringFrame + ringBlock - 1) / ringBlock
	req := unix.TpacketReq{Block_size: ringBlock, Block_nr: uint32(blocks), Frame_size: ringFrame,
		Frame_nr: uint32(blocks * ringBlock / ringFrame)}
	if err := unix.SetsockoptTpacketReq(r.fd, unix.SOL_PACKET, unix.PACKET_TX_RING, &req); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	r.frames = int(req.Frame_nr)
	if r.mem, err = unix.Mmap(r.fd, 0, blocks*ringBlock, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("map: %w", err)
	}
	return unix.Bind(r.fd, &unix.SockaddrLinklayer{Ifindex: iface.Index})
}

func (r *ring) slot(i int) []byte { return r.mem[i*ringFrame : (i+1)*ringFrame] }

func (r *ring) close() error {
	var errs []error
	if r.mem != nil {
		errs = append(errs, unix.Munmap(r.mem))
	}
	if r.fd >= 0 {
		errs = append(errs, unix.Close(r.fd))
	}
	return errors.Join(errs...)
}

// send sends all frames again and again for a duration, or once if it is zero.
func (r *ring) send(ctx context.Context, d time.Duration) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: it is bound to a processor
		done <- r.sendHere(ctx, d)
	}()
	return <-done
}

const (
	frameFree  = 0 // TP_STATUS_AVAILABLE
	frameReady = 1 // TP_STATUS_SEND_REQUEST
	oneBurst   = 64
	inFlight   = 192 // frames on their way before the sender waits, besides a burst
	firstCPU   = 0
	stuckAfter = time.Minute
)

func (r *ring) sendHere(ctx context.Context, d time.Duration) error {
	var cpus unix.CPUSet
	cpus.Set(firstCPU)
	if err := unix.SchedSetaffinity(0, &cpus); err != nil {
		return err
	}
	if err := realTime(0, senderPriority); err != nil {
		return err
	}
	end := time.Now().Add(d)
	for {
		for range r.frames / oneBurst {
			if err := r.burst(); err != nil {
				return err
			}
			if d > 0 && !time.Now().Before(end) || ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if d == 0 {
			return nil
		}
	}
}

// burst hands the next frames to the kernel once the router has taken all but
// the last few: a queue that overflows would only measure how fast it drops.
func (r *ring) burst() error {
	if err := r.await((r.next + r.frames - inFlight) % r.frames); err != nil {
		return err
	}
	for range oneBurst {
		if err := r.await(r.next); err != nil {
			return err
		}
		binary.NativeEndian.PutUint32(r.slot(r.next), frameReady)
		r.next = (r.next + 1) % r.frames
	}
	err := unix.Sendto(r.fd, nil, unix.MSG_DONTWAIT, nil)
	if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ENOBUFS) {
		return fmt.Errorf("send frames: %w", err)
	}
	return nil
}

// await spins until the kernel has let go of a frame.
func (r *ring) await(i int) error {
	for n := 1; binary.NativeEndian.Uint32(r.slot(i)) != frameFree; n++ {
		if n%10000 != 0 {
			continue
		}
		if r.since.IsZero() {
			r.since = time.Now()
		} else if time.Since(r.since) > stuckAfter {
			return errStuck
		}
		_ = unix.Sendto(r.fd, nil, unix.MSG_DONTWAIT, nil)
	}
	r.since = time.Time{}
	return nil
}

var errStuck = errors.New("the kernel does not send the ring's frames")

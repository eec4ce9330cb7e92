package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The link between a router and the relay is two TUN devices and this program
// between them, since few kernels come with netem: what one namespace sends
// arrives in the other as much later as the rate, the queue and the delay want
// it. TCP runs from end to end, with the kernel's own windows and losses.

// shape is what a link does to packets in each direction.
type shape struct {
	bits   float64       // a second
	delay  time.Duration // one way
	buffer time.Duration // the longest time in the queue before the link; what comes then is lost
}

// bdp is how much is under way when the link is full, in bytes.
func (s shape) bdp() float64 { return s.bits / 8 * (2 * s.delay).Seconds() }

func (s shape) String() string {
	return fmt.Sprintf("%.0f Mbit/s, %d ms there and back, BDP %.0f kB, a queue of %.0f kB", s.bits/1e6, 2*s.delay.Milliseconds(), s.bdp()/1e3, s.bits/8*s.buffer.Seconds()/1e3)
}

// path is a link.
type path struct {
	ends    [2]*os.File
	control string // TCP's congestion control
	wg      sync.WaitGroup

	mu     sync.Mutex // guards what follows
	shape  shape
	free   [2]time.Time    // when the link has sent what it got, in each direction
	seen   map[uint16]bool // ports of the routers' connections
	gone   map[uint16]bool // those that are black holes
	lost   int             // for want of room
	passed int
}

// mtu is that of an ordinary link.
const mtu = 1500

// connect makes a link between the relay's namespace and a router's.
func connect(relay, router *space, name string, addresses [2]string, s shape) (*path, error) {
	p := &path{shape: s, seen: map[uint16]bool{}, gone: map[uint16]bool{}}
	for i, in := range []*space{relay, router} {
		err := in.do(func() (err error) {
			if p.control, err = plainTCP(); err != nil {
				return err
			}
			if p.ends[i], err = openTUN(name); err != nil {
				return err
			}
			return raise(name, addresses[i])
		})
		if err != nil {
			p.close()
			return nil, fmt.Errorf("link %s: %w", name, err)
		}
	}
	p.wg.Go(func() { p.carry(0) })
	p.wg.Go(func() { p.carry(1) })
	return p, nil
}

// openTUN makes a TUN device in the namespace of its thread.
func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("TUN device: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// held is a packet that is on its way.
type held struct {
	due time.Time
	b   []byte
}

// onItsWay bounds the packets in one direction; the queue's bound comes first.
const onItsWay = 1 << 16

// carry takes packets from one end to the other until the link is closed.
func (p *path) carry(from int) {
	way := make(chan held, onItsWay)
	p.wg.Go(func() { p.deliver(1-from, way) })
	defer close(way)
	buf := make([]byte, mtu+100)
	for {
		n, err := p.ends[from].Read(buf)
		if err != nil {
			return
		}
		if due, ok := p.admit(from, buf[:n]); ok {
			way <- held{due, append([]byte(nil), buf[:n]...)}
		}
	}
}

// deliver writes packets to an end when they are due.
func (p *path) deliver(to int, way <-chan held) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for h := range way {
		if d := time.Until(h.due); d > 0 {
			timer.Reset(d)
			<-timer.C
		}
		// A packet that cannot be delivered is lost, as on any link.
		_, _ = p.ends[to].Write(h.b)
	}
}

// admit says when a packet arrives at the other end, if it does.
func (p *path) admit(from int, b []byte) (due time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if port := routerPort(from, b); port != 0 {
		p.seen[port] = true
		if p.gone[port] {
			return due, false
		}
	}
	now := time.Now()
	if p.free[from].Before(now) {
		p.free[from] = now
	}
	if p.free[from].Sub(now) > p.shape.buffer {
		p.lost++
		return due, false
	}
	p.passed++
	p.free[from] = p.free[from].Add(time.Duration(float64(len(b)) * 8 / p.shape.bits * float64(time.Second)))
	return p.free[from].Add(p.shape.delay), true
}

// routerPort is the router's port of a packet of TCP over IPv4, or 0. It is the
// destination of what the relay, end 0, sends.
func routerPort(from int, b []byte) uint16 {
	if len(b) < 20 || b[0]>>4 != 4 || b[9] != unix.IPPROTO_TCP {
		return 0
	}
	head := int(b[0]&15) * 4
	if len(b) < head+4 {
		return 0
	}
	if from == 0 {
		head += 2
	}
	return binary.BigEndian.Uint16(b[head:])
}

// reshape changes what the link does.
func (p *path) reshape(s shape) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shape = s
}

// forget makes black holes of all connections that there are, as a NAT does that
// has lost its table: nothing of them arrives any more, in either direction, and
// nobody is told. New ones work.
func (p *path) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for port := range p.seen {
		p.gone[port] = true
	}
}

// losses returns how many packets had no room, of how many, since the last time.
func (p *path) losses() (lost, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lost, of = p.lost, p.lost+p.passed
	p.lost, p.passed = 0, 0
	return lost, of
}

func (p *path) close() error {
	var errs []error
	for _, end := range p.ends {
		if end != nil {
			errs = append(errs, end.Close())
		}
	}
	p.wg.Wait()
	return errors.Join(errs...)
}

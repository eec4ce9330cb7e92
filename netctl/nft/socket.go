package nft

import (
	"fmt"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// sendBuffer is the largest transaction; it costs nothing until used.
	sendBuffer = 32 << 20
	// readBuffer holds the answers that the kernel gives before they are read.
	readBuffer = 2 << 20
	// datagram is at least what the kernel puts into one answer of a dump.
	datagram = 64 << 10
	// patience is how long the kernel may take to answer.
	patience = time.Minute
	// attempts bounds how often reading starts again.
	attempts = 16
)

// socket is a netlink socket of netfilter. It is not safe for concurrent use.
type socket struct {
	conn *netlink.Conn
	raw  syscall.RawConn
	in   []byte
	out  buffer
}

func dial(netns int) (*socket, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, fmt.Errorf("nftables: open a netlink socket: %w", err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = conn.SetOption(netlink.CapAcknowledge, true)
	}
	if err == nil {
		err = conn.SetWriteBuffer(sendBuffer)
	}
	if err == nil {
		err = conn.SetReadBuffer(readBuffer)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("nftables: prepare a netlink socket: %w", err)
	}
	return &socket{conn: conn, raw: raw, in: make([]byte, datagram)}, nil
}

func (s *socket) close() error { return s.conn.Close() }

// port is the number by which the kernel knows the socket.
func (s *socket) port() uint32 { return s.conn.PID() }

// send sends all that is in b, as one datagram.
func (s *socket) send(b []byte) error {
	var err error
	werr := s.raw.Write(func(fd uintptr) bool {
		err = unix.Sendto(int(fd), b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return err != unix.EAGAIN
	})
	if werr != nil {
		err = werr
	}
	if err != nil {
		return fmt.Errorf("nftables: send %d bytes: %w", len(b), err)
	}
	return nil
}

// receive returns the next datagram, which the next call overwrites.
func (s *socket) receive() ([]byte, error) {
	var n, flags int
	var err error
	rerr := s.raw.Read(func(fd uintptr) bool {
		n, _, flags, _, err = unix.Recvmsg(int(fd), s.in, nil, 0)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if rerr != nil {
		err = rerr
	}
	if err == nil && flags&unix.MSG_TRUNC != 0 {
		err = unix.EMSGSIZE
	}
	if err != nil {
		return nil, fmt.Errorf("nftables: receive: %w", err)
	}
	return s.in[:n], nil
}

// start begins a new request.
func (s *socket) start() *buffer {
	s.out.b = s.out.b[:0]
	return &s.out
}

// done gives back the memory of an unusually large request.
func (s *socket) done() {
	if cap(s.out.b) > datagram {
		s.out.b = nil
	}
}

// answers sends what is in the out buffer and calls f with each answer to a
// message from first on, until f returns false.
func (s *socket) answers(first uint32, f func(message) bool) error {
	if err := s.send(s.out.b); err != nil {
		return err
	}
	s.done()
	// The kernel has done all by now. Whoever is held up here, on a busy router, must
	// not take what was carried out for refused.
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	for more := true; more; {
		d, err := s.receive()
		if err != nil {
			return err
		}
		messages(d, func(m message) bool {
			if int32(m.seq-first) >= 0 { // not left over from an earlier request
				more = f(m)
			}
			return more
		})
	}
	return nil
}

// dump asks for a list and calls f with each of its messages. If the list
// changes while it is read it starts again, after calling restart.
func (s *socket) dump(op string, build func(*buffer), restart func(), f func(message)) error {
	var err error
	for range attempts {
		restart()
		if err = s.dumpOnce(op, build, f); err == nil || !again(err) {
			return err
		}
	}
	return err
}

func (s *socket) dumpOnce(op string, build func(*buffer), f func(message)) error {
	b := s.start()
	build(b)
	var refused unix.Errno
	var changed bool
	err := s.answers(b.seq, func(m message) bool {
		changed = changed || m.flags&unix.NLM_F_DUMP_INTR != 0
		switch m.typ {
		case unix.NLMSG_DONE:
			if len(m.body) >= 4 {
				refused = m.errno()
			}
			return false
		case unix.NLMSG_ERROR:
			refused = m.errno()
			return false
		}
		f(m)
		return true
	})
	switch {
	case err != nil:
		return err
	case refused != 0:
		return &Error{Op: op, Errno: refused}
	case changed:
		return ErrInterrupted
	}
	return nil
}

// call sends one message that the kernel acknowledges or refuses.
func (s *socket) call(op string, build func(*buffer), f func(message)) error {
	b := s.start()
	build(b)
	var refused unix.Errno
	err := s.answers(b.seq, func(m message) bool {
		if m.typ == unix.NLMSG_ERROR {
			refused = m.errno()
			return false
		}
		f(m)
		return true
	})
	if err == nil && refused != 0 {
		err = &Error{Op: op, Errno: refused}
	}
	return err
}

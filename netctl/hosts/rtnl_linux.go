package hosts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// The kernel's neighbour table over rtnetlink. The messages are encoded here:
// three of them do not pay for a library that takes 64 KiB for each answer.

// rtmTimeout bounds a question to the kernel, which answers at once. But a busy
// router can hold up who asks for seconds.
const rtmTimeout = 15 * time.Second

// rtnl asks and tells the kernel. It is safe for concurrent use.
type rtnl struct {
	mu     sync.Mutex // guards what follows, and keeps questions one after another
	conn   *netlink.Conn
	closed bool
}

// open makes sure that there is a socket; the mutex is held.
func (r *rtnl) open() error {
	if r.closed {
		return net.ErrClosed
	}
	if r.conn != nil {
		return nil
	}
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("open rtnetlink: %w", err)
	}
	r.conn = conn
	return nil
}

func (r *rtnl) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.conn == nil {
		return nil
	}
	conn := r.conn
	r.conn = nil
	return conn.Close()
}

// execute puts one question. A socket that failed otherwise than by a plain
// refusal is not used again: an answer might still be under way.
func (r *rtnl) execute(kind uint16, flags netlink.HeaderFlags, data []byte) ([]netlink.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.open(); err != nil {
		return nil, err
	}
	if err := r.conn.SetDeadline(time.Now().Add(rtmTimeout)); err != nil {
		return nil, err
	}
	out, err := r.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | flags},
		Data:   data,
	})
	var refused *netlink.OpError
	if err != nil && !(errors.As(err, &refused) && refused.Op == "receive" && isErrno(err)) {
		r.conn.Close() // the first error says more than this one's
		r.conn = nil
	}
	return out, err
}

// isErrno reports whether the kernel refused, as opposed to not answering.
func isErrno(err error) bool {
	var no unix.Errno
	return errors.As(err, &no) && no != unix.ENOBUFS
}

// ndmsg encodes struct ndmsg (linux/neighbour.h).
func ndmsg(family uint8, index int, state uint16) []byte {
	b := make([]byte, 12)
	b[0] = family
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	binary.NativeEndian.PutUint16(b[8:], state)
	return b
}

func family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// lookup returns the kernel's entry for an address: ip neigh get.
func (r *rtnl) lookup(index int, a netip.Addr) (neighbour, bool) {
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NDA_DST, Data: a.AsSlice()}})
	if err != nil {
		return neighbour{}, false
	}
	msgs, err := r.execute(unix.RTM_GETNEIGH, 0, append(ndmsg(family(a), index, 0), attrs...))
	if errors.Is(err, unix.EOPNOTSUPP) { // before Linux 5.0
		msgs, err = r.execute(unix.RTM_GETNEIGH, netlink.Dump, ndmsg(family(a), index, 0))
	}
	if err != nil {
		return neighbour{}, false
	}
	for _, m := range msgs {
		if n, ok := parseNeighbour(m.Data, index); ok && n.addr == a {
			return n.neighbour, true
		}
	}
	return neighbour{}, false
}

// dump returns every usable entry of an interface: ip neigh show dev.
func (r *rtnl) dump(index int) ([]entry, error) {
	msgs, err := r.execute(unix.RTM_GETNEIGH, netlink.Dump, ndmsg(unix.AF_UNSPEC, index, 0))
	if err != nil {
		return nil, fmt.Errorf("dump neighbours: %w", err)
	}
	var out []entry
	for _, m := range msgs {
		if n, ok := parseNeighbour(m.Data, index); ok {
			out = append(out, n)
		}
	}
	return out, nil
}

// entry is a neighbour as the kernel keeps it.
type entry struct {
	neighbour
	pinned bool // by this program
}

// madeBy marks the entries that this program made (NDA_PROTOCOL).
const madeBy = 0x76

const ndaProtocol = 12 // NDA_PROTOCOL, since Linux 5.0

// usable are the states in which an entry has a MAC that can be sent to.
const usable = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE | unix.NUD_PERMANENT

// parseNeighbour reads an RTM_NEWNEIGH message. ok is false for an entry of
// another interface, or one that says nothing about a device.
func parseNeighbour(b []byte, index int) (e entry, ok bool) {
	if len(b) < 12 || b[0] != unix.AF_INET && b[0] != unix.AF_INET6 {
		return entry{}, false
	}
	state := binary.NativeEndian.Uint16(b[8:])
	if int(binary.NativeEndian.Uint32(b[4:])) != index || state&usable == 0 || b[10]&unix.NTF_PROXY != 0 {
		return entry{}, false
	}
	attrs, err := netlink.UnmarshalAttributes(b[12:])
	if err != nil {
		return entry{}, false
	}
	mine := false
	for _, a := range attrs {
		switch {
		case a.Type == unix.NDA_DST:
			e.addr, _ = netip.AddrFromSlice(a.Data)
		case a.Type == unix.NDA_LLADDR && len(a.Data) == len(e.mac):
			e.mac = hotspot.MAC(a.Data)
		case a.Type == unix.NDA_CACHEINFO && len(a.Data) >= 4:
			// "confirmed", in hundredths of a second ago
			e.idle = time.Duration(binary.NativeEndian.Uint32(a.Data)) * 10 * time.Millisecond
		case a.Type == ndaProtocol && len(a.Data) == 1:
			mine = a.Data[0] == madeBy
		}
	}
	if state&(unix.NUD_REACHABLE|unix.NUD_PERMANENT) != 0 {
		e.rank = verified
	}
	e.alive = state&unix.NUD_REACHABLE != 0
	e.pinned = mine && state&unix.NUD_PERMANENT != 0
	return e, e.addr.IsValid() && !e.mac.IsZero()
}

// set makes or changes an entry: ip neigh replace, and change if it must
// exist already.
func (r *rtnl) set(index int, a netip.Addr, m hotspot.MAC, state uint16, create bool) error {
	list := []netlink.Attribute{
		{Type: unix.NDA_DST, Data: a.AsSlice()},
		{Type: unix.NDA_LLADDR, Data: m[:]},
	}
	if state == unix.NUD_PERMANENT {
		list = append(list, netlink.Attribute{Type: ndaProtocol, Data: []byte{madeBy}})
	}
	attrs, err := netlink.MarshalAttributes(list)
	if err != nil {
		return err
	}
	flags := netlink.Acknowledge | netlink.Replace
	if create {
		flags |= netlink.Create
	}
	_, err = r.execute(unix.RTM_NEWNEIGH, flags, append(ndmsg(family(a), index, state), attrs...))
	return err
}

// remove deletes an entry: ip neigh del.
func (r *rtnl) remove(index int, a netip.Addr) error {
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.NDA_DST, Data: a.AsSlice()}})
	if err != nil {
		return err
	}
	_, err = r.execute(unix.RTM_DELNEIGH, netlink.Acknowledge, append(ndmsg(family(a), index, 0), attrs...))
	return err
}

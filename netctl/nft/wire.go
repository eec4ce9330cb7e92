package nft

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// The two byte orders of netlink: headers and lengths are the host's, the
// values inside netfilter attributes are the network's.
var (
	host = binary.NativeEndian
	wire = binary.BigEndian
)

// Lengths of the headers, and what messages are aligned to.
const (
	headerLen = 16 // struct nlmsghdr
	familyLen = 4  // struct nfgenmsg
	attrLen   = 4  // struct nlattr
	alignTo   = 4
)

// attrType masks the flags off an attribute's type.
const attrType = 0x3fff

func align(n int) int { return (n + alignTo - 1) &^ (alignTo - 1) }

// buffer builds netlink messages one after the other.
type buffer struct {
	b     []byte
	seq   uint32 // of the message being built
	start int    // where it starts
}

// begin starts a message of netfilter.
func (b *buffer) begin(typ, flags uint16, family byte, resource uint16) {
	b.seq++
	b.start = len(b.b)
	b.b = host.AppendUint32(b.b, 0) // length, see end
	b.b = host.AppendUint16(b.b, typ)
	b.b = host.AppendUint16(b.b, flags|unix.NLM_F_REQUEST)
	b.b = host.AppendUint32(b.b, b.seq)
	b.b = host.AppendUint32(b.b, 0) // the kernel fills in the port
	b.b = append(b.b, family, unix.NFNETLINK_V0)
	b.b = wire.AppendUint16(b.b, resource)
}

// end completes the message.
func (b *buffer) end() { host.PutUint32(b.b[b.start:], uint32(len(b.b)-b.start)) }

func (b *buffer) attr(typ uint16, n int) {
	b.b = host.AppendUint16(b.b, uint16(attrLen+n))
	b.b = host.AppendUint16(b.b, typ)
}

func (b *buffer) bytes(typ uint16, v []byte) {
	b.attr(typ, len(v))
	b.b = append(b.b, v...)
	b.pad()
}

// str adds text with the zero that ends it.
func (b *buffer) str(typ uint16, v string) {
	b.attr(typ, len(v)+1)
	b.b = append(b.b, v...)
	b.b = append(b.b, 0)
	b.pad()
}

func (b *buffer) pad() {
	for len(b.b)%alignTo != 0 {
		b.b = append(b.b, 0)
	}
}

func (b *buffer) u32(typ uint16, v uint32) {
	b.attr(typ, 4)
	b.b = wire.AppendUint32(b.b, v)
}

func (b *buffer) u64(typ uint16, v uint64) {
	b.attr(typ, 8)
	b.b = wire.AppendUint64(b.b, v)
}

// nest adds an attribute that holds what f adds. All of that must fit in 16
// bits.
func (b *buffer) nest(typ uint16, f func()) {
	at := len(b.b)
	b.attr(typ|unix.NLA_F_NESTED, 0)
	f()
	host.PutUint16(b.b[at:], uint16(len(b.b)-at))
}

// message is a netlink message as received.
type message struct {
	typ, flags uint16
	seq, port  uint32
	body       []byte // after the header
}

// messages calls f with each message of a datagram until f returns false. It
// ignores what does not fit.
func messages(d []byte, f func(message) bool) {
	for len(d) >= headerLen {
		n := uint64(host.Uint32(d))
		if n < headerLen || n > uint64(len(d)) {
			return
		}
		m := message{
			typ: host.Uint16(d[4:]), flags: host.Uint16(d[6:]),
			seq: host.Uint32(d[8:]), port: host.Uint32(d[12:]), body: d[headerLen:n],
		}
		if !f(m) {
			return
		}
		d = d[min(len(d), align(int(n))):]
	}
}

// errno returns the error that an error message carries; 0 acknowledges.
func (m message) errno() unix.Errno {
	if len(m.body) < 4 {
		return unix.EBADMSG
	}
	e := int32(host.Uint32(m.body))
	if e > 0 || e < -4095 {
		return unix.EBADMSG
	}
	return unix.Errno(-e)
}

// attrs returns the message's attributes after netfilter's own header.
func (m message) attrs() []byte {
	if len(m.body) < familyLen {
		return nil
	}
	return m.body[familyLen:]
}

// family returns the family that netfilter's own header names.
func (m message) family() byte {
	if len(m.body) < familyLen {
		return unix.AF_UNSPEC
	}
	return m.body[0]
}

// attributes calls f with each attribute of d. It ignores what does not fit.
func attributes(d []byte, f func(typ uint16, v []byte)) {
	for len(d) >= attrLen {
		n := int(host.Uint16(d))
		if n < attrLen || n > len(d) {
			return
		}
		f(host.Uint16(d[2:])&attrType, d[attrLen:n])
		d = d[min(len(d), align(n)):]
	}
}

// text reads a string that a zero ends.
func text(v []byte) string {
	for i, c := range v {
		if c == 0 {
			return string(v[:i])
		}
	}
	return string(v)
}

// number reads an unsigned number of 4 or 8 bytes; anything else is 0.
func number(v []byte) uint64 {
	switch len(v) {
	case 4:
		return uint64(wire.Uint32(v))
	case 8:
		return wire.Uint64(v)
	}
	return 0
}

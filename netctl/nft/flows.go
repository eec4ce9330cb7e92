package nft

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Connection tracking: messages, attributes and flags that x/sys/unix does not
// name.
const (
	ctSubsystem = unix.NFNL_SUBSYS_CTNETLINK << 8
	msgCtGet    = ctSubsystem | 1 // IPCTNL_MSG_CT_GET
	msgCtDelete = ctSubsystem | 2 // IPCTNL_MSG_CT_DELETE

	ctaTupleOrig        = 1
	ctaTupleReply       = 2
	ctaID               = 12
	ctaZone             = 18
	ctaFilter           = 25 // Linux 5.8
	ctaTupleIP          = 1
	ctaIPv4Src          = 1
	ctaIPv6Src          = 3
	ctaFilterOrigFlags  = 1
	ctaFilterReplyFlags = 2
	ctFilterSource      = 1 // CTA_FILTER_FLAG(CTA_IP_SRC)
)

const (
	// filterUpTo is the number of addresses up to which the kernel is asked
	// to go through its whole table for each, rather than to list it once.
	filterUpTo = 4
	// deletesPerMessage keeps a datagram small.
	deletesPerMessage = 256
)

// flush ends the connections of addresses. The filter refuses their packets
// already; without the entries nothing of an old guest is left to the next one
// that gets the address. Failing is therefore only worth a warning.
func (g *Gate) flush(addrs []netip.Addr) error {
	if len(addrs) == 0 {
		return nil
	}
	if err := g.flushFlows(addrs); err != nil {
		g.log.Warn("cannot end the connections of guests that are out", "addresses", len(addrs), "err", err)
	}
	return nil
}

func (g *Gate) flushFlows(addrs []netip.Addr) error {
	if !g.filter || len(addrs) > filterUpTo {
		return g.flushListed(addrs)
	}
	for _, a := range addrs {
		for _, tuple := range []uint16{ctaTupleOrig, ctaTupleReply} {
			err := g.flushFiltered(a, tuple)
			if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
				g.filter = false // an older kernel
				return g.flushListed(addrs)
			}
			if err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
	}
	return nil
}

// flushFiltered deletes the entries whose source is a in the given direction:
// of connections that a began, or of those that it answers.
func (g *Gate) flushFiltered(a netip.Addr, tuple uint16) error {
	return g.flows.call("flush connections", func(b *buffer) {
		b.begin(msgCtDelete, unix.NLM_F_ACK, ctFamily(a), 0)
		b.nest(tuple, func() {
			b.nest(ctaTupleIP, func() {
				if a.Is4() {
					b.bytes(ctaIPv4Src, a.AsSlice())
				} else {
					b.bytes(ctaIPv6Src, a.AsSlice())
				}
			})
		})
		b.nest(ctaFilter, func() {
			flags := uint16(ctaFilterOrigFlags)
			if tuple == ctaTupleReply {
				flags = ctaFilterReplyFlags
			}
			b.bytes(flags, number32(ctFilterSource)) // in the host's order
		})
		b.end()
	}, func(message) {})
}

func ctFamily(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// flow is what names a connection to the kernel.
type flow struct {
	family          byte
	tuple, zone, id []byte
}

// flushListed lists all connections and deletes those of the addresses.
func (g *Gate) flushListed(addrs []netip.Addr) error {
	wanted := make(map[netip.Addr]struct{}, len(addrs))
	families := map[byte]struct{}{}
	for _, a := range addrs {
		wanted[a] = struct{}{}
		families[ctFamily(a)] = struct{}{}
	}
	var flows []flow
	for family := range families {
		n := len(flows)
		err := g.flows.dump("dump connections", func(b *buffer) {
			b.begin(msgCtGet, unix.NLM_F_DUMP, family, 0)
			b.end()
		}, func() { flows = flows[:n] }, func(m message) {
			if f, ok := decodeFlow(m.attrs(), wanted); ok {
				f.family = family
				flows = append(flows, f)
			}
		})
		// A table of connections always changes; what was missed began after
		// the filter had closed, or is not let through by it.
		if err != nil && !errors.Is(err, ErrInterrupted) {
			return err
		}
	}
	for chunk := range slices.Chunk(flows, deletesPerMessage) {
		if err := g.deleteFlows(chunk); err != nil {
			return err
		}
	}
	return nil
}

// decodeFlow reads an entry of the connection table, if one of its two sources
// is wanted.
func decodeFlow(attrs []byte, wanted map[netip.Addr]struct{}) (f flow, ok bool) {
	attributes(attrs, func(typ uint16, v []byte) {
		switch typ {
		case ctaTupleOrig, ctaTupleReply:
			if typ == ctaTupleOrig {
				f.tuple = bytes.Clone(v)
			}
			if _, is := wanted[tupleSource(v)]; is {
				ok = true
			}
		case ctaZone:
			f.zone = bytes.Clone(v)
		case ctaID:
			f.id = bytes.Clone(v)
		}
	})
	return f, ok && f.tuple != nil
}

func tupleSource(tuple []byte) (a netip.Addr) {
	attributes(tuple, func(typ uint16, v []byte) {
		if typ != ctaTupleIP {
			return
		}
		attributes(v, func(typ uint16, v []byte) {
			if typ == ctaIPv4Src || typ == ctaIPv6Src {
				a, _ = netip.AddrFromSlice(v)
			}
		})
	})
	return a
}

func (g *Gate) deleteFlows(flows []flow) error {
	b := g.flows.start()
	var first uint32
	for i, f := range flows {
		flags := uint16(0)
		if i == len(flows)-1 {
			flags = unix.NLM_F_ACK
		}
		b.begin(msgCtDelete, flags, f.family, 0)
		if i == 0 {
			first = b.seq
		}
		b.bytes(ctaTupleOrig|unix.NLA_F_NESTED, f.tuple)
		if f.zone != nil {
			b.bytes(ctaZone, f.zone)
		}
		if f.id != nil {
			b.bytes(ctaID, f.id)
		}
		b.end()
	}
	last := b.seq
	var refused unix.Errno
	err := g.flows.answers(first, func(m message) bool {
		if m.typ != unix.NLMSG_ERROR {
			return true
		}
		if e := m.errno(); e != 0 && e != unix.ENOENT {
			refused = e
		}
		return m.seq != last
	})
	if err == nil && refused != 0 {
		err = &Error{Op: "delete connections", Errno: refused}
	}
	return err
}

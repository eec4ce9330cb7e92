package nft

import (
	"golang.org/x/sys/unix"
)

// Message types of nf_tables that x/sys/unix does not name, and all others in
// the form that goes into a header.
const (
	subsystem = unix.NFNL_SUBSYS_NFTABLES << 8

	msgNewTable    = subsystem | unix.NFT_MSG_NEWTABLE
	msgDelTable    = subsystem | unix.NFT_MSG_DELTABLE
	msgGetTable    = subsystem | unix.NFT_MSG_GETTABLE
	msgNewChain    = subsystem | unix.NFT_MSG_NEWCHAIN
	msgGetChain    = subsystem | unix.NFT_MSG_GETCHAIN
	msgDelChain    = subsystem | unix.NFT_MSG_DELCHAIN
	msgNewRule     = subsystem | unix.NFT_MSG_NEWRULE
	msgDelRule     = subsystem | unix.NFT_MSG_DELRULE
	msgNewSet      = subsystem | unix.NFT_MSG_NEWSET
	msgGetSet      = subsystem | unix.NFT_MSG_GETSET
	msgDelSet      = subsystem | unix.NFT_MSG_DELSET
	msgNewElem     = subsystem | unix.NFT_MSG_NEWSETELEM
	msgGetElem     = subsystem | unix.NFT_MSG_GETSETELEM
	msgDelElem     = subsystem | unix.NFT_MSG_DELSETELEM
	msgNewGen      = subsystem | unix.NFT_MSG_NEWGEN
	msgNewObject   = subsystem | unix.NFT_MSG_NEWOBJ
	msgGetObject   = subsystem | unix.NFT_MSG_GETOBJ
	msgDelObject   = subsystem | unix.NFT_MSG_DELOBJ
	msgDestroyElem = subsystem | 30 // NFT_MSG_DESTROYSETELEM, Linux 6.3
)

// batch is one transaction in the making.
type batch struct {
	*buffer
	first uint32 // sequence number of the first message
	last  int    // where the last message starts
}

// transaction starts a batch.
func (s *socket) transaction() *batch {
	b := &batch{buffer: s.start()}
	b.begin(unix.NFNL_MSG_BATCH_BEGIN, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	b.end()
	b.first = b.seq
	return b
}

// add adds a message of nf_tables to the batch.
func (b *batch) add(typ, flags uint16, f func()) {
	b.begin(typ, flags, unix.NFPROTO_INET, 0)
	f()
	b.end()
	b.last = b.start
}

// refusal is the kernel's answer to one message of a batch.
type refusal struct {
	seq   uint32
	errno unix.Errno
}

// commit carries out the batch, whole or not at all. In the second case
// refusals has what the kernel said to each message that it refused.
func (s *socket) commit(b *batch) (refusals []refusal, err error) {
	if b.last == 0 {
		return nil, nil
	}
	// One acknowledgement, for the last message, tells that all is done.
	// Refusals come before it, unless the whole batch is refused, which is
	// said of its first message.
	flags := host.Uint16(b.b[b.last+6:])
	host.PutUint16(b.b[b.last+6:], flags|unix.NLM_F_ACK)
	last := b.seq
	b.begin(unix.NFNL_MSG_BATCH_END, 0, unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	b.end()
	first := b.first
	err = s.answers(first, func(m message) bool {
		if m.typ != unix.NLMSG_ERROR {
			return true
		}
		if e := m.errno(); e != 0 {
			refusals = append(refusals, refusal{m.seq, e})
		}
		return m.seq != last && m.seq != first
	})
	return refusals, err
}

package nft

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl"
)

const (
	// lookEvery is how soon an address that a guest begins to use is found. A
	// SYN that was dropped is sent again after a second.
	lookEvery = time.Second
	// seenFor is how long the kernel remembers one.
	seenFor = 10 * time.Second
	// seenMost bounds what hostile guests can make the kernel remember.
	seenMost = 1024
)

// seenSets are filled by packets, not by the daemon: devices that are let in,
// with addresses that were not granted to them.
//
//	set seen4 { type ether_addr . ipv4_addr; flags dynamic,timeout; timeout 10s; size 1024; }
//	set seen6 { type ether_addr . ipv6_addr; flags dynamic,timeout; timeout 10s; size 1024; }
func seenSets() []set {
	return []set{
		{name: "seen4", mapKind: netctl.Up, keyType: typeEther<<typeBits | typeIP4, keyLen: 8 + 4, size: seenMost},
		{name: "seen6", mapKind: netctl.Up, six: true, keyType: typeEther<<typeBits | typeIP6, keyLen: 8 + 16, size: seenMost},
	}
}

func (b *batch) newSeenSet(table string, s set, id uint32) {
	b.add(msgNewSet, unix.NLM_F_CREATE, func() {
		b.str(unix.NFTA_SET_TABLE, table)
		b.str(unix.NFTA_SET_NAME, s.name)
		b.u32(unix.NFTA_SET_FLAGS, unix.NFT_SET_TIMEOUT|unix.NFT_SET_EVAL)
		b.u32(unix.NFTA_SET_KEY_TYPE, s.keyType)
		b.u32(unix.NFTA_SET_KEY_LEN, s.keyLen)
		b.nest(unix.NFTA_SET_DESC, func() { b.u32(setDescSize, s.size) })
		b.u64(unix.NFTA_SET_TIMEOUT, uint64(seenFor.Milliseconds()))
		b.u32(unix.NFTA_SET_ID, id)
		b.bytes(unix.NFTA_SET_USERDATA, keyByteorderBig)
	})
}

// update is "update @set { <key> timeout 10s }". A full set ends the rule.
func update(set string, reg uint32) expr {
	return expr{"dynset", func(b *buffer) {
		b.str(unix.NFTA_DYNSET_SET_NAME, set)
		b.u32(unix.NFTA_DYNSET_OP, unix.NFT_DYNSET_OP_UPDATE)
		b.u32(unix.NFTA_DYNSET_SREG_KEY, reg)
		b.u64(unix.NFTA_DYNSET_TIMEOUT, uint64(seenFor.Milliseconds()))
	}}
}

// sightings reports what is in the seen sets. What stays there is reported
// again and again: who learns of it must not mind.
func (w *watch) sightings(ctx context.Context) {
	type key struct {
		mac  hotspot.MAC
		addr netip.Addr
	}
	seen := make(map[key]struct{})
	g := w.gate
	err := g.locked(ctx, func() error {
		for _, s := range seenSets() {
			err := g.dumpSet(s, func() {}, func(e netctl.HeldElement) { seen[key{e.Key.MAC, e.Key.Addr}] = struct{}{} })
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		if ctx.Err() == nil {
			g.log.Debug("cannot look for new addresses of guests", "err", err)
		}
		return
	}
	for k := range seen {
		w.report(hotspot.GateEvent{Seen: hotspot.Sighting{MAC: k.mac, Addr: k.addr}})
	}
}

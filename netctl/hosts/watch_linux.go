package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/mdlayher/netlink"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/hosts/internal/frame"
)

// kernel is what a table asks the kernel, about one interface.
type kernel struct {
	rtnl
	name  atomic.Pointer[string]
	index atomic.Int32 // 0: not known yet
	// shaken: entries of the neighbour table went, perhaps pinned ones.
	shaken atomic.Bool
}

func newAsker(name string) (asker, error) {
	k := new(kernel)
	k.follow(name)
	return k, nil
}

// follow implements asker.
func (k *kernel) follow(name string) { k.name.Store(&name) }

// neighbour implements asker.
func (k *kernel) neighbour(a netip.Addr) (neighbour, bool) {
	index := int(k.index.Load())
	if index == 0 {
		ifi, err := net.InterfaceByName(*k.name.Load())
		if err != nil {
			return neighbour{}, false
		}
		index = ifi.Index
	}
	return k.lookup(index, a)
}

// errChanged says that the interface is not the one that is watched.
var errChanged = errors.New("the interface was replaced")

// watch follows the interface until it goes away.
func (t *Table) watch(ctx context.Context) error {
	k, ok := t.ask.(*kernel)
	if !ok {
		return ErrUnsupported
	}
	ifi, err := t.refresh(k)
	if err != nil {
		return err
	}
	defer k.index.Store(0)
	g, ctx := errgroup.WithContext(ctx)
	nudge := make(chan struct{}, 1)
	g.Go(func() error { return t.follow(ctx, k, ifi.Index, nudge) })
	g.Go(func() error { return t.keepFresh(ctx, k, ifi.Index, nudge) })
	for _, proto := range []int{frame.EtherTypeARP, frame.EtherTypeIPv4, frame.EtherTypeIPv6} {
		g.Go(func() error { return t.listen(ctx, ifi, proto) })
	}
	if t.cfg.Pin {
		g.Go(func() error { return t.pin(ctx, k, ifi.Index) })
	}
	return g.Wait()
}

// refresh learns what belongs to the router.
func (t *Table) refresh(k *kernel) (*net.Interface, error) {
	ifi, err := net.InterfaceByName(*k.name.Load())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoInterface, err)
	}
	var n network
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if len(i.HardwareAddr) == len(hotspot.MAC{}) {
			n.macs = append(n.macs, hotspot.MAC(i.HardwareAddr))
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, p := range prefixes(addrs) {
		n.addrs = append(n.addrs, p.Addr())
	}
	own, err := ifi.Addrs()
	if err != nil {
		return nil, err
	}
	n.prefixes = prefixes(own)
	t.mu.Lock()
	t.net = n
	t.mu.Unlock()
	k.index.Store(int32(ifi.Index))
	t.sweep()
	return ifi, nil
}

// prefixes converts what package net knows.
func prefixes(list []net.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range list {
		p, err := netip.ParsePrefix(a.String())
		if err == nil {
			out = append(out, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()))
		}
	}
	return out
}

// keepFresh refreshes what belongs to the router when it changed.
func (t *Table) keepFresh(ctx context.Context, k *kernel, index int, nudge <-chan struct{}) error {
	backstop := time.NewTicker(30 * time.Second)
	defer backstop.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-backstop.C:
		case <-nudge:
			if !pause(ctx, 200*time.Millisecond) { // changes come in swarms
				return nil
			}
		}
		ifi, err := t.refresh(k)
		if err != nil {
			return err
		}
		if ifi.Index != index {
			return errChanged
		}
		// Devices may have addresses of a prefix that is new here.
		if err := t.resync(k, index); err != nil {
			return err
		}
	}
}

// follow takes up the kernel's neighbour table, and its changes.
func (t *Table) follow(ctx context.Context, k *kernel, index int, nudge chan<- struct{}) error {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("open rtnetlink: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for _, group := range []uint32{unix.RTNLGRP_NEIGH, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR} {
		if err := conn.JoinGroup(group); err != nil {
			return fmt.Errorf("subscribe to rtnetlink: %w", err)
		}
	}
	if err := conn.SetReadBuffer(256 << 10); err != nil {
		return fmt.Errorf("size rtnetlink's buffer: %w", err)
	}
	for { // once, and again after each loss
		if err := t.resync(k, index); err != nil {
			return err
		}
		k.shaken.Store(true)
		err := t.events(conn, k, index, nudge)
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("receive from rtnetlink: %w", err)
		}
		t.overruns.Add(1)
		t.log.Debug("neighbour events were lost; reading the whole table")
		if !pause(ctx, 100*time.Millisecond) { // a flood may go on
			return nil
		}
	}
}

// resync takes up the whole neighbour table.
func (t *Table) resync(k *kernel, index int) error {
	entries, err := k.dump(index)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		t.learn(sighting{mac: e.mac, addr: e.addr, rank: e.rank, idle: e.idle})
	}
	return nil
}

// events takes up changes until the socket fails.
func (t *Table) events(conn *netlink.Conn, k *kernel, index int, nudge chan<- struct{}) error {
	for {
		msgs, err := conn.Receive()
		if err != nil {
			return err
		}
		for _, m := range msgs {
			switch m.Header.Type {
			case unix.RTM_NEWNEIGH:
				if e, ok := parseNeighbour(m.Data, index); ok {
					t.mu.Lock()
					t.learn(sighting{mac: e.mac, addr: e.addr, rank: e.rank, alive: e.alive, idle: e.idle})
					t.mu.Unlock()
				}
			case unix.RTM_DELNEIGH: // the kernel forgot, the device may be there
				k.shaken.Store(true)
			default:
				select {
				case nudge <- struct{}{}:
				default:
				}
			}
		}
	}
}

// maxFrames bounds the frames of one kind that are read in a second, so that
// a flood costs the router a share of its processor only. What is missed then
// is known from the neighbour table later.
const maxFrames = 1000

// listen watches frames of one EtherType that come in through the interface.
func (t *Table) listen(ctx context.Context, ifi *net.Interface, proto int) error {
	conn, err := openFrames(ifi, proto)
	if err != nil {
		return fmt.Errorf("watch frames: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	dec, buf := frame.NewDecoder(), make([]byte, frame.Max)
	flow := budget{rate: maxFrames, burst: maxFrames}
	for {
		n, _, err := conn.ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watch frames: %w", err)
		}
		if s, err := dec.Decode(buf[:n]); err == nil {
			t.mu.Lock()
			t.learn(sighting{mac: s.MAC, addr: s.Addr, name: cleanName(string(s.Name)), alive: true})
			t.mu.Unlock()
		}
		if !flow.take(t.cfg.Mono()) && !pause(ctx, 500*time.Millisecond) {
			return nil
		}
	}
}

// openFrames opens a socket for incoming frames of one EtherType. Only those:
// a socket for all of them would make the kernel copy every packet that it
// sends to guests.
func openFrames(ifi *net.Interface, proto int) (*packet.Conn, error) {
	filter, err := frame.Filter(proto)
	if err != nil {
		return nil, err
	}
	conn, err := packet.Listen(ifi, packet.Raw, proto, &packet.Config{Filter: []bpf.RawInstruction(filter)})
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		var inner error
		err = raw.Control(func(fd uintptr) { inner = tune(int(fd), ifi.Index, proto) })
		err = errors.Join(err, inner)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// tune bounds a socket's memory, and asks for the multicast groups of
// neighbour discovery, which a network card would filter out.
func tune(fd, index, proto int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10); err != nil {
		return err
	}
	if proto != frame.EtherTypeIPv6 {
		return nil
	}
	return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
		&unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_ALLMULTI})
}

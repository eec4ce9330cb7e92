package nft

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/gatetest"
)

// tap reads and writes frames at one end of a cable.
type tap struct {
	fd  int
	buf []byte
}

func newTap(t testing.TB, n namespace, name string) *tap {
	t.Helper()
	p := &tap{buf: make([]byte, 1<<16)}
	n.do(t, func() error {
		all := int(wire.Uint16(host.AppendUint16(nil, unix.ETH_P_ALL)))
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if p.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20); err != nil {
			return err
		}
		limit := unix.NsecToTimeval(int64(5 * time.Millisecond))
		if err := unix.SetsockoptTimeval(p.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
			return err
		}
		// Outgoing frames are of no interest.
		if err := unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			return err
		}
		return unix.Bind(p.fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: link.Attrs().Index})
	})
	t.Cleanup(func() { _ = unix.Close(p.fd) })
	return p
}

// next returns the next frame, or nil when there is none for a moment.
func (p *tap) next(flags int) []byte {
	n, _, err := unix.Recvfrom(p.fd, p.buf, flags)
	if err != nil {
		return nil
	}
	return p.buf[:n]
}

// bench is the lab of the contract suite: frames go in at one tap and come out,
// or not, at the other.
type bench struct {
	t             testing.TB
	lab           *lab
	gate          *Gate
	oldKernel     bool // as if messages newer than Linux 5.4 did not exist
	guest, server *tap
	router        *netlink.Handle
	flows         *socket
	verdicts      *verdicts
	begun         time.Time
	serial        uint64
	neighbours    map[netip.Addr]hotspot.MAC
}

// The host outside that the packets of the suite are for. Nobody answers there.
var (
	outside4 = netip.MustParseAddr("10.77.0.99")
	outside6 = netip.MustParseAddr("fd78::99")
)

const (
	benchMTU    = 65000
	benchGuests = 1100
	guestPort   = 40000
	serverPort  = 9
)

func newBench(t testing.TB, oldKernel bool) *bench {
	t.Helper()
	b := &bench{t: t, oldKernel: oldKernel, lab: newLab(t, 1, benchMTU), begun: time.Now(), neighbours: make(map[netip.Addr]hotspot.MAC)}
	b.verdicts = newVerdicts(t, b.lab.router)
	var err error
	if b.router, err = netlink.NewHandleAt(b.lab.router.h, unix.NETLINK_ROUTE); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.router.Close)
	if b.flows, err = dial(int(b.lab.router.h)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.flows.close() })
	for _, key := range []string{"all", "default", "guest", "wan"} {
		b.lab.router.sysctl(t, "net/ipv4/conf/"+key+"/rp_filter", "0")
	}
	b.routes()
	b.guest, b.server = newTap(t, b.lab.guests[0], "eth0"), newTap(t, b.lab.server, "eth0")
	b.neighbour("wan", outside4, macOf(serverMAC))
	b.neighbour("wan", outside6, macOf(serverMAC))
	b.open()
	b.warm()
	return b
}

// warm waits until both ends of the router carry packets.
func (b *bench) warm() {
	b.t.Helper()
	m := hotspot.MAC{2, 0, 0, 2, 0, 1}
	for _, a := range []netip.Addr{guest4(80), guest6(80)} {
		outside, in, out := outside4, routerGuest4, routerWAN4
		if a.Is6() {
			outside, in, out = outside6, routerGuest6, routerWAN6
		}
		b.neighbour("guest", a, m)
		b.answers(b.guest, packet{
			src: a, dst: netip.MustParseAddr(in), sport: 1, dport: dnsPort,
			srcMAC: m, dstMAC: macOf(routerGuestMAC),
		})
		b.answers(b.server, packet{
			src: outside, dst: netip.MustParseAddr(out), sport: 1, dport: serverPort,
			srcMAC: macOf(serverMAC), dstMAC: macOf(routerWANMAC),
		})
	}
}

// answers waits until the router refuses p, which is for a port of its own
// where nobody listens.
func (b *bench) answers(from *tap, p packet) {
	b.t.Helper()
	gatetest.Eventually(b.t, "the router answers", func() bool {
		id := b.send(from, p, 100)
		for f := from.next(0); f != nil; f = from.next(0) {
			if bytes.Contains(f, id) {
				return true
			}
		}
		return false
	})
}

func (b *bench) routes() {
	b.t.Helper()
	link, err := b.router.LinkByName("guest")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, dst := range []string{"192.168.96.0/19", "fd77:0:0:1::/64"} {
		_, net, _ := net.ParseCIDR(dst)
		if err := b.router.RouteReplace(&netlink.Route{Dst: net, LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK}); err != nil {
			b.t.Fatalf("route %s: %v", dst, err)
		}
	}
}

func (b *bench) open() {
	b.t.Helper()
	b.gate = b.lab.open(b.t, func(c *Config) {
		c.MaxGuests = benchGuests
		if b.oldKernel { // the other way through the rules, too
			byName(c)
		}
	})
	if b.oldKernel {
		// A message of this type has never existed.
		b.gate.destroy, b.gate.filter = subsystem|200, false
	}
}

func (b *bench) Gate() hotspot.Gate { return b.gate }

func (b *bench) Reopen() hotspot.Gate {
	if err := b.gate.Close(); err != nil {
		b.t.Errorf("Close: %v", err)
	}
	b.open()
	return b.gate
}

func (b *bench) Wait(d time.Duration) { <-time.After(d) }
func (b *bench) Now() time.Duration   { return time.Since(b.begun) }
func (b *bench) Watched() int         { return b.gate.Watched() }

func macOf(s string) (m hotspot.MAC) {
	a, _ := net.ParseMAC(s)
	copy(m[:], a)
	return m
}

// neighbour tells the router where an address is, so that it need not ask.
func (b *bench) neighbour(link string, a netip.Addr, m hotspot.MAC) {
	b.t.Helper()
	if b.neighbours[a] == m {
		return
	}
	l, err := b.router.LinkByName(link)
	if err == nil {
		family := unix.AF_INET
		if a.Is6() {
			family = unix.AF_INET6
		}
		err = b.router.NeighSet(&netlink.Neigh{
			LinkIndex: l.Attrs().Index, Family: family, State: netlink.NUD_PERMANENT,
			IP: a.AsSlice(), HardwareAddr: m[:],
		})
	}
	if err != nil {
		b.t.Fatalf("neighbour %v: %v", a, err)
	}
	b.neighbours[a] = m
}

// Packet implements [gatetest.Lab]. A second packet, the fence, for the router
// itself, follows the one on trial; when its refusal comes back the first has
// arrived if it ever will.
func (b *bench) Packet(mac hotspot.MAC, addr netip.Addr, d hotspot.Direction, n int) bool {
	b.t.Helper()
	outside, routerIn, routerOut := outside4, routerGuest4, routerWAN4
	if addr.Is6() {
		outside, routerIn, routerOut = outside6, routerGuest6, routerWAN6
	}
	b.neighbour("guest", addr, mac)
	from, to := b.guest, b.server
	p := packet{src: addr, dst: outside, sport: guestPort, dport: serverPort, srcMAC: mac, dstMAC: macOf(routerGuestMAC)}
	fence := p
	fence.dst, fence.dport = netip.MustParseAddr(routerIn), dnsPort
	if d == hotspot.Down {
		from, to = b.server, b.guest
		b.begin(addr, outside)
		p.src, p.dst, p.sport, p.dport = outside, addr, serverPort, guestPort
		p.srcMAC, p.dstMAC = macOf(serverMAC), macOf(routerWANMAC)
		fence = p
		fence.dst, fence.dport = netip.MustParseAddr(routerOut), serverPort
	}
	return b.offer(from, to, p, fence, n)
}

// offer sends a packet and its fence and returns the verdict on the packet.
func (b *bench) offer(from, to *tap, p, fence packet, n int) bool {
	b.t.Helper()
	for to.next(unix.MSG_DONTWAIT) != nil {
	}
	for {
		in, out := b.verdicts.read()
		id := b.fenced(from, p, fence, n)
		for f := to.next(unix.MSG_DONTWAIT); f != nil; f = to.next(unix.MSG_DONTWAIT) {
			if bytes.Contains(f, id) && len(f) == n+14 {
				return true
			}
		}
		// What else runs on this machine can fill the queues of its processors, so
		// that the kernel drops packets on the way to the router and from it.
		if arrived, passed := b.verdicts.since(in, out); arrived {
			return passed
		}
	}
}

// fenced sends a packet and then its fence, and returns the packet's mark when the
// fence has come back. Both are sent from one processor, whose queues keep them in
// order; more fences follow where one gets lost.
func (b *bench) fenced(from *tap, p, fence packet, n int) (id []byte) {
	b.t.Helper()
	fences := [][]byte{nil}
	err := onOneProcessor(func() { id, fences[0] = b.send(from, p, n), b.send(from, fence, 200) })
	if err != nil {
		b.t.Fatal(err)
	}
	last := time.Now()
	gatetest.Eventually(b.t, "the router answers the fence", func() bool {
		f := from.next(0)
		if slices.ContainsFunc(fences, func(fenceID []byte) bool { return bytes.Contains(f, fenceID) }) {
			return true
		}
		if f == nil && time.Since(last) > time.Second {
			fences, last = append(fences, b.send(from, fence, 200)), time.Now()
		}
		return false
	})
	return id
}

// onOneProcessor runs f without a change of the processor.
func onOneProcessor(f func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	for cpu := 0; one.Count() == 0; cpu++ {
		if all.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	f()
	return unix.SchedSetaffinity(0, &all)
}

// verdicts counts, in the router, the suite's packets where they come in and where
// they go out.
type verdicts struct {
	t    testing.TB
	sock *socket
}

func newVerdicts(t testing.TB, router namespace) *verdicts {
	t.Helper()
	const which = "udp sport . udp dport { 40000 . 9, 9 . 40000 } counter name "
	router.run(t, "nft", "add table inet verdicts; add counter inet verdicts in; add counter inet verdicts out; "+
		"add chain inet verdicts first { type filter hook prerouting priority -500; }; add rule inet verdicts first "+which+"in; "+
		"add chain inet verdicts last { type filter hook postrouting priority 500; }; add rule inet verdicts last "+which+"out")
	sock, err := dial(int(router.h))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sock.close() })
	return &verdicts{t: t, sock: sock}
}

// read returns the bytes that have come in and gone out.
func (v *verdicts) read() (in, out uint64) {
	v.t.Helper()
	return readCounter(v.t, v.sock, "verdicts", "in"), readCounter(v.t, v.sock, "verdicts", "out")
}

// since reports what has become of a packet that was sent when so much had come in
// and gone out. One that has not arrived after a while never will.
func (v *verdicts) since(in, out uint64) (arrived, passed bool) {
	v.t.Helper()
	for until := time.Now().Add(3 * time.Second); ; {
		last := time.Now().After(until)
		nowIn, nowOut := v.read()
		if arrived, passed = nowIn > in, nowOut > out; arrived || last {
			return arrived, passed
		}
	}
}

// send sends a packet of n bytes with a mark of its own, which it returns.
func (b *bench) send(from *tap, p packet, n int) []byte {
	b.t.Helper()
	b.serial++
	id := binary.BigEndian.AppendUint64([]byte("mark"), b.serial)
	if _, err := unix.Write(from.fd, p.frame(n, id)); err != nil {
		b.t.Fatalf("send a frame of %d bytes: %v", n, err)
	}
	return id
}

// begin makes the connection-table entry that the guest's first packet would.
func (b *bench) begin(addr, outside netip.Addr) {
	b.t.Helper()
	err := b.flows.call("begin a flow", func(m *buffer) {
		m.begin(ctSubsystem, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK, ctFamily(addr), 0)
		tuple(m, ctaTupleOrig, addr, outside, guestPort, serverPort)
		tuple(m, ctaTupleReply, outside, addr, serverPort, guestPort)
		m.u32(3, 1<<3|1<<1) // CTA_STATUS: confirmed, reply seen
		m.u32(7, 60)        // CTA_TIMEOUT
		m.end()
	}, func(message) {})
	if err != nil && !isErrno(err, unix.EEXIST) {
		b.t.Fatal(err)
	}
}

func tuple(m *buffer, typ uint16, src, dst netip.Addr, sport, dport uint16) {
	m.nest(typ, func() {
		m.nest(ctaTupleIP, func() {
			first := uint16(ctaIPv4Src)
			if src.Is6() {
				first = ctaIPv6Src
			}
			m.bytes(first, src.AsSlice())
			m.bytes(first+1, dst.AsSlice())
		})
		m.nest(2, func() { // CTA_TUPLE_PROTO
			m.bytes(1, []byte{unix.IPPROTO_UDP})
			m.bytes(2, put16(sport))
			m.bytes(3, put16(dport))
		})
	})
}

// packet is a UDP packet.
type packet struct {
	src, dst       netip.Addr
	sport, dport   uint16
	srcMAC, dstMAC hotspot.MAC
}

// frame returns the packet with n layer-3 bytes, filled with id.
func (p packet) frame(n int, id []byte) []byte {
	f := append(append([]byte{}, p.dstMAC[:]...), p.srcMAC[:]...)
	header, src, dst := 20, p.src.AsSlice(), p.dst.AsSlice()
	if p.src.Is6() {
		header = 40
		f = wire.AppendUint16(f, unix.ETH_P_IPV6)
		f = append(f, 0x60, 0, 0, 0)
		f = wire.AppendUint16(f, uint16(n-header))
		f = append(f, unix.IPPROTO_UDP, 64)
	} else {
		f = wire.AppendUint16(f, unix.ETH_P_IP)
		ip := []byte{0x45, 0}
		ip = wire.AppendUint16(ip, uint16(n))
		ip = append(ip, 0, 0, 0x40, 0, 64, unix.IPPROTO_UDP, 0, 0)
		wire.PutUint16(ip[10:], checksum(ip, src, dst))
		f = append(f, ip...)
	}
	f = append(append(f, src...), dst...)
	udp := wire.AppendUint16(nil, p.sport)
	udp = wire.AppendUint16(udp, p.dport)
	udp = wire.AppendUint16(udp, uint16(n-header))
	udp = append(udp, 0, 0)
	udp = append(udp, id...)
	udp = append(udp, make([]byte, n-header-len(udp))...)
	pseudo := wire.AppendUint32(nil, uint32(len(udp)))
	pseudo = append(pseudo, 0, 0, 0, unix.IPPROTO_UDP)
	sum := checksum(src, dst, pseudo, udp)
	if sum == 0 { // means that there is none, which IPv6 forbids
		sum = 0xffff
	}
	wire.PutUint16(udp[6:], sum)
	return append(f, udp...)
}

// checksum is the Internet's.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, p := range parts {
		for i := 0; i+1 < len(p); i += 2 {
			sum += uint32(wire.Uint16(p[i:]))
		}
		if len(p)%2 == 1 {
			sum += uint32(p[len(p)-1]) << 8
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func TestContract(t *testing.T) {
	gatetest.Run(t, func(t *testing.T) gatetest.Lab { return newBench(t, false) })
}

func TestContractOldKernel(t *testing.T) {
	gatetest.Run(t, func(t *testing.T) gatetest.Lab { return newBench(t, true) })
}

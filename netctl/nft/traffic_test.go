package nft

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl"
	"github.com/vouchsafe/vouchsafe/netctl/gatetest"
)

// meter counts, inside a namespace, the layer-3 bytes that arrive from some
// addresses, by a counter of its own.
type meter struct {
	t    testing.TB
	sock *socket
}

const meterTable = "arrivals"

func newMeter(t testing.TB, n namespace, from ...string) meter {
	t.Helper()
	m := meter{t: t}
	var rules strings.Builder
	for _, a := range from {
		family := "ip"
		if strings.Contains(a, ":") {
			family = "ip6"
		}
		// Resets that the router sends in the other end's name do not pass it.
		fmt.Fprintf(&rules, "add rule inet arrivals count %s saddr %s tcp flags & rst == rst return\n", family, a)
		fmt.Fprintf(&rules, "add rule inet arrivals count %s saddr %s counter name got\n", family, a)
	}
	n.run(t, "sh", "-c", "nft -f - <<'EOF'\nadd table inet arrivals\nadd counter inet arrivals got\n"+
		"add chain inet arrivals count { type filter hook prerouting priority -500; }\n"+rules.String()+"EOF")
	var err error
	if m.sock, err = dial(int(n.h)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.sock.close() })
	return m
}

// read returns the bytes that have arrived.
func (m meter) read() uint64 {
	m.t.Helper()
	return readCounter(m.t, m.sock, meterTable, "got")
}

// readCounter returns the bytes of a counter.
func readCounter(t testing.TB, sock *socket, table, name string) (n uint64) {
	t.Helper()
	err := sock.call("read a counter", func(b *buffer) {
		b.begin(msgGetObject, unix.NLM_F_ACK, unix.NFPROTO_INET, 0)
		b.str(unix.NFTA_OBJ_TABLE, table)
		b.str(unix.NFTA_OBJ_NAME, name)
		b.u32(unix.NFTA_OBJ_TYPE, unix.NFT_OBJECT_COUNTER)
		b.end()
	}, func(msg message) {
		if _, o, ok := decodeObject(msg.attrs()); ok {
			n = o.Used
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// settled waits until what was let through has arrived and nothing more does, and
// returns what has.
func (m meter) settled(let uint64) uint64 {
	m.t.Helper()
	return settled(m.t, []meter{m}, let)
}

// settled is the sum of some meters once it is what was let through, or after a
// while if it never is, and does not change any more.
func settled(t testing.TB, ends []meter, let uint64) (n uint64) {
	t.Helper()
	begun := time.Now()
	since := begun
	gatetest.Eventually(t, "the traffic ends", func() bool {
		now := uint64(0)
		for _, m := range ends {
			now += m.read()
		}
		if now != n {
			n, since = now, time.Now()
		}
		return time.Since(since) > 150*time.Millisecond && (n == let || time.Since(begun) > 30*time.Second)
	})
	return n
}

// device returns the grant of the lab's guest i.
func labGrant(i int, session uint64) hotspot.Grant {
	return hotspot.Grant{Session: session, MAC: macOf(guestMAC(i)), Addrs: []netip.Addr{guest4(i), guest6(i)}}
}

func voucher(id uint64) hotspot.AccountID {
	return hotspot.AccountID{Method: hotspot.MethodVoucher, ID: id}
}

func mustSet(t testing.TB, g *Gate, passes ...hotspot.Pass) {
	t.Helper()
	if err := g.Set(t.Context(), passes...); err != nil {
		t.Fatal(err)
	}
}

// counted returns the sum of all meters of a gate.
func counted(t testing.TB, g *Gate) (u hotspot.Usage) {
	t.Helper()
	tally, err := g.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range tally.Meters {
		u = u.Add(m.Used)
	}
	return u
}

// settledCount waits until the last packets of earlier connections are
// counted.
func settledCount(t testing.TB, g *Gate) (u hotspot.Usage) {
	t.Helper()
	since := time.Now()
	gatetest.Eventually(t, "the guests are quiet", func() bool {
		if now := counted(t, g); now != u {
			u, since = now, time.Now()
		}
		return time.Since(since) > 100*time.Millisecond
	})
	return u
}

// ready waits until a guest that is let in reaches the server.
func (l *lab) ready(t testing.TB, i int) {
	t.Helper()
	ln := l.listen(t, l.server, "tcp", ":7")
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	for _, a := range []string{server4, server6} {
		gatetest.Eventually(t, "the guest reaches the server", func() bool {
			c, err := dialIn(l.guests[i], "tcp", a, 7, plenty/9)
			if err != nil {
				return false
			}
			_ = c.Close()
			return true
		})
	}
	_ = ln.Close()
}

func (l *lab) listen(t testing.TB, n namespace, network, addr string) net.Listener {
	t.Helper()
	var ln net.Listener
	n.do(t, func() (err error) {
		ln, err = net.Listen(network, addr)
		return err
	})
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// dialIn connects from inside a namespace.
func dialIn(n namespace, network, host string, port int, limit time.Duration) (c net.Conn, err error) {
	onThread(func() {
		if err = n.enter(); err != nil {
			return
		}
		d := net.Dialer{Timeout: limit}
		c, err = d.Dial(network, net.JoinHostPort(host, fmt.Sprint(port)))
	})
	return c, err
}

// flood sends without end between a guest and the server.
func (l *lab) flood(ctx context.Context, t testing.TB, i int, proto, server string, d hotspot.Direction) {
	t.Helper()
	l.connect(ctx, t, i, proto, server, d)()
}

// connect makes the connection of a flood, and returns what begins it.
func (l *lab) connect(ctx context.Context, t testing.TB, i int, proto, server string, d hotspot.Direction) func() {
	t.Helper()
	const port = 5001
	var sender, receiver net.Conn
	if proto == "tcp" {
		ln := l.listen(t, l.server, "tcp", net.JoinHostPort(server, fmt.Sprint(port+i)))
		guest, err := dialIn(l.guests[i], "tcp", server, port+i, plenty)
		if err != nil {
			t.Fatal(err)
		}
		far, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		sender, receiver = far, guest
		if d == hotspot.Up {
			sender, receiver = guest, far
		}
	} else {
		sender, receiver = l.udpPair(t, i, server, port+i, d)
	}
	context.AfterFunc(ctx, func() { _, _ = sender.Close(), receiver.Close() })
	return func() { pour(ctx, proto, sender, receiver) }
}

// pour writes to one end and reads from the other until ctx ends.
func pour(ctx context.Context, proto string, sender, receiver net.Conn) {
	go func() {
		buf := make([]byte, 1<<16)
		for {
			if _, err := receiver.Read(buf); err != nil && ctx.Err() != nil {
				return
			} else if err != nil && proto == "tcp" {
				return
			}
		}
	}()
	go func() {
		size := 1 << 16
		if proto == "udp" {
			size = 1400
		}
		buf := make([]byte, size)
		for ctx.Err() == nil {
			if _, err := sender.Write(buf); err != nil && proto == "tcp" {
				return
			}
		}
	}()
}

// udpPair returns two connected ends; the guest has sent the first datagram.
func (l *lab) udpPair(t testing.TB, i int, server string, port int, d hotspot.Direction) (sender, receiver net.Conn) {
	t.Helper()
	guest, err := dialIn(l.guests[i], "udp", server, port, plenty)
	if err != nil {
		t.Fatal(err)
	}
	var far net.Conn
	l.server.do(t, func() (err error) {
		addr := net.UDPAddr{IP: net.ParseIP(server), Port: port}
		far, err = net.DialUDP("udp", &addr, guest.LocalAddr().(*net.UDPAddr))
		return err
	})
	gatetest.Eventually(t, "the first datagram arrives", func() bool {
		if _, err := guest.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		_ = far.SetReadDeadline(time.Now().Add(time.Second))
		_, err := far.Read(make([]byte, 16))
		return err == nil
	})
	_ = far.SetReadDeadline(time.Time{})
	if d == hotspot.Up {
		return guest, far
	}
	return far, guest
}

// undisturbed runs f until it says that it could judge: what else runs on this
// machine can fill the queues of its processors, and then the kernel drops packets
// that the gate has let through. f is given a function that tells whether it has.
func undisturbed(t *testing.T, f func(dropped func() bool) (judged bool)) {
	t.Helper()
	for range 5 {
		before := drops(t)
		if f(func() bool { return drops(t) != before }) {
			return
		}
		t.Log("the kernel dropped packets for want of room; once more")
	}
	t.Fatal("the kernel drops packets for want of room, again and again")
}

// drops returns how many packets this machine has dropped from its processors' queues.
func drops(t *testing.T) (n uint64) {
	t.Helper()
	stat, err := os.ReadFile("/proc/net/softnet_stat")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(stat)) {
		var processed, dropped uint64
		if _, err := fmt.Sscanf(line, "%x %x", &processed, &dropped); err != nil {
			t.Fatal(err)
		}
		n += dropped
	}
	return n
}

// TestQuotaIsExact runs traffic into quotas at full speed: not one byte past
// the limit is accepted, and what is counted is what arrives.
func TestQuotaIsExact(t *testing.T) {
	const limit = 24 << 20
	for _, devices := range []int{1, 3} {
		for _, proto := range []string{"tcp", "udp"} {
			for _, d := range []hotspot.Direction{hotspot.Down, hotspot.Up} {
				t.Run(fmt.Sprintf("%d devices %s %v", devices, proto, d), func(t *testing.T) {
					undisturbed(t, func(dropped func() bool) bool { return runQuota(t, devices, proto, d, limit, dropped) })
				})
			}
		}
	}
}

func runQuota(t *testing.T, devices int, proto string, d hotspot.Direction, limit uint64, dropped func() bool) (judged bool) {
	t.Helper()
	l := newLab(t, devices, 1500)
	change := func(*Config) {}
	if devices == 1 { // the other way through the rules
		change = byName
	}
	g := l.open(t, change)
	events := watchGate(t, g)
	pass := hotspot.Pass{Account: voucher(1), Used: hotspot.Usage{}}
	var from []string
	for i := range devices {
		pass.Grants = append(pass.Grants, labGrant(i, uint64(11+i)))
		from = append(from, guest4(i).String(), guest6(i).String())
	}
	mustSet(t, g, pass)
	for i := range devices {
		l.ready(t, i)
	}
	before := of(settledCount(t, g), d)
	ends := l.arrivals(t, d, from)
	if d == hotspot.Down {
		pass.Limit.Down = before + limit
	} else {
		pass.Limit.Up = before + limit
	}
	mustSet(t, g, pass)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var floods []func()
	for i := range devices {
		floods = append(floods, l.connect(ctx, t, i, proto, []string{server4, server6, server4}[i], d))
	}
	start := time.Now()
	for _, begin := range floods { // not before all are connected: one may use the quota up
		begin()
	}
	e := nextEvent(t, events)
	took := time.Since(start)
	if e.Account != voucher(1) || e.Direction != d || e.Lost {
		t.Errorf("event %+v", e)
	}
	<-time.After(100 * time.Millisecond) // goes on refusing
	cancel()
	accepted := of(settledCount(t, g), d) - before
	arrived := settled(t, ends, accepted)
	t.Logf("limit %d, accepted %d (%d short), arrived %d, %.0f Mbit/s", limit, accepted, int64(limit-accepted), arrived,
		float64(accepted)*8/1e6/took.Seconds())
	if accepted > limit || accepted+netctl.MaxPacket < limit {
		t.Errorf("accepted %d bytes of %d", accepted, limit)
	}
	if arrived != accepted && dropped() {
		return false
	}
	if arrived != accepted {
		t.Errorf("%d bytes arrived, %d were counted", arrived, accepted)
	}
	return true
}

// arrivals returns meters of what arrives from the guests at the server, or at the
// guests from there.
func (l *lab) arrivals(t testing.TB, d hotspot.Direction, guests []string) (ends []meter) {
	t.Helper()
	if d == hotspot.Up {
		return []meter{newMeter(t, l.server, guests...)}
	}
	for _, n := range l.guests {
		ends = append(ends, newMeter(t, n, server4, server6))
	}
	return ends
}

func of(u hotspot.Usage, d hotspot.Direction) uint64 {
	if d == hotspot.Up {
		return u.Up
	}
	return u.Down
}

func watchGate(t *testing.T, g *Gate) <-chan hotspot.GateEvent {
	t.Helper()
	events := make(chan hotspot.GateEvent, 64)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- g.Watch(ctx, func(e hotspot.GateEvent) {
			select {
			case events <- e:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	gatetest.Eventually(t, "Watch listens", func() bool { return g.Watched() > 0 })
	return events
}

func nextEvent(t *testing.T, events <-chan hotspot.GateEvent) hotspot.GateEvent {
	t.Helper()
	timeout := time.After(plenty)
	for {
		select {
		case e := <-events:
			if e.Seen != (hotspot.GateEvent{}).Seen { // an address of the guest's own making
				continue
			}
			return e
		case <-timeout:
			t.Fatal("no event")
			return hotspot.GateEvent{}
		}
	}
}

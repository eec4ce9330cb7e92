package nft

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv4"

	"github.com/vouchsafe/vouchsafe/hotspot"
)

// BenchmarkForwarding compares the rate of small packets that guest 0 sends,
// and gets, through the gate with the rate without it. Runs alternate, so that
// what else happens on the machine hits all alike; medians are reported. Both
// sides masquerade, as routers do; "bare" is forwarding without any rule.
func BenchmarkForwarding(b *testing.B) {
	const rounds, run = 15, 150 * time.Millisecond
	scenes := []string{"bare", "plain", "1", "10", "10000"}
	for _, d := range []hotspot.Direction{hotspot.Up, hotspot.Down} {
		b.Run(d.String(), func(b *testing.B) {
			l := newLab(b, 1, 1500)
			rates := make(map[string][]float64)
			for range rounds {
				for _, scene := range scenes {
					stop := l.scene(b, scene)
					rates[scene] = append(rates[scene], l.rate(b, d, run))
					stop()
				}
			}
			for b.Loop() { // all was measured already
			}
			plain := median(rates["plain"])
			b.ReportMetric(plain, "plain-pps")
			for _, scene := range scenes {
				if scene != "plain" {
					b.ReportMetric(median(rates[scene])/plain, scene+"/plain")
				}
			}
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// scene prepares the router and returns how to undo that.
func (l *lab) scene(b *testing.B, name string) (stop func()) {
	b.Helper()
	if name == "bare" {
		return func() {}
	}
	l.router.run(b, "nft", "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; "+
		"add rule ip nat post oifname wan masquerade")
	undo := func() { l.router.run(b, "nft", "delete", "table", "ip", "nat") }
	guests := 0
	if _, err := fmt.Sscan(name, &guests); err != nil {
		return undo
	}
	g := l.open(b, func(c *Config) { c.MaxGuests = 2 * crowdSize })
	passes := append(crowd(guests-1, false), hotspot.Pass{
		Account: voucher(crowdSize + 1), Limit: hotspot.Usage{Down: 1 << 50, Up: 1 << 50},
		Grants: []hotspot.Grant{labGrant(0, crowdSize+1)},
	})
	if err := g.Set(b.Context(), passes...); err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := g.Teardown(b.Context()); err != nil {
			b.Fatal(err)
		}
		_ = g.Close()
		undo()
	}
}

// rate returns how many small packets a second pass.
func (l *lab) rate(b *testing.B, d hotspot.Direction, run time.Duration) float64 {
	b.Helper()
	var far net.PacketConn
	l.server.do(b, func() (err error) {
		far, err = net.ListenPacket("udp4", net.JoinHostPort(server4, "5001"))
		return err
	})
	defer far.Close()
	guest, err := dialIn(l.guests[0], "udp4", server4, 5001, time.Second)
	if err != nil {
		b.Fatal(err)
	}
	defer guest.Close()
	buf := make([]byte, 16)
	var from net.Addr
	for from == nil { // the way there may take a moment
		_, _ = guest.Write(buf)
		_ = far.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, from, _ = far.ReadFrom(buf)
	}
	msgs := make([]ipv4.Message, 64)
	out, end := ipv4.NewPacketConn(guest.(*net.UDPConn)), l.server
	for i := range msgs {
		msgs[i].Buffers = [][]byte{buf}
	}
	if d == hotspot.Down {
		out, end = ipv4.NewPacketConn(far), l.guests[0]
		for i := range msgs {
			msgs[i].Addr = from
		}
	}
	before := l.received(b, end)
	start := time.Now()
	ctx, cancel := context.WithTimeout(b.Context(), run)
	defer cancel()
	for ctx.Err() == nil {
		_, _ = out.WriteBatch(msgs, 0)
	}
	return float64(l.received(b, end)-before) / time.Since(start).Seconds()
}

// received returns the packets that have come in at a namespace's eth0.
func (l *lab) received(b *testing.B, n namespace) (packets uint64) {
	b.Helper()
	n.do(b, func() error {
		link, err := netlink.LinkByName("eth0")
		if err == nil {
			packets = link.Attrs().Statistics.RxPackets
		}
		return err
	})
	return packets
}

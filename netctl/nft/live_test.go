package nft

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl/gatetest"
)

// running starts a flood to or from guest 0 and waits until it flows.
func (l *lab) running(ctx context.Context, t *testing.T, proto string, d hotspot.Direction) meter {
	t.Helper()
	end := l.guests[0]
	from := []string{server4, server6}
	if d == hotspot.Up {
		end, from = l.server, []string{guest4(0).String(), guest6(0).String()}
	}
	m := newMeter(t, end, from...)
	l.flood(ctx, t, 0, proto, server4, d)
	gatetest.Eventually(t, "the traffic flows", func() bool { return m.read() > 4<<20 })
	return m
}

// TestRemovalCutsOff checks that nothing arrives any more once Set returned,
// with traffic at full speed.
func TestRemovalCutsOff(t *testing.T) {
	for _, proto := range []string{"tcp", "udp"} {
		for _, d := range []hotspot.Direction{hotspot.Down, hotspot.Up} {
			t.Run(proto+" "+d.String(), func(t *testing.T) {
				undisturbed(t, func(dropped func() bool) bool { return cutOff(t, proto, d, dropped) })
			})
		}
	}
}

// cutOff is one of its cases.
func cutOff(t *testing.T, proto string, d hotspot.Direction, dropped func() bool) (judged bool) {
	t.Helper()
	l := newLab(t, 1, 1500)
	g := l.open(t, nil)
	mustSet(t, g, hotspot.Pass{Account: voucher(1), Grants: []hotspot.Grant{labGrant(0, 11)}})
	l.ready(t, 0)
	start := of(settledCount(t, g), d)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := l.running(ctx, t, proto, d)
	mustSet(t, g, hotspot.Pass{Account: voucher(1)})
	at, let := m.read(), of(counted(t, g), d)-start
	// What was let through may still be on its way, but no more is.
	after := m.settled(let)
	if got := of(counted(t, g), d) - start; got != let {
		t.Errorf("%d bytes were let through after Set returned", got-let)
	}
	if let != after && dropped() {
		return false
	}
	if let != after {
		t.Errorf("%d bytes were counted, %d arrived", let, after)
	}
	for family, addr := range map[string]string{"ipv4": guest4(0).String(), "ipv6": guest6(0).String()} {
		if list := l.router.run(t, "conntrack", "-L", "-f", family, "-s", addr); !strings.Contains(list, "0 flow entries") {
			t.Errorf("flows left:\n%s", list)
		}
	}
	t.Logf("%d bytes, %d of them arrived after Set returned", after, after-at)
	return true
}

// TestKernelEndsSessions checks that the kernel stops traffic at the end of a
// session by itself.
func TestKernelEndsSessions(t *testing.T) {
	undisturbed(t, func(dropped func() bool) bool { return kernelEnds(t, dropped) })
}

// kernelEnds is TestKernelEndsSessions, once.
func kernelEnds(t *testing.T, dropped func() bool) (judged bool) {
	t.Helper()
	l := newLab(t, 1, 1500)
	g := l.open(t, nil)
	grant := labGrant(0, 11)
	pass := func() hotspot.Pass { return hotspot.Pass{Account: voucher(1), Grants: []hotspot.Grant{grant}} }
	mustSet(t, g, pass())
	l.ready(t, 0)
	start := of(settledCount(t, g), hotspot.Down)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := l.running(ctx, t, "udp", hotspot.Down)
	grant.Left = 700 * time.Millisecond
	begun := time.Now()
	mustSet(t, g, pass())
	set := time.Now()
	if err := g.Close(); err != nil { // nobody watches
		t.Fatal(err)
	}
	// A busy machine lets who sends wait, or who looks: for so long nothing is known.
	last, at, now, pause := m.read(), set, set, time.Duration(0)
	for now.Sub(set) < 2*time.Second {
		n, before := m.read(), now
		now = time.Now()
		pause = max(pause, now.Sub(before))
		if n != last {
			pause = max(pause, now.Sub(at))
			last, at = n, now
		}
	}
	if at.Sub(begun) < 650*time.Millisecond-pause || at.Sub(set) > 800*time.Millisecond+pause {
		t.Errorf("the traffic ended after %v, want 700ms; the longest pause was %v", at.Sub(set), pause)
	}
	t.Logf("the traffic ended after %v; the longest pause was %v", at.Sub(set), pause)
	g = l.open(t, nil)
	let := of(counted(t, g), hotspot.Down) - start
	got := m.settled(let)
	if got != let && dropped() {
		return false
	}
	if got != let {
		t.Errorf("%d bytes were counted, %d arrived", let, got)
	}
	return true
}

// TestRestartKeepsConnections downloads through a gate that is closed, absent
// and opened again; the quota stays exact.
func TestRestartKeepsConnections(t *testing.T) {
	const limit, size = 200 << 20, 100 << 20
	l := newLab(t, 1, 1500)
	g := l.open(t, nil)
	pass := hotspot.Pass{Account: voucher(1), Limit: hotspot.Usage{Down: limit}, Grants: []hotspot.Grant{labGrant(0, 11)}}
	mustSet(t, g, pass)
	l.ready(t, 0)
	ln := l.listen(t, l.server, "tcp", ":6001")
	go sendMegabytes(ln, size>>20)
	c, err := dialIn(l.guests[0], "tcp", server4, 6001, plenty)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(2 * plenty))
	got := int64(0)
	for range 4 {
		n, err := io.CopyN(io.Discard, c, size/8)
		got += n
		if err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		n, err = io.CopyN(io.Discard, c, size/16)
		got += n
		if err != nil {
			t.Fatalf("while the gate is away: after %d bytes: %v", got, err)
		}
		g = l.open(t, nil)
		mustSet(t, g, pass)
	}
	n, err := io.Copy(io.Discard, c)
	if got += n; err != nil || got != size {
		t.Errorf("got %d of %d bytes: %v", got, size, err)
	}
	// What a busy machine delays, TCP sends again, and it counts; but no more than
	// some of it.
	used := settledCount(t, g).Down
	if used < size || used > size+size/2 {
		t.Errorf("%d bytes were counted for a download of %d", used, size)
	}
	// What is left is exact.
	m := newMeter(t, l.guests[0], server4)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l.flood(ctx, t, 0, "tcp", server4, hotspot.Down)
	gatetest.Eventually(t, "the quota is used up", func() bool {
		tally, err := g.Read(t.Context())
		return err == nil && len(tally.Depleted) == 1
	})
	if rest := m.settled(counted(t, g).Down - used); used+rest > limit || used+rest+1<<16 < limit {
		t.Errorf("%d + %d bytes passed, limit %d", used, rest, limit)
	}
}

// sendMegabytes sends so much to the first who comes.
func sendMegabytes(ln net.Listener, n int) {
	c, err := ln.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	buf := make([]byte, 1<<20)
	for range n {
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

// TestLoss lets somebody else delete everything: the rules come back by
// themselves, the loss is reported, and everything can be set again.
func TestLoss(t *testing.T) {
	for name, meddle := range map[string][]string{
		"flush ruleset":  {"flush", "ruleset"},
		"delete table":   {"delete", "table", "inet", "vouchsafe"},
		"flush table":    {"flush", "table", "inet", "vouchsafe"},
		"delete element": {"delete", "element", "inet", "vouchsafe", "down4", "{ " + guest4(0).String() + " }"},
		"flush map":      {"flush", "map", "inet", "vouchsafe", "meterup4"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 1, 1500)
			g := l.open(t, nil)
			events := watchGate(t, g)
			pass := hotspot.Pass{Account: voucher(1), Grants: []hotspot.Grant{labGrant(0, 11)}}
			mustSet(t, g, pass)
			l.ready(t, 0)
			rules := l.router.run(t, "nft", "-s", "list", "chains")
			l.router.run(t, "nft", "add", "table", "inet", "other") // none of our business
			l.router.run(t, "nft", meddle...)
			if e := nextEvent(t, events); !e.Lost {
				t.Errorf("event %+v, want a loss", e)
			}
			if got := l.router.run(t, "nft", "-s", "list", "table", "inet", "vouchsafe"); len(got) < len(rules) {
				t.Errorf("the rules are not back:\n%s", got)
			}
			// One change comes as several messages, and the last of them may be
			// found when the rules are back already. But that ends.
			for round := 0; ; round++ {
				mustSet(t, g, pass)
				l.ready(t, 0)
				if !lostAgain(events) {
					break
				}
				if round == 2 {
					t.Fatal("the gate goes on losing its rules")
				}
			}
		})
	}
}

// lostAgain reports whether a loss is reported within a moment.
func lostAgain(events <-chan hotspot.GateEvent) bool {
	quiet := time.After(50 * time.Millisecond)
	for {
		select {
		case e := <-events:
			if e.Lost {
				return true
			}
		case <-quiet:
			return false
		}
	}
}

// TestLossUnwatched finds the loss when something is to be done.
func TestLossUnwatched(t *testing.T) {
	l := newLab(t, 1, 1500)
	g := l.open(t, nil)
	pass := hotspot.Pass{Account: voucher(1), Grants: []hotspot.Grant{labGrant(0, 11)}}
	mustSet(t, g, pass)
	l.router.run(t, "nft", "delete", "table", "inet", "vouchsafe")
	if tally, err := g.Read(t.Context()); hotspot.CodeOf(err) != hotspot.CodeUnavailable {
		t.Errorf("Read: %+v, %v, want an error", tally, err)
	}
	mustSet(t, g, pass)
	l.ready(t, 0)
	l.router.run(t, "nft", "delete", "table", "inet", "vouchsafe")
	pass.Grants = append(pass.Grants, hotspot.Grant{Session: 12, MAC: hotspot.MAC{2}, Addrs: nil})
	mustSet(t, g, pass)
	l.ready(t, 0)
	if err := g.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out := l.router.run(t, "nft", "list", "ruleset"); out != "" {
		t.Errorf("left after Teardown:\n%s", out)
	}
}

package nft

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/vouchsafe/vouchsafe/hotspot"
	"github.com/vouchsafe/vouchsafe/netctl"
)

const (
	// portOffset is where the sender's port is in a message's header.
	portOffset = 12
	portLen    = 4
	// truce is how often, on average, the gate puts its rules back at most, so
	// that two programs that both want the table do not spend all their time on
	// it. The first few times it does so at once: until then nobody is kept out.
	truce      = time.Second
	atOnceMost = 8
	// tableAttr is the table's name in every message of nf_tables.
	tableAttr = 1
)

// watch is one call of Watch.
type watch struct {
	gate    *Gate
	sock    *socket
	report  func(hotspot.GateEvent)
	touched bool      // somebody else has changed the table
	next    time.Time // when it may be put back
	look    time.Time // when to look for sightings
}

// Watch implements [hotspot.Gate]. When somebody else changes the table it puts
// the rules back by itself, before it reports the loss.
func (g *Gate) Watch(ctx context.Context, report func(hotspot.GateEvent)) error {
	s, err := dial(g.netns)
	if err != nil {
		return domain(err)
	}
	defer s.close()
	if err := s.listen(g.sock.port()); err != nil {
		return domain(fmt.Errorf("nftables: listen to events: %w", err))
	}
	g.watched.Add(1)
	defer g.watched.Add(-1)
	defer context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) })()
	w := &watch{gate: g, sock: s, report: report, look: time.Now().Add(lookEvery)}
	for {
		if err := w.step(ctx); err != nil {
			return domain(err)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// Watched returns how many calls of Watch are listening.
func (g *Gate) Watched() int { return int(g.watched.Load()) }

// Overruns returns how often events were lost because too many came at once.
// Each time the rules were put back and everything was read anew.
func (g *Gate) Overruns() uint64 { return g.overruns.Load() }

// listen joins the group of nf_tables, without what port sends: the kernel
// tells everybody about each element of each transaction.
func (s *socket) listen(port uint32) error {
	filter, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: portOffset, Size: portLen},
		// The filter loads in the network's order.
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: wire.Uint32(host.AppendUint32(nil, port)), SkipTrue: 1},
		bpf.RetConstant{Val: 1<<32 - 1},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return err
	}
	if err := s.conn.SetBPF(filter); err != nil {
		return err
	}
	return s.conn.JoinGroup(unix.NFNLGRP_NFTABLES)
}

// step waits for one event and deals with it.
func (w *watch) step(ctx context.Context) error {
	deadline := w.look
	if w.touched && w.next.Before(deadline) {
		deadline = w.next
	}
	if err := w.sock.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil
	}
	d, err := w.sock.receive()
	switch {
	case ctx.Err() != nil:
		return nil
	case timedOut(err):
	case errors.Is(err, unix.ENOBUFS):
		w.gate.overruns.Add(1)
		w.gate.log.Warn("events were lost")
		w.touched = true
	case err != nil:
		return err
	default:
		w.datagram(d)
	}
	if now := time.Now(); !now.Before(w.look) {
		w.look = now.Add(lookEvery)
		w.sightings(ctx)
	}
	if !w.touched || time.Now().Before(w.next) {
		return nil
	}
	if err := w.sock.drain(w.datagram); err != nil {
		return err
	}
	w.restore(ctx)
	return nil
}

// drain calls f with each datagram that is there already.
func (s *socket) drain(f func([]byte)) error {
	return s.raw.Control(func(fd uintptr) {
		for {
			n, _, err := unix.Recvfrom(int(fd), s.in, unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			f(s.in[:n])
		}
	})
}

// datagram deals with the events in one datagram.
func (w *watch) datagram(d []byte) {
	messages(d, func(m message) bool {
		if m.typ>>8 != unix.NFNL_SUBSYS_NFTABLES || m.typ == msgNewGen {
			return true
		}
		switch {
		case m.port == 0:
			if e, ok := w.gate.depletion(m); ok {
				w.report(e)
			}
		case m.port != w.gate.sock.port() && m.family() == unix.NFPROTO_INET && tableOf(m) == w.gate.table:
			w.touched = true
		}
		return true
	})
}

// depletion reads the event that the kernel sends once for each quota that a
// packet has used up.
func (g *Gate) depletion(m message) (e hotspot.GateEvent, ok bool) {
	if m.typ != msgNewObject {
		return e, false
	}
	table, o, ok := decodeObject(m.attrs())
	if !ok || table != g.table || o.Kind != netctl.Quota || !o.Depleted {
		return e, false
	}
	e.Account, e.Direction, ok = netctl.ParseQuotaName(o.Name)
	return e, ok
}

func tableOf(m message) (name string) {
	attributes(m.attrs(), func(typ uint16, v []byte) {
		if typ == tableAttr {
			name = text(v)
		}
	})
	return name
}

// restore puts the rules back and reports the loss.
func (w *watch) restore(ctx context.Context) {
	w.touched = false
	if earliest := time.Now().Add(-atOnceMost * truce); w.next.Before(earliest) {
		w.next = earliest
	}
	w.next = w.next.Add(truce)
	w.gate.lost.Store(true)
	if err := w.gate.locked(ctx, func() error { return nil }); err != nil {
		w.gate.log.Error("cannot put the rules back", "err", err)
	} else {
		w.gate.log.Warn("somebody else changed the table; the rules are back")
	}
	w.report(hotspot.GateEvent{Lost: true})
}

package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Flow is traffic between a guest and the internet, bounded in bytes and time.
type Flow struct {
	Guest  *Guest // must be set
	Upload bool   // from the guest; else to it
	// Network is "tcp4" (also if empty), "tcp6", "udp4" or "udp6".
	Network string
	Bytes   uint64        // application bytes to send; 0: bounded by Time alone
	Time    time.Duration // at most; 0: 10 s
	// Stall ends the flow when the receiver has got nothing for so long; 0: 6 s. Once
	// nothing more is sent it is two seconds at most.
	Stall time.Duration
	Rate  uint64 // application bytes a second; 0: as fast as it goes
	Size  int    // payload of one datagram; 0: 1400. UDP only.
	// Progress, if not nil, always holds the application bytes received so
	// far, for a test that does something in the midst of a flow.
	Progress *atomic.Uint64
}

// End tells how a flow ended.
type End string

// The ends.
const (
	EndComplete End = "complete" // all bytes arrived
	EndTime     End = "time"     // the time was over
	EndStalled  End = "stalled"  // nothing more arrived
	EndReset    End = "reset"    // the connection was reset
	EndClosed   End = "closed"   // the connection ended in order, but too early
	EndRefused  End = "refused"  // it never began: reset, unreachable or no answer
)

// FlowResult is what came of a flow.
type FlowResult struct {
	End      End
	Sent     uint64 // application bytes handed to the kernel
	Received uint64 // application bytes that arrived
	// Down and Up are the flow's layer-3 bytes that arrived at the guest and
	// at the internet: the ones that the router let through. For TCP the
	// direction of the acknowledgements is not zero.
	Down, Up               uint64
	DownPackets, UpPackets uint64        // a merged packet counts as one
	Elapsed                time.Duration // until the last byte arrived
}

// Rate returns the application bytes a second that arrived.
func (r FlowResult) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Received) / r.Elapsed.Seconds()
}

func (f *Flow) complete() error {
	switch f.Network {
	case "":
		f.Network = "tcp4"
	case "tcp4", "tcp6", "udp4", "udp6":
	default:
		return fmt.Errorf("netlab: flow over %q: want tcp4, tcp6, udp4 or udp6", f.Network)
	}
	if f.Guest == nil {
		return errors.New("netlab: flow without a guest")
	}
	if f.Time == 0 {
		f.Time = 10 * time.Second
	}
	if f.Stall == 0 {
		f.Stall = 6 * time.Second
	}
	if f.Size == 0 {
		f.Size = 1400
	}
	if f.Size < 1 || f.Size > 60000 {
		return fmt.Errorf("netlab: datagrams of %d bytes: want 1 to 60000", f.Size)
	}
	return nil
}

func (f *Flow) udp() bool { return strings.HasPrefix(f.Network, "udp") }

// server returns the internet's address of the flow, with a port of the
// kernel's choice.
func (f *Flow) server() string {
	if strings.HasSuffix(f.Network, "6") {
		return net.JoinHostPort(Upstream6, "0")
	}
	return net.JoinHostPort(Upstream4, "0")
}

// Send runs a flow and counts it at both ends. That the router stops the flow
// is a result, not an error.
func (l *Lab) Send(ctx context.Context, f Flow) (FlowResult, error) {
	if err := f.complete(); err != nil {
		return FlowResult{}, err
	}
	run := l.sendTCP
	if f.udp() {
		run = l.sendUDP
	}
	r, err := run(ctx, f)
	if err != nil {
		return FlowResult{}, fmt.Errorf("%s: %s flow: %w", f.Guest.name, f.Network, err)
	}
	return r, nil
}

func (l *Lab) sendTCP(ctx context.Context, f Flow) (FlowResult, error) {
	ln, err := l.upstream.Listen(ctx, f.Network, f.server())
	if err != nil {
		return FlowResult{}, err
	}
	defer ln.Close()
	return l.measure(ctx, f, ln.Addr().(*net.TCPAddr).Port, func(t *transfer) error {
		accepted := make(chan net.Conn, 1)
		go func() {
			defer close(accepted)
			if c, err := ln.Accept(); err == nil {
				accepted <- c
			}
		}()
		guest, err := f.Guest.DialContext(t.ctx, f.Network, ln.Addr().String())
		if err != nil {
			_ = ln.Close() // ends Accept: nobody comes
		}
		stop := context.AfterFunc(t.ctx, func() { _ = ln.Close() })
		server := <-accepted // a moment after the guest's side is open
		stop()
		if err != nil || server == nil {
			t.end = EndRefused
			closeAll(guest, server)
			return ctx.Err()
		}
		t.tcp(guest, server)
		return ctx.Err()
	})
}

func closeAll(conns ...net.Conn) {
	for _, c := range conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// measure counts a flow that run runs, at both ends.
func (l *Lab) measure(ctx context.Context, f Flow, port int, run func(*transfer) error) (r FlowResult, err error) {
	proto := f.Network[:3]
	down, err := f.Guest.countFlow(ctx, proto, "sport", port)
	if err != nil {
		return r, err
	}
	defer down.remove()
	up, err := l.upstream.countFlow(ctx, proto, "dport", port)
	if err != nil {
		return r, err
	}
	defer up.remove()

	flowCtx, cancel := context.WithTimeout(ctx, f.Time)
	defer cancel()
	t := &transfer{flow: f, ctx: flowCtx, begin: time.Now()}
	err = run(t)
	r = FlowResult{End: t.end, Sent: t.sent.Load(), Received: t.received.Load()}
	if !t.last.IsZero() {
		r.Elapsed = t.last.Sub(t.begin)
	}
	if err != nil {
		return r, err
	}
	if r.Down, r.DownPackets, err = down.settled(ctx); err != nil {
		return r, err
	}
	r.Up, r.UpPackets, err = up.settled(ctx)
	return r, err
}

// transfer is a flow under way.
type transfer struct {
	flow  Flow
	ctx   context.Context // ends with the flow's time
	begin time.Time
	end   End

	sent, received atomic.Uint64
	over           atomic.Bool // nothing more is sent
	last           time.Time   // when something arrived; the receiver's alone
}

// arrived counts what the receiver got.
func (t *transfer) arrived(n int) {
	if n > 0 {
		total := t.received.Add(uint64(n))
		if t.flow.Progress != nil {
			t.flow.Progress.Store(total)
		}
		t.last = time.Now()
	}
}

// tcp runs the flow over a connection's two ends.
func (t *transfer) tcp(guest, server net.Conn) {
	sender, receiver := server, guest
	if t.flow.Upload {
		sender, receiver = guest, server
	}
	// Closing both is what wakes a sender that waits for a stalled receiver.
	shut := func() {
		for _, c := range []net.Conn{guest, server} {
			if t.end != EndComplete {
				_ = c.(*net.TCPConn).SetLinger(0) // no retransmissions afterwards
			}
			_ = c.Close()
		}
	}
	stop := context.AfterFunc(t.ctx, func() { _ = receiver.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var g errgroup.Group
	g.Go(func() error {
		err := t.write(sender)
		if errors.Is(err, syscall.ECONNRESET) {
			t.sentAll(receiver)
		}
		return err
	})
	t.end = t.read(receiver)
	shut()
	// A router that resets the sender leaves the receiver waiting.
	if err := g.Wait(); t.end == EndStalled && errors.Is(err, syscall.ECONNRESET) {
		t.end = EndReset
	}
}

// write sends until the flow's bytes are out or the connection is closed.
func (t *transfer) write(c net.Conn) error {
	buf := make([]byte, 64<<10)
	_, _ = endless{}.Read(buf)
	pace := newPace(t.flow.Rate, t.begin)
	for t.ctx.Err() == nil {
		n := len(buf)
		if t.flow.Bytes != 0 {
			n = int(min(uint64(n), t.flow.Bytes-t.sent.Load()))
		}
		if n == 0 {
			break
		}
		n = pace.take(n)
		if err := pace.wait(t.ctx); err != nil {
			return err
		}
		n, err := c.Write(buf[:n])
		t.sent.Add(uint64(n))
		if err != nil {
			return err
		}
	}
	return c.(*net.TCPConn).CloseWrite()
}

// lastWait is how long the receiver waits for the rest when nothing more is sent.
const lastWait = 2 * time.Second

func (t *transfer) stall() time.Duration {
	if t.over.Load() {
		return min(lastWait, t.flow.Stall)
	}
	return t.flow.Stall
}

// sentAll tells the receiver that nothing more is sent.
func (t *transfer) sentAll(receiver net.Conn) {
	if !t.over.Swap(true) && t.flow.Stall > lastWait {
		_ = receiver.SetReadDeadline(time.Now().Add(lastWait))
	}
}

// read receives until the end, and says which.
func (t *transfer) read(c net.Conn) End {
	buf := make([]byte, 256<<10)
	for {
		_ = c.SetReadDeadline(time.Now().Add(t.stall()))
		if t.ctx.Err() != nil { // after the deadline is set, so that none is lost
			return EndTime
		}
		n, err := c.Read(buf)
		t.arrived(n)
		switch {
		case err == nil:
		case t.flow.Bytes != 0 && t.received.Load() == t.flow.Bytes:
			return EndComplete
		case t.ctx.Err() != nil:
			return EndTime
		case isTimeout(err):
			return EndStalled
		case errors.Is(err, io.EOF):
			return EndClosed
		default:
			return EndReset
		}
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// isRefusal tells whether an error of a datagram socket is the network's
// answer, not a fault of the lab.
func isRefusal(err error) bool {
	for _, e := range []error{
		syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EPERM, syscall.EACCES, syscall.ENOBUFS,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

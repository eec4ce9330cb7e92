package netlab

import (
	"context"
	"errors"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// helloEvery is how often a guest asks for a download over UDP until it comes.
const helloEvery = 100 * time.Millisecond

// receiveBuffer is room for what comes while the receiver waits for a processor.
const receiveBuffer = 8 << 20

// giveRoom sets a socket's buffer beyond the system's limit, as root may.
func giveRoom(c *net.UDPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer)
	})
	return errors.Join(failed, err)
}

func (l *Lab) sendUDP(ctx context.Context, f Flow) (FlowResult, error) {
	pc, err := l.upstream.ListenPacket(ctx, f.Network, f.server())
	if err != nil {
		return FlowResult{}, err
	}
	server := pc.(*net.UDPConn)
	defer server.Close()
	port := server.LocalAddr().(*net.UDPAddr).Port
	return l.measure(ctx, f, port, func(t *transfer) error {
		c, err := f.Guest.DialContext(t.ctx, f.Network, server.LocalAddr().String())
		if err != nil {
			t.end = EndRefused
			return ctx.Err()
		}
		guest := c.(*net.UDPConn)
		defer guest.Close()
		if err := errors.Join(giveRoom(guest), giveRoom(server)); err != nil {
			return err
		}
		if f.Upload {
			t.upload(guest, server)
		} else {
			t.download(guest, server)
		}
		return ctx.Err()
	})
}

func (t *transfer) upload(guest, server *net.UDPConn) {
	var g errgroup.Group
	ctx, cancel := context.WithCancel(t.ctx)
	g.Go(func() error {
		t.datagrams(ctx, guest.Write)
		t.sentAll(server)
		return nil
	})
	t.end = t.collect(server.Read, server)
	cancel()
	_ = g.Wait()
}

// download asks the server to send: it must learn the address that the
// guest's has been translated to.
func (t *transfer) download(guest, server *net.UDPConn) {
	var g errgroup.Group
	ctx, cancel := context.WithCancel(t.ctx)
	g.Go(func() error {
		buf := make([]byte, 16)
		_, from, err := server.ReadFromUDPAddrPort(buf)
		if err != nil {
			return nil // nobody asked
		}
		t.datagrams(ctx, func(p []byte) (int, error) { return server.WriteToUDPAddrPort(p, from) })
		t.sentAll(guest)
		return nil
	})
	g.Go(func() error {
		for ctx.Err() == nil && t.received.Load() == 0 {
			_, _ = guest.Write([]byte("hello"))
			_ = pause(ctx, helloEvery)
		}
		return nil
	})
	t.end = t.collect(guest.Read, guest)
	cancel()
	_ = server.SetReadDeadline(time.Unix(1, 0))
	_ = g.Wait()
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// datagrams sends until the flow's bytes are out or ctx ends.
func (t *transfer) datagrams(ctx context.Context, send func([]byte) (int, error)) {
	buf := make([]byte, t.flow.Size)
	_, _ = endless{}.Read(buf)
	pace := newPace(t.flow.Rate, t.begin)
	for ctx.Err() == nil {
		n := len(buf)
		if t.flow.Bytes != 0 {
			n = int(min(uint64(n), t.flow.Bytes-t.sent.Load()))
		}
		if n == 0 {
			return
		}
		pace.sent += uint64(n) // whole datagrams, whatever the rate
		pace.forgive(10 * time.Millisecond)
		if pace.wait(ctx) != nil {
			return
		}
		n, err := send(buf[:n])
		t.sent.Add(uint64(n))
		if err != nil && !isRefusal(err) {
			return
		}
	}
}

// collect receives until nothing comes for the flow's stall time, which is the
// only way to see that a sender of datagrams has ended.
func (t *transfer) collect(read func([]byte) (int, error), c net.Conn) End {
	buf := make([]byte, 64<<10)
	for {
		_ = c.SetReadDeadline(time.Now().Add(t.stall()))
		n, err := read(buf)
		t.arrived(n)
		complete := t.flow.Bytes != 0 && t.received.Load() >= t.flow.Bytes
		switch {
		case complete:
			return EndComplete
		case err == nil && t.ctx.Err() == nil:
		case err != nil && isRefusal(err) && t.ctx.Err() == nil && time.Since(t.begin) < t.flow.Stall:
		case t.received.Load() == 0 && t.ctx.Err() == nil:
			return EndRefused
		case errors.Is(t.ctx.Err(), context.DeadlineExceeded):
			return EndTime
		default:
			return EndStalled
		}
	}
}

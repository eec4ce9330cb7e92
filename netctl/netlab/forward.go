package netlab

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// A DialFunc connects from inside some host, as [Host.DialContext] does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Forward listens on an address of this machine and passes each connection on
// to the target, as the given host would open it. It ends with ctx or the lab.
// It returns the address that it listens on.
func (l *Lab) Forward(ctx context.Context, listen string, from *Host, target string) (net.Addr, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("forward to %s: %w", target, err)
	}
	l.ForwardListener(ctx, ln, from, target)
	return ln.Addr(), nil
}

// ForwardListener is [Lab.Forward] with a listener that is there already. It
// takes care of closing it.
func (l *Lab) ForwardListener(ctx context.Context, ln net.Listener, from *Host, target string) {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() {
		<-ctx.Done()
		_ = ln.Close()
	})
	wait.Go(func() {
		defer cancel()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { l.forwardOne(ctx, c, from, target) })
		}
	})
	l.onClose(func() {
		cancel()
		wait.Wait()
	})
}

func (l *Lab) forwardOne(ctx context.Context, c net.Conn, from *Host, target string) {
	out, err := from.DialContext(ctx, "tcp", target)
	if err != nil {
		l.opts.Log.Warn("forward: cannot connect", "from", from.name, "target", target, "err", err)
		_ = c.Close()
		return
	}
	Splice(ctx, c, out)
}

// Splice passes bytes between two connections until both directions have
// ended or ctx ends, and closes both.
func Splice(ctx context.Context, a, b net.Conn) {
	stop := context.AfterFunc(ctx, func() {
		_ = a.Close()
		_ = b.Close()
	})
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() { pass(a, b) })
	wait.Go(func() { pass(b, a) })
	wait.Wait()
	_ = a.Close()
	_ = b.Close()
}

// pass copies one direction. An orderly end is passed on alone; an error ends
// both directions, since the rest would wait for nothing.
func pass(dst, src net.Conn) {
	_, err := io.Copy(dst, src)
	half, ok := dst.(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		_ = dst.Close()
		_ = src.Close()
	}
}

package netlab

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// scanners is how many threads scan at once; scanWait is how long each waits
// for an answer. Ports without one are tried again at the end, with more time, if
// they are no more than scanAgain: a busy machine may have held up the answers.
const (
	scanners      = 32
	scanWait      = 300 * time.Millisecond
	scanAgain     = 500
	scanAgainWait = 15 * time.Second
)

// ScanTCP connects to each port from first to last of an address, and returns
// those that accept.
func (h *Host) ScanTCP(ctx context.Context, addr netip.Addr, first, last uint16) ([]uint16, error) {
	ports := make([]uint16, 0, int(last)-int(first)+1)
	for port := int(first); port <= int(last); port++ {
		ports = append(ports, uint16(port))
	}
	s := scan{addr: addr}
	err := s.run(ctx, h, ports, scanWait)
	if silent := s.silent; err == nil && len(silent) <= scanAgain {
		err = s.run(ctx, h, silent, scanAgainWait)
	}
	slices.Sort(s.open)
	return s.open, err
}

// scan is one scan's result.
type scan struct {
	addr netip.Addr

	mu           sync.Mutex // guards what follows
	open, silent []uint16
}

// run tries ports.
func (s *scan) run(ctx context.Context, h *Host, ports []uint16, wait time.Duration) error {
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan uint16)
	g.Go(func() error {
		defer close(work)
		for _, port := range ports {
			select {
			case work <- port:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range min(scanners, len(ports)) {
		g.Go(func() error { return h.Do(func() error { return s.ports(ctx, work, wait) }) })
	}
	return g.Wait()
}

func (s *scan) ports(ctx context.Context, work <-chan uint16, wait time.Duration) error {
	d := net.Dialer{Timeout: wait}
	for port := range work {
		c, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(s.addr, port).String())
		s.mu.Lock()
		switch {
		case err == nil:
			s.open = append(s.open, port)
		case isTimeout(err):
			s.silent = append(s.silent, port)
		}
		s.mu.Unlock()
		if err == nil {
			_ = c.Close()
		}
	}
	return nil
}

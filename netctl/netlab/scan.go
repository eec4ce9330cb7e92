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
// for an answer.
const (
	scanners = 32
	scanWait = 300 * time.Millisecond
)

// ScanTCP connects to each port from first to last of an address, and returns
// those that accept.
func (h *Host) ScanTCP(ctx context.Context, addr netip.Addr, first, last uint16) ([]uint16, error) {
	s := scan{addr: addr}
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan uint16)
	g.Go(func() error {
		defer close(work)
		for port := int(first); port <= int(last); port++ {
			select {
			case work <- uint16(port):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range scanners {
		g.Go(func() error { return h.Do(func() error { return s.ports(ctx, work) }) })
	}
	err := g.Wait()
	slices.Sort(s.open)
	return s.open, err
}

// scan is one scan's result.
type scan struct {
	addr netip.Addr

	mu   sync.Mutex // guards open
	open []uint16
}

func (s *scan) ports(ctx context.Context, work <-chan uint16) error {
	d := net.Dialer{Timeout: scanWait}
	for port := range work {
		c, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(s.addr, port).String())
		if err != nil {
			continue
		}
		_ = c.Close()
		s.mu.Lock()
		s.open = append(s.open, port)
		s.mu.Unlock()
	}
	return nil
}

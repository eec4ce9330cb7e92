// Package ways compares ways to a handler: the tunnel, a direct HTTPS connection,
// and a tunnel of yamux and HTTP/1.1, which is the yardstick.
package ways

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Row says how one way did over so many connections. What it says are medians of
// all turns.
type Row struct {
	Connections int
	Way         string
	Rate        float64       // requests a second
	Median      time.Duration // of what one request takes
	// PerDirect and PerYamux are the rate in those of the others, and
	// MedianPerYamux the median in that of the yardstick.
	PerDirect, PerYamux, MedianPerYamux float64
}

// Tunnel reports whether the row is the tunnel's.
func (r Row) Tunnel() bool { return r.Way == wayTunnel }

// result is what the turns of one way at one point have shown.
type result struct {
	rates   []float64 // requests a second
	medians []time.Duration
}

// Compare lets all ways take turns with small JSON POSTs, over 1, 16 and 64
// connections.
func Compare(ctx context.Context, rounds int, each time.Duration) ([]Row, error) {
	w, err := newWays(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	var rows []Row
	for _, conns := range []int{1, 16, 64} {
		found, err := w.turns(ctx, conns, rounds, each)
		if err != nil {
			return rows, err
		}
		direct, yamux := found[wayDirect], found[wayYamux]
		for _, way := range w.list {
			r := found[way.name]
			rate, took := middle(r.rates), middle(r.medians)
			rows = append(rows, Row{conns, way.name, rate, took, rate / middle(direct.rates), rate / middle(yamux.rates), float64(took) / float64(middle(yamux.medians))})
		}
	}
	return rows, nil
}

// turns measures all ways at one point.
func (w *ways) turns(ctx context.Context, conns, rounds int, each time.Duration) (map[string]*result, error) {
	found := map[string]*result{}
	for round := range rounds {
		for i := range w.list {
			way := w.list[(i+round)%len(w.list)]
			rate, median, err := way.run(ctx, conns, each)
			if err != nil {
				return nil, fmt.Errorf("%s with %d connections: %w", way.name, conns, err)
			}
			if round == 0 {
				found[way.name] = new(result)
				continue // connections and caches become warm
			}
			found[way.name].rates = append(found[way.name].rates, rate)
			found[way.name].medians = append(found[way.name].medians, median)
		}
	}
	return found, nil
}

// middle is the median.
func middle[T float64 | time.Duration](all []T) T {
	if len(all) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}

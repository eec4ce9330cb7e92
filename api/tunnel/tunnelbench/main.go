// Command tunnelbench compares the tunnel with a direct HTTPS connection and with
// a tunnel of yamux and HTTP/1.1, which is the yardstick: small JSON POSTs over
// 1, 16 and 64 connections, all on this machine, in turns. It prints a table.
//
//	go run ./api/tunnel/tunnelbench
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 15, "turns of each way")
	each := flag.Duration("each", 700*time.Millisecond, "how long a turn takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := compare(ctx, *rounds, *each)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tunnelbench:", err)
		os.Exit(1)
	}
}

// result is what the turns of one way at one point have shown.
type result struct {
	rates   []float64 // requests a second
	medians []time.Duration
}

// compare measures and prints.
func compare(ctx context.Context, rounds int, each time.Duration) error {
	ways, err := newWays(ctx)
	if err != nil {
		return err
	}
	defer ways.close()
	fmt.Printf("%s/%s, %d processors, %s, %d turns of %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), rounds, each)
	fmt.Println("| connections | way | requests/s | × direct | × yamux | p50 | × yamux |")
	fmt.Println("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
	for _, conns := range []int{1, 16, 64} {
		found := map[string]*result{}
		for round := range rounds {
			for i := range ways.list {
				w := ways.list[(i+round)%len(ways.list)]
				rate, median, err := w.run(ctx, conns, each)
				if err != nil {
					return fmt.Errorf("%s with %d connections: %w", w.name, conns, err)
				}
				if round == 0 {
					found[w.name] = new(result)
					continue // connections and caches become warm
				}
				found[w.name].rates = append(found[w.name].rates, rate)
				found[w.name].medians = append(found[w.name].medians, median)
			}
		}
		direct, yamux := found[wayDirect], found[wayYamux]
		for _, w := range ways.list {
			r := found[w.name]
			fmt.Printf("| %d | %s | %.0f | %.2f | %.2f | %s | %.2f |\n", conns, w.name, middle(r.rates), middle(r.rates)/middle(direct.rates),
				middle(r.rates)/middle(yamux.rates), middle(r.medians).Round(time.Microsecond), float64(middle(r.medians))/float64(middle(yamux.medians)))
		}
	}
	return nil
}

// middle is the median.
func middle[T float64 | time.Duration](all []T) T {
	if len(all) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}
